package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/launch"
)

// A preset is made, begun with, changed and deleted by its page.
func TestPresetsHaveAPage(t *testing.T) {
	w := newWorld(t)
	saved := func(form url.Values) {
		t.Helper()
		if status, head, body := w.post("/presets", form); status != http.StatusSeeOther || head.Get("Location") != "/presets?done=saved" {
			t.Fatalf("%d %s", status, tagless(body))
		}
	}
	yaml := "agent: codex\r\nmodel: m1\r\nmcp_servers:\r\n  - name: docs\r\n    command: npx\r\n    args: [-y, docs]\r\n    env: {PORT: 80}\r\n"
	saved(url.Values{"name": {"careful"}, "description": {"Looks twice"}, "is_default": {"yes"}, "yaml": {yaml}})
	saved(url.Values{"name": {"empty"}, "yaml": {""}})
	rows, err := w.db.Presets(t.Context(), local)
	if err != nil || len(rows) != 2 || rows[0].Name != "careful" || !rows[0].Default || rows[0].Agent != "codex" {
		t.Fatalf("%+v %v", rows, err)
	}
	var got launch.Request
	if err := json.Unmarshal(rows[0].Request, &got); err != nil {
		t.Fatal(err)
	}
	want := launch.Request{Agent: "codex", Model: "m1", MCP: []launch.MCPServer{{Name: "docs", Command: "npx", Args: []string{"-y", "docs"}, Env: map[string]string{"PORT": "80"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	id := rows[0].ID
	_, _, page := w.ask("GET", "/presets?edit="+id, "")
	form := standing(page)
	if form.Get("name") != "careful" || form.Get("is_default") != "yes" || !strings.Contains(form.Get("yaml"), "model: m1") {
		t.Errorf("%v", form)
	}
	form.Set("yaml", strings.Replace(form.Get("yaml"), "m1", "m2", 1))
	form.Set("name", "more careful")
	saved(form)
	row, err := w.db.Preset(t.Context(), local, id)
	want.Model = "m2"
	got = launch.Request{}
	if err == nil {
		err = json.Unmarshal(row.Request, &got)
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || row.Name != "more careful" || row.Description != "Looks twice" {
		t.Errorf("%v %s %+v", err, diff, row)
	}
	if _, _, page := w.ask("GET", "/presets?edit="+rows[1].ID, ""); strings.TrimSpace(standing(page).Get("yaml")) != "" {
		t.Errorf("%q", standing(page).Get("yaml"))
	}
	if _, _, page := w.ask("GET", "/sessions/new?preset="+id, ""); !strings.Contains(page, `value="m2"`) {
		t.Error("it does not fill the form")
	}

	for name, c := range map[string]struct {
		form        url.Values
		field, said string
	}{
		"a name that is taken": {url.Values{"name": {"empty"}}, "name", "There is a preset of this name"},
		"its own after all":    {url.Values{"name": {"empty"}, "id": {id}}, "name", "There is a preset of this name"},
		"no name":              {url.Values{"name": {" "}}, "name", "at least 1 character"},
		"a line":               {url.Values{"name": {"x"}, "yaml": {"agent: claude\nmodell: x"}}, "yaml", "Line 2: there is no key"},
		"a value":              {url.Values{"name": {"x"}, "yaml": {"resource_config: {memory: lots}"}}, "yaml", "Line 1: resource_config.memory"},
		"a session's name":     {url.Values{"name": {"x"}, "yaml": {"name: y"}}, "yaml", "a preset names no session"},
	} {
		if status, _, body := w.post("/presets", c.form); status != 422 || !strings.Contains(body, `id="problem-`+c.field+`">`) || !strings.Contains(tagless(body), c.said) {
			t.Errorf("%s: %d %s", name, status, tagless(body))
		}
	}
	if status, head, _ := w.post("/presets/"+id+"/delete", nil); status != http.StatusSeeOther || head.Get("Location") != "/presets?done=deleted" {
		t.Errorf("%d", status)
	}
	for _, path := range []string{"/presets/" + id + "/delete", "/presets"} {
		if status, _, _ := w.post(path, url.Values{"id": {id}, "name": {"x"}}); status != 404 {
			t.Errorf("%s of one that is gone: %d", path, status)
		}
	}
	if status, _, _ := w.ask("GET", "/presets?edit="+id, ""); status != 404 {
		t.Errorf("%d", status)
	}
}

// A prompt is kept, changed and deleted by its page, and offered in the chats
// that it is for.
func TestPromptsHaveAPage(t *testing.T) {
	w := newWorld(t)
	saved := func(form url.Values) {
		t.Helper()
		if status, head, body := w.post("/prompts", form); status != http.StatusSeeOther || head.Get("Location") != "/prompts?done=saved" {
			t.Fatalf("%d %s", status, tagless(body))
		}
	}
	saved(url.Values{"name": {"review"}, "content": {"Read the diff.\r\nTwice."}})
	saved(url.Values{"name": {"notes"}, "content": {"Write them."}, "project_repo": {"https://a/b"}})
	rows, err := w.db.SavedPrompts(t.Context(), local)
	if err != nil || len(rows) != 2 || rows[1].Content != "Read the diff.\nTwice." || rows[0].ProjectRepo != "https://a/b" {
		t.Fatalf("%+v %v", rows, err)
	}
	_, _, page := w.ask("GET", "/prompts?edit="+rows[0].ID, "")
	form := standing(page)
	if form.Get("content") != "Write them." || form.Get("project_repo") != "https://a/b" {
		t.Errorf("%v", form)
	}
	form.Set("project_repo", "")
	form.Set("name", "all notes")
	saved(form)
	if row, err := w.db.SavedPrompt(t.Context(), local, rows[0].ID); err != nil || row.ProjectRepo != "" || row.Name != "all notes" || row.Content != "Write them." {
		t.Errorf("%+v %v", row, err)
	}
	s := w.session("chat")
	if _, _, body := w.ask("GET", "/s/"+s.ID+"/prompts", ""); !strings.Contains(body, "all notes") || !strings.Contains(body, "review") {
		t.Errorf("offered: %s", body)
	}
	for name, c := range map[string]struct {
		form        url.Values
		field, said string
	}{
		"no text":   {url.Values{"name": {"x"}, "content": {""}}, "content", "at least 1 character"},
		"no name":   {url.Values{"name": {""}, "content": {"x"}}, "name", "at least 1 character"},
		"too long":  {url.Values{"name": {"x"}, "content": {strings.Repeat("x", 100_001)}}, "content", "at most 100000 characters"},
		"long repo": {url.Values{"name": {"x"}, "content": {"x"}, "project_repo": {strings.Repeat("x", 501)}}, "project_repo", "at most 500 characters"},
	} {
		if status, _, body := w.post("/prompts", c.form); status != 422 || !strings.Contains(body, `id="problem-`+c.field+`">`) || !strings.Contains(tagless(body), c.said) {
			t.Errorf("%s: %d %.300s", name, status, tagless(body))
		}
	}
	id := rows[0].ID
	if status, _, _ := w.post("/prompts/"+id+"/delete", nil); status != http.StatusSeeOther {
		t.Errorf("%d", status)
	}
	for _, path := range []string{"/prompts/" + id + "/delete", "/prompts"} {
		if status, _, _ := w.post(path, url.Values{"id": {id}, "name": {"x"}, "content": {"x"}}); status != 404 {
			t.Errorf("%s of one that is gone: %d", path, status)
		}
	}
	if status, _, _ := w.ask("GET", "/prompts?edit="+id, ""); status != 404 {
		t.Errorf("%d", status)
	}
}

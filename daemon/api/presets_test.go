package api

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/auth"
	"volundr/daemon/launch"
	"volundr/store"
	"volundr/ui/client"
)

// request is what is stored of a session.
func (w *world) request(id string) (r launch.Request) {
	w.t.Helper()
	row, err := w.db.SystemSession(w.t.Context(), id)
	if err == nil {
		err = json.Unmarshal(row.Request, &r)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// Session definition < profile < template < preset < what was typed.
func TestAPresetLiesBetweenTemplateAndWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	w.write("session.yaml", "model: of-definition\nsystem_prompt: of-definition\nenv: {D: definition, P: definition, T: definition, S: definition, Y: definition}\n")
	w.write("profiles/p.yaml", "env: {P: profile, T: profile, S: profile, Y: profile}\nresource_config: {cpu: 1}\n")
	w.write("templates/t.yaml", "profile_name: p\nmodel: of-template\nenv: {T: template, S: template, Y: template}\n")
	preset := parse[client.Preset](t, w.wants("POST", "/presets", `{"name":"s","model":"of-preset","env_vars":{"S":"preset","Y":"preset"},"resource_config":{"memory":"2Gi"}}`, 201, ""))
	s := parse[client.Session](t, w.wants("POST", "/sessions", `{"name":"x","template_name":"t","preset_id":"`+preset.ID+`","env":{"Y":"typed"}}`, 201, ""))
	got := w.request(s.ID)
	want := launch.Request{Agent: "claude", Model: "of-preset", SystemPrompt: "of-definition", TemplateName: "t", ProfileName: "p", PresetID: preset.ID,
		Source: launch.Source{Type: "git"}, Resources: map[string]any{"cpu": 1., "memory": "2Gi"},
		Env: map[string]string{"D": "definition", "P": "profile", "T": "template", "S": "preset", "Y": "typed"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.PresetID == nil || *s.PresetID != preset.ID {
		t.Errorf("preset %v", s.PresetID)
	}
	// What was made of it stays when it goes.
	w.wants("DELETE", "/presets/"+preset.ID, "", 204, "")
	if diff := cmp.Diff(want, w.request(s.ID)); diff != "" {
		t.Error(diff)
	}
}

func TestAProfileNamedAtAStartCountsFromThenOn(t *testing.T) {
	w := newWorld(t)
	w.write("profiles/large.yaml", "model: big\nnetwork: none\nresource_config: {cpu: 4}\nenv: {A: large}\nsetup_scripts: [make]\n")
	w.write("profiles/broken.yaml", "modell: big\n")
	s := w.created("x")
	_, err := w.db.PatchSession(t.Context(), auth.Local, s.ID, store.SessionPatch{Request: json.RawMessage(
		`{"agent":"claude","source":{"type":"git"},"env":{"A":"typed","B":"typed"},"resource_config":{"cpu":1,"memory":"2Gi"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	w.wants("POST", "/sessions/"+s.ID+"/start", `{"profile_name":"broken"}`, 422, "cannot be used")
	w.wants("POST", "/sessions/"+s.ID+"/start", `{"profile_name":"large"}`, 200, `"status":"starting"`)
	want := launch.Request{Agent: "claude", Model: "big", Network: "none", ProfileName: "large", Source: launch.Source{Type: "git"},
		Env: map[string]string{"A": "large", "B": "typed"}, Resources: map[string]any{"cpu": 4., "memory": "2Gi"}}
	if diff := cmp.Diff(want, w.request(s.ID)); diff != "" {
		t.Error(diff)
	}
}

func loaded(t *testing.T, w *world, path string) string {
	t.Helper()
	status, _, body := w.ask("GET", path, "")
	if status != 200 {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

// What stands in the form is kept as a preset, and fills it again.
func TestAPresetOfTheForm(t *testing.T) {
	w := newWorld(t)
	form := standing(loaded(t, w, "/sessions/new"))
	form.Set("model", "deep")
	form.Set("network", "none")
	form.Set("env", "A=1")
	form.Set("cpu", "2")
	form.Set("view", "preset")
	save := func(as string, status int, says string) {
		t.Helper()
		form.Set("save_as", as)
		if got, _, body := w.post("/sessions/new", form); got != status || !strings.Contains(body, says) {
			t.Errorf("%q: %d, want %d with %s", as, got, status, says)
		}
	}
	save("", 422, "Give the preset a name.")
	save("careful", 200, "Saved as the preset careful.")
	save("careful", 422, "There is a preset of this name")
	form.Set("memory", "lots")
	save("other", 422, `id="problem-memory"`)
	form.Set("env", "A")
	save("other", 422, "One variable a line")

	all := parse[[]client.Preset](t, w.wants("GET", "/presets", "", 200, ""))
	if len(all) != 1 || all[0].Name != "careful" || client.Deref(all[0].Model) != "deep" {
		t.Fatalf("%+v", all)
	}
	chosen := loaded(t, w, "/sessions/new?preset="+all[0].ID)
	if !strings.Contains(chosen, `aria-current>careful</a>`) {
		t.Error("the preset is not shown as the one in use")
	}
	again := standing(chosen)
	again.Set("source", "empty")
	_, req := w.made(w.post("/sessions/new", again))
	if req.Model != "deep" || req.Network != "none" || req.Env["A"] != "1" || req.Resources["cpu"] != 2. || req.PresetID != all[0].ID {
		t.Errorf("%+v", req)
	}

	// The same as YAML.
	text := url.Values{"text": {"yes"}, "view": {"preset"}, "save_as": {"written"}, "yaml": {"model: m\nnetwork: half\n"}}
	if status, _, body := w.post("/sessions/new", text); status != 422 || !strings.Contains(body, "Line 2") {
		t.Errorf("%d", status)
	}
	text.Set("yaml", "model: m\n")
	if status, _, body := w.post("/sessions/new", text); status != 200 || !strings.Contains(body, "Saved as the preset written.") {
		t.Errorf("%d %s", status, body)
	}
}

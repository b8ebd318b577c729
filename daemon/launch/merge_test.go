package launch

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/source"
)

// The layers as they are used: session definition, profile, template, preset,
// what was typed.
func TestMerge(t *testing.T) {
	type R = Request
	git := func(repo, branch string) Source { return Source{Type: "git", Repo: repo, Branch: branch} }
	two := Source{Type: "git", Repo: "r1", Branch: "b1", Folder: "one", Additional: []source.Additional{{Repo: "r3", Folder: "three"}}}
	twoAt := func(branch string) Source { s := two; s.Branch = branch; return s }
	for name, c := range map[string]struct {
		layers []R
		want   R
	}{
		"nothing":                     {nil, R{}},
		"the later wins":              {[]R{{Model: "a"}, {Model: "b"}, {}, {Model: "c"}, {}}, R{Model: "c"}},
		"what is not said stays":      {[]R{{Network: "none", SystemPrompt: "s"}, {InitialPrompt: "i"}}, R{Network: "none", SystemPrompt: "s", InitialPrompt: "i"}},
		"environment by name":         {[]R{{Env: map[string]string{"A": "1", "B": "1"}}, {Env: map[string]string{"B": "2", "C": ""}}}, R{Env: map[string]string{"A": "1", "B": "2", "C": ""}}},
		"resources by name":           {[]R{{Resources: map[string]any{"cpu": 1., "memory": "2Gi"}}, {Resources: map[string]any{"memory": "4Gi"}}}, R{Resources: map[string]any{"cpu": 1., "memory": "4Gi"}}},
		"lists whole":                 {[]R{{Setup: []string{"a", "b"}}, {Setup: []string{"c"}}, {Setup: []string{}}}, R{Setup: []string{"c"}}},
		"files whole":                 {[]R{{Files: []source.File{{From: "a"}}}, {Files: []source.File{{From: "b"}}}}, R{Files: []source.File{{From: "b"}}}},
		"another agent, its model":    {[]R{{Agent: "claude", Model: "sonnet", Mode: "plan"}, {Agent: "codex"}}, R{Agent: "codex"}},
		"the same agent keeps it":     {[]R{{Agent: "claude", Model: "sonnet"}, {Agent: "claude", Mode: "plan"}}, R{Agent: "claude", Model: "sonnet", Mode: "plan"}},
		"a repository":                {[]R{{Source: git("r1", "b1")}, {Source: git("r2", "")}}, R{Source: git("r2", "")}},
		"an empty source is nothing":  {[]R{{Source: git("r1", "b1")}, {Source: git("", "")}}, R{Source: git("r1", "b1")}},
		"a branch alone":              {[]R{{Source: git("r1", "b1")}, {Source: git("", "b2")}}, R{Source: git("r1", "b2")}},
		"further ones stay":           {[]R{{Source: two}, {Source: git("", "b2")}}, R{Source: twoAt("b2")}},
		"further ones go":             {[]R{{Source: two}, {Source: git("r2", "")}}, R{Source: git("r2", "")}},
		"further ones are not moved":  {[]R{{Source: git("r1", "")}, {Source: Source{Additional: two.Additional}}}, R{Source: Source{Type: "git", Additional: two.Additional}}},
		"a folder over a repository":  {[]R{{Source: git("r1", "b1")}, {Source: Source{Type: "local_copy", LocalPath: "/x"}}}, R{Source: Source{Type: "local_copy", LocalPath: "/x"}}},
		"nothing over a folder":       {[]R{{Source: Source{Type: "local_mount", LocalPath: "/x"}}, {Source: git("", "b")}}, R{Source: Source{Type: "local_mount", LocalPath: "/x"}}},
		"the type goes without say":   {[]R{{Source: Source{Repo: "r"}}}, R{Source: git("r", "")}},
		"a folder is copied":          {[]R{{Source: Source{LocalPath: "/x"}}}, R{Source: Source{Type: "local_copy", LocalPath: "/x"}}},
		"a restriction is not undone": {[]R{{TermRestricted: true}, {}}, R{TermRestricted: true}},
	} {
		if diff := cmp.Diff(c.want, Merge(c.layers...)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A field that is added to Request is merged too, or this fails.
func TestMergeKnowsEveryField(t *testing.T) {
	whole := full(t)
	for name, got := range map[string]Request{"above": Merge(Request{}, whole), "below": Merge(whole, Request{}), "alone": Merge(whole)} {
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMergeLeavesItsLayersAlone(t *testing.T) {
	below := Request{Env: map[string]string{"A": "1"}}
	Merge(below, Request{Env: map[string]string{"A": "2"}})
	if below.Env["A"] != "1" {
		t.Error("a layer was changed")
	}
}

// full is a request in which every field says something.
func full(t *testing.T) Request {
	t.Helper()
	var r Request
	err := json.Unmarshal([]byte(`{"agent":"acp","command":["x"],"model":"m","mode":"d","source":{"type":"git","repo":"https://a/b","branch":"c","base_branch":"d"},
		"env":{"A":"b"},"runtime":"kubernetes","network":"none","image":"i:1","time_to_live":"8h","services":[{"name":"d","image":"i"}],"setup_scripts":["make"],"files":["x"],"system_prompt":"s","initial_prompt":"i","resource_config":{"cpu":2},
		"template_name":"t","profile_name":"p","preset_id":"2ba3ed81-6bfb-4708-9600-00d4da92d768","workspace_id":"w","terminal_restricted":true,
		"credential_names":["c"],"env_secret_refs":["s"],"integration_ids":["i"],"protected_branches":["p"],"mcp_servers":[{"name":"x","command":"y"}],"issue_id":"1","issue_url":"u","from":{"chronicle":"c"},"definition":{"hash":"h"}}`), &r)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("the request says nothing of %s", v.Type().Field(i).Name)
		}
	}
	return r
}

package cli

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func typed(t *testing.T, args ...string) (client.SessionCreate, error) {
	t.Helper()
	var w wishes
	c := &cobra.Command{}
	w.flags(c)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return w.request()
}

// Everything that a session can be asked for has its flag.
func TestEveryOptionHasAFlag(t *testing.T) {
	abs := func(p string) string {
		out, err := filepath.Abs(p)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	reached := map[string]bool{"name": true, // the argument
		"workspace_id": true} // of the contract; it has no meaning here
	for _, c := range []struct {
		args  string
		field string
		want  string
	}{
		{"--model m", "model", `"m"`}, {"--template t", "template_name", `"t"`}, {"--profile p", "profile_name", `"p"`},
		{"--preset p", "preset_id", `"p"`}, {"--restrict-terminal", "terminal_restricted", "true"},
		{"--credential a,b --credential c", "credential_names", `["a","b","c"]`}, {"--integration i", "integration_ids", `["i"]`},
		{"--mcp a=node --mcp b=https://mcp.example/x --mcp {\"name\":\"c\",\"command\":\"d\",\"env_from_credentials\":{\"K\":\"k\"}}", "mcp_servers",
			`[{"name":"a","command":"node"},{"name":"b","url":"https://mcp.example/x"},{"name":"c","command":"d","env_from_credentials":{"K":"k"}}]`},
		{"--protect release/*,v1", "protected_branches", `["release/*","v1"]`},
		{"--on kubernetes", "runtime", `"kubernetes"`}, {"--secret a,b", "env_secret_refs", `["a","b"]`},
		{"--cpu 2 --memory 4Gi --gpu 1", "resource_config", `{"cpu":"2","gpu":"1","memory":"4Gi"}`},
		{"--system-prompt s", "system_prompt", `"s"`}, {"--prompt p", "initial_prompt", `"p"`},
		{"--issue AB-1", "issue_id", `"AB-1"`}, {"--issue-url https://t", "issue_url", `"https://t"`},
		{"--agent acp", "agent", `"acp"`}, {"--command my,agent", "command", `["my","agent"]`}, {"--mode plan", "mode", `"plan"`},
		{"--env A=b --env C=d=e", "env", `{"A":"b","C":"d=e"}`}, {"--network none", "network", `"none"`},
		{"--setup one --setup a,b", "setup_scripts", `["one","a,b"]`}, {"--file .env --file a:b", "files", `[{"from":".env"},{"from":"a","to":"b"}]`},
		{"--service db=postgres:17 --service {\"name\":\"q\",\"image\":\"redis\",\"port\":6379}", "services",
			`[{"name":"db","image":"postgres:17"},{"name":"q","image":"redis","port":6379}]`},
		{"--ttl 8h", "time_to_live", `"8h"`},
		{"--image acme/go:1", "image", `"acme/go:1"`},
		{"--trust-repository abc", "trust_repository", `"abc"`}, {"--without-definition", "without_definition", "true"},
		{"--repo https://x/y --branch b --base c", "source", `{"type":"git","repo":"https://x/y","branch":"b","base_branch":"c"}`},
		{"--repo https://x/y --repo https://x/z#fix --repo /w#a/b", "source", `{"type":"git","repo":"https://x/y","branch":"","base_branch":"","additional_repos":[{"repo":"https://x/z","branch":"fix"},{"repo":"/w","branch":"a/b"}]}`},
		{`--repo {"repo":"/w","folder":"one"} --base m --repo {"repo":"https://x/z","branch":"b","base_branch":"c","folder":"two"}`, "source",
			`{"type":"git","repo":"/w","branch":"","base_branch":"m","additional_repos":[{"repo":"https://x/z","branch":"b","base_branch":"c","folder":"two"}],"folder":"one"}`},
		{"--repo git@x:y.git#b", "source", `{"type":"git","repo":"git@x:y.git","branch":"b","base_branch":""}`},
		{"--copy .", "source", `{"type":"local_copy","local_path":"` + abs(".") + `"}`},
		{"--mount . --writable-git", "source", `{"type":"local_mount","local_path":"` + abs(".") + `","paths":[],"node_selector":{},"writable_git":true}`},
		{"--path a:/mnt/a --path b:/mnt/b:rw", "source", `{"type":"local_mount","local_path":"","paths":[{"host_path":"` + abs("a") +
			`","mount_path":"/mnt/a","read_only":true},{"host_path":"` + abs("b") + `","mount_path":"/mnt/b","read_only":false}],"node_selector":{}}`},
	} {
		in, err := typed(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"name":"","` + c.field + `":` + c.want + `}`; string(raw) != want {
			var fields map[string]json.RawMessage
			if json.Unmarshal(raw, &fields) != nil || len(fields) != 2 || string(fields[c.field]) != c.want {
				t.Errorf("%s: %s, want %s", c.args, raw, want)
			}
		}
		reached[c.field] = true
	}
	for f := range reflect.TypeFor[client.SessionCreate]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !reached[name] {
			t.Errorf("%s has no flag", name)
		}
	}
	for args, want := range map[string]string{"--env A": "is not NAME=value", "--path a": "is not FROM:TO", "--repo r#a --branch b": "is named twice",
		`--repo {"repo":"r","base_branch":"c"} --base b`: "is named twice", `--repo {"url":"r"}`: "--repo: this is not the JSON of a repository", `--repo {}{}`: "more than a repository",
		"--writable-git": "name that too"} {
		if _, err := typed(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestFlagsLieOverWhatIsWritten(t *testing.T) {
	git := func(repo, branch string) *client.Source {
		return &client.Source{Type: client.SourceGit, Repo: repo, Branch: branch}
	}
	several := func(branch string) *client.Source {
		s := git("r", branch)
		s.AdditionalRepos = []client.AdditionalRepo{{Repo: "more"}}
		return s
	}
	type S = client.SessionCreate
	for name, c := range map[string]struct{ written, typed, want S }{
		"nothing":                    {S{}, S{}, S{}},
		"the name":                   {S{Name: "a"}, S{Name: "b"}, S{Name: "b"}},
		"the written name":           {S{Name: "a"}, S{Model: "m"}, S{Name: "a", Model: "m"}},
		"environment":                {S{Env: map[string]string{"A": "1", "B": "1"}}, S{Env: map[string]string{"B": "2"}}, S{Env: map[string]string{"A": "1", "B": "2"}}},
		"resources":                  {S{ResourceConfig: map[string]any{"cpu": 1.}}, S{ResourceConfig: map[string]any{"memory": "2Gi"}}, S{ResourceConfig: map[string]any{"cpu": 1., "memory": "2Gi"}}},
		"lists whole":                {S{Files: []client.File{{From: "a", To: "b"}, {From: "x"}}}, S{Files: []client.File{{From: "c"}}}, S{Files: []client.File{{From: "c"}}}},
		"a branch":                   {S{Source: git("r", "a")}, S{Source: git("", "b")}, S{Source: git("r", "b")}},
		"a branch of one of several": {S{Source: several("a")}, S{Source: git("", "b")}, S{Source: several("b")}},
		"one over several":           {S{Source: several("a")}, S{Source: git("q", "")}, S{Source: git("q", "")}},
		"another source":             {S{Source: &client.Source{Type: client.SourceCopy, LocalPath: "/x"}}, S{Source: git("r", "")}, S{Source: git("r", "")}},
		"the written one":            {S{Source: &client.Source{Type: client.SourceCopy, LocalPath: "/x"}}, S{}, S{Source: &client.Source{Type: client.SourceCopy, LocalPath: "/x"}}},
		"agent with model":           {S{Agent: "claude", Model: "opus", Mode: "plan"}, S{Agent: "codex"}, S{Agent: "codex"}},
		"the agent's model":          {S{Agent: "claude", Model: "opus"}, S{Agent: "claude", Mode: "plan"}, S{Agent: "claude", Model: "opus", Mode: "plan"}},
	} {
		got, err := over(c.written, c.typed)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

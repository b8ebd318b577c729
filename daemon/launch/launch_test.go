package launch

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/source"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

var public = ed25519.PublicKey(strings.Repeat("k", ed25519.PublicKeySize))

// launcher lets local folders below the returned one pass.
func launcher(t *testing.T) (*Launcher, string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "gitconfig")
	if err := os.WriteFile(config, []byte("[user]\n\tname = Ann\n\temail = ann@example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	s, err := source.New(source.Options{Dir: t.TempDir(), Folders: source.Folders{Enabled: true, Prefixes: []string{dir}}})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{PublicKey: public, Source: s}), dir
}

func spec(t *testing.T, l *Launcher, r Request) (runtime.Spec, error) {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return l.Spec(t.Context(), store.Session{ID: "0b5e", Kind: "session", Name: "demo", OwnerID: "ann", TenantID: "t", Run: 3,
		CreatedAt: time.Unix(1000, 0).UTC(), Request: raw}, "image:1")
}

func part(t *testing.T, s runtime.Spec, name string) runtime.Part {
	t.Helper()
	for _, p := range s.Parts {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no part %s", name)
	return runtime.Part{}
}

func brokerConfig(t *testing.T, s runtime.Spec) (c wire.Config) {
	t.Helper()
	if err := json.Unmarshal([]byte(part(t, s, runtime.PartBroker).Env[wire.EnvConfig]), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryFieldOfARequestArrivesInTheSpec(t *testing.T) {
	l, dir := launcher(t)
	live := filepath.Join(dir, "live")
	owned(t, live)
	key := func(repo string) string {
		r, err := source.Parse(repo)
		if err != nil {
			t.Fatal(err)
		}
		return r.Key()
	}
	agent := func(s runtime.Spec) wire.Agent { return brokerConfig(t, s).Agent }
	from := func(s runtime.Spec) wire.Source { return brokerConfig(t, s).Source }
	ann := wire.Source{UserName: "Ann", UserEmail: "ann@example.com"}
	clone := ann
	clone.Remote, clone.URL, clone.Branch, clone.Base = key("https://example.com/a.git"), "https://example.com/a.git", "topic", "main"
	for _, c := range []struct {
		field  string
		change func(*Request)
		got    func(runtime.Spec) any
		want   any
	}{
		{"agent", func(r *Request) { r.Agent = "codex" }, func(s runtime.Spec) any { return agent(s).Kind }, "codex"},
		{"command", func(r *Request) { r.Agent, r.Command = "acp", []string{"my", "agent"} }, func(s runtime.Spec) any { return agent(s).Command }, []string{"my", "agent"}},
		{"model", func(r *Request) { r.Model = "m1" }, func(s runtime.Spec) any { return agent(s).Model }, "m1"},
		{"mode", func(r *Request) { r.Mode = "plan" }, func(s runtime.Spec) any { return agent(s).Mode }, "plan"},
		{"system_prompt", func(r *Request) { r.SystemPrompt = "Be brief." }, func(s runtime.Spec) any { return agent(s).SystemPrompt }, "Be brief."},
		{"env to the agent", func(r *Request) { r.Env = map[string]string{"A": "b"} }, func(s runtime.Spec) any { return agent(s).Env }, map[string]string{"A": "b"}},
		{"env to the terminal", func(r *Request) { r.Env = map[string]string{"OPENAI_API_KEY": "mine"} }, func(s runtime.Spec) any { return part(t, s, "terminal").Env["OPENAI_API_KEY"] }, "mine"},
		{"setup_scripts", func(r *Request) { r.Setup = []string{"make", "make test"} }, func(s runtime.Spec) any { return brokerConfig(t, s).Setup }, []string{"make", "make test"}},
		{"files", func(r *Request) {
			r.Files = []source.File{{From: ".env"}, {From: "/x", To: "./conf/x"}}
		}, func(s runtime.Spec) any { return brokerConfig(t, s).Files }, []string{".env", "conf/x"}},
		{"files of a live folder", func(r *Request) {
			r.Files, r.Source = []source.File{{From: ".env"}}, Source{Type: "local_mount", LocalPath: live}
		}, func(s runtime.Spec) any { return len(brokerConfig(t, s).Files) }, 0},
		{"network default", func(r *Request) {}, func(s runtime.Spec) any { return s.Network }, runtime.NetworkOpen},
		{"network", func(r *Request) { r.Network = "none" }, func(s runtime.Spec) any { return s.Network }, runtime.NetworkNone},
		{"resource_config", func(r *Request) { r.Resources = map[string]any{"cpu": "1500m", "memory": "4Gi", "gpu": 1} },
			func(s runtime.Spec) any { return s.Resources }, runtime.Resources{CPU: 1500, Memory: 4 << 30, GPU: 1}},
		{"issue_id", func(r *Request) { r.IssueID = "X-1" }, func(s runtime.Spec) any { return part(t, s, "agent").Env["VOLUNDR_ISSUE_ID"] }, "X-1"},
		{"issue_url", func(r *Request) { r.IssueURL = "https://x" }, func(s runtime.Spec) any { return part(t, s, "agent").Env["VOLUNDR_ISSUE_URL"] }, "https://x"},
		{"no source", func(r *Request) {}, func(s runtime.Spec) any { return from(s) }, ann},
		{"source.repo, branch, base_branch", func(r *Request) {
			r.Source.Repo, r.Source.Branch, r.Source.BaseBranch = "https://example.com/a.git", "topic", "main"
		},
			func(s runtime.Spec) any { return from(s) }, clone},
	} {
		r := Request{Agent: "claude", Source: Source{Type: "git"}}
		c.change(&r)
		s, err := spec(t, l, r)
		if err != nil {
			t.Errorf("%s: %v", c.field, err)
			continue
		}
		if diff := cmp.Diff(c.want, c.got(s)); diff != "" {
			t.Errorf("%s: %s", c.field, diff)
		}
	}
}

func TestSpecOfAPlainSession(t *testing.T) {
	l, _ := launcher(t)
	s, err := spec(t, l, Request{Agent: "claude", Source: Source{Type: "git"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "0b5e" || s.Run != 3 || s.Image != "image:1" || s.Name != "demo" || s.Owner != "ann" || s.Tenant != "t" || s.Created.IsZero() {
		t.Errorf("%+v", s)
	}
	var names []string
	for _, p := range s.Parts {
		names = append(names, p.Name)
		var c wire.Config
		if err := json.Unmarshal([]byte(p.Env[wire.EnvConfig]), &c); err != nil || c.Part != p.Name || c.Run != 3 || c.Session != "0b5e" {
			t.Errorf("configuration of %s: %+v, %v", p.Name, c, err)
		}
		if p.Command[0] != wire.Program {
			t.Errorf("%s runs %v", p.Name, p.Command)
		}
	}
	if diff := cmp.Diff([]string{"broker", "agent", "editor", "terminal"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"home", "journal", "workspace"}, s.Volumes()); diff != "" {
		t.Error(diff)
	}
	b := part(t, s, "broker")
	if b.UID == part(t, s, "agent").UID || len(b.Mounts) != 1 || b.Mounts[0].Path != "/journal" || b.Mounts[0].UID != b.UID {
		t.Errorf("broker: %+v", b)
	}
	if got := brokerConfig(t, s).DaemonKey; got != base64.StdEncoding.EncodeToString(public) {
		t.Errorf("key %q", got)
	}
	agent := part(t, s, "agent")
	if agent.Env["ANTHROPIC_BASE_URL"] != "http://127.0.0.1:7422/models/anthropic" || agent.Env["OPENAI_BASE_URL"] != "http://127.0.0.1:7422/models/openai/v1" {
		t.Errorf("models: %v", agent.Env)
	}
	if e := part(t, s, "editor"); !slices.Contains(e.Command, "127.0.0.1:7430") || !slices.Contains(part(t, s, "terminal").Command, "7431") {
		t.Errorf("editor %v, terminal %v", e.Command, part(t, s, "terminal").Command)
	}
	for _, m := range agent.Mounts {
		if m.UID != 1000 || m.GID != 1000 || m.Path == "/journal" {
			t.Errorf("mount %+v", m)
		}
	}
	again, err := spec(t, l, Request{Agent: "claude", Source: Source{Type: "git"}})
	if diff := cmp.Diff(s, again); diff != "" || err != nil {
		t.Errorf("the same request is another spec: %s %v", diff, err)
	}
}

func TestOtherKindsAndBrokenRowsAreForEver(t *testing.T) {
	l, _ := launcher(t)
	for name, s := range map[string]store.Session{
		"a pod":       {ID: "x", Kind: "pod", Run: 1, Request: json.RawMessage(`{}`)},
		"broken row":  {ID: "x", Kind: "session", Run: 1, Request: json.RawMessage(`[]`)},
		"bad request": {ID: "x", Kind: "session", Run: 1, Request: json.RawMessage(`{"agent":"hal"}`)},
	} {
		if _, err := l.Spec(t.Context(), s, "image"); !errors.Is(err, runtime.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAReforgedSessionUnpacksWhatWasLeft(t *testing.T) {
	l, dir := launcher(t)
	live := filepath.Join(dir, "live")
	owned(t, live)
	from := &From{Chronicle: "c", Workspace: "w1", Context: "x1"}
	for name, src := range map[string]Source{
		"a repository": {Type: "git", Repo: "https://example.org/team/demo.git", Branch: "main"},
		"nothing":      {Type: "git"},
		"a live one":   {Type: "local_mount", LocalPath: live},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := spec(t, l, Request{Agent: "claude", Source: src, From: from})
			if err != nil {
				t.Fatal(err)
			}
			got := brokerConfig(t, s).Source
			if got.Workspace != "w1" || got.Context != "x1" || got.URL != src.Repo || got.Branch != src.Branch || got.UserName != "Ann" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A helper has the session's volumes and nothing else: no host folder, no
// network, no program of the agent's.
func TestAHelperOnlyHasTheVolumes(t *testing.T) {
	l, dir := launcher(t)
	live := filepath.Join(dir, "live")
	owned(t, live)
	for name, c := range map[string]struct {
		src     Source
		volumes []string
	}{
		"a repository": {Source{Type: "git", Repo: "https://example.org/demo.git"}, []string{"home", "journal", "workspace"}},
		"a live one":   {Source{Type: "local_mount", LocalPath: live}, []string{"home", "journal"}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(Request{Agent: "claude", Source: c.src})
			if err != nil {
				t.Fatal(err)
			}
			row := store.Session{ID: "0b5e", Kind: "session", Name: "demo", OwnerID: "ann", TenantID: "t", Run: 3, CreatedAt: time.Unix(1000, 0).UTC(), Request: raw}
			whole, err := l.Spec(t.Context(), row, "image:1")
			if err != nil {
				t.Fatal(err)
			}
			s, err := l.Helper(t.Context(), row, "image:1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.volumes, s.Volumes()); diff != "" || !s.Helper || s.Run != 3 || s.Network != runtime.NetworkNone || len(s.Parts) != 2 {
				t.Errorf("%+v %s", s, diff)
			}
			if config := brokerConfig(t, s); !config.Helper || config.DaemonKey == "" || config.Run != 3 {
				t.Errorf("%+v", config)
			}
			for _, p := range s.Parts {
				if !strings.Contains(p.Env[wire.EnvConfig], `"helper":true`) { // its runner lays nothing into the home
					t.Errorf("%s does not know that it is a helper's", p.Name)
				}
				if run := part(t, whole, p.Name); run.UID != p.UID || !slices.Equal(run.Command, p.Command) {
					t.Errorf("%s as %d, %q", p.Name, p.UID, p.Command)
				}
				for _, m := range p.Mounts {
					if m.Host != "" {
						t.Errorf("%s mounts %s", p.Name, m.Host)
					}
				}
			}
		})
	}
}

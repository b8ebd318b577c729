package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/source"
	"volundr/runtime"
	"volundr/store"
)

// flat is a spec in the making as one value by path.
func flat(t *testing.T, b *build) map[string]string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"spec": b.spec, "config": b.config, "env": b.env})
	var v any
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	var walk func(string, any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(at+"."+k, e)
			}
		case []any:
			for i, e := range v {
				walk(fmt.Sprintf("%s.%d", at, i), e)
			}
		case nil:
		default:
			out[strings.TrimPrefix(at, ".")] = fmt.Sprint(v)
		}
	}
	walk("", v)
	return out
}

// Each contributor, alone after the core: what it adds, and that it touches
// nothing that is another's.
func TestEachContributorAddsItsPieceAndNothingElse(t *testing.T) {
	l := stocked(t)
	connect(t, l, "linear", "linear-api-key", nil, true)
	remote, err := source.Parse("https://example.com/a.git")
	if err != nil {
		t.Fatal(err)
	}
	outer := func(path, value string) map[string]string { // agent, editor, terminal
		return map[string]string{"spec.Parts.1." + path: value, "spec.Parts.2." + path: value, "spec.Parts.3." + path: value}
	}
	for name, c := range map[string]struct {
		request Request
		want    map[string]string // some of what it adds
		only    []string          // where it may add, by the beginnings of paths
	}{
		"core": {Request{Agent: "codex", Model: "m1", Mode: "plan", Env: map[string]string{"A": "b"}},
			map[string]string{"spec.ID": "0b5e", "spec.Run": "3", "spec.Owner": "ann", "spec.Parts.0.Name": "broker", "spec.Parts.0.UID": "900", "spec.Parts.3.Name": "terminal",
				"config.agent.kind": "codex", "config.agent.model": "m1", "config.agent.mode": "plan", "config.agent.env.A": "b"},
			[]string{"spec.ID", "spec.Kind", "spec.Name", "spec.Run", "spec.Owner", "spec.Tenant", "spec.Created", "spec.Parts.", "config.daemon_key", "config.agent."}},
		"template": {Request{SystemPrompt: "Be brief.", Setup: []string{"make"}, Files: []source.File{{From: ".env"}}},
			map[string]string{"config.agent.system_prompt": "Be brief.", "config.setup.0": "make", "config.files.0": ".env"},
			[]string{"config.agent.system_prompt", "config.setup.", "config.files."}},
		"git": {Request{Source: Source{Type: "git", Repo: "https://example.com/a.git", Branch: "topic", BaseBranch: "main"}},
			map[string]string{"config.source.remote": remote.Key(), "config.source.url": "https://example.com/a.git", "config.source.branch": "topic", "config.source.base": "main",
				"config.source.user_name": "Ann", "config.source.user_email": "ann@example.com"},
			[]string{"config.source."}},
		"git ": {Request{Source: Source{Type: "git", Repo: "https://example.com/a.git", Additional: []source.Additional{{Repo: "https://other.com/a", Branch: "x", BaseBranch: "y"}, {Repo: "https://example.com/a.git", Folder: "twice"}}}},
			map[string]string{"config.source.remote": remote.Key(), "config.source.folder": "a", "config.source.additional.0.folder": "a-2", "config.source.additional.0.url": "https://other.com/a",
				"config.source.additional.0.branch": "x", "config.source.additional.0.base": "y", "config.source.additional.1.folder": "twice", "config.source.additional.1.remote": remote.Key()},
			[]string{"config.source."}},
		"integration": {Request{IssueID: "X-1", IntegrationIDs: []string{"linear"}, MCP: []MCPServer{{Name: "docs", Command: "npx"}}},
			map[string]string{"env.VOLUNDR_ISSUE_ID": "X-1", "config.agent.mcp.0.name": "docs", "config.agent.mcp.1.name": "linear", "config.agent.mcp.1.secrets": "true"},
			[]string{"config.agent.mcp.", "env.VOLUNDR_ISSUE_"}},
		"storage": {Request{Source: Source{Type: "git"}},
			merged(outer("UID", "1000"), outer("Mounts.0.Volume", "home"), outer("Mounts.1.Volume", "workspace"), map[string]string{"spec.Parts.0.Mounts.0.Volume": "journal"}),
			[]string{"spec.Parts.0.Mounts.", "spec.Parts.1.Mounts.", "spec.Parts.2.Mounts.", "spec.Parts.3.Mounts.",
				"spec.Parts.1.UID", "spec.Parts.1.GID", "spec.Parts.2.UID", "spec.Parts.2.GID", "spec.Parts.3.UID", "spec.Parts.3.GID"}},
		"gateway": {Request{Env: map[string]string{"OPENAI_API_KEY": "mine"}},
			map[string]string{"env.ANTHROPIC_API_KEY": placeholder, "env.OPENAI_API_KEY": "mine", "env.ANTHROPIC_BASE_URL": "http://127.0.0.1:7422/models/anthropic"},
			[]string{"env."}},
		"resource": {Request{Resources: map[string]any{"cpu": "1500m", "memory": "4Gi", "gpu": 1}},
			map[string]string{"spec.Resources.CPU": "1500", "spec.Resources.Memory": fmt.Sprint(float64(4 << 30)), "spec.Resources.GPU": "1"}, []string{"spec.Resources."}},
		"isolation":        {Request{Network: "none"}, map[string]string{"spec.Network": "none"}, []string{"spec.Network"}},
		"secret injection": {Request{CredentialNames: []string{"one"}}, map[string]string{"config.secrets": "true"}, []string{"config.secrets"}},
		"secrets":          {Request{SecretRefs: []string{"db"}}, map[string]string{"config.secrets": "true"}, []string{"config.secrets"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(contributors, func(c contributor) bool { return c.name == strings.TrimSpace(name) })
			if i < 0 {
				t.Fatal("there is no such contributor")
			}
			s := store.Session{ID: "0b5e", Kind: "session", Name: "demo", OwnerID: "ann", TenantID: "t", Run: 3, CreatedAt: time.Unix(1000, 0).UTC()}
			b := &build{session: s, request: c.request, env: map[string]string{}}
			if i > 0 {
				if err := l.core(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			before := flat(t, b)
			if err := l.contribute(t.Context(), b, contributors[i:i+1]); err != nil {
				t.Fatal(err)
			}
			after := flat(t, b)
			for path, want := range c.want {
				if after[path] != want {
					t.Errorf("%s is %q, want %q", path, after[path], want)
				}
			}
			for path := range merged(before, after) {
				mine := slices.ContainsFunc(c.only, func(p string) bool { return strings.HasPrefix(path, p) })
				if before[path] != after[path] && !mine {
					t.Errorf("%s was %q and is %q, which is not its own", path, before[path], after[path])
				}
			}
		})
	}
}

func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

func TestTheTenContributorsInTheirOrder(t *testing.T) {
	var got []string
	for _, c := range contributors {
		got = append(got, c.name)
	}
	want := []string{"core", "template", "git", "integration", "storage", "gateway", "resource", "isolation", "secret injection", "secrets"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// One that fails is named, and what those before it and it have left is taken
// back, the last first, whatever of that fails.
func TestAFailureTakesBackWhatWasBegun(t *testing.T) {
	l, _ := launcher(t)
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		err  error
		said string
		kind error
	}{
		"any error":   {broken, "launch (third): broken", broken},
		"a bad field": {wrong("x", "value_error", "There is no x.", "x"), "There is no x (third).", runtime.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			var did []string
			step := func(name string, err error) contributor {
				return contributor{name, func(_ *Launcher, _ context.Context, b *build) error {
					did = append(did, name)
					b.undo = append(b.undo, func() error { did = append(did, "not "+name); return errors.New("it cannot be") })
					return err
				}}
			}
			err := l.contribute(t.Context(), &build{}, []contributor{step("first", nil), step("second", nil), step("third", c.err), step("fourth", nil)})
			if err == nil || err.Error() != c.said || !errors.Is(err, c.kind) {
				t.Errorf("%v", err)
			}
			if diff := cmp.Diff([]string{"first", "second", "third", "not third", "not second", "not first"}, did); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A live folder of a launch that fails is as it was.
func TestALiveFolderIsLeftAsItWas(t *testing.T) {
	l, dir := stockedAt(t)
	owned(t, filepath.Join(dir, "app"))
	gitInit(t, filepath.Join(dir, "app"))
	hooks := filepath.Join(dir, "app", ".git", "hooks")
	r := live(filepath.Join(dir, "app"))
	r.CredentialNames = []string{"gone"}
	if _, err := spec(t, l, r); err == nil || !strings.Contains(err.Error(), "(secret injection)") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(hooks); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the hooks were made, and stay: %v", err)
	}
	r.CredentialNames = nil
	if _, err := spec(t, l, r); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(hooks); err != nil {
		t.Errorf("no hooks to mount: %v", err)
	}
	// What was there before is not ours to remove.
	r.CredentialNames = []string{"gone"}
	if _, err := spec(t, l, r); err == nil {
		t.Error("a launch without its credential")
	}
	if _, err := os.Lstat(hooks); err != nil {
		t.Errorf("hooks that were there are gone: %v", err)
	}
}

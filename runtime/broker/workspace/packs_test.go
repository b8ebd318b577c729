package workspace

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
	"volundr/runtime/broker/worlds"
)

// blob lays a pack where the session fetches it.
func blob(t *testing.T, at Places, write func(io.Writer) (pack.Sum, error)) string {
	t.Helper()
	var b bytes.Buffer
	sum, err := write(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(at.Home), "blobs", sum.Digest), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return sum.Digest
}

func TestPrepareGoesOn(t *testing.T) {
	at := places(t)
	src := t.TempDir()
	worlds.Make(t, src, "stash", rand.New(rand.NewPCG(5, 5)))
	const url = "https://git.example/p.git"
	worlds.Sh(t, src, "git remote add origin "+url)
	id := "11111111-2222-3333-4444-555555555555"
	file := ".claude/projects/-workspace/" + id + ".jsonl"
	os.WriteFile(src+"/../t.jsonl", []byte("{\"a\":1}\n{\"half"), 0o600)
	source := wire.Source{Remote: "r", URL: url}
	source.Workspace = blob(t, at, func(w io.Writer) (pack.Sum, error) {
		return pack.Tree{Dir: src, Git: true}.Write(t.Context(), w, pack.Limits{})
	})
	source.Context = blob(t, at, func(w io.Writer) (pack.Sum, error) {
		return pack.WriteContext(w, pack.Resume{Agent: "claude", Session: id}, []pack.Transcript{{Path: file, From: src + "/../t.jsonl", Length: -1}}, pack.Limits{})
	})
	// As kill -9 leaves it in the middle of both.
	sh(t, at, "mkdir -p .volundr-prepare/tree/.git ~/.volundr/context.new/x; chmod 555 .volundr-prepare/tree/.git")
	config := wire.Config{Source: source, Agent: wire.Agent{Kind: "claude"}}
	for range 2 {
		if err := Prepare(t.Context(), config, at, func(string) {}); err != nil {
			t.Fatal(err)
		}
		skip := func(p string) bool { return p == "." || p == "build" || p == "gone.ignored" }
		if d := cmp.Diff(worlds.Print(t, src, skip), worlds.Print(t, at.Workspace, skip)); d != "" {
			t.Fatalf("another tree (-want +got):\n%s", d)
		}
		if d := cmp.Diff(worlds.Status(t, src), worlds.Status(t, at.Workspace)); d != "" {
			t.Fatalf("git says something else (-want +got):\n%s", d)
		}
		if got := sh(t, at, "cat ~/"+file+"; ls -A ~/.volundr; cat ~/.volundr/resume.json"); got != "{\"a\":1}\nresume.json\n"+`{"agent":"claude","session":"`+id+`"}` {
			t.Errorf("the home holds %q", got)
		}
		if r, ok := pack.Resumed(at.Home); !ok || r.Session != id {
			t.Errorf("goes on with %+v", r)
		}
	}
}

func TestPrepareRefusesPacks(t *testing.T) {
	for name, c := range map[string]struct {
		damage  func(at Places, digest string) // of the workspace's pack
		context pack.Transcript
		want    string
	}{
		"gone":      {func(at Places, d string) { os.Remove(filepath.Dir(at.Home) + "/blobs/" + d) }, pack.Transcript{}, "404"},
		"altered":   {func(at Places, d string) { flip(t, filepath.Dir(at.Home)+"/blobs/"+d) }, pack.Transcript{}, "damaged"},
		"a .bashrc": {nil, pack.Transcript{Path: ".bashrc"}, "no part of a conversation"},
		"a setting": {nil, pack.Transcript{Path: ".claude/settings.json"}, "no part of a conversation"},
	} {
		t.Run(name, func(t *testing.T) {
			at := places(t)
			src := t.TempDir()
			worlds.Files(t, src, rand.New(rand.NewPCG(6, 6)), 30)
			var s wire.Source
			if c.damage != nil {
				s.Workspace = blob(t, at, func(w io.Writer) (pack.Sum, error) {
					return pack.Tree{Dir: src}.Write(t.Context(), w, pack.Limits{})
				})
				c.damage(at, s.Workspace)
			} else {
				c.context.From, c.context.Length = filepath.Join(at.Skel, ".config/x"), -1
				s.Context = blob(t, at, func(w io.Writer) (pack.Sum, error) {
					return pack.WriteContext(w, pack.Resume{Agent: "claude", Session: "a"}, []pack.Transcript{c.context}, pack.Limits{})
				})
			}
			err := Prepare(t.Context(), wire.Config{Source: s}, at, func(string) {})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if got := sh(t, at, "ls -A; find ~ -type f ! -path '*/.config/*' ! -name .gitconfig"); got != "" {
				t.Errorf("a failure left %q", got)
			}
		})
	}
}

func flip(t *testing.T, path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	os.WriteFile(path, b, 0o600)
}

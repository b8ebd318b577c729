package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/files"
	"volundr/runtime/broker/wire"
)

// space is a workspace and a home on this machine in place of a session's; the
// scripts run in a real shell.
type space struct {
	*testing.T
	dir, home string
	f         *files.Files
	ran       int
	most      int // bytes that travelled at once
}

func newSpace(t *testing.T) *space {
	top := t.TempDir()
	s := &space{T: t, dir: filepath.Join(top, "work space"), home: filepath.Join(top, "home")}
	if err := errors.Join(os.Mkdir(s.dir, 0o755), os.Mkdir(s.home, 0o755)); err != nil {
		t.Fatal(err)
	}
	s.f = files.New(s.run)
	return s
}

func (s *space) run(ctx context.Context, id string, c wire.Command) (wire.RunResult, error) {
	if id != "s1" {
		s.Errorf("session %q", id)
	}
	s.ran++
	argv := slices.Clone(c.Argv)
	argv[4] = map[string]string{"/workspace": s.dir, "/home/volundr": s.home}[argv[4]]
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = bytes.NewReader(c.Stdin)
	var out, fail bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fail
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return wire.RunResult{}, err
	}
	s.most = max(s.most, out.Len(), len(c.Stdin))
	res := wire.RunResult{Exit: cmd.ProcessState.ExitCode(), Stdout: out.Bytes(), Stderr: fail.Bytes()}
	if res.Truncated = out.Len() > c.Limit; res.Truncated {
		res.Stdout = res.Stdout[:c.Limit]
	}
	return res, nil
}

func at(p string) files.Place { return files.Place{Session: "s1", Root: files.Workspace, Path: p} }

func (s *space) write(name, text string) {
	s.Helper()
	file := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		s.Fatal(err)
	}
}

func (s *space) link(to, name string) {
	s.Helper()
	if err := os.Symlink(to, filepath.Join(s.dir, name)); err != nil {
		s.Fatal(err)
	}
}

// names are all names in a folder, hidden ones too.
func (s *space) names(dir string) (out []string) {
	s.Helper()
	all, err := os.ReadDir(filepath.Join(s.dir, dir))
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range all {
		out = append(out, e.Name())
	}
	return out
}

func (s *space) listed(p files.Place) (out []string) {
	s.Helper()
	entries, cut, err := s.f.List(s.Context(), p)
	if err != nil || cut {
		s.Fatal(err, cut)
	}
	for _, e := range entries {
		out = append(out, map[bool]string{true: "d ", false: "f "}[e.Folder]+e.Path)
	}
	return out
}

func (s *space) upload(p files.Place, name string, data io.Reader) ([]files.Entry, error) {
	s.Helper()
	up, err := s.f.Upload(s.Context(), p)
	if err != nil {
		return nil, err
	}
	defer up.Drop(s.Context())
	if err := up.Add(s.Context(), name, data); err != nil {
		return nil, err
	}
	return up.Settle(s.Context())
}

func (s *space) download(p files.Place) ([]byte, error) {
	d, err := s.f.Open(s.Context(), p)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(d)
	if err == nil && int64(len(b)) != d.Size {
		s.Errorf("%s says %d bytes and gives %d", p.Path, d.Size, len(b))
	}
	return b, err
}

// odd are names that a shell, or find, or a careless reader would trip over.
var odd = []string{"a b", "-rf", "--help", "new\nline", "ends in a line\n", "日本 ümlaut", `"quoted" 'twice'`, "$(touch x)", "back\\slash", "*", "%s%n", "\ttab", "~"}

func TestOddNamesGoBothWays(t *testing.T) {
	s := newSpace(t)
	there := func(dir, name string) {
		t.Helper()
		path := strings.TrimPrefix(dir+"/"+name, "/")
		text := "text of " + path
		in, err := s.upload(at(dir), name, strings.NewReader(text))
		if err != nil || len(in) != 1 || in[0].Name != name || in[0].Path != path || in[0].Size != int64(len(text)) || time.Since(in[0].Modified).Abs() > time.Hour {
			t.Fatalf("%q: %+v, %v", path, in, err)
		}
		if b, err := s.download(at(path)); err != nil || string(b) != text {
			t.Errorf("%q: %q, %v", path, b, err)
		}
		if b, err := os.ReadFile(filepath.Join(s.dir, path)); err != nil || string(b) != text {
			t.Errorf("%q: %q, %v", path, b, err)
		}
	}
	for _, name := range odd {
		there("", name+".txt")
		e, err := s.f.Mkdir(t.Context(), at(name))
		if err != nil || e.Name != name || e.Path != name || !e.Folder {
			t.Fatalf("%q: %+v, %v", name, e, err)
		}
		there(name, name)
		if got := s.listed(at(name)); !slices.Equal(got, []string{"f " + name + "/" + name}) {
			t.Errorf("%q holds %q", name, got)
		}
	}
	if got, all := s.listed(at("")), s.names(""); len(got) != 2*len(odd) || len(all) != len(got) {
		t.Errorf("%q of %q", got, all)
	}
	for _, name := range odd {
		if err := errors.Join(s.f.Remove(t.Context(), at(name)), s.f.Remove(t.Context(), at(name+".txt"))); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if left := s.names(""); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestAListHasFoldersFirstAndNoJunk(t *testing.T) {
	s := newSpace(t)
	for _, name := range []string{"b.txt", "A.txt", "Zoo/x", "lib/x", ".github/x", ".claude/x", ".vscode/x", ".git/x", ".env", "node_modules/x", "__pycache__/x", "venv/x", ".venv/x"} {
		s.write(name, "12345")
	}
	s.link("lib", "to-folder")
	s.link("b.txt", "to-file")
	s.link("nowhere", "to-nothing")
	s.link(".", "to-itself")
	want := []string{"d .claude", "d .github", "d .vscode", "d lib", "d to-folder", "d to-itself", "d Zoo", "f A.txt", "f b.txt", "f to-file", "f to-nothing"}
	if diff := cmp.Diff(want, s.listed(at(""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"f to-folder/x"}, s.listed(at("to-folder"))); diff != "" {
		t.Error(diff)
	}
	when := time.Date(2024, 2, 3, 4, 5, 6, 789e6, time.UTC)
	if err := os.Chtimes(filepath.Join(s.dir, "lib/x"), when, when); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.f.List(t.Context(), at("lib"))
	if diff := cmp.Diff([]files.Entry{{Name: "x", Path: "lib/x", Size: 5, Modified: when}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if err := os.WriteFile(filepath.Join(s.home, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := s.listed(files.Place{Session: "s1", Root: files.Home}); !slices.Equal(got, []string{"f notes"}) {
		t.Errorf("%q", got)
	}
}

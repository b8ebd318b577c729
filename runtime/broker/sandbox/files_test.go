package sandbox_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/wire"
)

// outside makes a folder beside the workspace and a link to it inside.
func outside(t *testing.T, workspace string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"out": dir, "file": filepath.Join(dir, "secret"), "up": "../" + filepath.Base(dir), "root": "/"} {
		if err := os.Symlink(target, filepath.Join(workspace, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFilesAreWrittenAndRead(t *testing.T) {
	c, s := world(t)
	names := []string{"a", "deep/er/b", ".hidden/.c", "with space and\nline", `back\slash`, "ünï", strings.Repeat("x", 255)}
	for _, name := range names {
		if err := c.Put(t.Context(), "./"+name, 0o750, strings.NewReader("of "+name)); err != nil {
			t.Fatal(err)
		}
		f, err := c.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		f.Close()
		if err != nil || string(b) != "of "+name || f.Size != int64(len(b)) || f.Mode != 0o750 || f.MTime.IsZero() {
			t.Errorf("%q: %q, %d bytes, mode %o, %v", name, b, f.Size, f.Mode, err)
		}
	}
	// Written over, with another length and what the name was before a link.
	os.Symlink("a", filepath.Join(s.Workspace, "link"))
	if err := c.Put(t.Context(), "link", 0, strings.NewReader("short")); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(s.Workspace, "a")); string(b) != "of a" {
		t.Errorf("a link was followed: %q", b)
	}
	l, err := c.List(t.Context(), "", true)
	if err != nil || l.Truncated {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, e := range l.Entries {
		kinds[e.Path] = e.Kind
	}
	want := map[string]string{"deep": "directory", "deep/er": "directory", ".hidden": "directory", "link": "file"}
	for _, name := range names {
		want[name] = "file"
	}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
	if l, err = c.List(t.Context(), "deep", false); err != nil || len(l.Entries) != 1 || l.Entries[0].Path != "deep/er" {
		t.Errorf("%+v %v", l, err)
	}
	if err := c.Delete(t.Context(), "deep"); err != nil {
		t.Error(err)
	}
	if _, err := c.List(t.Context(), "deep", false); !errors.Is(err, inner.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestWhatIsNotThereOrNoFile(t *testing.T) {
	c, s := world(t)
	os.MkdirAll(filepath.Join(s.Workspace, "dir/sub"), 0o755)
	os.WriteFile(filepath.Join(s.Workspace, "plain"), nil, 0o644)
	if out := bash(t, c, "mkfifo pipe"); exit(out.SandboxResult) != 0 {
		t.Fatal(string(out.Stderr))
	}
	get := func(path string) error {
		f, err := c.Get(t.Context(), path)
		if err == nil {
			f.Close()
		}
		return err
	}
	for name, check := range map[string]struct{ err, want error }{
		"get nothing":           {get("nothing"), inner.ErrNotFound},
		"get a directory":       {get("dir"), inner.ErrConflict},
		"get a pipe":            {get("pipe"), inner.ErrConflict},
		"get below a file":      {get("plain/x"), inner.ErrConflict},
		"put over a directory":  {c.Put(t.Context(), "dir", 0, strings.NewReader("")), inner.ErrConflict},
		"put below a file":      {c.Put(t.Context(), "plain/x", 0, strings.NewReader("")), inner.ErrConflict},
		"delete nothing":        {c.Delete(t.Context(), "nothing"), inner.ErrNotFound},
		"delete the workspace":  {c.Delete(t.Context(), "."), inner.ErrInvalid},
		"make over a file":      {c.Mkdir(t.Context(), "plain"), inner.ErrConflict},
		"make one that is":      {c.Mkdir(t.Context(), "dir/sub"), nil},
		"list a file":           {second(c.List(t.Context(), "plain", false)), inner.ErrConflict},
		"absolute":              {get("/etc/passwd"), inner.ErrInvalid},
		"upwards":               {get("dir/../../etc/passwd"), inner.ErrInvalid},
		"NUL":                   {get("a\x00b"), inner.ErrInvalid},
		"list upwards":          {second(c.List(t.Context(), "..", false)), inner.ErrInvalid},
		"list the host":         {second(c.List(t.Context(), "/", false)), inner.ErrInvalid},
		"a name that is long":   {c.Put(t.Context(), strings.Repeat("x", 256), 0, strings.NewReader("")), inner.ErrInvalid},
		"a tar that is none":    {second(c.Untar(t.Context(), strings.NewReader(strings.Repeat("no", 512)), false)), inner.ErrInvalid},
		"a tar that is nothing": {second(c.Untar(t.Context(), strings.NewReader(""), false)), nil},
	} {
		if !errors.Is(check.err, check.want) {
			t.Errorf("%s: %v", name, check.err)
		}
	}
	if l, err := c.List(t.Context(), "", false); err != nil || len(l.Entries) != 3 {
		t.Errorf("something is left: %+v %v", l, err)
	}
}

func second[T any](_ T, err error) error { return err }

// No link leads out: not by name, not in the middle, not in an archive.
func TestLinksDoNotLeadOut(t *testing.T) {
	c, s := world(t)
	dir := outside(t, s.Workspace)
	for _, name := range []string{"out/secret", "file", "up/secret", "root/etc/passwd", "out/new"} {
		if f, err := c.Get(t.Context(), name); err == nil {
			b, _ := io.ReadAll(f)
			t.Errorf("get %s: %q", name, b)
		}
	}
	for _, name := range []string{"out/new", "up/new", "root/tmp/new"} {
		if err := c.Put(t.Context(), name, 0, strings.NewReader("x")); err == nil {
			t.Errorf("put %s succeeded", name)
		}
		if err := c.Mkdir(t.Context(), name); err == nil {
			t.Errorf("mkdir %s succeeded", name)
		}
		if _, err := c.Untar(t.Context(), archive(t, &tar.Header{Name: name, Size: 1}), false); err == nil {
			t.Errorf("tar with %s succeeded", name)
		}
	}
	if _, err := c.List(t.Context(), "out", false); err == nil {
		t.Error("a folder outside was listed")
	}
	// A link itself can be looked at, written over and removed.
	if err := c.Put(t.Context(), "file", 0, strings.NewReader("mine")); err != nil {
		t.Error(err)
	}
	if err := c.Delete(t.Context(), "out"); err != nil {
		t.Error(err)
	}
	list, err := os.ReadDir(dir)
	b, _ := os.ReadFile(filepath.Join(dir, "secret"))
	if err != nil || len(list) != 1 || string(b) != "secret" {
		t.Errorf("outside there is now %v, %q", list, b)
	}
}

// archive makes a tar; a file's bytes are x.
func archive(t testing.TB, headers ...*tar.Header) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.CopyN(w, strings.NewReader(strings.Repeat("x", int(h.Size))), h.Size)
	}
	w.Close()
	return &b
}

func TestATarIsLaid(t *testing.T) {
	c, s := world(t)
	os.WriteFile(filepath.Join(s.Workspace, "old"), []byte("longer than before"), 0o600)
	os.Symlink("old", filepath.Join(s.Workspace, "link"))
	staged, err := c.Untar(t.Context(), archive(t, &tar.Header{Name: "./", Typeflag: tar.TypeDir}, &tar.Header{Name: "old", Size: 2},
		&tar.Header{Name: "a/./b//c", Size: 3}, &tar.Header{Name: "run.sh", Size: 1, Mode: 0o755}, &tar.Header{Name: "link", Size: 1},
		&tar.Header{Name: "empty/", Typeflag: tar.TypeDir, Mode: 0o700}, &tar.Header{Name: "a/b/c", Size: 4}), false)
	if err != nil || staged.Files != 5 || staged.Bytes != 11 {
		t.Fatalf("%+v %v", staged, err)
	}
	got := map[string]string{}
	filepath.WalkDir(s.Workspace, func(p string, d fs.DirEntry, _ error) error {
		if info, err := d.Info(); err == nil && p != s.Workspace {
			got[strings.TrimPrefix(p, s.Workspace+"/")] = info.Mode().String()
		}
		return nil
	})
	want := map[string]string{"old": "-rw-r--r--", "a": "drwxr-xr-x", "a/b": "drwxr-xr-x", "a/b/c": "-rw-r--r--", "run.sh": "-rwxr-xr-x", "link": "-rw-r--r--", "empty": "drwxr-xr-x"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if b, _ := os.ReadFile(filepath.Join(s.Workspace, "old")); string(b) != "xx" {
		t.Errorf("old holds %q", b)
	}
}

func TestATarThatIsRefused(t *testing.T) {
	c, s := world(t)
	for _, h := range []*tar.Header{{Name: "/abs", Size: 1}, {Name: "a/../../b", Size: 1}, {Name: "..", Typeflag: tar.TypeDir}, {Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
		{Name: "hard", Typeflag: tar.TypeLink, Linkname: "run"}, {Name: "dev", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, {Name: "fifo", Typeflag: tar.TypeFifo},
		{Name: ".", Size: 1}, {Name: strings.Repeat("x", 300), Size: 1}} {
		if _, err := c.Untar(t.Context(), archive(t, h), false); !errors.Is(err, inner.ErrInvalid) {
			t.Errorf("%.40s: %v", h.Name, err)
		}
	}
	// One that breaks off in the middle of a file.
	whole, _ := io.ReadAll(archive(t, &tar.Header{Name: "cut", Size: 5000}))
	if _, err := c.Untar(t.Context(), bytes.NewReader(whole[:2000]), false); !errors.Is(err, inner.ErrInvalid) {
		t.Errorf("cut short: %v", err)
	}
	os.Remove(filepath.Join(s.Workspace, "cut"))
	if list, _ := os.ReadDir(s.Workspace); len(list) != 0 {
		t.Errorf("there is %v", list)
	}
}

func TestADirectoryAsATar(t *testing.T) {
	c, s := world(t)
	bash(t, c, "mkdir -p d/e; echo one > d/e/1; echo two > d/.2; chmod 0 d/.2; ln -s /etc/passwd d/link; mkfifo d/pipe; echo no > beside")
	body, err := c.Tar(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got := map[string]string{}
	for r := tar.NewReader(body); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r)
		got[h.Name] = string(b) + h.Linkname
	}
	if d := cmp.Diff(map[string]string{"e/": "", "e/1": "one\n", ".2": "two\n", "link": "/etc/passwd"}, got); d != "" {
		t.Error(d)
	}
	if info, err := os.Stat(filepath.Join(s.Workspace, "d/.2")); err != nil || info.Mode().Perm() != 0 {
		t.Errorf("reading changed the mode: %v %v", info.Mode(), err)
	}
}

func produced(t *testing.T, c *inner.Client, limit int64) (map[string]string, wire.Produced) {
	t.Helper()
	got := map[string]string{}
	p, err := c.Produced(t.Context(), limit, func(e wire.SandboxEntry, data io.Reader) error {
		b, err := io.ReadAll(data)
		got[e.Path] = string(b)
		if int64(len(b)) != e.Size {
			t.Errorf("%s has %d bytes, %d were told", e.Path, len(b), e.Size)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, p
}

func TestWhatARunProduced(t *testing.T) {
	c, _ := world(t)
	if _, err := c.Untar(t.Context(), archive(t, &tar.Header{Name: "same", Size: 3}, &tar.Header{Name: "touched", Size: 3}, &tar.Header{Name: "rewritten", Size: 3},
		&tar.Header{Name: "changed", Size: 3}, &tar.Header{Name: "sub/longer", Size: 3}), true); err != nil {
		t.Fatal(err)
	}
	bash(t, c, `touch touched; chmod 755 touched; printf xxx > rewritten; printf xxy > changed; touch -r same changed; echo more >> sub/longer
		printf 1 > .hidden; mkdir -p .cfg/d; printf 2 > .cfg/d/x; printf 3 > private; chmod 000 private; mkdir closed; printf 4 > closed/y; chmod 0 closed
		ln -s /etc/passwd link; mkfifo pipe; head -c 100000 /dev/zero > big; printf 5 > "$(printf 'a\nb')"; mkdir empty; printf 6 > __main__.py`)
	got, p := produced(t, c, 1000)
	want := map[string]string{"changed": "xxy", "sub/longer": "xxxmore\n", ".hidden": "1", ".cfg/d/x": "2", "private": "3", "closed/y": "4", "a\nb": "5", "__main__.py": "6"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	skipped := map[string]string{}
	for _, e := range p.Skipped {
		skipped[e.Path] = e.Reason
	}
	if d := cmp.Diff(map[string]string{"link": "symlink", "pipe": "special", "big": "limit"}, skipped); d != "" || p.Files != len(want) || p.Truncated {
		t.Errorf("%s %+v", d, p)
	}
	if got, _ = produced(t, c, 1<<20); len(got["big"]) != 100_000 {
		t.Errorf("big has %d bytes", len(got["big"]))
	}
	// Who takes it may give up: the next one is whole again.
	stop := errors.New("enough")
	if _, err := c.Produced(t.Context(), 1<<20, func(wire.SandboxEntry, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("given up: %v", err)
	}
	if again, _ := produced(t, c, 1<<20); !slices.Equal(slices.Sorted(maps.Keys(again)), slices.Sorted(maps.Keys(got))) {
		t.Errorf("%d files, %d before", len(again), len(got))
	}
}

func TestListingsAreBounded(t *testing.T) {
	c, s := world(t)
	for i := range wire.MaxListing + 10 {
		if err := os.WriteFile(filepath.Join(s.Workspace, "f"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+strconv.Itoa(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l, err := c.List(t.Context(), ".", true)
	if err != nil || len(l.Entries) != wire.MaxListing || !l.Truncated {
		t.Errorf("%d entries, truncated %v, %v", len(l.Entries), l.Truncated, err)
	}
}

package files_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"volundr/daemon/files"
	"volundr/runtime/broker/wire"
)

// What lies outside is not read, listed, written or deleted, by whichever way.
func TestNothingLeadsOut(t *testing.T) {
	s := newSpace(t)
	out := filepath.Join(filepath.Dir(s.dir), "outside")
	beside := s.dir + "-beside" // begins as the root does
	for _, dir := range []string{out, beside} {
		if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "secret"), []byte("kept"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s.link(out, "out")
	s.link(beside, "beside")
	s.link(filepath.Join(out, "secret"), "file")
	s.link(filepath.Join(out, "new"), "dangling")
	s.link("/", "all")
	for _, p := range []string{"out", "out/secret", "beside", "file", "all/etc"} {
		if _, _, err := s.f.List(t.Context(), at(p)); !errors.Is(err, files.ErrOutside) {
			t.Errorf("list %s: %v", p, err)
		}
		if _, err := s.download(at(p)); !errors.Is(err, files.ErrOutside) {
			t.Errorf("download %s: %v", p, err)
		}
	}
	for _, p := range []string{"out", "beside"} {
		if _, err := s.upload(at(p), "new", strings.NewReader("x")); !errors.Is(err, files.ErrOutside) {
			t.Errorf("upload %s: %v", p, err)
		}
		if _, err := s.f.Mkdir(t.Context(), at(p+"/new")); !errors.Is(err, files.ErrOutside) {
			t.Errorf("mkdir %s: %v", p, err)
		}
		if err := s.f.Remove(t.Context(), at(p+"/secret")); !errors.Is(err, files.ErrOutside) {
			t.Errorf("remove %s: %v", p, err)
		}
	}
	for _, name := range []string{"file", "dangling"} { // a link is followed when it is written
		if _, err := s.upload(at(""), name, strings.NewReader("x")); !errors.Is(err, files.ErrOutside) {
			t.Errorf("upload over %s: %v", name, err)
		}
	}
	ran := s.ran
	for _, p := range []string{"..", "../outside", "a/../..", "a/..", "/etc", "/", "a\x00b", strings.Repeat("x/", 3000)} {
		if _, err := files.Clean(p); !errors.Is(err, files.ErrPath) {
			t.Errorf("%q is clean", p)
		}
		if _, err := s.download(at(p)); !errors.Is(err, files.ErrPath) {
			t.Errorf("download %q: %v", p, err)
		}
	}
	if _, _, err := s.f.List(t.Context(), files.Place{Session: "s1", Root: "etc"}); !errors.Is(err, files.ErrPath) {
		t.Error(err)
	}
	if err := s.f.Remove(t.Context(), at("")); !errors.Is(err, files.ErrTop) {
		t.Error(err)
	}
	if s.ran != ran {
		t.Error("the session was asked for what it need not be")
	}
	for _, name := range []string{"", ".", "..", "a/b", "../x"} {
		if _, err := s.upload(at(""), name, strings.NewReader("x")); !errors.Is(err, files.ErrName) {
			t.Errorf("upload as %q: %v", name, err)
		}
	}
	for _, name := range []string{"out", "file", "all", "dangling", "beside"} { // the link goes, and not what it names
		if err := s.f.Remove(t.Context(), at(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := s.names(""); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	for _, dir := range []string{out, beside} {
		if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
			t.Errorf("%s: %v, %v", dir, all, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "secret")); err != nil || string(b) != "kept" {
			t.Errorf("%s: %q, %v", dir, b, err)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	s := newSpace(t)
	s.write("dir/file", "x")
	for name, c := range map[string]struct {
		do   func() error
		want error
	}{
		"list nothing":        {func() error { _, _, err := s.f.List(t.Context(), at("none")); return err }, files.ErrNotFound},
		"list a file":         {func() error { _, _, err := s.f.List(t.Context(), at("dir/file")); return err }, files.ErrNotFound},
		"download nothing":    {func() error { _, err := s.f.Open(t.Context(), at("none")); return err }, files.ErrNotFound},
		"download a folder":   {func() error { _, err := s.f.Open(t.Context(), at("dir")); return err }, files.ErrKind},
		"upload to nothing":   {func() error { _, err := s.upload(at("none"), "x", strings.NewReader("")); return err }, files.ErrNotFound},
		"upload over folder":  {func() error { _, err := s.upload(at(""), "dir", strings.NewReader("")); return err }, files.ErrFolder},
		"a name that is long": {func() error { _, err := s.upload(at(""), strings.Repeat("x", 256), strings.NewReader("")); return err }, files.ErrRefused},
		"mkdir of a folder":   {func() error { _, err := s.f.Mkdir(t.Context(), at("dir")); return err }, files.ErrExists},
		"mkdir of a file":     {func() error { _, err := s.f.Mkdir(t.Context(), at("dir/file")); return err }, files.ErrExists},
		"mkdir of the root":   {func() error { _, err := s.f.Mkdir(t.Context(), at("")); return err }, files.ErrExists},
		"mkdir below a file":  {func() error { _, err := s.f.Mkdir(t.Context(), at("dir/file/x")); return err }, files.ErrRefused},
		"remove nothing":      {func() error { return s.f.Remove(t.Context(), at("none")) }, files.ErrNotFound},
		"remove below":        {func() error { return s.f.Remove(t.Context(), at("none/none")) }, files.ErrNotFound},
	} {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := s.names(""); !slices.Equal(got, []string{"dir"}) {
		t.Errorf("%q", got)
	}
	if e, err := s.f.Mkdir(t.Context(), at("a/b/c")); err != nil || e.Path != "a/b/c" || e.Name != "c" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestLargeFilesTravelInPieces(t *testing.T) {
	s := newSpace(t)
	for _, size := range []int{0, 1, 2<<20 - 1, 2 << 20, 2<<20 + 1, 10 << 20} {
		data := make([]byte, size)
		rand.Read(data)
		in, err := s.upload(at(""), "large", bytes.NewReader(data))
		if err != nil || len(in) != 1 || in[0].Size != int64(size) {
			t.Fatalf("%d: %+v, %v", size, in, err)
		}
		got, err := s.download(at("large"))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
	if s.most > 2<<20+1024 {
		t.Errorf("%d bytes at once", s.most)
	}
}

func TestAnUploadKeepsRightsAndLinks(t *testing.T) {
	s := newSpace(t)
	s.write("run.sh", "old")
	if err := os.Chmod(filepath.Join(s.dir, "run.sh"), 0o750); err != nil {
		t.Fatal(err)
	}
	s.link("run.sh", "link.sh")
	if _, err := s.upload(at(""), "link.sh", strings.NewReader("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(s.dir, "run.sh"))
	if err != nil || info.Mode() != 0o750 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if b, err := s.download(at("run.sh")); string(b) != "new" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if to, err := os.Readlink(filepath.Join(s.dir, "link.sh")); to != "run.sh" || err != nil {
		t.Errorf("%q, %v", to, err)
	}
}

// cutAfter is a body whose client hangs up.
type cutAfter struct{ n int }

func (c *cutAfter) Read(b []byte) (int, error) {
	if c.n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := min(c.n, len(b))
	c.n -= n
	return n, nil
}

func TestAnUploadThatEndsEarlyLeavesNothing(t *testing.T) {
	s := newSpace(t)
	s.write("a.txt", "old")
	for name, last := range map[string]struct {
		data io.Reader
		want error
	}{
		"cut":       {&cutAfter{3 << 20}, io.ErrUnexpectedEOF},
		"cut early": {&cutAfter{10}, io.ErrUnexpectedEOF},
		"too large": {io.LimitReader(zeros{}, 101<<20), files.ErrTooLarge},
	} {
		up, err := s.f.Upload(t.Context(), at(""))
		if err != nil {
			t.Fatal(err)
		}
		if err := up.Add(t.Context(), "a.txt", strings.NewReader("new")); err != nil {
			t.Fatal(err)
		}
		if err := up.Add(t.Context(), "b.txt", last.data); !errors.Is(err, last.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.names("")) < 2 || !slices.Equal(s.listed(at("")), []string{"f a.txt"}) {
			t.Errorf("%s: on the way there are %q", name, s.names(""))
		}
		up.Drop(t.Context())
		if got := s.names(""); !slices.Equal(got, []string{"a.txt"}) {
			t.Errorf("%s leaves %q", name, got)
		}
	}
	if b, err := s.download(at("a.txt")); string(b) != "old" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	// What a daemon that was killed left goes with a later upload; what is on its
	// way stays.
	s.write(".volundr-upload-old", "x")
	s.write(".volundr-upload-new", "x")
	if err := os.Chtimes(filepath.Join(s.dir, ".volundr-upload-old"), time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.upload(at(""), "c.txt", strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if got := s.names(""); !slices.Equal(got, []string{".volundr-upload-new", "a.txt", "c.txt"}) {
		t.Errorf("%q", got)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestADownloadEndsWhenTheFileChanges(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"shorter": func(f string) error { return os.Truncate(f, 2<<20+5) },
		"longer":  func(f string) error { return os.Truncate(f, 9<<20) },
		"replaced": func(f string) error {
			return errors.Join(os.WriteFile(f+".new", make([]byte, 5<<20), 0o644), os.Rename(f+".new", f))
		},
	} {
		s := newSpace(t)
		s.write("file", strings.Repeat("x", 5<<20))
		d, err := s.f.Open(t.Context(), at("file"))
		if err != nil {
			t.Fatal(err)
		}
		if err := change(filepath.Join(s.dir, "file")); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(d); !errors.Is(err, files.ErrMoved) || int64(len(b)) >= d.Size {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// What goes wrong inside is a sentence.
func TestWhatTheSessionSays(t *testing.T) {
	for text, want := range map[string]error{
		"cat: write error: No space left on device":         files.ErrFull,
		"mkdir: cannot create directory: Permission denied": files.ErrDenied,
		"sh: something else":                                files.ErrRefused,
	} {
		f := files.New(func(_ context.Context, _ string, _ wire.Command) (wire.RunResult, error) {
			return wire.RunResult{Exit: 1, Stderr: []byte(text + "\n")}, nil
		})
		if _, err := f.Mkdir(t.Context(), at("x")); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A session's answer is no more than its word.
func FuzzWhatAListSays(f *testing.F) {
	f.Add([]byte("d 4096 1700000000.1234567890 src\x00f 3 -1 a b\x00"))
	f.Fuzz(func(t *testing.T, out []byte) {
		s := files.New(func(context.Context, string, wire.Command) (wire.RunResult, error) {
			return wire.RunResult{Stdout: out}, nil
		})
		entries, _, err := s.List(t.Context(), at("dir"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if c, err := files.Clean(e.Path); err != nil || c != "dir/"+e.Name || e.Size < 0 {
				t.Errorf("%+v", e)
			}
			if _, err := e.Modified.MarshalJSON(); err != nil {
				t.Error(err)
			}
		}
	})
}

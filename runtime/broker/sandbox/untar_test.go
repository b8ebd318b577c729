package sandbox

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// Whatever an archive holds, nothing is laid outside of the workspace, and
// nothing in it but directories and regular files.
func FuzzUntar(f *testing.F) {
	add := func(headers ...tar.Header) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			if w.WriteHeader(&h) == nil {
				w.Write([]byte(strings.Repeat("x", int(h.Size))))
			}
		}
		w.Close()
		f.Add(b.Bytes())
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "a/b", Size: 3, Mode: 0o777}, tar.Header{Typeflag: tar.TypeDir, Name: "a/c/"})
	add(tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/tmp"}, tar.Header{Typeflag: tar.TypeReg, Name: "l/x", Size: 1})
	add(tar.Header{Typeflag: tar.TypeReg, Name: "../x", Size: 1})
	add(tar.Header{Typeflag: tar.TypeReg, Name: "/x", Size: 1}, tar.Header{Typeflag: tar.TypeLink, Name: "y", Linkname: "../out"})
	add(tar.Header{Typeflag: tar.TypeReg, Name: strings.Repeat("d/", 150) + "x", Size: 1, Format: tar.FormatPAX})
	f.Add([]byte(strings.Repeat("\x00", 1024)))
	pub, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		if len(archive) > 1<<20 {
			return
		}
		dir := t.TempDir()
		inside := filepath.Join(dir, "workspace")
		os.Mkdir(inside, 0o755)
		os.WriteFile(filepath.Join(dir, "out"), []byte("out"), 0o644)
		os.Symlink("..", filepath.Join(inside, "up"))
		os.Symlink("../out", filepath.Join(inside, "file"))
		s, err := New(Options{Key: pub, Workspace: inside, Config: wire.Sandbox{LifetimeMS: 1000}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.root.Close()
		_, err = s.untar(".", bytes.NewReader(archive), true)
		if err != nil && !errors.Is(err, errArchive) && !errors.Is(err, wire.ErrPath) && !errors.Is(err, errKind) && !escapes(err) && !errors.As(err, new(*fs.PathError)) {
			t.Errorf("an error of another kind: %v", err)
		}
		list, _ := os.ReadDir(dir)
		if b, _ := os.ReadFile(filepath.Join(dir, "out")); len(list) != 2 || string(b) != "out" {
			t.Errorf("outside there is %v, %q", list, b)
		}
		filepath.WalkDir(inside, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !d.Type().IsRegular() && d.Name() != "up" && d.Name() != "file" {
				t.Errorf("%s is a %s", p, d.Type())
			}
			return err
		})
	})
}

package backup

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
)

// Whatever a file says that is taken for a backup: nothing is laid under a name
// that leads elsewhere, twice, or under another than ours.
func FuzzRead(f *testing.F) {
	var whole bytes.Buffer
	w, err := newWriter(&whole, Info{Format: format})
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{nameDB, nameToken, dirArchives + strings.Repeat("a", 64), dirConfig + "config.yaml"} {
		if err := w.bytes(name, []byte(name)); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:whole.Len()/2])
	for _, h := range []tar.Header{{Name: "../volundr.db"}, {Name: "token", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, {Name: "config/templates/../../x"}, {Name: nameDB, Size: 1 << 40}} {
		var b bytes.Buffer
		t := tar.NewWriter(&b)
		h.Format = tar.FormatPAX
		if err := t.WriteHeader(&h); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		laid := map[string]bool{}
		_, has, err := read(t.Context(), bytes.NewReader(raw), func(name string, size int64, r io.Reader) error {
			if !names.MatchString(name) || strings.Contains(name, "..") || laid[name] {
				t.Fatalf("%q is laid", name)
			}
			laid[name] = true
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err == nil && len(has) != len(laid) {
			t.Errorf("%d laid, %d told", len(laid), len(has))
		}
	})
}

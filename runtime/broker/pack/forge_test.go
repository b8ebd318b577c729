package pack

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// hostile is an entry that no Writer would write.
type hostile struct {
	name, link string
	typ        byte // of tar; 0: a file
}

// forge makes a tar of any entries.
func forge(t testing.TB, entries ...hostile) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if len(entries) == 0 || !strings.HasPrefix(entries[0].name, ".") || entries[0].name[1:] == "./out" {
		entries = append([]hostile{{name: "./", typ: tar.TypeDir}}, entries...)
	}
	for _, e := range entries {
		if e.typ == 0 {
			e.typ = tar.TypeReg
		}
		if err := w.WriteHeader(&tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.typ, Mode: 0o755}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return b.Bytes()
}

func compress(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(b, nil)
}

package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
)

func TestBuildContextIsTheSameEveryTime(t *testing.T) {
	recipe := fstest.MapFS{
		"session/Dockerfile":                {Data: []byte("FROM x"), Mode: 0o400},
		"session/files/etc/skel/.local/set": {Data: []byte("{}"), Mode: 0o777},
		"base/Dockerfile":                   {Data: []byte("not this one")},
	}
	packed, err := buildContext(recipe, "session", []byte("pem"), sessionProgram, []byte("elf"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for r := tar.NewReader(bytes.NewReader(packed)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 0 {
			t.Errorf("%s: owner %d:%d, time %s", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		got[h.Name] = h.Mode
	}
	want := map[string]int64{
		"Dockerfile": 0o644, "files/": 0o755, "files/etc/": 0o755, "files/etc/skel/": 0o755, "files/etc/skel/.local/": 0o755,
		"files/etc/skel/.local/set": 0o644, "ca.crt": 0o644, "volundr-session": 0o755,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDigestCoversNamesContentAndNotes(t *testing.T) {
	base := fstest.MapFS{"base/a": {Data: []byte("1")}, "base/b": {Data: []byte("2")}, "other": {Data: []byte("3")}}
	seen := map[string]string{}
	for name, change := range map[string]struct {
		files fstest.MapFS
		note  string
	}{
		"as it is": {base, "arch amd64"},
		"note":     {base, "arch arm64"},
		"content":  {fstest.MapFS{"base/a": {Data: []byte("x")}, "base/b": {Data: []byte("2")}}, "arch amd64"},
		"name":     {fstest.MapFS{"base/a": {Data: []byte("1")}, "base/c": {Data: []byte("2")}}, "arch amd64"},
	} {
		sum, err := digestFiles(change.files, "base", change.note)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[sum]; ok {
			t.Errorf("%q and %q give the same digest", name, other)
		}
		seen[sum] = name
	}
	outside := fstest.MapFS{"base/a": {Data: []byte("1")}, "base/b": {Data: []byte("2")}, "other": {Data: []byte("x")}}
	if sum, _ := digestFiles(outside, "base", "arch amd64"); seen[sum] != "as it is" {
		t.Error("a file outside of the folder counts")
	}
}

func TestCABundle(t *testing.T) {
	pem := filepath.Join(t.TempDir(), "ca.pem")
	write(t, pem, "-----BEGIN CERTIFICATE-----\n")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	write(t, empty, "")
	tests := []struct {
		name, file string
		env        map[string]string
		from       string
		fails      bool
	}{
		{name: "none"},
		{name: "named", file: pem, env: map[string]string{"SSL_CERT_FILE": empty}, from: pem},
		{name: "named and missing", file: pem + ".none", fails: true},
		{name: "named and no PEM", file: empty, fails: true},
		{name: "the environment's", env: map[string]string{"SSL_CERT_FILE": pem}, from: pem + " (from SSL_CERT_FILE)"},
		{name: "the next of the environment", env: map[string]string{"SSL_CERT_FILE": "/does/not/exist", "NODE_EXTRA_CA_CERTS": pem}, from: pem + " (from NODE_EXTRA_CA_CERTS)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, from, err := caBundle(tt.file, func(name string) string { return tt.env[name] })
			if from != tt.from || (len(got) > 0) != (tt.from != "") || errors.Is(err, runtime.ErrInvalid) != tt.fails {
				t.Errorf("from %q, %d bytes, %v", from, len(got), err)
			}
		})
	}
}

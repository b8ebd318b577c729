package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/ui/client"
)

// FuzzSandboxBody: whatever is sent, a request is either taken with every value
// within its bounds, or told what is wrong with it, as JSON.
func FuzzSandboxBody(f *testing.F) {
	for _, seed := range []string{``, `null`, `{}`, `[]`, `"x"`, `{"cmd":"true"}`, `{"cmd":1,"timeout_ms":"60"}`, `{"cmd":"a","timeout_ms":1e3}`,
		`{"cmd":"a","timeout_ms":99999999999999999999}`, `{"cmd":"a","timeout_ms":-1}`, `{"files":[{"path":"a","file_id":"b"}],"cmd":"\u0000"}`, `{"files":[1,null,[]],"cmd":"a"}`,
		`{"cmd":"a","open":"YES"}`, `{"cmd":"a","open":2}`, `{"cmd":"a","cpus":1e400}`, `{"cmd":"a"}{`, `{"cmd":"a"`, "{\"cmd\":\"\xff\"}", `{"cmd":"a","cmd":2}`, strings.Repeat(`[`, 20_000)} {
		f.Add(seed, "application/json")
	}
	f.Add(`{"cmd":"a"}`, "application/x-www-form-urlencoded")
	f.Add(`{"cmd":"a"}`, "application/json; charset=\x00")
	e := echo.New()
	f.Fuzz(func(t *testing.T, body, kind string) {
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		req.Header = http.Header{"Content-Type": {kind}}
		var cmd string
		var ms int
		var cpus float64
		var open bool
		var staged []client.StagedFile
		err := strict(e.NewContext(req, httptest.NewRecorder()),
			rule{"cmd", true, text(&cmd)}, rule{"timeout_ms", false, whole(&ms, 0, 1000)}, rule{"cpus", false, decimal(&cpus, 0, 8)}, rule{"open", false, yes(&open)},
			rule{"files", false, each(func() []rule {
				staged = append(staged, client.StagedFile{})
				last := &staged[len(staged)-1]
				return []rule{{"path", true, text(&last.Path)}, {"file_id", true, text(&last.FileID)}}
			})})
		if err == nil {
			if ms < 0 || ms > 1000 || cpus < 0 || cpus > 8 || !utf8.ValidString(cmd) {
				t.Errorf("%q was taken as %q, %d ms, %g CPUs", body, cmd, ms, cpus)
			}
			return
		}
		readable(t, err)
	})
}

// readable checks that an error is one that a client can read.
func readable(t *testing.T, err error) {
	t.Helper()
	status, detail, known := answer(err)
	if !known || status < 400 || status >= 500 {
		t.Fatalf("%d: %v", status, err)
	}
	raw, err := json.Marshal(map[string]any{"detail": detail})
	if err != nil {
		t.Fatal(err)
	}
	var read struct{ Detail json.RawMessage } // numbers are told as they were sent, however large
	if err := json.Unmarshal(raw, &read); err != nil || len(read.Detail) == 0 {
		t.Errorf("nobody can read %s: %v", raw, err)
	}
}

// FuzzUploadForm: of any form either a file with a name that can be kept is
// read, or it is told what is wrong with it.
func FuzzUploadForm(f *testing.F) {
	const bound = "b"
	part := func(head, body string) string { return "--b\r\n" + head + "\r\n\r\n" + body + "\r\n--b--\r\n" }
	for _, seed := range []string{``, `--b--`, "--b\r\n", part(`Content-Disposition: form-data; name="file"; filename="a.txt"`, "x"),
		part(`Content-Disposition: form-data; name="file"`, "x"), part(`Content-Disposition: form-data; name="file"; filename=""`, ""),
		part(`Content-Disposition: form-data; name="file"; filename="../../etc/passwd"`, "x"), part(`Content-Disposition: form-data; name="file"; filename*=utf-8''%00%0a%2e%2e`, "x"),
		part(`Content-Disposition: form-data; name="file"; filename="`+strings.Repeat("é", 2000)+`"`, "x"), part("Content-Disposition: form-data; name=\"file\"; filename=\"a\xff\"\r\nContent-Transfer-Encoding: quoted-printable", "=41=zz"),
		part(`Content-Disposition: form-data; name="other"; filename="a"`, "x"), strings.Repeat("--b\r\n\r\n\r\n", 200)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, name, err := filePart(multipart.NewReader(bytes.NewReader(body), bound))
		if err != nil {
			readable(t, err)
			return
		}
		if len(name) > maxFileName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("a file may be called %q", name)
		}
		if n, err := io.Copy(io.Discard, p); n > int64(len(body)) || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Logf("%d bytes, %v", n, err) // told by upload
		}
	})
}

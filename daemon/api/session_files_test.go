package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket/wsjson"

	"volundr/daemon/auth"
	"volundr/daemon/files"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// shelf is a session whose workspace and home are folders of this machine.
type shelf struct {
	*world
	owner     who
	s         belongings
	dir, home string
}

func newShelf(t *testing.T) *shelf {
	w := &shelf{world: newWorld(t), dir: t.TempDir(), home: t.TempDir()}
	w.owner = w.person("ann", "default", store.RoleDeveloper)
	w.s = w.belongings(w.owner.p)
	sv := serving(w.options)
	sv.inside = files.New(func(ctx context.Context, id string, c wire.Command) (wire.RunResult, error) {
		if id != w.s["session"] {
			t.Errorf("session %q", id)
		}
		argv := slices.Clone(c.Argv)
		argv[4] = map[string]string{"/workspace": w.dir, "/home/volundr": w.home}[argv[4]]
		return ranAsInside(exec.CommandContext(ctx, argv[0], argv[1:]...), c)
	})
	h := w.options.Auth.Guard(sv.router())
	w.handler.Store(&h)
	return w
}

// send asks for a path of the session's files.
func (w *shelf) send(x who, method, path, kind string, body io.Reader) (*http.Response, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, x.base+"/s/"+w.s["session"]+"/api/files"+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	x.present(req)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, b
}

// filesForm is an upload of files, name and content in turn.
func filesForm(t *testing.T, field string, named ...string) (string, io.Reader) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if err := m.WriteField("note", "of no effect"); err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(named); i += 2 {
		p, err := m.CreatePart(map[string][]string{"Content-Disposition": {mime.FormatMediaType("form-data", map[string]string{"name": field, "filename": named[i]})}})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(p, named[i+1])
	}
	m.Close()
	return m.FormDataContentType(), &b
}

func entriesIn(t *testing.T, raw []byte) (out []client.FileEntry) {
	t.Helper()
	var v client.FileEntries
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v.Entries
}

// A person's browser, and a program with a token, bring files in, see them, take
// them out, and delete them.
func TestFilesGoInAndOutOfASession(t *testing.T) {
	w := newShelf(t)
	large := make([]byte, 10<<20)
	rand.Read(large)
	content := map[string]string{"a b.txt": "text", "-rf": "dash", "日本.html": "<script>alert(1)</script>", "empty": "", "new\nline": "odd", `"q".txt`: "quoted", "large.bin": string(large)}
	for _, x := range []who{w.owner, w.program(w.owner, auth.ScopeWork, time.Hour)} {
		res, body := w.send(x, "POST", "/mkdir", "application/json", strings.NewReader(`{"path":"über/dir"}`))
		var made client.FileEntry
		if err := json.Unmarshal(body, &made); err != nil || res.StatusCode != 200 || made.Path != "über/dir" || made.Name != "dir" || made.Type != "directory" {
			t.Fatalf("%s: %d %s", x.name, res.StatusCode, body)
		}
		var named []string
		for name, text := range content {
			named = append(named, name, text)
		}
		kind, data := filesForm(t, "files", named...)
		res, body = w.send(x, "POST", "/upload?path="+url.QueryEscape("über/dir"), kind, data)
		if got := entriesIn(t, body); res.StatusCode != 200 || len(got) != len(content) {
			t.Fatalf("%s: %d %s", x.name, res.StatusCode, body)
		}
		res, body = w.send(x, "GET", "?root=workspace&path="+url.QueryEscape("über/dir"), "", nil)
		got := entriesIn(t, body)
		if res.StatusCode != 200 || len(got) != len(content) {
			t.Errorf("%s: %d %s", x.name, res.StatusCode, body)
		}
		for _, e := range got {
			text, ok := content[e.Name]
			if !ok || e.Type != "file" || e.Size != int64(len(text)) || e.Path != "über/dir/"+e.Name || time.Since(e.Modified).Abs() > time.Hour {
				t.Errorf("%+v", e)
			}
			res, body := w.send(x, "GET", "/download?path="+url.QueryEscape(e.Path), "", nil)
			h := res.Header
			if res.StatusCode != 200 || string(body) != text || res.ContentLength != int64(len(text)) {
				t.Errorf("%s: %q: %d, %d of %d bytes", x.name, e.Name, res.StatusCode, len(body), res.ContentLength)
			}
			disposition, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
			if err != nil || disposition != "attachment" || params["filename"] != e.Name || h.Get("Content-Type") != "application/octet-stream" ||
				h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("a browser could render %q here: %v, %v", e.Name, h, err)
			}
		}
		res, body = w.send(x, "DELETE", "?path="+url.QueryEscape("über"), "", nil)
		if res.StatusCode != 200 || strings.TrimSpace(string(body)) != `{"deleted":"über"}` {
			t.Errorf("%s: %d %s", x.name, res.StatusCode, body)
		}
		if left, err := os.ReadDir(w.dir); err != nil || len(left) != 0 {
			t.Errorf("%s: %v, %v", x.name, left, err)
		}
	}
}

func TestFilesThatCannotBeReached(t *testing.T) {
	w := newShelf(t)
	if err := errors.Join(os.WriteFile(filepath.Join(w.dir, "a.txt"), []byte("old"), 0o644), os.Mkdir(filepath.Join(w.dir, "dir"), 0o755),
		os.Symlink("/etc", filepath.Join(w.dir, "etc")), os.WriteFile(filepath.Join(w.home, "login"), []byte("kept"), 0o600)); err != nil {
		t.Fatal(err)
	}
	text := "application/json"
	for _, c := range []struct {
		do, body string
		status   int
		detail   string
	}{
		{"GET ?path=../x", "", 400, `without a part that is \"..\"`},
		{"GET ?path=/etc", "", 400, "relative"},
		{"GET ?path=etc", "", 400, "leads out"},
		{"GET ?root=etc", "", 400, "'workspace' or 'home'"},
		{"GET ?path=none", "", 404, "nothing at this path"},
		{"GET /download", "", 422, `"loc":["query","path"]`},
		{"GET /download?path=etc/passwd", "", 400, "leads out"},
		{"GET /download?path=a/../../x", "", 400, "relative"},
		{"GET /download?path=dir", "", 400, "not a file"},
		{"GET /download?path=none", "", 404, "nothing at this path"},
		{"POST /mkdir", `{}`, 422, `"loc":["body","path"]`},
		{"POST /mkdir", `{"path":"../x"}`, 400, "relative"},
		{"POST /mkdir", `{"path":"etc/x"}`, 400, "leads out"},
		{"POST /mkdir", `{"path":"dir"}`, 409, "already"},
		{"POST /mkdir", `{"path":"x","root":"etc"}`, 400, "'workspace' or 'home'"},
		{"POST /upload", `{}`, 422, `"loc":["body","files"]`},
		{"DELETE ", "", 422, `"loc":["query","path"]`},
		{"DELETE ?path=", "", 400, "cannot be deleted"},
		{"DELETE ?path=.", "", 400, "cannot be deleted"},
		{"DELETE ?path=dir/..", "", 400, "relative"},
		{"DELETE ?path=etc/passwd", "", 400, "leads out"},
		{"DELETE ?path=none", "", 404, "nothing at this path"},
	} {
		method, path, _ := strings.Cut(c.do, " ")
		if res, body := w.send(w.owner, method, path, text, strings.NewReader(c.body)); res.StatusCode != c.status || !strings.Contains(string(body), c.detail) || !strings.HasPrefix(string(body), `{"detail":`) {
			t.Errorf("%s %s: %d %s", c.do, c.body, res.StatusCode, body)
		}
	}
	kind, data := filesForm(t, "other", "x", "y")
	if res, body := w.send(w.owner, "POST", "/upload", kind, data); res.StatusCode != 422 {
		t.Errorf("no file: %d %s", res.StatusCode, body)
	}
	kind, data = filesForm(t, "files", "../../a.txt", "new")
	if res, body := w.send(w.owner, "POST", "/upload?path=dir", kind, data); res.StatusCode != 200 || entriesIn(t, body)[0].Path != "dir/a.txt" {
		t.Errorf("a name with folders: %d %s", res.StatusCode, body)
	}
	kind, data = filesForm(t, "files", "a.txt", "new", "large", strings.Repeat("x", 101<<20))
	if res, body := w.send(w.owner, "POST", "/upload", kind, data); res.StatusCode != 413 || !strings.Contains(string(body), "100 MB") {
		t.Errorf("too large: %d %s", res.StatusCode, body)
	}
	kind, data = filesForm(t, "files", "a.txt", "new")
	if res, body := w.send(w.owner, "POST", "/upload", kind, io.LimitReader(data, 300)); res.StatusCode != 400 || !strings.Contains(string(body), "broke off") {
		t.Errorf("cut: %d %s", res.StatusCode, body)
	}
	left, err := os.ReadDir(w.dir)
	if b, read := os.ReadFile(filepath.Join(w.dir, "a.txt")); err != nil || read != nil || len(left) != 3 || string(b) != "old" {
		t.Errorf("%q: %v, %v, %v", b, left, err, read)
	}

	// Home is where programs keep their logins: who only looks does not.
	looks := w.program(w.owner, auth.ScopeRead, time.Hour)
	for x, want := range map[*who]int{&w.owner: 200, &looks: 403} {
		for _, path := range []string{"?root=home", "/download?root=home&path=login"} {
			if res, body := w.send(*x, "GET", path, "", nil); res.StatusCode != want {
				t.Errorf("%s: %s: %d %s", x.name, path, res.StatusCode, body)
			}
		}
		if res, body := w.send(*x, "GET", "/download?path=a.txt", "", nil); res.StatusCode != 200 || string(body) != "old" {
			t.Errorf("%s: %d %s", x.name, res.StatusCode, body)
		}
	}
	// A page of another origin cannot have a browser do it.
	foreign := w.owner
	foreign.present = func(r *http.Request) { w.owner.present(r); r.Header.Set("Origin", "http://evil.example") }
	if res, body := w.send(foreign, "DELETE", "?path=a.txt", "", nil); res.StatusCode != 403 {
		t.Errorf("another origin: %d %s", res.StatusCode, body)
	}

	row, err := w.db.SystemSession(t.Context(), w.s["session"])
	if err != nil {
		t.Fatal(err)
	}
	n := row
	n.State = store.Stopped
	if _, err := w.db.Conclude(t.Context(), row, n); err != nil {
		t.Fatal(err)
	}
	for _, do := range []string{"GET ", "GET /download?path=a.txt", "DELETE ?path=a.txt", "POST /upload", "POST /mkdir"} {
		method, path, _ := strings.Cut(do, " ")
		if res, body := w.send(w.owner, method, path, text, strings.NewReader(`{"path":"x"}`)); res.StatusCode != 409 || !strings.Contains(string(body), "is stopped") || !strings.Contains(string(body), "Start it") {
			t.Errorf("stopped: %s: %d %s", do, res.StatusCode, body)
		}
	}
}

// A session that does not answer is told of as such: nothing here is connected.
func TestFilesOfASessionThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	id := w.session("running").ID
	for _, path := range []string{"", "/download?path=x"} {
		if status, body := w.get("/s/" + id + "/api/files" + path); status != 503 || !strings.Contains(body, "does not answer at the moment") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// What a client asks a session is what it asks the daemon, and what the chat says.
func TestASessionsOwnCapabilitiesAndLogs(t *testing.T) {
	w := newWorld(t)
	owner := w.person("ann", "default", store.RoleDeveloper)
	all := w.belongings(owner.p)
	_, body := w.asks(owner, "GET", "/s/"+all["session"]+"/api/capabilities")
	var told, said map[string]any
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	ws := w.opensChatIn(owner, all["session"])
	for said["type"] != "capabilities" {
		said = nil
		if err := wsjson.Read(t.Context(), ws, &said); err != nil {
			t.Fatal(err)
		}
	}
	names := strings.Fields("send_message cli_websocket session_resume interrupt set_model set_thinking_tokens set_permission_mode rewind_files mcp_set_servers permission_requests slash_commands skills")
	for _, name := range names {
		if value, ok := told[name].(bool); !ok || said[name] != value {
			t.Errorf("%s: %v, and the chat says %v", name, told[name], said[name])
		}
	}
	if len(told) != len(names) || len(said) != len(names)+1 || told["send_message"] != true || told["skills"] != false {
		t.Errorf("%v, %v", told, said)
	}
	for _, query := range []string{"", "?lines=5&level=INFO", "?lines=0"} {
		status, body := w.asks(owner, "GET", "/s/"+all["session"]+"/api/logs"+query)
		want, same := w.asks(owner, "GET", Prefix+"/sessions/"+all["session"]+"/logs"+query)
		if status != want || body != same || !strings.Contains(body, `"lines"`) {
			t.Errorf("%s: %d %s, and %d %s", query, status, body, want, same)
		}
	}
}

package api

import (
	"bytes"
	"encoding/json"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volundr/ui/client"
)

// upload gives the id of a file that is kept.
func (w *world) upload(name, content string) string {
	w.t.Helper()
	f, err := w.client.Upload(w.t.Context(), name, strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	return f.ID
}

// form is a form with one file, as its client would send it.
func form(t *testing.T, disposition, content string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	f := multipart.NewWriter(&b)
	part, err := f.CreatePart(map[string][]string{"Content-Disposition": {disposition}})
	if err != nil {
		t.Fatal(err)
	}
	part.Write([]byte(content))
	f.Close()
	return f.FormDataContentType(), b.String()
}

func TestFilesAreKeptAsTheyCame(t *testing.T) {
	w := newWorld(t)
	send := func(disposition, content string) (int, string) {
		kind, body := form(t, disposition, content)
		status, _, answer := w.ask("POST", client.SandboxBase+"/files", body, func(r *http.Request) { r.Header.Set("Content-Type", kind) })
		return status, answer
	}
	for disposition, name := range map[string]string{
		`form-data; name="file"; filename="a \"b\".txt"`: `a "b".txt`,
		`form-data; name="file"; filename=""`:            "unnamed",
		`form-data; name="file"; filename="../../etc/x"`: "../../etc/x",
		`form-data; name="file"; filename="日本.txt"`:      "日本.txt",
	} {
		status, body := send(disposition, "content")
		var f client.UploadedFile
		decodeInto(t, body, &f)
		if status != 201 || f.Name != name || f.Size != 7 {
			t.Errorf("%s: %d %s", disposition, status, body)
			continue
		}
		status, head, body := w.ask("GET", client.SandboxBase+"/files/"+f.ID, "")
		_, params, err := mime.ParseMediaType(head.Get("Content-Disposition"))
		if status != 200 || body != "content" || err != nil || params["filename"] != name || head.Get("Content-Type") != "application/octet-stream" || head.Get("Content-Length") != "7" {
			t.Errorf("%s: %d %q %v", disposition, status, body, head)
		}
	}
	for disposition, want := range map[string]int{`form-data; name="other"; filename="a"`: 422, `form-data; name="file"`: 422} {
		if status, body := send(disposition, "x"); status != want {
			t.Errorf("%s: %d %s", disposition, status, body)
		}
	}
	status, body := send(`form-data; name="file"; filename="big"`, strings.Repeat("x", mebi+1))
	if status != 413 || !strings.Contains(detail(body), "exceeds maximum of 1 MB") {
		t.Errorf("too large: %d %s", status, body)
	}
	if status, body := send(`form-data; name="file"; filename="fits"`, strings.Repeat("x", mebi)); status != 201 {
		t.Errorf("as large as may be: %d %s", status, body)
	}
	kind, cut := form(t, `form-data; name="file"; filename="cut"`, "content")
	if status, _, body := w.ask("POST", client.SandboxBase+"/files", cut[:len(cut)-40], func(r *http.Request) { r.Header.Set("Content-Type", kind) }); status != 400 {
		t.Errorf("cut off: %d %s", status, body)
	}
	left, err := os.ReadDir(filepath.Join(w.dir, "files"))
	if err != nil || len(left) != 5 {
		t.Errorf("%d files lie there, not 5: %v", len(left), err)
	}
}

func TestFilesInside(t *testing.T) {
	w := newWorld(t)
	box, err := w.client.CreateSandbox(t.Context(), client.SandboxCreate{})
	if err != nil {
		t.Fatal(err)
	}
	const name = "a folder/ü?#%.bin"
	content := strings.Repeat("\x00\xff", 100_000)
	if err := w.client.PutSandboxFile(t.Context(), box.ID, name, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := w.client.GetSandboxFile(t.Context(), box.ID, name, &got); err != nil || got.String() != content {
		t.Errorf("%d bytes, %v", got.Len(), err)
	}
	res, err := w.client.Bash(t.Context(), box.ID, client.Bash{Cmd: `wc -c < "` + name + `"; ln -s /etc/passwd link`})
	if err != nil || strings.TrimSpace(res.Stdout) != "200000" {
		t.Errorf("%+v %v", res, err)
	}
	if err := w.client.GetSandboxFile(t.Context(), box.ID, "link", &got); err == nil {
		t.Error("a link out of the workspace was followed")
	}
}

func decodeInto(t *testing.T, body string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), to); err != nil {
		t.Errorf("%s: %v", body, err)
	}
}

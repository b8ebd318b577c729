package e2e

import (
	"bytes"
	"crypto/rand"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volundr/ui/client"
)

// TestFilesGoThroughARunningSession: what is sent to a real session lies there as
// the agent's user's own, and what the agent's user wrote comes back.
func TestFilesGoThroughARunningSession(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	id := p.create(client.SessionCreate{Name: "files", Source: &client.Source{Type: client.SourceGit, Repo: repository(t)}}).ID
	c := p.client()
	ask := func(method, path, kind string, body io.Reader) []byte {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, c.URL+"/s/"+id+"/api/files"+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.Token)
		req.Header.Set("Content-Type", kind)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %v %.500s", method, path, res.StatusCode, err, b)
		}
		return b
	}
	large := make([]byte, 10<<20)
	rand.Read(large)
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("files", "große datei.bin")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(large)
	m.Close()
	ask("POST", "/mkdir", "application/json", strings.NewReader(`{"path":"new/dir"}`))
	ask("POST", "/upload?path=new/dir", m.FormDataContentType(), &form)
	if got := p.inAgent(id, "cd /workspace/new/dir && ls -A && stat -c '%U %a' * && cp * '/home/volundr/-copy'"); got != "große datei.bin\nvolundr 644\n" {
		t.Errorf("%q", got)
	}
	if got := ask("GET", "/download?root=home&path=-copy", "", nil); !bytes.Equal(got, large) {
		t.Errorf("%d bytes came back", len(got))
	}
	if got := string(ask("GET", "?path=new/dir", "", nil)); !strings.Contains(got, `"path":"new/dir/große datei.bin","type":"file","size":10485760`) {
		t.Error(got)
	}
	ask("DELETE", "?path="+url.QueryEscape("new"), "", nil)
	if got := p.inAgent(id, "ls -A /workspace"); strings.Contains(got, "new") || !strings.Contains(got, "README.md") {
		t.Errorf("%q", got)
	}
}

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

// sandboxes is an installation whose sandbox API is used from outside: over
// HTTP, by clients that know only its contract.
type sandboxes struct {
	*product
	v1           *client.Client // of the listener without login, as existing clients use it
	url          string         // of that
	installation string
	place        place
}

// installSandboxes starts a daemon with a sandbox listener; settings stand under
// `sandbox:` in its configuration, two spaces before each line. At the end
// nothing of it may be left in the engine but what waited for its first use.
func installSandboxes(t *testing.T, settings string, env ...string) *sandboxes {
	t.Helper()
	s := &sandboxes{place: sandboxPlace(t)}
	t.Cleanup(func() { // after the daemon has ended: the folder goes, nobody reaps
		for _, c := range s.containers("") {
			if err := s.place.discard(c); err != nil {
				t.Error(err)
			}
		}
	})
	s.product = prepare(t, t.TempDir(), env...)
	t.Cleanup(s.empty)
	listen := freePort(t)
	s.url = "http://" + listen
	s.configure(fmt.Sprintf("sandbox:\n  listen: %s\n  auth: none\n%s", listen, settings))
	s.begin()
	return s
}

// begin starts the daemon and learns what it is called.
func (s *sandboxes) begin() {
	s.t.Helper()
	s.start()
	s.v1 = client.New(s.url, "")
	st, err := s.client().Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	name := regexp.MustCompile(`volundr-([a-z0-9]{8})\.localhost`).FindStringSubmatch(st.UIURL)
	if name == nil {
		s.t.Fatalf("no installation in %q", st.UIURL)
	}
	s.installation = name[1]
}

// empty deletes every sandbox; what was claimed and is still there then was lost
// from sight.
func (s *sandboxes) empty() {
	if s.cmd == nil {
		s.start()
	}
	s.v1 = client.New(s.url, "")
	all, err := s.v1.Sandboxes(context.Background())
	if err != nil {
		s.t.Error(err)
	}
	for _, one := range all {
		if err := s.v1.DeleteSandbox(context.Background(), one.ID); err != nil && !client.NotFound(err) {
			s.t.Errorf("delete %s: %v", one.ID, err)
		}
	}
	for _, one := range all {
		s.eventually(60*time.Second, one.ID+" is gone", func() bool { return len(s.containers(one.ID)) == 0 })
	}
}

// containers gives the names of the installation's sandboxes where they run; name
// narrows to one.
func (s *sandboxes) containers(name string) []string {
	s.t.Helper()
	if s.installation == "" {
		return nil
	}
	all, err := s.place.names(s.installation, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// sandbox gives a new one.
func (s *sandboxes) sandbox(in client.SandboxCreate) string {
	s.t.Helper()
	got, err := s.v1.CreateSandbox(s.t.Context(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.ID
}

// sh runs a command in a sandbox and gives what it printed, both outputs, and
// its exit code; -1 when it ran out of time.
func (s *sandboxes) sh(id, cmd string) (string, int) {
	s.t.Helper()
	got := s.bash(id, cmd)
	if got.ExitCode == nil {
		return got.Stdout + got.Stderr, -1
	}
	return got.Stdout + got.Stderr, *got.ExitCode
}

func (s *sandboxes) bash(id, cmd string) client.BashResult {
	s.t.Helper()
	got, err := s.v1.Bash(s.t.Context(), id, client.Bash{Cmd: cmd, TimeoutMS: 30_000})
	if err != nil {
		s.t.Fatalf("%s: %v", cmd, err)
	}
	return got
}

// answer is one answer of the API.
type answer struct {
	status int
	head   http.Header
	body   string
}

func (a answer) detail() string {
	var e struct {
		Detail any `json:"detail"`
	}
	_ = json.Unmarshal([]byte(a.body), &e)
	text, _ := e.Detail.(string)
	return text
}

// ask sends what a client without login sends, as change leaves it, and follows
// no redirect.
func (s *sandboxes) ask(method, path, body string, change ...func(*http.Request)) answer {
	s.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(req)
	}
	straight := &http.Client{Timeout: limit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := straight.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, string(raw)}
}

// upload gives the API a file, as a form of one part.
func (s *sandboxes) upload(part, name string, content []byte) answer {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	w, err := form.CreateFormFile(part, name)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		s.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.ask("POST", "/v1/files", body.String(), func(r *http.Request) { r.Header.Set("Content-Type", form.FormDataContentType()) })
}

// fileID gives the id of a new upload.
func (s *sandboxes) fileID(content string) string {
	s.t.Helper()
	got, err := s.v1.Upload(s.t.Context(), "file", strings.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	return got.ID
}

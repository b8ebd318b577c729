package e2e

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

// TestSandboxDoors: who may use the API where.
func TestSandboxDoors(t *testing.T) {
	s := installSandboxes(t, "")
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	_, port, _ := strings.Cut(strings.TrimPrefix(s.url, "http://"), ":")
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"a program":                   {func(*http.Request) {}, 200},
		"by its other name":           {host("localhost:" + port), 200},
		"from the address bar":        {header("Sec-Fetch-Site", "none"), 200},
		"a page elsewhere":            {header("Origin", "https://evil.example"), 403},
		"a page of ours":              {header("Origin", s.url), 403},
		"a page without a name":       {header("Origin", "null"), 403},
		"a cross-site image":          {header("Sec-Fetch-Site", "cross-site"), 403},
		"a page on another localhost": {header("Sec-Fetch-Site", "same-site"), 403},
		"a name that leads here":      {host("evil.example:" + port), 421},
	} {
		if a := s.ask("GET", "/v1/sessions", "", c.change); a.status != c.status || a.status >= 400 && a.detail() == "" {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, c.status)
		}
	}
	// The daemon's own address asks for its token, whose sandboxes are not everybody's.
	if _, err := client.New("http://"+s.addr, "").Sandboxes(t.Context()); !client.Unauthorized(err) {
		t.Errorf("without a token: %v", err)
	}
	owned, err := s.client().CreateSandbox(t.Context(), client.SandboxCreate{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.v1.Bash(t.Context(), owned.ID, client.Bash{Cmd: "true"}); !client.NotFound(err) {
		t.Errorf("the token's without it: %v", err)
	}
	if err := s.v1.DeleteSandbox(t.Context(), owned.ID); !client.NotFound(err) {
		t.Errorf("delete the token's without it: %v", err)
	}
	if err := s.client().DeleteSandbox(t.Context(), owned.ID); err != nil {
		t.Errorf("delete it with the token: %v", err)
	}
	// The listener has nothing else.
	for _, path := range []string{"/", "/sessions", client.Base + "/sessions", client.Base + "/status", client.Base + "/credentials"} {
		if a := s.ask("GET", path, ""); a.status != 404 {
			t.Errorf("the sandbox listener has %s: %d", path, a.status)
		}
	}
	if out, err := s.run("status"); err != nil || !strings.Contains(out, s.url) {
		t.Errorf("the open listener does not stand in `status` (%v):\n%s", err, out)
	}
}

// TestOnlyOursAreTouched: a container is one of ours only by name, by labels and
// by our record.
func TestOnlyOursAreTouched(t *testing.T) {
	s := installSandboxes(t, "  pool:\n    size: 0\n")
	ours := s.sandbox(client.SandboxCreate{})
	is, err := s.place.marks(ours)
	if err != nil {
		t.Fatal(err)
	}
	if is["app"] != "code-interpreter" || is["component"] != "session" || is["code-interpreter.expires-at"] == "" {
		t.Errorf("its labels are %q", is)
	}
	contract := func(more ...string) map[string]string {
		all := map[string]string{"app": "code-interpreter", "component": "session", "code-interpreter.expires-at": "1000.5"}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	foreign := map[string]map[string]string{
		"code-session-" + strings.Repeat("a", 32): nil,        // by name
		"code-session-" + strings.Repeat("b", 32): contract(), // and by the contract's labels, expired long ago
		"code-session-" + strings.Repeat("c", 32): contract("volundr.installation", "elsewhere", "volundr.kind", "sandbox",
			"volundr.session", "cccccccc-cccc-cccc-cccc-cccccccccccc"),
	}
	for name, labels := range foreign {
		if err := s.place.foreign(name, ours, labels); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.place.discard(name); err != nil {
				t.Error(err)
			}
		})
	}
	for name := range foreign {
		s.eventually(60*time.Second, name+" runs", func() bool { return s.alive(name) })
	}
	for name := range foreign {
		if a := s.ask("DELETE", "/v1/sessions/"+name, ""); a.status != 404 {
			t.Errorf("delete %s: %d %s", name, a.status, a.body)
		}
		if a := s.ask("POST", "/v1/sessions/"+name+"/bash", `{"cmd":"echo in"}`); a.status != 404 {
			t.Errorf("bash in %s: %d %s", name, a.status, a.body)
		}
	}
	s.kill()
	s.begin() // the reaper runs at start
	ends := s.sandbox(client.SandboxCreate{TTL: 8})
	s.gone(ends) // and has run since
	for name := range foreign {
		if !s.alive(name) {
			t.Errorf("%s is not ours and was ended", name)
		}
	}
}

// TestSandboxLimits: beyond them is a refusal that says when to come again, and
// never a hang.
func TestSandboxLimits(t *testing.T) {
	s := installSandboxes(t, "  networks: [none, open]\n  pool:\n    size: 0\n  files:\n    max_mb: 1\n  limits:\n    sandboxes: 2\n    max_memory_mb: 512\n")
	first := s.sandbox(client.SandboxCreate{MemoryMB: 512, WorkspaceMB: 700})
	if out, _ := s.sh(first, "df -m --output=size /workspace | tail -1"); strings.TrimSpace(out) != "700" {
		t.Errorf("a workspace of 700 MB has %s", out)
	}
	if a := s.ask("POST", "/v1/sessions", `{"memory_mb":513}`); a.status != 422 {
		t.Errorf("more memory than is allowed: %d %s", a.status, a.body)
	}
	open := s.sandbox(client.SandboxCreate{Network: client.SandboxNetworkOpen})
	if out, _ := s.sh(open, "ls /sys/class/net | grep -vx lo"); out == "" {
		t.Error("a sandbox with network has none")
	}
	if out, _ := s.sh(open, "timeout 5 bash -c '</dev/tcp/169.254.169.254/80' && echo reached"); strings.Contains(out, "reached") {
		t.Error("it reaches the metadata address")
	}
	_, err := s.v1.CreateSandbox(t.Context(), client.SandboxCreate{})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != 429 || refused.RetryAfter < time.Second {
		t.Errorf("a third of two: %v, %+v", err, refused)
	}
	if err := s.v1.DeleteSandbox(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	s.eventually(60*time.Second, "there is room again", func() bool {
		_, err := s.v1.CreateSandbox(t.Context(), client.SandboxCreate{})
		return err == nil
	})
	if a := s.upload("file", "big", make([]byte, 1<<20+1)); a.status != 413 || !strings.Contains(a.detail(), "exceeds maximum") {
		t.Errorf("a file beyond the limit: %d %s", a.status, a.body)
	}
	if a := s.upload("file", "fits", make([]byte, 1<<20)); a.status != 201 {
		t.Errorf("a file of just the limit: %d %s", a.status, a.body)
	}
}

package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volundr/runtime"
	"volundr/ui/client"
)

// ask sends a request as change leaves it and gives status, header and body.
func (w *world) ask(method, path, body string, change ...func(*http.Request)) (int, http.Header, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.auth.ProgramOrigin()+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.client.Token)
	for _, c := range change {
		c(req)
	}
	straight := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := straight.Do(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, res.Header, string(raw)
}

func detail(body string) string {
	var e struct {
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal([]byte(body), &e)
	return e.Detail
}

// TestEveryRouteHasADoor asks the router for its routes, so that a new one is
// looked at too: nobody, a foreign host and a foreign page get in nowhere, and
// what does not exist is said as the contract says it.
func TestEveryRouteHasADoor(t *testing.T) {
	w := newWorld(t)
	nobody := func(r *http.Request) { r.Header.Del("Authorization") }
	foreignHost := func(r *http.Request) { r.Host = "evil.example:7420" }
	foreignPage := func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }
	id := uuid.NewString()
	for _, route := range serving(w.options).router().Routes() {
		if Public(httptest.NewRequest(route.Method, route.Path, http.NoBody)) {
			continue
		}
		path := strings.NewReplacer(":sandbox", runtime.SandboxName(id), ":file", id, ":run", id, ":id", id, ":name", "nothing", ":tab", "chat", ":port", "3000", ":number", "7", ":hash", strings.Repeat("0", 64), "*", "x").Replace(route.Path)
		t.Run(route.Method+" "+route.Path, func(t *testing.T) {
			w := *w
			w.t = t
			if status, head, body := w.ask(route.Method, path, "", nobody); status != 401 || head.Get("WWW-Authenticate") != "Bearer" || detail(body) != "Missing Authorization header" {
				t.Errorf("nobody: %d %v %s", status, head["Www-Authenticate"], body)
			}
			if status, _, body := w.ask(route.Method, path, "", foreignHost); status != 421 || detail(body) == "" {
				t.Errorf("a foreign host: %d %s", status, body)
			}
			if status, _, body := w.ask(route.Method, path, "", foreignPage); status != 403 || detail(body) == "" {
				t.Errorf("a foreign page: %d %s", status, body)
			}
			if strings.HasPrefix(route.Path, client.SandboxBase+"/") && strings.Contains(route.Path, ":") {
				status, _, body := w.ask(route.Method, path, `{"cmd":"true","ttl_seconds":1}`, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
				want := "Session '" + runtime.SandboxName(id) + "' not found"
				if strings.Contains(route.Path, ":file") {
					want = "File with ID '" + id + "' not found"
				}
				if status != 404 || detail(body) != want {
					t.Errorf("what is not there: %d %s, want %q", status, body, want)
				}
			} else if strings.Contains(route.Path, ":") {
				status, _, body := w.ask(route.Method, path, "")
				want := "Session not found: " + id
				switch {
				case strings.HasSuffix(route.Path, "/chain"): // of nothing is empty
					if status != 200 || strings.TrimSpace(body) != "[]" {
						t.Errorf("what is not there: %d %s", status, body)
					}
					return
				case route.Method == "POST" && strings.HasSuffix(route.Path, "/timeline"): // what is told is looked at first
					if status != 422 {
						t.Errorf("what is not there: %d %s", status, body)
					}
					return
				case strings.Contains(route.Path, "/repos/prs/"): // of which repository?
					if status != 422 || !strings.Contains(body, `"repo_url"`) {
						t.Errorf("what is not there: %d %s", status, body)
					}
					return
				case strings.HasSuffix(route.Path, "/timeline"):
					want = "No chronicle data for session: " + id
				case route.Method == "GET" && strings.HasSuffix(route.Path, "/sessions/:id/chronicle"):
					want = "No chronicle found for session: " + id
				case strings.Contains(route.Path, "/chronicles/:id") && !strings.HasSuffix(route.Path, "/diff"):
					want = "Chronicle not found: " + id
				case strings.Contains(route.Path, "/users/:id"):
					want = "User not found: " + id
				case strings.Contains(route.Path, "/tenants/:id"):
					want = "Tenant not found: " + id
				case strings.Contains(route.Path, "/logins/:id"):
					want = "Login not found: " + id
				case strings.Contains(route.Path, "/tokens/:id"):
					want = "Token not found: " + id
				case strings.Contains(route.Path, "/found/"):
					want = "Nothing unknown with th"
				case strings.HasSuffix(route.Path, "/reforge"):
					want = "Chronicle not found: " + id
				case strings.Contains(route.Path, "/prompts/:id"):
					want = "Prompt not found: " + id
				case strings.Contains(route.Path, "/trusts/:id"):
					want = "Answer not found: " + id
				case strings.Contains(route.Path, "/integrations/:id"):
					want = "Integration not found: " + id
				case strings.Contains(route.Path, "/presets/:id"):
					want = "Preset not found: " + id
				case strings.Contains(route.Path, "/templates/"):
					want = "Template not found: nothing"
				case strings.Contains(route.Path, "/profiles/"):
					want = "Profile not found: nothing"
				case strings.Contains(route.Path, "/mcp-servers/"):
					want = "MCP server not found: nothing"
				case strings.Contains(route.Path, "/secrets/"):
					want = "Secret not found: nothing"
				case strings.Contains(route.Path, ":name"):
					want = "Credential not found: nothing"
				}
				if status != 404 || !strings.HasPrefix(detail(body), want) {
					t.Errorf("what is not there: %d %s, want %q", status, body, want)
				}
			}
		})
	}
	for _, c := range []struct {
		method, path, detail string
		status               int
	}{
		{"GET", Prefix + "/nothing", "Not Found", 404},
		{"GET", Prefix, "Not Found", 404},
		{"GET", "/nothing", "Not Found", 404},
		{"PUT", Prefix + "/sessions", "Method Not Allowed", 405},
		{"POST", Prefix + "/stats", "Method Not Allowed", 405},
		{"DELETE", Prefix + "/me", "Method Not Allowed", 405},
		{"GET", Prefix + "/sessions/" + id + "/messages", "Method Not Allowed", 405},
	} {
		if status, _, body := w.ask(c.method, c.path, ""); status != c.status || detail(body) != c.detail {
			t.Errorf("%s %s: %d %s, want %d %q", c.method, c.path, status, body, c.status, c.detail)
		}
	}
	for path, want := range map[string]string{"/health": `{"status":"ok","message":null,"version":"0.4.4"}`, "/livez": `{"status":"ok"}`, "/readyz": `{"status":"ok"}`} {
		if status, _, body := w.ask("GET", path, "", nobody); status != 200 || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	wrong := func(r *http.Request) { r.Header.Set("Authorization", "Bearer wrong") }
	if status, _, body := w.ask("GET", Prefix+"/me", "", wrong); status != 401 || detail(body) == "" {
		t.Errorf("a wrong token: %d %s", status, body)
	}
}

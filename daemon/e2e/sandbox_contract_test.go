package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

const unknownSandbox = "code-session-00000000000000000000000000000000"

// wrong is the detail of a value that does not fit its schema.
func wrong(kind, loc string) string {
	return fmt.Sprintf(`{"detail":[{"type":%q,"loc":%s,"msg":"*","input":"*"}]}`, kind, loc)
}

// contract is every status of the sandbox API's contract: $s is a living
// sandbox, $f an uploaded file.
var contract = []struct {
	do, body string
	status   int
	want     string // as fits has it; empty: no body
}{
	{"GET /health", "", 200, `{"status":"ok","message":null,"version":"*"}`},
	{"GET /livez", "", 200, `{}`},
	{"GET /readyz", "", 200, `{}`},
	{"GET /openapi.json", "", 200, `{"openapi":"3.1*","info":{"title":"*","version":"*"}}`},

	// Sessions.
	{"POST /v1/sessions", `{}`, 201, `{"session_id":"code-session-*","expires_at":"*"}`},
	{"POST /v1/sessions", `{"ttl_seconds":86400,"files":[],"unknown":"ignored"}`, 201, `{"session_id":"code-session-*"}`},
	{"POST /v1/sessions", `{"files":[{"path":"a/b.txt","file_id":"$f"},{"path":"./c//d","file_id":"$f"}]}`, 201, `{"session_id":"code-session-*"}`},
	{"POST /v1/sessions", ``, 422, wrong("missing", `["body"]`)},
	{"POST /v1/sessions", `[]`, 422, wrong("model_attributes_type", `["body"]`)},
	{"POST /v1/sessions", `{"ttl_seconds":`, 422, `{"detail":[{"type":"json_invalid","loc":["body","*"],"msg":"JSON decode error"}]}`},
	{"POST /v1/sessions", `{"ttl_seconds":0}`, 422, `{"detail":[{"type":"greater_than_equal","loc":["body","ttl_seconds"],"msg":"Input should be greater than or equal to 1","input":0,"ctx":{"ge":1}}]}`},
	{"POST /v1/sessions", `{"ttl_seconds":86401}`, 422, `{"detail":[{"type":"less_than_equal","loc":["body","ttl_seconds"],"msg":"Input should be less than or equal to 86400","input":86401,"ctx":{"le":86400}}]}`},
	{"POST /v1/sessions", `{"ttl_seconds":"60"}`, 422, wrong("int_type", `["body","ttl_seconds"]`)},
	{"POST /v1/sessions", `{"ttl_seconds":60.0}`, 422, wrong("int_type", `["body","ttl_seconds"]`)},
	{"POST /v1/sessions", `{"ttl_seconds":true}`, 422, wrong("int_type", `["body","ttl_seconds"]`)},
	{"POST /v1/sessions", `{"ttl_seconds":null}`, 422, wrong("int_type", `["body","ttl_seconds"]`)},
	{"POST /v1/sessions", `{"files":[{"path":"a"}]}`, 422, wrong("missing", `["body","files",0,"file_id"]`)},
	{"POST /v1/sessions", `{"files":[{"path":1,"file_id":"$f"}]}`, 422, wrong("string_type", `["body","files",0,"path"]`)},
	{"POST /v1/sessions", `{"files":[{"path":"/etc/x","file_id":"$f"}]}`, 422, `{"detail":"*File paths*"}`},
	{"POST /v1/sessions", `{"files":[{"path":"a/../b","file_id":"$f"}]}`, 422, `{"detail":"*File paths*"}`},
	{"POST /v1/sessions", `{"files":[{"path":"","file_id":"$f"}]}`, 422, `{"detail":"*File paths*"}`},
	{"POST /v1/sessions", `{"files":[{"path":".","file_id":"$f"}]}`, 422, `{"detail":"*File paths*"}`},
	{"POST /v1/sessions", `{"files":[{"path":"a\u0000b","file_id":"$f"}]}`, 422, `{"detail":"*File paths*"}`},
	{"POST /v1/sessions", `{"files":[{"path":"a","file_id":"5f0c2b1e-0000-4000-8000-000000000000"}]}`, 404, `{"detail":"File with ID '5f0c2b1e-0000-4000-8000-000000000000' not found for path 'a'."}`},
	{"POST /v1/sessions", `{"files":[{"path":"a","file_id":"../../../etc/passwd"}]}`, 404, `{"detail":"*not found*"}`},
	{"POST /v1/sessions", `{"files":[{"path":"a","file_id":"/etc/passwd"}]}`, 404, `{"detail":"*not found*"}`},
	{"POST /v1/sessions", `{"network":"open"}`, 422, `{"detail":"*"}`}, // not allowed by this configuration
	{"DELETE /v1/sessions/" + unknownSandbox, "", 404, `{"detail":"*'` + unknownSandbox + `' not found*"}`},
	{"DELETE /v1/sessions/elsewhere", "", 404, `{"detail":"*'elsewhere' not found*"}`},
	{"DELETE /v1/sessions/code-session-..%2f..%2fx", "", 404, `{"detail":"*not found*"}`},
	{"GET /v1/sessions/$s", "", 200, `{"session_id":"$s","expires_at":"*"}`},
	{"GET /v1/sessions/" + unknownSandbox, "", 404, `{"detail":"*not found*"}`},
	{"PATCH /v1/sessions/$s", `{"ttl_seconds":600}`, 200, `{"session_id":"$s","expires_at":"*"}`},
	{"POST /v1/sessions/$s/extend", `{"ttl_seconds":900}`, 200, `{"session_id":"$s","expires_at":"*"}`},
	{"PATCH /v1/sessions/$s", `{"ttl_seconds":86401}`, 422, wrong("less_than_equal", `["body","ttl_seconds"]`)},
	{"PATCH /v1/sessions/" + unknownSandbox, `{"ttl_seconds":60}`, 404, `{"detail":"*not found*"}`},

	// Bash.
	{"POST /v1/sessions/$s/bash", `{"cmd":"echo out; echo err >&2; exit 7"}`, 200, `{"stdout":"out\n","stderr":"err\n","exit_code":7,"timed_out":false,"duration_ms":"*"}`},
	{"POST /v1/sessions/$s/bash", `{"cmd":""}`, 200, `{"stdout":"","stderr":"","exit_code":0,"timed_out":false}`},
	{"POST /v1/sessions/$s/bash", `{"cmd":"no-such-program"}`, 200, `{"exit_code":127}`},
	{"POST /v1/sessions/$s/bash", `{"cmd":"/etc/passwd"}`, 200, `{"exit_code":126}`},
	{"POST /v1/sessions/$s/bash", `{"cmd":"kill -9 $$"}`, 200, `{"exit_code":137,"timed_out":false,"oom_killed":false}`},
	{"POST /v1/sessions/$s/bash", `{"cmd":"echo 'Error: no such container' >&2; exit 1"}`, 200, `{"exit_code":1}`}, // never guessed from what is printed
	{"POST /v1/sessions/$s/bash", `{"cmd":"echo 'container is not running' >&2; exit 125"}`, 200, `{"exit_code":125}`},
	{"POST /v1/sessions/$s/bash", `{"cmd":"cat; pwd; id -u"}`, 200, `{"stdout":"/workspace\n65532\n"}`}, // no input, and whose it is
	{"POST /v1/sessions/$s/bash", `{"cmd":"printf '\\377ok'"}`, 200, `{"stdout":"\ufffdok"}`},
	{"POST /v1/sessions/$s/bash", `{"cmd":"echo begun; sleep 60","timeout_ms":300}`, 200, `{"stdout":"begun\n","exit_code":null,"timed_out":true}`},
	{"POST /v1/sessions/$s/bash", `{}`, 422, wrong("missing", `["body","cmd"]`)},
	{"POST /v1/sessions/$s/bash", `{"cmd":1}`, 422, wrong("string_type", `["body","cmd"]`)},
	{"POST /v1/sessions/$s/bash", `{"cmd":"true","timeout_ms":0}`, 422, wrong("greater_than_equal", `["body","timeout_ms"]`)},
	{"POST /v1/sessions/$s/bash", `{"cmd":"true","timeout_ms":60001}`, 422, `{"detail":"timeout_ms exceeds maximum of 60000 ms"}`},
	{"POST /v1/sessions/" + unknownSandbox + "/bash", `{"cmd":"true"}`, 404, `{"detail":"*'` + unknownSandbox + `' not found*"}`},
	{"POST /v1/sessions/" + unknownSandbox + "/bash/stream", `{"cmd":"true"}`, 404, `{"detail":"*not found*"}`},
	{"DELETE /v1/sessions/$s/runs/none", "", 404, `{"detail":"*"}`},
	{"POST /v1/sessions/$s/runs/none/stdin", "x", 404, `{"detail":"*"}`},

	// Files.
	{"GET /v1/files", "", 200, `{"files":[{"file_id":"$f","filename":"file","size_bytes":8,"upload_time":"*"}]}`},
	{"GET /v1/files/5f0c2b1e-0000-4000-8000-000000000000", "", 404, `{"detail":"File with ID '5f0c2b1e-0000-4000-8000-000000000000' not found"}`},
	{"GET /v1/files/..%2f..%2fetc%2fpasswd", "", 404, `{"detail":"*not found*"}`},
	{"DELETE /v1/files/5f0c2b1e-0000-4000-8000-000000000000", "", 404, `{"detail":"*not found*"}`},
	{"POST /v1/files", `{"file":"x"}`, 422, wrong("missing", `["body","file"]`)},

	// Execute.
	{"POST /v1/execute", `{"timeout_ms":30000,"code":"print('hello')\n6*7"}`, 200, `{"stdout":"hello\n42\n","stderr":"","exit_code":0,"timed_out":false,"duration_ms":"*","files":[]}`},
	{"POST /v1/execute", `{"timeout_ms":30000,"code":"6*7","last_line_interactive":"no"}`, 200, `{"stdout":"","exit_code":0}`},
	{"POST /v1/execute", `{"timeout_ms":30000,"code":"print(input())","stdin":"typed\n"}`, 200, `{"stdout":"typed\n","exit_code":0}`},
	{"POST /v1/execute", `{"timeout_ms":30000,"code":"input()","stdin":null}`, 200, `{"stderr":"*EOFError*","exit_code":1}`},
	{"POST /v1/execute", `{"timeout_ms":30000,"code":"import sys; sys.exit(3)"}`, 200, `{"exit_code":3}`},
	{"POST /v1/execute", `{"timeout_ms":30000,"code":"print(open('in.txt').read())","files":[{"path":"in.txt","file_id":"$f"}]}`, 200, `{"stdout":"contents\n","files":[]}`},
	{"POST /v1/execute", `{"code":"while True: pass","timeout_ms":300}`, 200, `{"exit_code":null,"timed_out":true}`},
	{"POST /v1/execute", `{}`, 422, wrong("missing", `["body","code"]`)},
	{"POST /v1/execute", `{"code":"1","last_line_interactive":"maybe"}`, 422, wrong("bool_parsing", `["body","last_line_interactive"]`)},
	{"POST /v1/execute", `{"code":"1","timeout_ms":60001}`, 422, `{"detail":"timeout_ms exceeds maximum of 60000 ms"}`},
	{"POST /v1/execute", `{"code":"1","files":[{"path":"a","file_id":"nope"}]}`, 404, `{"detail":"*'nope' not found for path 'a'*"}`},
	{"POST /v1/execute", `{"code":"1","files":[{"path":"__main__.py","file_id":"$f"}]}`, 422, `{"detail":"*"}`},
	{"POST /v1/execute/stream", `{"code":"1","files":[{"path":"a","file_id":"nope"}]}`, 404, `{"detail":"*not found*"}`},

	// What is not there.
	{"GET /v1/nothing", "", 404, `{"detail":"Not Found"}`},
	{"GET /v1", "", 404, `{"detail":"Not Found"}`},
	{"PUT /v1/sessions", `{}`, 405, `{"detail":"Method Not Allowed"}`},
	{"GET /v1/execute", "", 405, `{"detail":"Method Not Allowed"}`},
	{"OPTIONS /v1/execute", "", 405, `{"detail":"Method Not Allowed"}`},
	{"POST /v1/files/$f", "", 405, `{"detail":"Method Not Allowed"}`},
}

// TestSandboxContract asks as existing clients do: over HTTP, without a login,
// knowing nothing but the contract.
func TestSandboxContract(t *testing.T) {
	s := installSandboxes(t, "")
	id := s.sandbox(client.SandboxCreate{})
	if !regexp.MustCompile(`^code-session-[0-9a-f]{32}$`).MatchString(id) {
		t.Errorf("a sandbox is called %q", id)
	}
	put := s.upload("file", "file", []byte("contents"))
	if diff := fits(`{"file_id":"*","filename":"file","size_bytes":8}`, put.body); put.status != 201 || diff != "" {
		t.Fatalf("upload: %d %s: %s", put.status, put.body, diff)
	}
	file := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindString(put.body)
	names := strings.NewReplacer("$s", id, "$f", file)
	for _, c := range contract {
		method, path, _ := strings.Cut(names.Replace(c.do), " ")
		a := s.ask(method, path, names.Replace(c.body))
		if a.status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.do, c.body, a.status, a.body, c.status)
			continue
		}
		if diff := fits(names.Replace(c.want), a.body); diff != "" {
			t.Errorf("%s %s: %s\n%s", c.do, c.body, diff, a.body)
		}
		if kind := a.head.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
			t.Errorf("%s: the answer is %s", c.do, kind)
		}
	}
	t.Run("once", func(t *testing.T) { s.once(t, file) })
}

// once are answers that a table cannot hold.
func (s *sandboxes) once(t *testing.T, file string) {
	var health client.SandboxHealth
	health, err := s.v1.SandboxHealth(t.Context())
	if version := regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)`).FindStringSubmatch(health.Version); err != nil || version == nil || !fromFour(version) {
		t.Errorf("clients take version %q for one without sessions (%v)", health.Version, err)
	}
	before := time.Now()
	made, err := s.v1.CreateSandbox(t.Context(), client.SandboxCreate{})
	if err != nil {
		t.Fatal(err)
	}
	if ends := made.Expires().Sub(before); ends < 890*time.Second || ends > 930*time.Second {
		t.Errorf("it ends in %s, want 900 s", ends)
	}
	if a := s.ask("DELETE", "/v1/sessions/"+made.ID, ""); a.status != 204 || a.body != "" {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	if a := s.ask("DELETE", "/v1/sessions/"+made.ID, ""); a.status != 404 {
		t.Errorf("deleted twice: %d %s", a.status, a.body)
	}
	if a := s.ask("POST", "/v1/sessions/"+made.ID+"/bash", `{"cmd":"true"}`); a.status != 404 {
		t.Errorf("bash in a deleted one: %d %s", a.status, a.body)
	}
	if a := s.ask("PUT", "/v1/sessions", `{}`); !strings.Contains(a.head.Get("Allow"), "POST") {
		t.Errorf("405 allows %q", a.head.Get("Allow"))
	}
	if a := s.ask("GET", "/v1/files/", ""); a.status != 307 || !strings.HasSuffix(a.head.Get("Location"), "/v1/files") {
		t.Errorf("a slash at the end: %d, to %q", a.status, a.head.Get("Location"))
	}
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	if a := s.ask("POST", "/v1/sessions", `{}`, form); a.status != 422 || fits(wrong("model_attributes_type", `["body"]`), a.body) != "" {
		t.Errorf("JSON that is sent as a form: %d %s", a.status, a.body)
	}
	a := s.ask("GET", "/v1/files/"+file, "")
	if a.status != 200 || a.body != "contents" || a.head.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.head.Get("Content-Disposition"), "attachment; filename=") {
		t.Errorf("download: %d %v %q", a.status, a.head, a.body)
	}
	if a := s.ask("DELETE", "/v1/files/"+file, ""); a.status != 204 {
		t.Errorf("delete a file: %d %s", a.status, a.body)
	}
	if a := s.ask("GET", "/v1/files/"+file, ""); a.status != 404 {
		t.Errorf("a deleted file: %d %s", a.status, a.body)
	}
}

func fromFour(version []string) bool {
	major, _ := strconv.Atoi(version[1])
	minor, _ := strconv.Atoi(version[2])
	return major > 0 || minor >= 4
}

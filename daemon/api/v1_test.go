package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"volundr/runtime"
	"volundr/ui/client"
)

func wrong(kind, loc, msg string) string {
	return fmt.Sprintf(`{"detail":[{"type":%q,"loc":%s,"msg":%q}]}`, kind, loc, msg)
}

const (
	noObject  = "Input should be a valid dictionary or object to extract fields from"
	noString  = "Input should be a valid string"
	noInteger = "Input should be a valid integer"
)

// sandboxCases are calls of the sandbox API in their order. $file is the file
// that was uploaded before, $session a sandbox, $run the id of a run that waits
// for input, $gone a sandbox that has been deleted.
var sandboxCases = []contractCase{
	{"POST /sessions", ``, 422, wrong("missing", `["body"]`, "Field required")},
	{"POST /sessions", `null`, 422, wrong("missing", `["body"]`, "Field required")},
	{"POST /sessions", `[]`, 422, wrong("model_attributes_type", `["body"]`, noObject)},
	{"POST /sessions", `{`, 422, `{"detail":[{"type":"json_invalid","loc":["body","*"],"msg":"JSON decode error","input":{},"ctx":{"error":"*"}}]}`},
	{"POST /sessions", `{} {}`, 422, `{"detail":[{"type":"json_invalid","loc":["body","*"],"msg":"JSON decode error"}]}`},
	{"POST /sessions", `{"ttl_seconds":0}`, 422, `{"detail":[{"type":"greater_than_equal","loc":["body","ttl_seconds"],"msg":"Input should be greater than or equal to 1","input":0,"ctx":{"ge":1}}]}`},
	{"POST /sessions", `{"ttl_seconds":86401}`, 422, `{"detail":[{"type":"less_than_equal","loc":["body","ttl_seconds"],"msg":"Input should be less than or equal to 86400","input":86401,"ctx":{"le":86400}}]}`},
	{"POST /sessions", `{"ttl_seconds":60.0}`, 422, wrong("int_type", `["body","ttl_seconds"]`, noInteger)},
	{"POST /sessions", `{"ttl_seconds":"60"}`, 422, wrong("int_type", `["body","ttl_seconds"]`, noInteger)},
	{"POST /sessions", `{"ttl_seconds":true}`, 422, wrong("int_type", `["body","ttl_seconds"]`, noInteger)},
	{"POST /sessions", `{"ttl_seconds":null}`, 422, wrong("int_type", `["body","ttl_seconds"]`, noInteger)},
	{"POST /sessions", `{"ttl_seconds":1e3}`, 422, wrong("int_type", `["body","ttl_seconds"]`, noInteger)},
	{"POST /sessions", `{"ttl_seconds":99999999999999999999999}`, 422, wrong("less_than_equal", `["body","ttl_seconds"]`, "Input should be less than or equal to 86400")},
	{"POST /sessions", `{"files":{}}`, 422, wrong("list_type", `["body","files"]`, "Input should be a valid list")},
	{"POST /sessions", `{"files":["a"]}`, 422, wrong("model_attributes_type", `["body","files",0]`, noObject)},
	{"POST /sessions", `{"files":[{"path":1}]}`, 422, `{"detail":[{"type":"string_type","loc":["body","files",0,"path"],"msg":"Input should be a valid string","input":1},{"type":"missing","loc":["body","files",0,"file_id"],"msg":"Field required","input":{"path":1}}]}`},
	{"POST /sessions", `{"files":[{"path":"a","file_id":"does-not-exist"}]}`, 404, said("File with ID 'does-not-exist' not found for path 'a'.")},
	{"POST /sessions", `{"files":[{"path":"a","file_id":"../volundr.db"}]}`, 404, said("File with ID '../volundr.db' not found for path 'a'.")},
	{"POST /sessions", `{"files":[{"path":"a","file_id":"/etc/passwd"}]}`, 404, said("File with ID '/etc/passwd' not found for path 'a'.")},
	{"POST /sessions", `{"files":[{"path":"../a","file_id":"$file"}]}`, 422, `{"detail":"File paths *"}`},
	{"POST /sessions", `{"files":[{"path":"/a","file_id":"$file"}]}`, 422, `{"detail":"File paths *"}`},
	{"POST /sessions", `{"files":[{"path":"","file_id":"$file"}]}`, 422, `{"detail":"File paths *"}`},
	{"POST /sessions", `{"files":[{"path":"a\u0000b","file_id":"$file"}]}`, 422, `{"detail":"File paths *"}`},
	{"POST /sessions", `{"files":[{"path":"./.","file_id":"$file"}]}`, 422, `{"detail":"File paths *"}`},
	{"POST /sessions", `{"network":"lan"}`, 422, wrong("literal_error", `["body","network"]`, "Input should be 'none' or 'open'")},
	{"POST /sessions", `{"network":"open"}`, 422, `{"detail":[{"type":"value_error","loc":["body","network"]}]}`},
	{"POST /sessions", `{"memory_mb":5000}`, 422, wrong("less_than_equal", `["body","memory_mb"]`, "Input should be less than or equal to 4096")},
	{"POST /sessions", `{"cpus":"2"}`, 422, wrong("float_type", `["body","cpus"]`, "Input should be a valid number")},
	{"POST /sessions", `{"unknown":1}`, 201, `{"session_id":"code-session-*","expires_at":"*"}`},
	{"DELETE /sessions/$session", ``, 204, ``},
	{"DELETE /sessions/$session", ``, 404, said("Session '$session' not found")},
	{"POST /sessions", `{"files":[{"path":".//in/./data.txt","file_id":"$file"}],"ttl_seconds":60}`, 201, `{"session_id":"code-session-*","expires_at":"*"}`},

	{"GET /sessions", ``, 200, `{"sessions":[{"session_id":"$session","network":"none"}]}`},
	{"GET /sessions/$session", ``, 200, `{"session_id":"$session","created_at":"*"}`},
	{"GET /sessions/code-session-1", ``, 404, said("Session 'code-session-1' not found")},
	{"GET /sessions/other", ``, 404, said("Session 'other' not found")},
	{"PATCH /sessions/$session", `{"ttl_seconds":120}`, 200, `{"session_id":"$session"}`},
	{"POST /sessions/$session/extend", `{"ttl_seconds":120}`, 200, `{"session_id":"$session"}`},
	{"PATCH /sessions/$session", `{}`, 422, wrong("missing", `["body","ttl_seconds"]`, "Field required")},

	{"POST /sessions/$session/bash", `{"cmd":"cat in/data.txt; pwd >&2"}`, 200, `{"stdout":"uploaded","stderr":"*","exit_code":0,"timed_out":false,"duration_ms":"*","oom_killed":false}`},
	{"POST /sessions/$session/bash", `{"cmd":""}`, 200, `{"stdout":"","exit_code":0}`},
	{"POST /sessions/$session/bash", `{"cmd":"exit 7"}`, 200, `{"exit_code":7}`},
	{"POST /sessions/$session/bash", `{"cmd":"echo no such container >&2; kill -9 $$"}`, 200, `{"exit_code":137}`},
	{"POST /sessions/$session/bash", `{"cmd":"cat","stdin":"whole"}`, 200, `{"stdout":"whole"}`},
	{"POST /sessions/$session/bash", `{"cmd":"cat"}`, 200, `{"stdout":"","exit_code":0}`},
	{"POST /sessions/$session/bash", `{"cmd":"printf 'a\\xffb\\xe2\\x82'"}`, 200, `{"stdout":"a�b�"}`},
	{"POST /sessions/$session/bash", `{"cmd":"echo so far; sleep 100","timeout_ms":300}`, 200, `{"stdout":"so far\n","exit_code":null,"timed_out":true}`},
	{"POST /sessions/$session/bash", `{}`, 422, wrong("missing", `["body","cmd"]`, "Field required")},
	{"POST /sessions/$session/bash", `{"cmd":1}`, 422, wrong("string_type", `["body","cmd"]`, noString)},
	{"POST /sessions/$session/bash", `{"cmd":"a\u0000b"}`, 422, `{"detail":[{"type":"value_error","loc":["body","cmd"]}]}`},
	{"POST /sessions/$session/bash", `{"cmd":"true","timeout_ms":0}`, 422, wrong("greater_than_equal", `["body","timeout_ms"]`, "Input should be greater than or equal to 1")},
	{"POST /sessions/$session/bash", `{"cmd":"true","timeout_ms":60001}`, 422, said("timeout_ms exceeds maximum of 60000 ms")},
	{"POST /sessions/nothing/bash", `{"cmd":"true","timeout_ms":60001}`, 422, said("timeout_ms exceeds maximum of 60000 ms")},
	{"POST /sessions/nothing/bash", `{"cmd":"true"}`, 404, said("Session 'nothing' not found")},
	{"POST /sessions/$session/runs/nothing/stdin", `x`, 404, said("Run 'nothing' not found in session '$session'")},
	{"DELETE /sessions/$session/runs/nothing", ``, 404, said("Run 'nothing' not found in session '$session'")},

	{"PUT /sessions/$session/files/new/a%20b", `bytes`, 204, ``},
	{"PUT /sessions/$session/files/..%2Fa", `bytes`, 422, `{"detail":"File paths *"}`},
	{"PUT /sessions/$session/files//etc/passwd", `bytes`, 422, `{"detail":"File paths *"}`},
	{"GET /sessions/$session/files?path=new", ``, 200, `{"files":[{"path":"new/a b","kind":"file","size_bytes":5,"mode":"0644","modified_at":"*"}]}`},
	{"GET /sessions/$session/files", ``, 200, `{"files":["*","*"]}`},
	{"GET /sessions/$session/files?path=none", ``, 404, said("File 'none' not found in session '$session'")},
	{"GET /sessions/$session/files/none", ``, 404, said("File 'none' not found in session '$session'")},
	{"GET /sessions/$session/files/new", ``, 409, `{"detail":"*"}`},
	{"DELETE /sessions/$session/files/new", ``, 204, ``},
	{"DELETE /sessions/$session/files/new", ``, 404, said("File 'new' not found in session '$session'")},

	{"POST /execute", `{"timeout_ms":60000,"code":"print(1)\n2"}`, 200, `{"stdout":"1\n2\n","stderr":"","exit_code":0,"timed_out":false,"duration_ms":"*","files":[]}`},
	{"POST /execute", `{"timeout_ms":60000,"code":"2","last_line_interactive":"off"}`, 200, `{"stdout":"","exit_code":0}`},
	{"POST /execute", `{"timeout_ms":60000,"code":"open('.out','w').write(input())\nNone","stdin":"x\n","files":[{"path":"in","file_id":"$file"}]}`, 200, `{"exit_code":0,"files":[{"path":".out","kind":"file","file_id":"*"}]}`},
	{"POST /execute", `{"timeout_ms":60000,"code":"import sys; sys.exit(3)"}`, 200, `{"exit_code":3}`},
	{"POST /execute", `{"code":"while True: pass","timeout_ms":300}`, 200, `{"exit_code":null,"timed_out":true}`},
	{"POST /execute", `{"code":"1","last_line_interactive":"perhaps"}`, 422, wrong("bool_parsing", `["body","last_line_interactive"]`, "Input should be a valid boolean, unable to interpret input")},
	{"POST /execute", `{"code":"1","last_line_interactive":[]}`, 422, wrong("bool_type", `["body","last_line_interactive"]`, "Input should be a valid boolean")},
	{"POST /execute", `{"code":"1","stdin":1}`, 422, wrong("string_type", `["body","stdin"]`, noString)},
	{"POST /execute", `{"code":"1","timeout_ms":60001}`, 422, said("timeout_ms exceeds maximum of 60000 ms")},
	{"POST /execute", `{"code":"1","files":[{"path":"__main__.py","file_id":"$file"}]}`, 422, `{"detail":"File paths *"}`},
	{"POST /execute", `{"code":"1","files":[{"path":"a","file_id":"00000000-0000-4000-8000-000000000000"}]}`, 404, said("File with ID '00000000-0000-4000-8000-000000000000' not found for path 'a'.")},
	{"POST /execute/stream", `{"code":"1","files":[{"path":"a","file_id":"00000000-0000-4000-8000-000000000000"}]}`, 404, said("File with ID '00000000-0000-4000-8000-000000000000' not found for path 'a'.")},
	{"POST /execute/stream", `{"code":"1","files":[{"path":"../a","file_id":"$file"}]}`, 422, `{"detail":"File paths *"}`},

	{"POST /files", `{}`, 422, wrong("missing", `["body","file"]`, "Field required")},
	{"GET /files", ``, 200, `{"files":["*","*"]}`},
	{"GET /files/nothing", ``, 404, said("File with ID 'nothing' not found")},
	{"GET /files/..%2Fvolundr.db", ``, 404, `{"detail":"File with ID '*' not found"}`},
	{"DELETE /files/$file", ``, 204, ``},
	{"DELETE /files/$file", ``, 404, said("File with ID '$file' not found")},

	{"DELETE /sessions/$session", ``, 204, ``},
	{"POST /sessions/$session/bash", `{"cmd":"true"}`, 404, said("Session '$session' not found")},
	{"GET /sessions", ``, 200, `{"sessions":[]}`},

	{"GET /nothing", ``, 404, said("Not Found")},
	{"PUT /sessions", ``, 405, said("Method Not Allowed")},
	{"OPTIONS /sessions", ``, 405, said("Method Not Allowed")},
	{"HEAD /sessions", ``, 405, ``},
	{"GET /execute", ``, 405, said("Method Not Allowed")},
}

// toldElsewhere are the routes whose success is told by a test of its own.
var toldElsewhere = []string{
	"POST /files", "GET /files/:file", // TestFilesAreKeptAsTheyCame
	"POST /execute/stream", "POST /sessions/:sandbox/bash/stream", // TestOutputIsToldAsItComes
	"POST /sessions/:sandbox/runs/:run/stdin", "DELETE /sessions/:sandbox/runs/:run", // TestAStreamedCommandTakesInputAndIsCancelled
	"GET /sessions/:sandbox/files/*", // TestFilesInside
}

func TestTheSandboxContract(t *testing.T) {
	w := newWorld(t)
	router := serving(w.options).router()
	proven, session := map[string]bool{}, ""
	file := w.upload("data.txt", "uploaded")
	fill := func(text string) string { return strings.NewReplacer("$session", session, "$file", file).Replace(text) }
	for _, c := range sandboxCases {
		method, path, _ := strings.Cut(fill(c.do), " ")
		status, head, body := w.ask(method, client.SandboxBase+path, fill(c.body), asJSON)
		switch {
		case status != c.status:
			t.Errorf("%s %.200s: %d, want %d: %.300s", c.do, c.body, status, c.status, body)
			continue
		case c.want == "" && body != "":
			t.Errorf("%s: a body: %s", c.do, body)
		case c.want != "" && !strings.HasPrefix(head.Get("Content-Type"), "application/json"):
			t.Errorf("%s: content type %q", c.do, head.Get("Content-Type"))
		case c.want != "":
			if why := fits(fill(c.want), body); why != "" {
				t.Errorf("%s %.200s: %s\n%s", c.do, c.body, why, body)
			}
		}
		if status == http.StatusMethodNotAllowed && (head.Get("Allow") == "" || strings.Contains(head.Get("Allow"), "OPTIONS")) {
			t.Errorf("%s: allow %q", c.do, head.Get("Allow"))
		}
		var made client.Sandbox
		if status == 201 && json.Unmarshal([]byte(body), &made) == nil {
			session = made.ID
		}
		if status < 400 {
			proven[strings.TrimPrefix(pattern(router, method, client.SandboxBase+path), method+" "+client.SandboxBase)] = true
			proven[strings.Replace(pattern(router, method, client.SandboxBase+path), client.SandboxBase, "", 1)] = true
		}
	}
	for _, route := range router.Routes() {
		below, ok := strings.CutPrefix(route.Path, client.SandboxBase)
		key := route.Method + " " + below
		if ok && route.Method != echo.RouteNotFound && !proven[key] && !slices.Contains(toldElsewhere, key) {
			t.Errorf("%s: no case of it succeeds", key)
		}
	}
}

func asJSON(r *http.Request) { r.Header.Set("Content-Type", "application/json") }

func TestRequestsThatAreNotJSONAreRefused(t *testing.T) {
	w := newWorld(t)
	for kind, want := range map[string]int{"application/x-www-form-urlencoded": 422, "text/plain": 422, "application/json; charset=utf-8": 404, "application/ld+json": 404, "": 404} {
		status, _, body := w.ask("POST", client.SandboxBase+"/sessions/nothing/bash", `{"cmd":"true"}`, func(r *http.Request) { r.Header.Set("Content-Type", kind) })
		if status != want {
			t.Errorf("%q: %d %s, want %d", kind, status, body, want)
		}
		if status == 422 && fits(wrong("model_attributes_type", `["body"]`, noObject), body) != "" {
			t.Errorf("%q: %s", kind, body)
		}
	}
}

func TestASlashAtTheEndIsSentOn(t *testing.T) {
	w := newWorld(t)
	status, head, _ := w.ask("POST", client.SandboxBase+"/sessions/?a=b", `{}`, asJSON)
	if status != 307 || head.Get("Location") != client.SandboxBase+"/sessions?a=b" {
		t.Errorf("%d to %q", status, head.Get("Location"))
	}
}

func TestLimitsAndTroubleSayWhenToTryAgain(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		if status, _, body := w.ask("POST", client.SandboxBase+"/sessions", `{}`, asJSON); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	status, head, body := w.ask("POST", client.SandboxBase+"/sessions", `{}`, asJSON)
	if status != 429 || head.Get("Retry-After") == "" || detail(body) == "" {
		t.Errorf("one too many: %d %v %s", status, head, body)
	}
	list, err := w.client.Sandboxes(t.Context())
	if err != nil || len(list) != 4 {
		t.Fatalf("%v %v", list, err)
	}
	if err := w.client.DeleteSandbox(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	for want, not := range map[int]error{503: fmt.Errorf("engine: %w", runtime.ErrUnavailable), 501: fmt.Errorf("sandboxes: %w", runtime.ErrUnsupported)} {
		w.boxes.refuse(not)
		for path, ask := range map[string]string{"/sessions": `{}`, "/execute": `{"code":"1"}`, "/execute/stream": `{"code":"1"}`} {
			status, head, body = w.ask("POST", client.SandboxBase+path, ask, asJSON)
			if status != want || want == 503 && head.Get("Retry-After") == "" || detail(body) == "" {
				t.Errorf("%s, %v: %d %v %s", path, not, status, head, body)
			}
		}
	}
	w.boxes.refuse(nil)
	if status, _, body := w.ask("POST", client.SandboxBase+"/sessions", `{}`, asJSON); status != 201 {
		t.Errorf("again: %d %s", status, body)
	}
}

func TestSandboxNamesHaveOneSpelling(t *testing.T) {
	const id = "0198c7a2-5b1e-7f3a-9c4d-2e8f6a1b3c5d"
	name := runtime.SandboxName(id)
	if got, ok := runtime.SandboxID(name); !ok || got != id {
		t.Errorf("%q %v", got, ok)
	}
	for _, bad := range []string{"", id, strings.ToUpper(name), name + "0", name[:len(name)-1], "code-session-" + id, name[:len(name)-1] + "g", "code-exec-" + name[13:]} {
		if _, ok := runtime.SandboxID(bad); ok {
			t.Errorf("%q is a name", bad)
		}
	}
}

package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// wants asks and fails unless the status is right and the body holds a piece.
func (w *world) wants(method, path, body string, status int, piece string) string {
	w.t.Helper()
	got, _, text := w.ask(method, Prefix+path, body)
	if got != status || !strings.Contains(text, piece) {
		w.t.Errorf("%s %s %s: %d %s, want %d and %s", method, path, body, got, text, status, piece)
	}
	return text
}

func parse[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// What the contract's Appendix A saw of the reference.
func TestTimelineAddsUpAsTheContractSays(t *testing.T) {
	w := newWorld(t)
	s := w.session("demo")
	path := "/chronicles/" + s.ID + "/timeline"
	w.wants("GET", path, "", 404, "No chronicle data for session: "+s.ID)
	w.wants("POST", path, `{"t":3,"type":"file","label":"a.go","action":"created","ins":5,"del":1}`, 201, `"tokens":null`)
	w.wants("POST", path, `{"t":400,"type":"message","label":"hi","tokens":10}`, 201, `"hash":null`)
	w.wants("POST", path, `{"t":401,"type":"git","label":"Fix s3cr3t-v4lue","hash":"abcdef0123"}`, 201, `"label":"Fix [redacted]"`)
	tl := parse[client.Timeline](t, w.wants("GET", path, "", 200, `"token_burn":[0,10]`))
	if diff := cmp.Diff([]client.FileStat{{Path: "a.go", Status: "new", Ins: 5, Del: 1}}, tl.Files); diff != "" {
		t.Error(diff)
	}
	if len(tl.Commits) != 1 || tl.Commits[0].Hash != "abcdef0" || len(tl.Commits[0].Time) != 5 {
		t.Errorf("commits %+v", tl.Commits)
	}
	var first, second client.Timeline
	first = parse[client.Timeline](t, w.wants("GET", path+"?limit=2", "", 200, `"next":`))
	second = parse[client.Timeline](t, w.wants("GET", path+"?limit=5&cursor="+first.Next, "", 200, "abcdef0123"))
	if len(first.Events)+len(second.Events) != len(tl.Events) || second.Next != "" {
		t.Errorf("pages of %d and %d of %d events", len(first.Events), len(second.Events), len(tl.Events))
	}
	if files := parse[client.Timeline](t, w.wants("GET", path+"?type=file,git", "", 200, "")); len(files.Events) != 2 || len(files.TokenBurn) != 2 {
		t.Errorf("of two types: %+v", files)
	}
	for body, field := range map[string]string{
		`{"type":"file","label":"x"}`:                                               `"t"`,
		`{"t":-1,"type":"file","label":"x"}`:                                        `"greater_than_equal"`,
		`{"t":1,"type":"odd","label":"x"}`:                                          `"enum"`,
		`{"t":1,"type":"file","label":""}`:                                          `"string_too_short"`,
		`{"t":1,"type":"git","label":"x","action":"moved"}`:                         `"action"`,
		`{"t":1,"type":"git","label":"x","tokens":-4}`:                              `"tokens"`,
		`{"t":1,"type":"git","label":"x","hash":"` + strings.Repeat("a", 41) + `"}`: `"string_too_long"`,
	} {
		w.wants("POST", path, body, 422, field)
	}
	w.wants("GET", path+"?type=odd", "", 422, `"enum"`)
	w.wants("GET", path+"?cursor=x", "", 422, `"cursor"`)
	w.wants("POST", "/chronicles/unknown/timeline", `{"t":1,"type":"git","label":"x"}`, 404, "Session not found: unknown")
}

func TestChroniclesAreKeptAsTheContractSays(t *testing.T) {
	w := newWorld(t)
	s := w.session("demo")
	w.wants("GET", "/sessions/"+s.ID+"/chronicle", "", 404, "No chronicle found for session: "+s.ID)
	w.wants("POST", "/chronicles", `{}`, 422, `"session_id"`)
	w.wants("POST", "/chronicles", `{"session_id":"unknown"}`, 404, "Session not found: unknown")
	made := parse[client.Chronicle](t, w.wants("POST", "/chronicles", `{"session_id":"`+s.ID+`"}`, 201, `"status":"draft"`))
	at := "/chronicles/" + made.ID
	if again := parse[client.Chronicle](t, w.wants("POST", "/chronicles", `{"session_id":"`+s.ID+`"}`, 201, "")); again.ID != made.ID {
		t.Error("a run has two chronicles")
	}
	w.wants("POST", "/sessions/"+s.ID+"/chronicle", `{"summary":"Did it with s3cr3t-v4lue.","key_changes":["a","b"],"duration_seconds":4}`, 201, `"summary":"Did it with [redacted]."`)
	w.wants("POST", "/sessions/"+s.ID+"/chronicle", `{"duration_seconds":-4}`, 422, `"duration_seconds"`)
	w.wants("PATCH", at, `{"unfinished_work":"Docs.","tags":["x","y"],"summary":null}`, 200, `"unfinished_work":"Docs."`)
	w.wants("PATCH", at, `{"status":"odd"}`, 422, `"status"`)
	got := parse[client.Chronicle](t, w.wants("GET", at, "", 200, `"author":"person"`))
	if *got.Summary != "Did it with [redacted]." || len(got.KeyChanges) != 2 || len(got.Tags) != 2 || *got.SessionID != s.ID {
		t.Errorf("%+v", got)
	}
	for query, n := range map[string]int{
		"": 1, "project=demo": 1, "project=other": 0, "tags=x": 1, "tags=x,y": 1, "tags=x,z": 0, "model_name=other": 0, "q=docs": 1, "q=zebra": 0, "q=%22*": 0,
		"limit=1&offset=1": 0, "session_id=" + s.ID: 1,
	} {
		if list := parse[[]client.Chronicle](t, w.wants("GET", "/chronicles?"+query, "", 200, "")); len(list) != n {
			t.Errorf("?%s: %d chronicles, want %d", query, len(list), n)
		}
	}
	for _, query := range []string{"limit=0", "limit=201", "limit=x", "offset=-1"} {
		w.wants("GET", "/chronicles?"+query, "", 422, `"query"`)
	}
	w.wants("GET", "/chronicles/search?q=docs", "", 200, `{"text":"Docs","hit":true}`)
	w.wants("GET", "/chronicles/search?q=%22%29+OR+%2A%28", "", 200, `[]`)
	w.wants("GET", at+"/chain", "", 200, made.ID)
	w.wants("GET", "/chronicles/unknown/chain", "", 200, `[]`)
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		w.wants(method, "/chronicles/unknown", `{}`, 404, "Chronicle not found: unknown")
	}
	w.wants("DELETE", at, "", 204, "")
	w.wants("GET", at, "", 404, "Chronicle not found: "+made.ID)
}

func TestRawEventsAreKeptAsTheContractSays(t *testing.T) {
	w := newWorld(t)
	s := w.session("demo")
	event := func(typ, data, more string) string {
		return fmt.Sprintf(`{"session_id":%q,"event_type":%q,"timestamp":"2026-01-02T03:04:05Z","sequence":1,"data":%s%s}`, s.ID, typ, data, more)
	}
	w.wants("POST", "/events", event("file_created", `{"path":"a.go","size_bytes":3}`, ""), 201, `"event_type":"file_created"`)
	one := parse[client.RawEvent](t, w.wants("POST", "/events", event("message_assistant", `{"content_preview":"hi"}`, `,"tokens_in":100,"tokens_out":20,"cost":0.5`), 201, `"tokens_in":100`))
	w.wants("POST", "/events/batch", `{"events":[`+event("token_usage", `{"tokens_in":100}`, `,"tokens_in":100`)+`,`+event("error", `{"message":"no"}`, "")+`]}`, 201, `"error"`)
	w.wants("POST", "/events/batch", `{"events":[]}`, 422, `"events"`)
	w.wants("POST", "/events", event("odd", `{}`, ""), 422, "Invalid event_type: odd")
	w.wants("POST", "/events", `{"event_type":"error"}`, 422, `"missing"`)
	w.wants("POST", "/events", event("error", `{}`, `,"cost":1,"duration_ms":-1`), 422, `"duration_ms"`)
	list := parse[[]client.RawEvent](t, w.wants("GET", "/sessions/"+s.ID+"/events", "", 200, one.ID))
	if len(list) != 5 { // and the run's start
		t.Errorf("%d events: %+v", len(list), list)
	}
	w.wants("GET", "/sessions/"+s.ID+"/events?event_type=error&limit=5", "", 200, `"message":"no"`)
	w.wants("GET", "/sessions/"+s.ID+"/events?event_type=odd", "", 422, "Invalid event_type: odd")
	w.wants("GET", "/sessions/"+s.ID+"/events?before=2026-01-02T03:04:05Z", "", 200, `[]`)
	w.wants("GET", "/sessions/"+s.ID+"/events?after=yesterday", "", 422, `"after"`)
	w.wants("GET", "/sessions/"+s.ID+"/events/counts", "", 200, `"error":1,"file_created":1,"message_assistant":1`)
	w.wants("GET", "/sessions/"+s.ID+"/events/tokens", "", 200, `"tokens_in":100,"tokens_out":20,"cost":"0.500000"`)
	w.wants("GET", "/sessions/00000000-0000-4000-8000-000000000000/events", "", 404, "Session not found: 00000000-0000-4000-8000-000000000000")
	w.wants("GET", "/events/health", "", 200, `{"sinks":{"sqlite":true}}`)
}

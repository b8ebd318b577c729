package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/go-cmp/cmp"
)

func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return New(srv.URL+"/", "secret")
}

func TestErrorsAreTheServersSentence(t *testing.T) {
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{404, `{"detail":"Session not found: x"}`, "Session not found: x"},
		{422, `{"detail":[{"type":"value_error","loc":["body","name"],"msg":"Value error, Too long","input":"x"},{"type":"missing","loc":["query",3],"msg":"Field required","input":null}]}`, "name: Too long; query: Field required"},
		{500, "Internal Server Error", "The daemon answered 500 Internal Server Error. It said: Internal Server Error"},
		{502, "", "The daemon answered 502 Bad Gateway."},
		{422, `{"detail":{"errors":["api_key is required","the name is long"]}}`, "The credential is not valid: api_key is required; the name is long."},
	} {
		cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		_, err := cl.Get(t.Context(), "x")
		var e *Error
		if !errors.As(err, &e) || e.Status != c.status || e.Error() != c.want {
			t.Errorf("%d %s: %v, want %s", c.status, c.body, err, c.want)
		}
	}
}

func TestUnreachableDaemonSaysWhatToDo(t *testing.T) {
	cl := serve(t, nil)
	cl.URL = "http://127.0.0.1:1"
	if _, err := cl.List(t.Context(), ListOptions{}); err == nil || !strings.Contains(err.Error(), "volundr up") {
		t.Error(err)
	}
}

func TestRequests(t *testing.T) {
	var got string
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s %s", r.Header.Get("Authorization"), r.Method, r.URL.RequestURI(), strings.TrimSpace(string(b)))
		switch r.Method {
		case "DELETE":
			w.WriteHeader(http.StatusNoContent)
		default:
			io.WriteString(w, map[bool]string{true: "[]", false: "{}"}[r.Method == "GET"])
		}
	})
	if _, err := cl.List(t.Context(), ListOptions{Status: Running, IncludeArchived: true}); err != nil || got != "Bearer secret GET /api/v1/volundr/sessions?include_archived=true&status=running " {
		t.Error(got, err)
	}
	if _, err := cl.Create(t.Context(), SessionCreate{Name: "x"}); err != nil || got != `Bearer secret POST /api/v1/volundr/sessions {"name":"x"}` {
		t.Error(got, err)
	}
	if err := cl.Delete(t.Context(), "a/b"); err != nil || got != "Bearer secret DELETE /api/v1/volundr/sessions/a%2Fb " {
		t.Error(got, err)
	}
}

// The contract's keys are always there, and a source has those of its kind.
func TestSessionHasEveryKey(t *testing.T) {
	b, err := json.Marshal(Session{Source: Source{Type: SourceMount, LocalPath: "/x"}, ActivityMetadata: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for key := range strings.FieldsSeq("id name model source status chat_endpoint code_endpoint created_at updated_at last_active message_count tokens_used pod_name error tracker_issue_id issue_tracker_url preset_id archived_at owner_id tenant_id activity_state activity_metadata") {
		if _, ok := got[key]; !ok {
			t.Errorf("no %s", key)
		}
	}
	want := map[string]any{"type": "local_mount", "local_path": "/x", "paths": []any{}, "node_selector": map[string]any{}}
	if diff := cmp.Diff(want, got["source"]); diff != "" {
		t.Error(diff)
	}
	var m MountMapping
	if err := json.Unmarshal([]byte(`{"host_path":"/a","mount_path":"/b"}`), &m); err != nil || !m.ReadOnly {
		t.Error("a mapping is writable that does not say so")
	}
}

func TestStreamGoesOnAfterABreak(t *testing.T) {
	var asked []string
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		n := 10 * len(asked)
		fmt.Fprintf(w, "id: %d\nevent: session_updated\ndata: {\"id\":\"a\"}\n\nevent: heartbeat\ndata: {}\n\nid: %d\nevent: session_deleted\ndata: {}\n\n", n, n+1)
	})
	var got []string
	for e, err := range cl.Stream(t.Context(), 5) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, fmt.Sprint(e.ID, " ", e.Type)); len(got) == 4 {
			break
		}
	}
	if diff := cmp.Diff([]string{"10 session_updated", "10 heartbeat", "11 session_deleted", "20 session_updated"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"5", "11"}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestStreamEndsOnARefusal(t *testing.T) {
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(401)
		io.WriteString(w, `{"detail":"Log in."}`)
	})
	for _, err := range cl.Stream(t.Context(), 0) {
		if !Unauthorized(err) {
			t.Error(err)
		}
	}
}

func TestChat(t *testing.T) {
	entry := Entry{N: 7, Source: "journal", Run: 1, Type: EntryText, Data: json.RawMessage(`{"block":"b","text":"hi"}`)}
	said := make(chan ChatSend, 4)
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || r.URL.Path != "/s/x/session" {
			w.WriteHeader(401)
			return
		}
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{ChatProtocol}})
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		for range 2 {
			var m ChatSend
			if err := wsjson.Read(r.Context(), conn, &m); err != nil {
				t.Error(err)
			}
			said <- m
		}
		for _, f := range []ChatFrame{{Type: FrameEntry, Entry: entry}, {Type: FrameCaughtUp, Entry: Entry{N: 7}, First: 3}} {
			if err := wsjson.Write(r.Context(), conn, f); err != nil {
				t.Error(err)
			}
		}
		conn.Read(r.Context())
	})
	chat, err := cl.Chat(t.Context(), "x", 6)
	if err != nil {
		t.Fatal(err)
	}
	defer chat.Close()
	prompt := ChatSend{Type: FramePrompt, ID: "p", Blocks: []Block{{Type: "text", Text: "go"}}}
	if err := chat.Send(t.Context(), prompt); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ChatSend{{Type: FrameHello, After: 6}, prompt}, []ChatSend{<-said, <-said}); diff != "" {
		t.Error(diff)
	}
	first, err := chat.Receive(t.Context())
	if diff := cmp.Diff(ChatFrame{Type: FrameEntry, Entry: entry}, first); err != nil || diff != "" {
		t.Error(err, diff)
	}
	second, err := chat.Receive(t.Context())
	if err != nil || second.Type != FrameCaughtUp || second.N != 7 || second.First != 3 {
		t.Error(err, second)
	}
	cl.Token = ""
	if _, err := cl.Chat(t.Context(), "x", 0); !Unauthorized(err) {
		t.Error(err)
	}
}

func TestAttach(t *testing.T) {
	cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{AttachProtocol}})
		if err != nil {
			t.Error(err)
			return
		}
		_, typed, _ := conn.Read(r.Context())
		var size Size
		wsjson.Read(r.Context(), conn, &size)
		conn.Write(r.Context(), websocket.MessageBinary, fmt.Appendf(nil, "%s %s %d", r.URL.Query().Get("cols"), typed, size.Rows))
		wsjson.Write(r.Context(), conn, Exit{Exit: 3})
		conn.Close(websocket.StatusNormalClosure, "")
	})
	tty, err := cl.Attach(t.Context(), "x", Size{Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tty.Write([]byte("ls")); err != nil {
		t.Fatal(err)
	}
	if err := tty.Resize(Size{Cols: 100, Rows: 50}); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(tty)
	if err != nil || string(out) != "80 ls 50" || tty.ExitCode() != 3 {
		t.Errorf("%q, exit %d, %v", out, tty.ExitCode(), err)
	}
}

// Entry types are as the session writes them.
func TestEntryTypesAreDistinct(t *testing.T) {
	types := []string{EntryTurnStart, EntryText, EntryThought, EntryTool, EntryPlan, EntryPermission, EntryPermissionDone, EntryTurnEnd, EntryMode, EntryModel, EntryCommands, EntryUsage, EntryAgent, EntryStalled, EntryError, EntryPorts, EntryFiles, EntryGit, EntryCommand, EntryCheckpoint, EntryRewound, EntryNote, EntryPrompt, EntryAnswer, EntryStop}
	if slices.Sort(types); len(slices.Compact(types)) != 25 {
		t.Error(types)
	}
}

package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/runtime/broker/journal"
	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/wire"
)

const asAgent = "VOLUNDR_TEST_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(asAgent) != "" {
		actAsAgent(os.Stdin, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

// fixture is a conversation with the small agent, behind a real runner.
type fixture struct {
	t       *testing.T
	c       *Conversation
	j       *journal.Journal
	entries []wire.Entry
	reader  *journal.Reader
}

func start(t *testing.T, dir string, stall time.Duration, also ...func(*Options)) *fixture {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(runner.New(slog.New(slog.DiscardHandler)).Handler())
	j, err := journal.Open(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	close(ready)
	o := Options{
		Config:  wire.Config{Agent: wire.Agent{Kind: "acp", Command: []string{exe}, Env: map[string]string{asAgent: "1"}, Mode: "bold"}},
		Journal: j, Log: slog.New(slog.DiscardHandler), Start: runner.NewClient(srv.Listener.Addr().String()).Start,
		Ready: ready, Moved: func() int64 { return 0 }, Dir: os.TempDir(), StallAfter: stall,
	}
	for _, change := range also {
		change(&o)
	}
	c := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait(); j.Close(); srv.Close() })
	return &fixture{t: t, c: c, j: j, reader: j.Read(0)}
}

// await reads the journal until ok says so.
func (f *fixture) await(what string, ok func(wire.Entry) bool) wire.Entry {
	f.t.Helper()
	for _, e := range f.entries {
		if ok(e) {
			return e
		}
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), 90*time.Second) // a machine may be busy
	defer cancel()
	for {
		line, err := f.reader.Next(ctx)
		if err != nil {
			for _, e := range f.entries {
				f.t.Logf("%d %s %s %.200s", e.Seq, e.Turn, e.Type, e.Data)
			}
			f.t.Fatalf("waited for %s: %v", what, err)
		}
		if len(line) > wire.MaxEntry {
			f.t.Errorf("line of %d bytes", len(line))
		}
		var e wire.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			f.t.Fatal(err)
		}
		f.entries = append(f.entries, e)
		if ok(e) {
			return e
		}
	}
}

func of(turn, typ string) func(wire.Entry) bool {
	return func(e wire.Entry) bool { return e.Turn == turn && e.Type == typ }
}

func (f *fixture) prompt(id, text string) {
	f.t.Helper()
	fresh, err := f.c.Prompt(f.t.Context(), wire.Prompt{ID: id, Blocks: []wire.Block{{Type: "text", Text: text}}})
	if err != nil || !fresh {
		f.t.Fatalf("prompt %s: %v %v", id, fresh, err)
	}
}

func data[T any](f *fixture, e wire.Entry) (v T) {
	f.t.Helper()
	if err := json.Unmarshal(e.Data, &v); err != nil {
		f.t.Fatal(err)
	}
	return v
}

func (f *fixture) end(turn string) wire.TurnEnd {
	f.t.Helper()
	return data[wire.TurnEnd](f, f.await("the end of "+turn, of(turn, wire.EntryTurnEnd)))
}

func (f *fixture) text(turn string) (s string) {
	for _, e := range f.entries {
		if of(turn, wire.EntryText)(e) {
			s += data[wire.Text](f, e).Text
		}
	}
	return s
}

func TestTurns(t *testing.T) {
	dir := t.TempDir()
	f := start(t, dir, 0)
	t.Run("the mode asked for is told at once, and set before the first turn", func(t *testing.T) {
		f.prompt("p0", "mode")
		f.end("p0")
		if f.text("p0") != "bold" {
			t.Errorf("the first turn is in mode %q", f.text("p0"))
		}
		for _, e := range f.entries { // a run that ends early must not leave another to the next
			if e.Type == wire.EntryMode && data[wire.Options](f, e).Current != "bold" {
				t.Errorf("told is %s", e.Data)
			}
		}
		f.prompt("p1", "say hello")
		f.end("p1")
		if f.text("p1") != "hello" {
			t.Errorf("text %q", f.text("p1"))
		}
	})
	t.Run("a flood of messages is taken whole", func(t *testing.T) {
		f.prompt("p2", "flood")
		f.end("p2")
		if n := len(strings.Fields(f.text("p2"))); n != 5000 {
			t.Errorf("%d words, want 5000", n)
		}
	})
	t.Run("a huge message is bounded and its content kept beside", func(t *testing.T) {
		f.prompt("p3", "huge")
		if end := f.end("p3"); end.StopReason != "end_turn" {
			t.Errorf("%+v", end)
		}
		tool := data[wire.Tool](f, f.await("the tool", of("p3", wire.EntryTool)))
		if tool.InputBody == "" || len(tool.Content) != 1 || tool.Content[0].Body == "" || tool.Content[0].Size < 1<<20 {
			t.Errorf("tool %.500v", tool)
		}
		b, err := f.j.Body(tool.Content[0].Body)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		var whole wire.Content
		if err := json.NewDecoder(b).Decode(&whole); err != nil || len(whole.Text) < 1<<20 {
			t.Errorf("body of %d bytes %v", len(whole.Text), err)
		}
	})
	t.Run("what a command prints is kept whole once, at its end", func(t *testing.T) {
		f.prompt("p3b", "print")
		f.end("p3b")
		var told, kept int
		for _, e := range f.entries {
			if of("p3b", wire.EntryTool)(e) {
				told++
				if tool := data[wire.Tool](f, e); tool.Content[0].Body != "" {
					kept++
				}
			}
		}
		if told < 2 || kept != 1 {
			t.Errorf("told %d times, kept %d times", told, kept)
		}
	})
	t.Run("an error of the agent is told", func(t *testing.T) {
		f.prompt("p4", "error")
		if end := f.end("p4"); end.StopReason != "error" || !strings.Contains(end.Error, "out of luck") {
			t.Errorf("%+v", end)
		}
	})
	t.Run("cancel closes the open question", func(t *testing.T) {
		f.prompt("p5", "ask")
		q := data[wire.Permission](f, f.await("the question", of("p5", wire.EntryPermission)))
		if string(q.Tool.Input) != `{"command":"rm"}` {
			t.Errorf("question %+v", q)
		}
		f.c.Cancel(t.Context())
		done := data[wire.PermissionDone](f, f.await("its end", of("p5", wire.EntryPermissionDone)))
		if done.ID != q.ID || done.Allowed || done.Option != "" {
			t.Errorf("%+v", done)
		}
		f.end("p5")
		if !strings.Contains(f.text("p5"), "cancelled") {
			t.Errorf("the agent was answered %q", f.text("p5"))
		}
		if err := f.c.Answer(t.Context(), q.ID, "y"); !errors.Is(err, ErrNotOpen) {
			t.Errorf("answer to a closed question: %v", err)
		}
	})
	t.Run("an agent that does not cancel is killed, and its session loaded again", func(t *testing.T) {
		f.prompt("p6", "hang")
		f.prompt("p7", "say after")
		f.await("words", of("p6", wire.EntryText))
		began := time.Now()
		f.c.Cancel(t.Context())
		if end := f.end("p6"); end.StopReason != "cancelled" {
			t.Errorf("%+v", end)
		}
		if took := time.Since(began); took < cancelGrace || took > cancelGrace+5*time.Second {
			t.Errorf("killed after %s", took)
		}
		f.end("p7")
		resumed := f.await("the resumed agent", func(e wire.Entry) bool {
			return e.Type == wire.EntryAgent && strings.Contains(string(e.Data), "resumed")
		})
		if a := data[wire.AgentState](f, resumed); a.Session != "s1" {
			t.Errorf("%+v", a)
		}
		for _, e := range f.entries {
			if strings.Contains(string(e.Data), "history that is sent again") {
				t.Error("the history is in the journal twice")
			}
		}
	})
	t.Run("an agent that dies ends its turn in error and comes back", func(t *testing.T) {
		f.prompt("p8", "die")
		if end := f.end("p8"); end.StopReason != "error" || !strings.Contains(end.Error, "exit 9") {
			t.Errorf("%+v", end)
		}
		f.prompt("p9", "say back")
		f.end("p9")
	})
	t.Run("a bad prompt is refused", func(t *testing.T) {
		for _, p := range []wire.Prompt{{}, {ID: "x"}, {ID: "x", Blocks: []wire.Block{{Type: "video"}}}, {ID: "x", Blocks: []wire.Block{{Type: "image"}}}} {
			if _, err := f.c.Prompt(t.Context(), p); !errors.Is(err, ErrInvalid) {
				t.Errorf("%+v: %v", p, err)
			}
		}
	})
	t.Run("after the end nothing begins", func(t *testing.T) {
		if err := f.c.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.c.Prompt(t.Context(), wire.Prompt{ID: "late", Blocks: []wire.Block{{Type: "text", Text: "x"}}}); !errors.Is(err, ErrNotReady) {
			t.Errorf("prompt after the end: %v", err)
		}
	})
}

func TestATurnWithoutProgressIsTold(t *testing.T) {
	f := start(t, t.TempDir(), 500*time.Millisecond)
	f.prompt("p1", "hang")
	note := data[wire.Note](f, f.await("the stall", of("p1", wire.EntryStalled)))
	if !strings.Contains(note.Message, "no progress") {
		t.Errorf("%+v", note)
	}
	if s := f.c.State(); !s.Busy || s.Detail != note.Message {
		t.Errorf("state %+v", s)
	}
}

func TestAnAgentThatIsNotThereFailsWithASentence(t *testing.T) {
	srv := httptest.NewServer(runner.New(slog.New(slog.DiscardHandler)).Handler())
	defer srv.Close()
	j, err := journal.Open(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	c := New(Options{Config: wire.Config{Agent: wire.Agent{Kind: "acp", Command: []string{"/no/such/agent"}}}, Journal: j, Log: slog.New(slog.DiscardHandler),
		Start: runner.NewClient(srv.Listener.Addr().String()).Start, Ready: make(chan struct{}), Moved: func() int64 { return 0 }, Dir: "/"})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { c.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !c.State().Failed {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("state %+v", c.State())
		}
	}
	if s := c.State(); !strings.Contains(s.Detail, "/no/such/agent cannot be run") {
		t.Errorf("state %+v", s)
	}
}

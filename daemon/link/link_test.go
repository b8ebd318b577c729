package link

import (
	"encoding/json"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

func TestARunBecomesReadyOnce(t *testing.T) {
	w := newWorld(t)
	w.health = wire.Health{Agent: true, Detail: "Waiting for editor and terminal to answer"}
	w.start()
	until(t, "says what it waits for", func() bool { return w.row(w.id).Doing == "Waiting for editor and terminal to answer" })
	if h, ok := w.links.Health(w.id); !ok || h.Editor {
		t.Errorf("health %+v, %v", h, ok)
	}
	if s := w.row(w.id); !s.ReadyAt.IsZero() || s.Activity != "" {
		t.Errorf("not ready, but %v %q", s.ReadyAt, s.Activity)
	}
	before := w.changed.Load()
	w.set(func() { w.health = wire.Health{Agent: true, Editor: true, Terminal: true} })
	until(t, "ready and idle", func() bool { s := w.row(w.id); return !s.ReadyAt.IsZero() && s.Activity == "idle" })
	until(t, "the engine is told", func() bool { return w.changed.Load() > before })
	at := w.row(w.id).ReadyAt

	w.set(func() { w.health.Editor = false })
	until(t, "detail", func() bool { return w.row(w.id).Detail == "The editor does not answer." })
	w.set(func() { w.health.Editor = true })
	until(t, "no detail", func() bool { return w.row(w.id).Detail == "" })

	w.kill()
	w.start()
	until(t, "connected again", func() bool { _, ok := w.links.Health(w.id); return ok })
	if s := w.row(w.id); s.ReadyAt != at {
		t.Errorf("ready at %v, then at %v", at, s.ReadyAt)
	}
}

func TestAFailureThatWillNotHealIsTold(t *testing.T) {
	w := newWorld(t)
	w.health = wire.Health{Failed: true, Detail: "The branch does not exist."}
	w.start()
	until(t, "failed", func() bool {
		h, ok := w.links.Health(w.id)
		return ok && h.Failed && h.Detail == "The branch does not exist."
	})
	w.set(func() { w.run = 7 }) // what answers now is not the run that is kept
	w.cut()
	until(t, "cut", func() bool { _, c := w.links.connected(w.id); return c == nil })
	if h, ok := w.links.Health(w.id); !ok || !h.Failed {
		t.Errorf("forgotten: %+v %v", h, ok)
	}
	w.links.Keep(map[string]int{w.id: 2})
	if h, ok := w.links.Health(w.id); ok {
		t.Errorf("the next run has the health of the last: %+v", h)
	}
	if s := w.row(w.id); !s.ReadyAt.IsZero() {
		t.Error("ready")
	}
}

func TestTheDaemonMayDieAnywhereInATurn(t *testing.T) {
	w := newWorld(t)
	const pieces, share = 400, 23
	let := make(chan struct{}, share) // the agent writes only what it is let
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.write("p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"})
		for i := range pieces {
			<-let
			w.write("p1", wire.EntryText, wire.Text{Block: "b", Text: fmt.Sprintf("%d ", i)})
			if i%50 == 0 {
				w.write("p1", wire.EntryTool, wire.Tool{ID: fmt.Sprint("t", i), Kind: "execute", Title: "go test", Status: "completed"})
			}
		}
		w.write("p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1", StopReason: "end_turn", Model: "claude-sonnet-4-6", Input: 1000, Output: 100})
	}()
	for i := 0; i*share < pieces; i++ {
		w.start()
		n := w.row(w.id).JournalSeq
		for range min(share, pieces-i*share) {
			let <- struct{}{}
		}
		until(t, "some of it", func() bool { return w.row(w.id).JournalSeq > n })
		if i%2 == 0 {
			w.cut()
		}
		w.kill() // while the rest of the share is written
	}
	<-done
	w.start()
	w.caughtUp()
	var text strings.Builder
	for i, e := range w.entries() {
		if e.Seq != int64(i+1) {
			t.Fatalf("entry %d has number %d", i+1, e.Seq)
		}
		if e.Type == wire.EntryText {
			var v wire.Text
			json.Unmarshal(e.Data, &v)
			text.WriteString(v.Text)
		}
	}
	var want strings.Builder
	for i := range pieces {
		fmt.Fprintf(&want, "%d ", i)
	}
	if text.String() != want.String() {
		t.Error("the text is not what was written")
	}
	if s := w.row(w.id); s.TokensUsed != 1100 || s.CostMicros != 4500 {
		t.Errorf("used %d tokens for %d micros", s.TokensUsed, s.CostMicros)
	}
	t.Logf("%d links", w.broker.links)
}

func TestAnotherJournalIsReadFromItsBeginning(t *testing.T) {
	w := newWorld(t)
	w.start()
	for range 5 {
		w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "old"})
	}
	w.caughtUp()
	w.set(func() { w.epoch, w.lines = "e2", nil })
	w.cut()
	for range 3 {
		w.write("p", wire.EntryText, wire.Text{Block: "b", Text: "new"})
	}
	w.caughtUp()
	var got []string
	for _, e := range w.entries() {
		var v wire.Text
		json.Unmarshal(e.Data, &v)
		got = append(got, v.Text)
	}
	if s := strings.Join(got, " "); s != "old old old old old new new new" {
		t.Errorf("stored: %s", s)
	}
}

func TestHostileLinesDoNotStopTheConversation(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "1"})
	w.raw(`not json`)
	w.raw(`{"seq":3,"run":1,"type":"text","data":{"block":"` + strings.Repeat("x", wire.MaxEntry) + `"}}`)
	w.raw(`{"seq":4,"run":99,"type":"text","data":{"block":"a","text":"of a later run"}}`)
	w.raw(`{"seq":5,"run":1,"type":"prompt","data":{"id":"p9","blocks":[]}}`) // the daemon's own
	w.raw(`{"seq":6,"run":1,"type":"answer","data":{"id":"q","option":"yes"}}`)
	w.raw(`{"seq":7,"run":1,"type":"unheard","data":{}}`)
	w.raw(`{"seq":8,"run":1,"type":"tool","data":{"id":"x","input":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `}}`)
	w.raw("{\"seq\":9,\"run\":1,\"type\":\"text\",\"data\":{\"block\":\"a\",\"text\":\"\xff\"}}")
	w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "10"})
	w.raw(`{"seq":4,"run":1,"type":"text","data":{"block":"a","text":"again"}}`) // the number of another; the stream's next is 12
	w.readTo(10)
	kinds := map[string]int{}
	for _, e := range w.entries() {
		kinds[e.Source+" "+e.Type]++
	}
	if kinds["journal text"] != 2 || kinds["journal error"] != 5 || len(kinds) != 2 {
		t.Errorf("stored %v", kinds)
	}
}

func TestAGapIsToldAndNotBridged(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "1"})
	w.caughtUp()
	w.raw(`{"seq":3,"run":1,"type":"text","data":{"block":"a","text":"3"}}`)
	until(t, "detail", func() bool { return strings.Contains(w.row(w.id).Detail, "a gap after entry 1") })
	if n := len(w.entries()); n != 1 {
		t.Errorf("%d entries", n)
	}
	w.set(func() { w.lines = slices.Clip(w.lines[:1]) })           // a reader may hold the rest
	w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "2"}) // found again
	w.caughtUp()
	until(t, "no detail", func() bool { return w.row(w.id).Detail == "" })
}

func TestEndlessRubbishIsGivenUp(t *testing.T) {
	w := newWorld(t)
	w.start()
	for range maxBad + 50 {
		w.raw("rubbish")
	}
	until(t, "detail", func() bool { return strings.Contains(w.row(w.id).Detail, "cannot be read any more") })
	if n := len(w.entries()); n != maxBad {
		t.Errorf("%d entries", n)
	}
	if _, ok := w.links.Health(w.id); !ok {
		t.Error("the rest of the link is gone too")
	}
}

func TestWhatTheAgentDoesStandsOnTheRow(t *testing.T) {
	w := newWorld(t)
	w.start()
	is := func(kind, text string) {
		t.Helper()
		until(t, kind+" "+text, func() bool { s := w.row(w.id); return s.Activity == kind && s.ActivityText == text })
	}
	is("idle", "")
	w.write("p", wire.EntryTurnStart, wire.TurnStart{Prompt: "p"})
	is("active", "thinking")
	w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "x"})
	is("active", "answering")
	tool := wire.Tool{ID: "t", Kind: "execute", Title: "`go test\n./...`", Status: "pending"}
	w.write("p", wire.EntryTool, tool)
	is("tool_executing", "running `go test ./...`")
	tool.Title, tool.Status = "go vet", "in_progress"
	w.write("p", wire.EntryTool, tool)
	is("tool_executing", "running `go vet`")
	w.set(func() { w.open["q"] = true })
	w.write("p", wire.EntryPermission, wire.Permission{ID: "q", Tool: tool, Options: []wire.Option{{ID: "yes", Kind: "allow_once"}}})
	is("waiting", "asks: running `go vet`")
	w.kill()
	w.start()
	until(t, "connected", func() bool { _, ok := w.links.Health(w.id); return ok })
	is("waiting", "asks: running `go vet`")
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "q", "yes"); err != nil {
		t.Fatal(err)
	}
	is("tool_executing", "running `go vet`")
	tool.Status = "completed"
	w.write("p", wire.EntryPermissionDone, wire.PermissionDone{ID: "q", Option: "yes", Allowed: true})
	w.write("p", wire.EntryTool, tool)
	is("active", "answering")
	w.write("p", wire.EntryMode, wire.Options{Current: "acceptEdits", Options: []wire.Option{{ID: "acceptEdits", Name: "Accept edits"}}})
	w.write("p", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p", StopReason: "end_turn"})
	is("idle", "")
	if s := w.row(w.id); s.Mode != "acceptEdits" || s.ModeName != "Accept edits" {
		t.Errorf("mode %q %q", s.Mode, s.ModeName)
	}
	w.links.Keep(nil)
	is("", "")
}

func TestNeverTwoLinksToOneSession(t *testing.T) {
	w := newWorld(t)
	w.start()
	for i := range 60 {
		run := i%3 + 1
		w.begin(w.id, run)
		w.set(func() { w.run = run })
		w.links.Keep(map[string]int{w.id: run})
		if i%5 == 0 {
			w.links.Keep(nil)
		}
		if i%7 == 0 {
			until(t, "connected", func() bool { w.links.Keep(map[string]int{w.id: run}); _, ok := w.links.Health(w.id); return ok })
		}
	}
	w.links.Keep(map[string]int{w.id: w.run})
	until(t, "connected at last", func() bool { _, ok := w.links.Health(w.id); return ok })
}

func TestOnlyTheKeptRunOfTheSessionIsBelieved(t *testing.T) {
	for name, change := range map[string]func(*broker){
		"another run":      func(b *broker) { b.run = 2 },
		"another protocol": func(b *broker) { b.version = wire.Version + 1 },
		"too old":          func(b *broker) { b.version = wire.Version - 2 },
		"no journal":       func(b *broker) { b.epoch = "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.db.SetReady(t.Context(), w.id, 1, time.Now()); err != nil {
				t.Fatal(err)
			}
			w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "x"})
			w.set(func() { change(w.broker) })
			w.startKeeping(1)
			until(t, "people are told", func() bool { return w.row(w.id).Detail != "" })
			if strings.Contains(name, "protocol") && !strings.Contains(w.row(w.id).Detail, "Stop the session and start it again") {
				t.Errorf("detail %q", w.row(w.id).Detail)
			}
			if _, ok := w.links.Health(w.id); ok || len(w.entries()) != 0 {
				t.Error("it was believed")
			}
			if err := w.links.Cancel(t.Context(), w.id); !errors.Is(err, runtime.ErrUnavailable) {
				t.Errorf("cancel: %v", err)
			}
		})
	}
}

func TestLinksEndWithoutATrace(t *testing.T) {
	w := newWorld(t)
	w.start()
	until(t, "connected", func() bool { _, ok := w.links.Health(w.id); return ok })
	w.kill()
	until(t, "quiet", func() bool { w.broker.mu.Lock(); defer w.broker.mu.Unlock(); return w.link.IsClosed() })
	var before int
	for i := range 8 {
		w.start()
		until(t, "connected", func() bool { _, ok := w.links.Health(w.id); return ok })
		w.kill()
		if i == 2 {
			before = goruntime.NumGoroutine()
		}
	}
	until(t, "no goroutine more than before", func() bool { return goruntime.NumGoroutine() <= before })
	if _, ok := w.links.Health(w.id); ok {
		t.Error("healthy without a link")
	}
}

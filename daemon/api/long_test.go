package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// longTalk is a conversation of n entries that says what is on offer only at
// its beginning: turns of nine pieces of text and one tool.
func longTalk(t *testing.T, n int) (out []store.Entry) {
	t.Helper()
	add := func(turn, typ string, data any) {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, store.Entry{Seq: int64(len(out) + 1), Run: 1, At: time.Now(), Turn: turn, Type: typ, Data: raw})
	}
	add("", wire.EntryMode, wire.Options{Current: "ask", Options: []wire.Option{{ID: "ask", Name: "Always ask"}, {ID: "edits", Name: "Accept edits"}}})
	add("", wire.EntryModel, wire.Options{Current: "b", Options: []wire.Option{{ID: "a", Name: "Model A"}, {ID: "b", Name: "Model B"}}})
	add("", wire.EntryUsage, wire.Context{Used: 50, Size: 200})
	add("", wire.EntryPorts, []wire.Port{{Port: 5173, Process: "vite"}})
	for i := 0; len(out) < n; i++ {
		turn := fmt.Sprint("turn", i)
		add(turn, wire.EntryTurnStart, wire.TurnStart{Prompt: turn, Automatic: true, Text: "step " + fmt.Sprint(i)})
		for j := range 3 {
			add(turn, wire.EntryText, wire.Text{Block: turn, Text: fmt.Sprintf("answer %d.%d. ", i, j)})
		}
		if len(out) < n-1 {
			add(turn, wire.EntryTurnEnd, wire.TurnEnd{Prompt: turn, StopReason: "end_turn"})
		}
	}
	return out[:n]
}

func (w *world) talk(s store.Session, entries []store.Entry) {
	w.t.Helper()
	for len(entries) > 0 {
		n := min(2000, len(entries))
		if _, err := w.db.AppendJournal(w.t.Context(), s.ID, "e", entries[:n]); err != nil {
			w.t.Fatal(err)
		}
		entries = entries[n:]
	}
}

func TestALongConversationOpensAtItsEndWithAllThatHolds(t *testing.T) {
	w := newWorld(t)
	s := w.session("long")
	w.talk(s, longTalk(t, 10_000))
	ctx := w.browser()
	began := time.Now()
	w.do(ctx, chromedp.Navigate(w.auth.ControlOrigin()+"/sessions/"+s.ID))
	w.until(ctx, `document.getElementById('items').lastElementChild?.textContent.includes('step 1999')`)
	t.Logf("the page was there after %v", time.Since(began))
	for what, js := range map[string]string{
		"mode":    `document.querySelector('[data-choice=mode]').value === 'ask'`,
		"model":   `document.querySelector('[data-choice=model]').value === 'b'`,
		"context": `document.getElementById('chat-context').textContent.includes('25%')`,
		"ports":   `document.getElementById('preview-ports').textContent.includes('5173')`,
		"the end": `(s => Math.abs(s.scrollTop) < 2 && s.scrollHeight > s.clientHeight)(document.getElementById('scroll'))`,
		"busy":    `'busy' in document.getElementById('chat-status').dataset && !document.getElementById('stop-turn').hidden`,
	} {
		t.Log(what)
		w.until(ctx, js)
	}

	// What comes by the chat's socket stands beside that.
	if _, err := w.db.AppendJournal(t.Context(), s.ID, "e", []store.Entry{{Seq: 10_001, Run: 1, At: time.Now(), Turn: "turn1999", Type: wire.EntryMode, Data: json.RawMessage(`{"current":"edits"}`)}}); err != nil {
		t.Fatal(err)
	}
	w.until(ctx, `document.querySelector('[data-choice=mode]').value === 'edits' && document.querySelector('[data-choice=model]').value === 'b'`)

	// Scrolling up brings what lies above, again and again, each once.
	for range 3 {
		n, err := chromedp.Run(ctx, chromedp.Evaluate[int](`window.n = document.querySelectorAll('#items > *').length`))
		if err != nil {
			t.Fatal(err)
		}
		w.do(ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById('scroll').scrollTop = -1e7; document.getElementById('scroll').dispatchEvent(new Event('scroll')); undefined`))
		w.until(ctx, `document.querySelectorAll('#items > *').length > window.n`)
		t.Logf("more than %d items", n)
	}
	w.until(ctx, `(ids => new Set(ids).size === ids.length)([...document.querySelectorAll('#items > *')].map(e => e.id))`)
}

func TestProgramsAreToldWhatHoldsFirst(t *testing.T) {
	w := newWorld(t)
	s := w.session("long")
	w.talk(s, longTalk(t, 2_000))
	chat, err := w.client.Chat(t.Context(), s.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer chat.Close()
	var types []string
	var first, last int64
	seen := map[int64]bool{}
	for {
		f, err := chat.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Type == client.FrameCaughtUp {
			first, last = f.First, f.N
			break
		}
		if f.Entry.N <= 1500 {
			types = append(types, f.Entry.Type)
		}
		seen[f.Entry.N] = true
	}
	if got := strings.Join(types, " "); got != "mode model usage ports turn_start turn_end" && got != "mode model usage ports turn_end turn_start" {
		t.Errorf("before the last entries came %q", got)
	}
	if last != 2000 {
		t.Errorf("caught up at %d", last)
	}
	for before := first; before > 1; { // the older ones, by pages, without a gap
		status, body := w.get(fmt.Sprintf("/s/%s/entries?before=%d&limit=500", s.ID, before))
		var page []client.Entry
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 || len(page) == 0 {
			t.Fatalf("%d %s: %v", status, body[:min(len(body), 200)], err)
		}
		for _, e := range page {
			seen[e.N] = true
		}
		before = page[0].N
	}
	if len(seen) != 2000 {
		t.Errorf("%d entries of 2000", len(seen))
	}
}

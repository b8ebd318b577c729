package link

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

func (w *world) attention() Attention {
	w.t.Helper()
	a, err := w.links.Attention(w.t.Context(), w.row(w.id))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func TestWhatNeedsAPersonIsToldUntilItIsSettled(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.write("p", wire.EntryTurnStart, wire.TurnStart{Prompt: "p"})
	w.question("q1")
	w.question("q2")
	if a := w.attention(); len(a.Questions) != 2 || a.Questions[0].ID != "q1" || a.Stall != nil {
		t.Errorf("%+v", a)
	}
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "q1", "yes"); err != nil {
		t.Fatal(err)
	}
	if a := w.attention(); len(a.Questions) != 1 || a.Questions[0].ID != "q2" {
		t.Errorf("an answered question is told: %+v", a)
	}
	w.kill() // no link: the store knows it
	if a := w.attention(); len(a.Questions) != 1 || a.Questions[0].ID != "q2" {
		t.Errorf("without a link: %+v", a)
	}
	w.start()
	w.write("p", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p", StopReason: "end_turn"})
	w.caughtUp()
	until(t, "nothing is told of a turn that ended", func() bool { return len(w.attention().Questions) == 0 })
}

func TestAStallIsToldUntilTheAgentMoves(t *testing.T) {
	w := newWorld(t)
	w.start()
	for name, moves := range map[string]func(){
		"a word": func() { w.write("p", wire.EntryText, wire.Text{Block: "b", Text: "on"}) },
		"what stands in no entry": func() {
			w.set(func() { w.health.Detail = "" })
		},
	} {
		w.write("p", wire.EntryTurnStart, wire.TurnStart{Prompt: "p"})
		w.write("p", wire.EntryTool, wire.Tool{ID: "t", Title: "sleep", Status: "in_progress"})
		w.write("p", wire.EntryStalled, wire.Note{Message: "No progress for 10 minutes."})
		w.set(func() { w.health.Detail = "No progress for 10 minutes." })
		until(t, "stalled", func() bool {
			a := w.attention()
			return a.Stall != nil && a.Stall.Message == "No progress for 10 minutes."
		})
		until(t, "the row says so", func() bool { return w.row(w.id).ActivityText == "makes no progress" })
		until(t, "its health is heard", func() bool { h, _ := w.links.Health(w.id); return h.Detail != "" })
		moves()
		until(t, name, func() bool { return w.attention().Stall == nil })
		until(t, name+" on the row", func() bool { return w.row(w.id).ActivityText != "makes no progress" })
		w.set(func() { w.health.Detail = "" })
		until(t, "its health is heard", func() bool { h, _ := w.links.Health(w.id); return h.Detail == "" })
	}
}

// What a person answers by is what would be done: nothing of it is left out
// without a word.
func TestParticularsAreWholeOrSaidToBeCut(t *testing.T) {
	for _, c := range []struct {
		name string
		tool wire.Tool
		want string
		cut  bool
	}{
		{"what the title says", wire.Tool{Title: "`ls`", Kind: "execute", Input: json.RawMessage(`{"command":"ls"}`)}, "", false},
		{"what it does not", wire.Tool{Title: "List files", Kind: "execute", Input: json.RawMessage(`{"command":"rm -rf /","n":12345678901234567890}`)}, "command: rm -rf /\nn: 12345678901234567890", false},
		{"a title that was shortened", wire.Tool{Title: strings.Repeat("a", 200), Input: json.RawMessage(`{"x":"` + strings.Repeat("a", 200) + `"}`)}, "x: " + strings.Repeat("a", 200), false},
		{"no object", wire.Tool{Input: json.RawMessage(`["a"]`)}, `["a"]`, false},
		{"long", wire.Tool{Input: json.RawMessage(`{"x":"` + strings.Repeat("é", maxDetail) + `"}`)}, "x: " + strings.Repeat("é", maxDetail-4) + "…", true},
		{"cut by the journal", wire.Tool{Input: json.RawMessage(`{"x":"a"}`), InputBody: strings.Repeat("0", 64)}, "x: a", true},
		{"control characters", wire.Tool{Input: json.RawMessage(`{"x":"a\u001b[2Jb\nc\u202e"}`)}, "x: a[2Jb\nc", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, short := particulars(c.tool)
			if d := cmp.Diff(c.want, got); d != "" || short != c.cut {
				t.Errorf("cut %v, %s", short, d)
			}
		})
	}
}

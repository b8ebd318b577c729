package api

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// What the agent says in several blocks does not run together, and what was cut
// and said again stands there once.
func TestTurnsOfAConversation(t *testing.T) {
	var all []store.Entry
	add := func(turn, typ string, data any) {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, store.Entry{Turn: turn, Type: typ, Data: raw})
	}
	add("", store.EntryPrompt, wire.Prompt{ID: "p", Blocks: []wire.Block{{Type: "text", Text: "ask"}}})
	add("p", wire.EntryThought, wire.Text{Block: "t1", Text: "Hm."})
	add("p", wire.EntryText, wire.Text{Block: "b1", Text: "I look "})
	add("p", wire.EntryText, wire.Text{Block: "b1", Text: "first."})
	add("p", wire.EntryText, wire.Text{Block: "b2", Text: "It wa"})
	add("p", wire.EntryText, wire.Text{Block: "b3", Replaces: "b2", Text: "It was "})
	add("p", wire.EntryText, wire.Text{Block: "b3", Text: "this."})
	add("p", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p", StopReason: "end_turn", Model: "m"})
	got := turns(all)
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	got[1].Metadata = nil
	want := client.Turn{ID: "p-answer", Role: "assistant", Content: "I look first.\n\nIt was this.",
		Parts: []client.TurnPart{{Type: "reasoning", Text: "Hm."}, {Type: "text", Text: "I look first."}, {Type: "text", Text: "It was this."}}}
	if d := cmp.Diff(want, got[1]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

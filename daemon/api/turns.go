package api

import (
	"encoding/json"
	"strings"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// turns folds a conversation into the contract's list of turns: one of the
// user per prompt, one of the assistant per answer. Text before tool calls is
// kept, and so is all of the thinking.
func turns(entries []store.Entry) []client.Turn {
	out := []client.Turn{}
	at := map[string]int{} // turn → index of the assistant's turn
	answer := func(e store.Entry) *client.Turn {
		i, ok := at[e.Turn]
		if !ok {
			i = len(out)
			at[e.Turn] = i
			out = append(out, client.Turn{ID: e.Turn + "-answer", Role: "assistant",
				CreatedAt: e.At, Parts: []client.TurnPart{}, Metadata: map[string]any{}})
		}
		return &out[i]
	}
	for _, e := range entries {
		switch e.Type {
		case store.EntryPrompt:
			var p wire.Prompt
			if json.Unmarshal(e.Data, &p) != nil {
				continue
			}
			text := plain(p.Blocks)
			out = append(out, client.Turn{ID: p.ID, Role: "user", Content: text,
				Parts:     []client.TurnPart{{Type: "text", Text: text}},
				CreatedAt: e.At, Metadata: map[string]any{}})
		case wire.EntryText, wire.EntryThought:
			var t wire.Text
			if json.Unmarshal(e.Data, &t) != nil {
				continue
			}
			turn, kind := answer(e), "text"
			if e.Type == wire.EntryThought {
				kind = "reasoning"
			} else {
				turn.Content += t.Text
			}
			if n := len(turn.Parts); n > 0 && turn.Parts[n-1].Type == kind {
				turn.Parts[n-1].Text += t.Text
			} else {
				turn.Parts = append(turn.Parts, client.TurnPart{Type: kind, Text: t.Text})
			}
		case wire.EntryTurnEnd:
			var t wire.TurnEnd
			if json.Unmarshal(e.Data, &t) != nil {
				continue
			}
			turn := answer(e)
			turn.Metadata["model"] = t.Model
			turn.Metadata["cost"] = t.CostUSD
			turn.Metadata["usage"] = map[string]int64{"input_tokens": t.Input, "output_tokens": t.Output,
				"cache_read_input_tokens": t.CacheRead, "cache_creation_input_tokens": t.CacheWrite}
			turn.Metadata["stop_reason"] = t.StopReason
			if t.Error != "" {
				turn.Metadata["error"] = t.Error
			}
		}
	}
	return out
}

// plain is the text of a prompt, its images named.
func plain(blocks []wire.Block) string {
	var out strings.Builder
	before := ""
	for _, b := range blocks {
		if before != "" && before != "file" && b.Type != "file" {
			out.WriteString("\n") // files stand in the text
		}
		switch before = b.Type; b.Type {
		case "text":
			out.WriteString(b.Text)
		case "file":
			out.WriteString("@" + b.Text)
		case "image":
			out.WriteString("[image]")
		}
	}
	return out.String()
}

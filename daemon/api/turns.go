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
// kept, and so is all of the thinking, each block of them a part of its own.
func turns(entries []store.Entry) []client.Turn {
	out := []client.Turn{}
	answers := map[string]*answered{}
	answer := func(e store.Entry) *answered {
		a, ok := answers[e.Turn]
		if !ok {
			a = &answered{at: len(out)}
			answers[e.Turn] = a
			out = append(out, client.Turn{ID: e.Turn + "-answer", Role: "assistant",
				CreatedAt: e.At, Parts: []client.TurnPart{}, Metadata: map[string]any{}})
		}
		return a
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
			kind := "text"
			if e.Type == wire.EntryThought {
				kind = "reasoning"
			}
			answer(e).add(kind, t)
		case wire.EntryTurnEnd:
			var t wire.TurnEnd
			if json.Unmarshal(e.Data, &t) != nil {
				continue
			}
			turn := &out[answer(e).at]
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
	for _, a := range answers {
		a.into(&out[a.at])
	}
	return out
}

// answered is what the agent said in one turn, block by block.
type answered struct {
	at     int // of its turn
	blocks []paragraph
}

type paragraph struct {
	id, kind string
	text     []byte
}

func (a *answered) add(kind string, t wire.Text) {
	for i := range a.blocks {
		if t.Replaces != "" && a.blocks[i].id == t.Replaces {
			a.blocks[i].text = nil // it was cut, and asked for again
		}
	}
	if n := len(a.blocks); n == 0 || a.blocks[n-1].id != t.Block || a.blocks[n-1].kind != kind {
		a.blocks = append(a.blocks, paragraph{id: t.Block, kind: kind})
	}
	b := &a.blocks[len(a.blocks)-1]
	b.text = append(b.text, t.Text...)
}

// into puts it into a turn: the blocks are paragraphs of its content.
func (a *answered) into(turn *client.Turn) {
	var texts []string
	for _, b := range a.blocks {
		if len(b.text) == 0 {
			continue
		}
		turn.Parts = append(turn.Parts, client.TurnPart{Type: b.kind, Text: string(b.text)})
		if b.kind == "text" {
			texts = append(texts, strings.TrimSpace(string(b.text)))
		}
	}
	turn.Content = strings.Join(texts, "\n\n")
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

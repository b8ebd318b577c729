package api

import (
	"context"
	"encoding/json"
	"fmt"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// contractSpeaker speaks the language of the reference server's web chat: the
// frames of Claude Code's stream, where a bubble opens with `assistant`, its
// parts are content blocks, and `result` closes it.
type contractSpeaker struct {
	*socket
	block string // open content block
	index int
	tools map[string]bool // tool calls already shown in this turn
}

func newContractSpeaker(k *socket) *contractSpeaker {
	return &contractSpeaker{socket: k, tools: map[string]bool{}}
}

// capabilities are what the contract's clients can do in every session, whichever
// agent it has.
var capabilities = client.Capabilities{SendMessage: true, SessionResume: true, Interrupt: true, SetModel: true, SetPermissionMode: true,
	PermissionRequests: true, SlashCommands: true}

func (sp *contractSpeaker) greet(ctx context.Context) error {
	if err := sp.write(ctx, obj{"type": "system", "content": "Connected to session " + sp.row.ID}); err != nil {
		return err
	}
	err := sp.write(ctx, struct {
		Type string `json:"type"`
		client.Capabilities
	}{"capabilities", capabilities})
	if err != nil {
		return err
	}
	history, err := sp.s.everything(ctx, sp.p, sp.row.ID, 0)
	if err != nil {
		return err
	}
	if len(history) > 0 {
		sp.after = history[len(history)-1].N
		if err := sp.write(ctx, obj{"type": "conversation_history", "turns": turns(history)}); err != nil {
			return err
		}
		for _, q := range open(history) { // a late browser must be able to answer
			if err := sp.ask(ctx, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// open gives the permission questions that nobody has answered.
func open(entries []store.Entry) (out []wire.Permission) {
	asked := map[string]wire.Permission{}
	var order []string
	for _, e := range entries {
		switch e.Type {
		case wire.EntryPermission:
			var q wire.Permission
			if json.Unmarshal(e.Data, &q) == nil {
				asked[q.ID] = q
				order = append(order, q.ID)
			}
		case wire.EntryPermissionDone:
			var d wire.PermissionDone
			if json.Unmarshal(e.Data, &d) == nil {
				delete(asked, d.ID)
			}
		}
	}
	for _, id := range order {
		if q, ok := asked[id]; ok {
			out = append(out, q)
		}
	}
	return out
}

type obj = map[string]any

func (sp *contractSpeaker) ask(ctx context.Context, q wire.Permission) error {
	var input any = obj{}
	if len(q.Tool.Input) > 0 {
		input = q.Tool.Input
	}
	// Both shapes: agents nest, the reference chat reads flat.
	return sp.write(ctx, obj{"type": "control_request", "request_id": q.ID,
		"controlType": "can_use_tool", "tool": q.Tool.Title, "input": input,
		"request": obj{"subtype": "can_use_tool", "tool_name": q.Tool.Title, "input": input, "permission_suggestions": q.Options}})
}

func (sp *contractSpeaker) settled(context.Context) error { return nil }

func (sp *contractSpeaker) state(context.Context, store.Session) error { return nil }

func (sp *contractSpeaker) tell(ctx context.Context, entries []store.Entry) error {
	for _, e := range entries {
		if err := sp.one(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (sp *contractSpeaker) one(ctx context.Context, e store.Entry) error {
	switch e.Type {
	case store.EntryPrompt:
		var p wire.Prompt
		if json.Unmarshal(e.Data, &p) != nil {
			return nil
		}
		return sp.write(ctx, obj{"type": "user_confirmed", "id": p.ID, "content": plain(p.Blocks)})
	case wire.EntryTurnStart:
		sp.block, sp.index, sp.tools = "", -1, map[string]bool{}
		return sp.write(ctx, obj{"type": "assistant", "message": obj{"role": "assistant", "content": []any{}}})
	case wire.EntryText, wire.EntryThought:
		var t wire.Text
		if json.Unmarshal(e.Data, &t) != nil {
			return nil
		}
		kind, delta := "text", obj{"type": "text_delta", "text": t.Text}
		if e.Type == wire.EntryThought {
			kind, delta = "thinking", obj{"type": "thinking_delta", "thinking": t.Text}
		}
		if err := sp.enter(ctx, kind+t.Block, obj{"type": kind, kind: ""}); err != nil {
			return err
		}
		return sp.write(ctx, obj{"type": "content_block_delta", "index": sp.index, "delta": delta})
	case wire.EntryTool:
		var t wire.Tool
		if json.Unmarshal(e.Data, &t) != nil || sp.tools[t.ID] || (t.Status == "pending" && len(t.Input) == 0) {
			return nil
		}
		sp.tools[t.ID] = true
		if err := sp.enter(ctx, t.ID, obj{"type": "tool_use", "id": t.ID, "name": t.Title}); err != nil {
			return err
		}
		input := string(t.Input)
		if input == "" {
			input = "{}"
		}
		if err := sp.write(ctx, obj{"type": "content_block_delta", "index": sp.index,
			"delta": obj{"type": "input_json_delta", "partial_json": input}}); err != nil {
			return err
		}
		return sp.leave(ctx)
	case wire.EntryPermission:
		var q wire.Permission
		if json.Unmarshal(e.Data, &q) != nil {
			return nil
		}
		return sp.ask(ctx, q)
	case wire.EntryTurnEnd:
		var t wire.TurnEnd
		if json.Unmarshal(e.Data, &t) != nil {
			return nil
		}
		if err := sp.leave(ctx); err != nil {
			return err
		}
		usage := obj{"input_tokens": t.Input, "output_tokens": t.Output}
		if err := sp.write(ctx, obj{"type": "message_delta", "usage": usage}); err != nil {
			return err
		}
		return sp.write(ctx, obj{"type": "result", "subtype": "success", "is_error": t.Error != "",
			"result": t.Error, "total_cost_usd": t.CostUSD, "num_turns": 1, "usage": usage})
	case wire.EntryError:
		var n wire.Note
		if json.Unmarshal(e.Data, &n) != nil {
			return nil
		}
		return sp.write(ctx, obj{"type": "error", "error": n.Message, "content": n.Message})
	}
	return nil
}

// enter opens a content block unless it is open already.
func (sp *contractSpeaker) enter(ctx context.Context, key string, block obj) error {
	if sp.block == key {
		return nil
	}
	if err := sp.leave(ctx); err != nil {
		return err
	}
	sp.block = key
	sp.index++
	return sp.write(ctx, obj{"type": "content_block_start", "index": sp.index, "content_block": block})
}

func (sp *contractSpeaker) leave(ctx context.Context) error {
	if sp.block == "" {
		return nil
	}
	sp.block = ""
	return sp.write(ctx, obj{"type": "content_block_stop", "index": sp.index})
}

// hear takes the reference client's frames.
func (sp *contractSpeaker) hear(ctx context.Context, frame []byte) error {
	var f struct {
		Type      string          `json:"type"`
		Content   json.RawMessage `json:"content"`
		RequestID string          `json:"request_id"`
		Behavior  string          `json:"behavior"`
		Model     string          `json:"model"`
		Mode      string          `json:"mode"`
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		return sp.complain(ctx, fail(400, "The message is not JSON."))
	}
	var err error
	switch f.Type {
	case "permission_response":
		err = sp.respond(ctx, f.RequestID, f.Behavior)
	case "interrupt":
		err = sp.s.Links.Cancel(ctx, sp.row.ID)
	case "set_model":
		err = sp.s.Links.SetModel(ctx, sp.row.ID, f.Model)
	case "set_permission_mode":
		err = sp.s.Links.SetMode(ctx, sp.row.ID, f.Mode)
	case "set_max_thinking_tokens", "rewind_files", "mcp_set_servers":
		err = fail(400, "%s not supported by this transport", f.Type)
	default:
		blocks := contentBlocks(f.Content)
		if len(blocks) == 0 {
			return nil
		}
		_, err = sp.s.prompt(ctx, sp.p, sp.row, store.Prompt{Via: via(sp.c)}, blocks)
	}
	if err != nil {
		return sp.complain(ctx, err)
	}
	return nil
}

// respond maps allow, deny and allowForever to one of the options on offer.
func (sp *contractSpeaker) respond(ctx context.Context, id, behavior string) error {
	options, err := sp.s.Links.Offers(ctx, sp.row.ID, id)
	if err != nil {
		return err
	}
	kinds := map[string][]string{"allow": {"allow_once", "allow_always"},
		"allowForever": {"allow_always", "allow_once"}, "deny": {"reject_once", "reject_always"}}[behavior]
	for _, kind := range kinds {
		for _, o := range options {
			if o.Kind == kind {
				return sp.s.Links.Answer(ctx, sp.p, sp.row.ID, id, o.ID)
			}
		}
	}
	return fail(400, "The question offers no %q.", behavior)
}

// contentBlocks reads a string or Anthropic content blocks.
func contentBlocks(raw json.RawMessage) []wire.Block {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if text == "" {
			return nil
		}
		return []wire.Block{{Type: "text", Text: text}}
	}
	var given []struct {
		Type   string `json:"type"`
		Text   string `json:"text"`
		Source struct {
			MediaType string `json:"media_type"`
			Data      string `json:"data"`
		} `json:"source"`
	}
	if json.Unmarshal(raw, &given) != nil {
		return nil
	}
	var out []wire.Block
	for _, b := range given {
		switch b.Type {
		case "text":
			out = append(out, wire.Block{Type: "text", Text: b.Text})
		case "image":
			out = append(out, wire.Block{Type: "image", MIME: b.Source.MediaType, Data: b.Source.Data})
		default:
			out = append(out, wire.Block{Type: "text", Text: fmt.Sprintf("[%s not supported]", b.Type)})
		}
	}
	return out
}

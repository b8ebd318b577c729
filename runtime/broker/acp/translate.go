package acp

import (
	"encoding/json"
	"strings"
	"sync"

	"volundr/runtime/broker/wire"
)

// The agent's updates are decoded with structs of our own that hold only what
// is used, so that a newer agent's additions are no error.

type update struct {
	Kind    string          `json:"sessionUpdate"`
	Content json.RawMessage `json:"content"` // a block, or a tool's list
	Message string          `json:"messageId"`
	toolUpdate
	Entries []struct {
		Content string `json:"content"`
		Status  string `json:"status"`
	} `json:"entries"`
	Commands []struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"availableCommands"`
	Mode   string         `json:"currentModeId"`
	Config []configOption `json:"configOptions"`
	Used   int64          `json:"used"`
	Size   int64          `json:"size"`
	Cost   *struct {
		Amount   float64 `json:"amount"`
		Currency string  `json:"currency"`
	} `json:"cost"`
}

type toolUpdate struct {
	ID        string          `json:"toolCallId"`
	Title     string          `json:"title"`
	ToolKind  string          `json:"kind"`
	Status    string          `json:"status"`
	Input     json.RawMessage `json:"rawInput"`
	Output    json.RawMessage `json:"rawOutput"`
	Pieces    json.RawMessage `json:"content"`
	Locations []wire.Location `json:"locations"`
	Meta      struct {
		Info   *struct{ Cwd string }  `json:"terminal_info"`
		Delta  *struct{ Data string } `json:"terminal_output_delta"`
		Output *struct{ Data string } `json:"terminal_output"`
		Exit   *struct {
			Code *int `json:"exit_code"`
		} `json:"terminal_exit"`
	} `json:"_meta"`
}

type block struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Data     string `json:"data"`
	MIME     string `json:"mimeType"`
	URI      string `json:"uri"`
	Name     string `json:"name"`
	Resource *struct {
		Text string `json:"text"`
		URI  string `json:"uri"`
	} `json:"resource"`
}

// translate gives what an update says.
func (c *Conn) translate(b json.RawMessage) []Event {
	var u update
	if json.Unmarshal(b, &u) != nil {
		return nil
	}
	switch u.Kind {
	case "agent_message_chunk", "agent_thought_chunk":
		var b block
		if json.Unmarshal(u.Content, &b) != nil {
			return nil
		}
		if text := b.text(); text != "" {
			return []Event{Text{Thought: u.Kind == "agent_thought_chunk", Message: u.Message, Text: text}}
		}
	case "tool_call", "tool_call_update":
		u.Pieces = u.Content
		t := u.tool()
		t.Started = u.Kind == "tool_call"
		return []Event{t}
	case "plan":
		p := wire.Plan{Steps: []wire.PlanStep{}}
		for _, e := range u.Entries {
			p.Steps = append(p.Steps, wire.PlanStep{Text: e.Content, Status: e.Status})
		}
		return []Event{Plan{p}}
	case "available_commands_update":
		var o wire.Options
		for _, cmd := range u.Commands {
			o.Options = append(o.Options, wire.Option{ID: cmd.Name, Name: cmd.Name, Description: cmd.Description})
		}
		return []Event{Commands{o}}
	case "current_mode_update":
		return []Event{Modes{wire.Options{Current: u.Mode}}}
	case "config_option_update":
		modes, models := c.choices.take(u.Config)
		var events []Event
		if modes != nil {
			events = append(events, Modes{*modes})
		}
		if models != nil {
			events = append(events, Models{*models})
		}
		return events
	case "usage_update":
		e := Usage{Context: wire.Context{Used: u.Used, Size: u.Size}}
		if u.Cost != nil && (u.Cost.Currency == "" || strings.EqualFold(u.Cost.Currency, "USD")) {
			e.CostUSD = u.Cost.Amount
		}
		return []Event{e}
	}
	return nil
}

func (b block) text() string {
	switch {
	case b.Type == "text":
		return b.Text
	case b.Resource != nil:
		return b.Resource.Text
	case b.Type == "resource_link":
		return b.URI
	}
	return ""
}

// tool gives the change that an update stands for.
func (u toolUpdate) tool() Tool {
	t := Tool{Call: wire.Tool{ID: u.ID, Title: u.Title, Kind: u.ToolKind, Status: u.Status, Locations: u.Locations}}
	if s := string(u.Input); s != "null" && s != "{}" {
		t.Call.Input = u.Input
	}
	var pieces []struct {
		Type    string `json:"type"`
		Content block  `json:"content"`
		Path    string `json:"path"`
		Old     string `json:"oldText"`
		New     string `json:"newText"`
	}
	json.Unmarshal(u.Pieces, &pieces)
	for _, p := range pieces {
		switch {
		case p.Type == "diff":
			t.Call.Content = append(t.Call.Content, wire.Content{Type: "diff", Path: p.Path, Old: p.Old, New: p.New})
		case p.Type == "content" && p.Content.Type == "image":
			t.Call.Content = append(t.Call.Content, wire.Content{Type: "image", Text: p.Content.Data, MIME: p.Content.MIME})
		case p.Type == "content" && p.Content.text() != "":
			t.Call.Content = append(t.Call.Content, wire.Content{Type: "text", Text: p.Content.text()})
		}
	}
	text, exit := output(u.Output)
	if text != "" {
		t.Output = []wire.Content{{Type: "text", Text: text}}
	}
	t.Exit = exit
	switch m := u.Meta; {
	case m.Delta != nil:
		t.More = m.Delta.Data
	case m.Output != nil:
		t.More = m.Output.Data
	}
	if m := u.Meta.Info; m != nil {
		t.Call.Dir = m.Cwd
	}
	if m := u.Meta.Exit; m != nil && m.Code != nil {
		t.Exit = m.Code
	}
	return t
}

// output reads text and exit code of a raw output in the shapes that agents
// use.
func output(b json.RawMessage) (text string, exit *int) {
	if len(b) == 0 || json.Unmarshal(b, &text) == nil {
		return text, nil
	}
	var o struct {
		Formatted string `json:"formatted_output"`
		Output    string `json:"aggregated_output"`
		Stdout    string `json:"stdout"`
		Stderr    string `json:"stderr"`
		Exit      *int   `json:"exit_code"`
	}
	json.Unmarshal(b, &o)
	for _, s := range []string{o.Formatted, o.Output, o.Stdout + o.Stderr} {
		if s != "" {
			return s, o.Exit
		}
	}
	return "", o.Exit
}

// configOption is a setting that the agent offers.
type configOption struct {
	ID       string          `json:"id"`
	Category string          `json:"category"`
	Current  json.RawMessage `json:"currentValue"`
	Options  json.RawMessage `json:"options"` // flat or in groups
}

type configChoice struct {
	Value       string         `json:"value"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Options     []configChoice `json:"options"` // of a group
}

func (o configOption) options() *wire.Options {
	w := &wire.Options{}
	json.Unmarshal(o.Current, &w.Current)
	var list []configChoice
	json.Unmarshal(o.Options, &list)
	for _, c := range list {
		for _, in := range append(c.Options, c) {
			if in.Value != "" {
				w.Options = append(w.Options, wire.Option{ID: in.Value, Name: in.Name, Description: in.Description})
			}
		}
	}
	return w
}

// choices remembers which settings stand for mode and model.
type choices struct {
	mu          sync.Mutex
	mode, model string
}

func (c *choices) take(list []configOption) (modes, models *wire.Options) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range list {
		switch {
		case o.Category == "mode" || (o.Category == "" && o.ID == "mode"):
			c.mode, modes = o.ID, o.options()
		case o.Category == "model" || (o.Category == "" && o.ID == "model"):
			c.model, models = o.ID, o.options()
		}
	}
	return modes, models
}

func (c *choices) modeID() string  { c.mu.Lock(); defer c.mu.Unlock(); return c.mode }
func (c *choices) modelID() string { c.mu.Lock(); defer c.mu.Unlock(); return c.model }

package conversation

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"volundr/runtime/broker/acp"
	"volundr/runtime/broker/wire"
)

// call is a tool call as it is known so far.
type call struct {
	tool    wire.Tool
	told    time.Time // when it was written last
	untold  bool      // it changed since
	fromRaw bool      // its content is the raw output
	printed string    // by its command, the last maxPrinted bytes
	asked   bool      // where its command ran
}

const (
	// A tool that reports often is written down this often.
	toolEvery = 300 * time.Millisecond
	// Longer texts lie beside the journal.
	maxContent      = 16 << 10
	maxPrinted      = 1 << 20
	maxInput        = 32 << 10
	permissionInput = 512 << 10
)

func done(status string) bool { return status == "completed" || status == "failed" }

func (t *turn) toolsRunning() bool {
	for _, k := range t.tools {
		if !done(k.tool.Status) {
			return true
		}
	}
	return false
}

// hearTool merges a change into what is known of the call.
func (c *Conversation) hearTool(e acp.Tool) {
	if c.turn == nil || e.Call.ID == "" {
		return
	}
	k := c.turn.tools[e.Call.ID]
	if k == nil {
		c.turn.text.over()
		k = &call{tool: wire.Tool{ID: e.Call.ID, Kind: "other", Status: "pending", StartedAt: time.Now().UnixMilli()}}
		c.turn.tools[e.Call.ID] = k
		c.turn.toolOrder = append(c.turn.toolOrder, e.Call.ID)
	}
	before := k.tool.Status
	k.merge(e)
	if done(k.tool.Status) && k.tool.EndedAt == 0 {
		k.tool.EndedAt = time.Now().UnixMilli()
	}
	k.untold = true
	if before != k.tool.Status || time.Since(k.told) >= toolEvery {
		c.tell(k)
	} else {
		time.AfterFunc(toolEvery, func() {
			c.post(func() {
				if k.untold && c.turn != nil && c.turn.tools[k.tool.ID] == k {
					c.tell(k)
				}
			})
		})
	}
	c.askWhere(k)
}

func (k *call) merge(e acp.Tool) {
	n, t := e.Call, &k.tool
	if n.Title != "" {
		t.Title = n.Title
	}
	if n.Kind != "" {
		t.Kind = n.Kind
	}
	if n.Status != "" && !done(t.Status) {
		t.Status = n.Status
	}
	if n.Input != nil {
		t.Input = n.Input
	}
	if n.Dir != "" {
		t.Dir = n.Dir
	}
	if n.Locations != nil {
		t.Locations = n.Locations
	}
	switch {
	case len(n.Content) > 0:
		t.Content, k.fromRaw = n.Content, false
	case len(e.Output) > 0 && (len(t.Content) == 0 || k.fromRaw):
		t.Content, k.fromRaw = e.Output, true
	}
	if e.Exit != nil {
		t.Exit = e.Exit
	}
	if e.More != "" {
		k.printed += e.More
		if over := len(k.printed) - maxPrinted; over > 0 {
			k.printed = strings.ToValidUTF8(k.printed[over:], "")
		}
	}
}

// whole is the call with what its command printed.
func (k *call) whole() wire.Tool {
	t := k.tool
	if k.printed != "" {
		t.Content = append(slices.Clone(t.Content), wire.Content{Type: "text", Text: k.printed})
	}
	return t
}

func (c *Conversation) tell(k *call) {
	k.told, k.untold = time.Now(), false
	c.add(wire.EntryTool, c.shrink(k.whole(), maxInput))
}

// closeTools ends the calls that the turn leaves open.
func (c *Conversation) closeTools() {
	for _, id := range c.turn.toolOrder {
		k := c.turn.tools[id]
		if !done(k.tool.Status) {
			k.tool.Status, k.tool.EndedAt, k.untold = "failed", time.Now().UnixMilli(), true
		}
		if k.untold {
			c.tell(k)
		}
	}
}

// shrink puts long texts beside the journal. Of a call that goes on only their
// beginnings are told: each state of its output would be kept whole.
func (c *Conversation) shrink(t wire.Tool, input int) wire.Tool {
	t.Title = cutText(t.Title, 4<<10)
	if len(t.Locations) > 100 {
		t.Locations = t.Locations[:100]
	}
	if len(t.Input) > input {
		hash, err := c.o.Journal.PutBody(t.Input)
		if err == nil {
			t.InputBody = hash
		}
		t.Input = shorten(t.Input)
		if len(t.Input) > input {
			t.Input = nil
		}
	}
	room := 256 << 10
	content := make([]wire.Content, 0, len(t.Content))
	for _, k := range t.Content {
		size := len(k.Text) + len(k.Old) + len(k.New)
		if size > maxContent || size > room {
			k = c.aside(k, done(t.Status) || input == permissionInput)
			size = len(k.Text)
		}
		room -= size
		content = append(content, k)
		if len(content) == 200 {
			break
		}
	}
	t.Content = content
	return t
}

// aside keeps a content by hash, if it is to be kept, and leaves its beginning.
func (c *Conversation) aside(k wire.Content, keep bool) wire.Content {
	b, err := json.Marshal(k)
	if err != nil {
		return wire.Content{Type: "text", Text: "(not readable)"}
	}
	short := wire.Content{Type: k.Type, Path: k.Path, MIME: k.MIME, Size: len(b)}
	if keep {
		if short.Body, err = c.o.Journal.PutBody(b); err != nil {
			c.o.Log.Warn("Output could not be kept", "error", err)
		}
	}
	if k.Type == "text" {
		short.Text = cutText(k.Text, 2<<10)
	}
	return short
}

// shorten cuts the long texts in a JSON value.
func shorten(b json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(b, &v) != nil {
		return nil
	}
	var walk func(any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			return cutText(v, 2<<10)
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k])
			}
		}
		return v
	}
	out, err := json.Marshal(walk(v))
	if err != nil {
		return nil
	}
	return out
}

func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + " …"
}

package conversation

import (
	"fmt"
	"strings"

	"volundr/runtime/broker/acp"
	"volundr/runtime/broker/wire"
)

// text follows the agent's words and keeps them in blocks. When an answer was
// cut in the middle and the agent asks for it again, the new answer begins with
// the same words, as long as the model says the same: those are not shown
// twice.
type text struct {
	message string  // the agent's id of the current message
	parts   []*part // of the current message
	again   *again  // a message that may repeat the one before
	broken  bool    // the current message was cut
}

// part is a run of words of one kind.
type part struct {
	thought bool
	block   string
	said    strings.Builder
}

// again compares a message with the parts of one that was cut.
type again struct {
	parts []*part
	at    int // which part is being repeated
	match int // bytes of it that were
}

// cut notes that the model's answer broke off.
func (t *text) cut() { t.broken = len(t.parts) > 0 }

// over ends the current message: a tool call came.
func (t *text) over() { *t = text{message: t.message} }

// piece is what has to be written of what was heard.
type piece struct {
	thought        bool
	block          string
	text, replaces string
	fresh          bool // block is to be made
}

// hear takes words and gives what is new of them. name makes a block's name.
func (t *text) hear(e acp.Text, name func() string) []piece {
	if e.Message != t.message && len(t.parts) > 0 {
		if t.broken {
			old := t.parts
			if t.again != nil && t.again.at < len(t.again.parts) {
				// Cut again before it had caught up: the longer one stays the measure.
				old = t.again.parts
			}
			t.again = &again{parts: old}
		} else {
			t.again = nil
		}
		t.parts, t.broken = nil, false
	}
	t.message = e.Message
	if a := t.again; a != nil {
		return t.compare(a, e, name)
	}
	return []piece{t.write(e.Thought, e.Text, "", name)}
}

// write continues the last part or begins one.
func (t *text) write(thought bool, s, replaces string, name func() string) piece {
	p := piece{thought: thought, text: s, replaces: replaces}
	if n := len(t.parts); n > 0 && t.parts[n-1].thought == thought && replaces == "" {
		p.block = t.parts[n-1].block
		t.parts[n-1].said.WriteString(s)
		return p
	}
	p.block, p.fresh = name(), true
	next := &part{thought: thought, block: p.block}
	next.said.WriteString(s)
	t.parts = append(t.parts, next)
	return p
}

func (t *text) compare(a *again, e acp.Text, name func() string) []piece {
	if a.at < len(a.parts) && a.match == a.parts[a.at].said.Len() && e.Thought != a.parts[a.at].thought {
		a.at, a.match = a.at+1, 0
	}
	if a.at >= len(a.parts) {
		t.again = nil
		return []piece{t.write(e.Thought, e.Text, "", name)}
	}
	old := a.parts[a.at]
	said := old.said.String()
	rest := said[a.match:]
	switch {
	case e.Thought == old.thought && strings.HasPrefix(rest, e.Text):
		t.adopt(old)
		a.match += len(e.Text)
		return nil
	case e.Thought == old.thought && strings.HasPrefix(e.Text, rest) && a.at == len(a.parts)-1:
		// It has caught up; the rest continues the block that was cut.
		t.adopt(old)
		t.again = nil
		return []piece{t.write(e.Thought, e.Text[len(rest):], "", name)}
	default:
		// Another answer: it stands in the place of what was cut.
		t.again = nil
		if n := len(t.parts); n > 0 && t.parts[n-1] == old {
			t.parts = t.parts[:n-1]
		}
		repeated := said[:a.match]
		if e.Thought != old.thought {
			return []piece{t.write(e.Thought, e.Text, old.block, name)}
		}
		return []piece{t.write(e.Thought, repeated+e.Text, old.block, name)}
	}
}

// adopt makes the cut part one of this message's.
func (t *text) adopt(old *part) {
	if n := len(t.parts); n == 0 || t.parts[n-1] != old {
		t.parts = append(t.parts, old)
	}
}

func (c *Conversation) hearText(e acp.Text) {
	if c.turn == nil {
		c.turnless(e)
		return
	}
	for _, p := range c.turn.text.hear(e, c.blockName) {
		c.write(p)
	}
}

// maxPiece bounds one entry of text.
const maxPiece = 64 << 10

func (c *Conversation) write(p piece) {
	typ := wire.EntryText
	if p.thought {
		typ = wire.EntryThought
	}
	for s := p.text; s != ""; {
		n := min(len(s), maxPiece)
		for n < len(s) && n > maxPiece-4 && s[n]&0xC0 == 0x80 {
			n--
		}
		c.add(typ, wire.Text{Block: p.block, Text: s[:n], Replaces: p.replaces})
		s, p.replaces = s[n:], ""
	}
}

// turnless writes what the agent says when nobody asked.
func (c *Conversation) turnless(e acp.Text) {
	c.write(piece{thought: e.Thought, block: "n-" + e.Message + c.o.Journal.Epoch()[:6], text: e.Text})
}

// blockName is unique within the session: entries' numbers count within the
// epoch.
func (c *Conversation) blockName() string {
	c.blocks++
	return fmt.Sprintf("%s-%d-%d", c.o.Journal.Epoch()[:6], c.o.Journal.Next(), c.blocks)
}

package conversation

import (
	"fmt"
	"strings"
	"testing"

	"volundr/runtime/broker/acp"
)

// An answer that is asked for again after a cut shows no word twice as long as
// it says the same, and stands in the place of the old one where it does not.
func TestTextAfterACut(t *testing.T) {
	say := func(message, s string) any { return acp.Text{Message: message, Text: s} }
	think := func(message, s string) any { return acp.Text{Message: message, Text: s, Thought: true} }
	const cut, tool = "cut", "tool"
	for name, c := range map[string]struct {
		heard []any
		want  string // blocks: [name] text, with what they replace
	}{
		"one message":               {[]any{say("1", "a b "), say("1", "c")}, "1:a b c"},
		"two messages":              {[]any{say("1", "a"), say("2", "a")}, "1:a 2:a"},
		"thinking, then words":      {[]any{think("1", "hm"), say("1", "a")}, "1~hm 2:a"},
		"same again and further":    {[]any{say("1", "a b "), cut, say("2", "a "), say("2", "b c "), say("2", "d")}, "1:a b c d"},
		"same in one piece":         {[]any{say("1", "a b "), cut, say("2", "a b c d")}, "1:a b c d"},
		"other words":               {[]any{say("1", "a b "), cut, say("2", "a x"), say("2", "y")}, "1:a b  2(1):a xy"},
		"thinking again, the same":  {[]any{think("1", "hm"), say("1", "a"), cut, think("2", "hm"), say("2", "a b")}, "1~hm 2:a b"},
		"thinking again, otherwise": {[]any{think("1", "hm"), cut, think("2", "oh"), say("2", "a")}, "1~hm 2(1)~oh 3:a"},
		"cut twice":                 {[]any{say("1", "a b "), cut, say("2", "a"), cut, say("3", "a b c")}, "1:a b c"},
		"cut before any word":       {[]any{cut, say("1", "a")}, "1:a"},
		"cut after a tool":          {[]any{say("1", "a"), tool, cut, say("2", "a")}, "1:a 2:a"},
		"a message without an id":   {[]any{say("", "a "), cut, say("", "b")}, "1:a b"},
	} {
		t.Run(name, func(t *testing.T) {
			var x text
			n := 0
			blocks := func() string { n++; return fmt.Sprint(n) }
			var order []string
			said := map[string]string{}
			for _, h := range c.heard {
				switch h := h.(type) {
				case acp.Text:
					for _, p := range x.hear(h, blocks) {
						if p.fresh {
							label := p.block
							if p.replaces != "" {
								label += "(" + p.replaces + ")"
							}
							if p.thought {
								label += "~"
							} else {
								label += ":"
							}
							order = append(order, p.block)
							said[p.block] = label
						}
						said[p.block] += p.text
					}
				case string:
					if h == cut {
						x.cut()
					} else {
						x.over()
					}
				}
			}
			var got []string
			for _, b := range order {
				got = append(got, said[b])
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("blocks %q, want %q", s, c.want)
			}
		})
	}
}

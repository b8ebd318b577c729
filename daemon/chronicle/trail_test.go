package chronicle_test

import (
	"encoding/json"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// A secret that is streamed letter by letter stands nowhere, however the journal
// was cut into batches, and nothing else of the text is lost.
func TestASecretInPiecesIsRedacted(t *testing.T) {
	text := "The key is " + secret + ", and " + secret + secret + " is it twice. ünd"
	for _, size := range []int{1, 2, 3, 5, 100} {
		for _, batch := range []int{1, 2, 7, 1000} {
			w := newWorld(t)
			entries := []store.Entry{w.entry(0, "p", wire.EntryTurnStart, wire.TurnStart{Prompt: "p", Automatic: true})}
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				for n < len(rest) && rest[n]&0xc0 == 0x80 {
					n++
				}
				entries = append(entries, w.entry(1, "p", wire.EntryText, wire.Text{Block: "b", Text: rest[:n]}))
				rest = rest[n:]
			}
			entries = append(entries, w.entry(2, "p", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p", StopReason: "end_turn"}))
			for len(entries) > 0 {
				n := min(batch, len(entries))
				w.journal(entries[:n]...)
				entries = entries[n:]
			}
			stored, err := w.db.Entries(t.Context(), owner, w.s.ID, 0, 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, e := range stored {
				var v wire.Text
				if e.Type == wire.EntryText && json.Unmarshal(e.Data, &v) == nil {
					got.WriteString(v.Text)
				}
			}
			if want := strings.ReplaceAll(text, secret, "[redacted]"); got.String() != want {
				t.Errorf("pieces of %d in batches of %d: %q", size, batch, got.String())
			}
		}
	}
}

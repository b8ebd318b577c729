package chronicle

import (
	"encoding/json"
	"strings"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// trailBytes is how far back a secret may begin that a stream of text tells piece
// by piece.
const trailBytes = 4 << 10

// trail is the end of the block of text that an agent says now, in the pieces in
// which it was stored.
type trail struct {
	block  string
	pieces []store.Entry
	texts  []string
}

// add takes a piece in. When a secret stands across pieces it gives all of them
// as they must stand: the first with the text of all, the others empty.
func (t *trail) add(e store.Entry, clean func(string) string) []store.Entry {
	v, ok := data[wire.Text](e)
	if !ok {
		return nil
	}
	if v.Block != t.block {
		*t = trail{block: v.Block}
	}
	t.pieces, t.texts = append(t.pieces, e), append(t.texts, v.Text)
	size := 0
	for i := len(t.texts) - 1; i >= 0; i-- {
		if size += len(t.texts[i]); size > trailBytes {
			t.pieces, t.texts = t.pieces[i:], t.texts[i:]
			break
		}
	}
	all := strings.Join(t.texts, "")
	cleaned := clean(all)
	if cleaned == all {
		return nil
	}
	mended := make([]store.Entry, len(t.pieces))
	for i, p := range t.pieces {
		v, _ := data[wire.Text](p)
		if v.Text = ""; i == 0 {
			v.Text = cleaned
		}
		p.Data, _ = json.Marshal(v) // was JSON before
		mended[i] = p
	}
	t.pieces, t.texts = mended[:1:1], []string{cleaned}
	return mended
}

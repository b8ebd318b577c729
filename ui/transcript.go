package ui

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

// Ids of the items that have a fixed place in the page.
const (
	idStatus   = "chat-status"
	idOptions  = "chat-options"
	idContext  = "chat-context"
	idPorts    = "preview-ports"
	idCommands = "chat-commands"
)

// Transcript turns entries into items as they come: text is merged by block,
// tools, permissions and plans by id, the last state counts. One is kept per
// open page; it is not safe for concurrent use.
type Transcript struct {
	session string
	watched string
	order   []string // ids of the conversation's items, queued prompts left out
	queued  []string
	items   map[string]*Item
	status  Status
	turns   map[string]time.Time // open turns: prompt → begin
	asked   map[string]bool      // open questions by item id
	tools   map[string]string    // tools under way: item id → line
	last    int64
	touched []string // during Apply
}

// NewTranscript begins the conversation of a session.
func NewTranscript(session string) *Transcript {
	return &Transcript{
		session: session, items: map[string]*Item{}, turns: map[string]time.Time{},
		asked: map[string]bool{}, tools: map[string]string{},
	}
}

// Watch has the items made for somebody who looks only; who says in a sentence who
// can answer. It comes before Apply and Stand.
func (t *Transcript) Watch(who string) { t.watched = who }

// Conversation gives the items of a list of entries, oldest first.
func Conversation(session string, entries []client.Entry) []Item {
	t := NewTranscript(session)
	for _, e := range entries {
		t.Apply(e)
	}
	return t.Items()
}

// Items gives the conversation, prompts that wait for their turn last.
func (t *Transcript) Items() []Item {
	out := make([]Item, 0, len(t.order)+len(t.queued))
	for _, id := range slices.Concat(t.order, t.queued) {
		out = append(out, *t.items[id])
	}
	return out
}

// After gives the items that entries after number n made or changed, in the
// order of the page, the fixed ones included.
func (t *Transcript) After(n int64) []Item {
	var out []Item
	for _, id := range slices.Concat(t.order, t.queued, []string{idStatus, idOptions, idContext, idPorts, idCommands}) {
		if it, ok := t.items[id]; ok && it.Last > n {
			out = append(out, *it)
		}
	}
	return out
}

// Item gives one item by its id.
func (t *Transcript) Item(id string) (Item, bool) {
	it, ok := t.items[id]
	if !ok {
		return Item{}, false
	}
	return *it, true
}

// Fixed gives an item that has its own place in the page, empty if nothing was
// said about it yet.
func (t *Transcript) Fixed(k Kind) Item {
	ids := map[Kind]string{KindStatus: idStatus, KindOptions: idOptions, KindContext: idContext, KindPorts: idPorts, KindCommands: idCommands}
	if it, ok := t.items[ids[k]]; ok {
		return *it
	}
	return Item{ID: ids[k], Kind: k, Session: t.session, Watched: t.watched}
}

// Last is the number of the last entry applied.
func (t *Transcript) Last() int64 { return t.last }

// Apply takes one entry and returns the ids of the items that it made or
// changed. An entry that cannot be read changes nothing: what a session says is
// hostile.
func (t *Transcript) Apply(e client.Entry) []string {
	t.touched = nil
	t.last = e.N
	apply := applyJournal
	if e.Source == "daemon" {
		apply = applyDaemon
	}
	before := t.status
	apply(t, e)
	if before != t.status {
		t.put(idStatus, KindStatus, e).Status = t.status
	}
	return t.touched
}

// Stand takes an entry that lies before those that are shown, for what of it
// still holds: mode, model, commands, how full the window is, ports, and
// whether a turn is under way. It makes no item of the conversation.
func (t *Transcript) Stand(e client.Entry) {
	if e.Source != "journal" {
		return
	}
	switch e.Type {
	case client.EntryMode, client.EntryModel, client.EntryUsage, client.EntryPorts, client.EntryCommands:
		applyJournal(t, e)
	case client.EntryTurnStart:
		if v, ok := read[client.TurnStart](e); ok {
			t.turns[v.Prompt] = e.At
			t.status = Status{Busy: true, Since: e.At}
			t.put(idStatus, KindStatus, e).Status = t.status
		}
	case client.EntryTurnEnd:
		if v, ok := read[client.TurnEnd](e); ok {
			if delete(t.turns, v.Prompt); len(t.turns) == 0 {
				t.status = Status{}
				t.put(idStatus, KindStatus, e).Status = t.status
			}
		}
	}
}

// put finds or makes an item, marks it as changed by e and gives it.
func (t *Transcript) put(id string, k Kind, e client.Entry) *Item {
	it, ok := t.items[id]
	if !ok {
		it = &Item{ID: id, Kind: k, Session: t.session, Watched: t.watched, First: e.N, At: e.At}
		t.items[id] = it
		if !slices.Contains([]Kind{KindStatus, KindOptions, KindContext, KindPorts, KindCommands}, k) {
			t.order = append(t.order, id)
		}
	}
	it.Last = e.N
	if !slices.Contains(t.touched, id) {
		t.touched = append(t.touched, id)
	}
	return it
}

func (t *Transcript) note(e client.Entry, tone, source, text string) {
	it := t.put(fmt.Sprint("n-", e.N), KindNote, e)
	it.Tone, it.Source, it.Text = tone, source, text
}

// settle closes the blocks that were being written.
func (t *Transcript) settle(e client.Entry) {
	for i := len(t.order) - 1; i >= 0 && i > len(t.order)-8; i-- {
		if it := t.items[t.order[i]]; it.Open && (it.Kind == KindText || it.Kind == KindThought) {
			t.put(it.ID, it.Kind, e).Open = false
		}
	}
}

// elementID makes an element's id of a name that the session chose.
func elementID(prefix, name string) string {
	if len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' || r == ':')
	}) {
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:12])
	}
	return prefix + "-" + name
}

func read[T any](e client.Entry) (T, bool) {
	var v T
	err := json.Unmarshal(e.Data, &v)
	return v, err == nil
}

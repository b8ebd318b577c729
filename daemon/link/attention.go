package link

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Attention is what the agent of a session needs a person for. All of it is the
// session's word.
type Attention struct {
	Questions []Question // nobody has answered them, oldest first
	Stall     *Stall     // nil: it makes progress, or nothing is under way
}

// Question is an open permission question.
type Question struct {
	ID      string
	At      time.Time
	Text    string // one line
	Kind    string // of the tool: execute, edit, …
	Detail  string // what would be done, line by line
	Cut     bool   // Detail is not all of it
	Options []wire.Option
}

// Stall is a turn that makes no progress.
type Stall struct {
	Turn    string
	At      time.Time
	Message string
}

// Attention gives what the agent of a running session needs a person for, also
// when the session does not answer now.
func (l *Links) Attention(ctx context.Context, row store.Session) (Attention, error) {
	if s := l.session(row.ID); s != nil && s.recall(ctx, row) == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.talk.attention(), nil
	}
	t, err := remember(ctx, l.DB, row)
	if err != nil {
		return Attention{}, err
	}
	return t.attention(), nil
}

func (t *talk) attention() (a Attention) {
	for _, q := range t.open {
		if !q.taken {
			a.Questions = append(a.Questions, Question{ID: q.id, At: q.at, Text: q.text, Kind: q.kind,
				Detail: q.detail, Cut: q.cut, Options: slices.Clone(q.options)})
		}
	}
	if t.stall != nil {
		stall := *t.stall
		a.Stall = &stall
	}
	return a
}

func (t *talk) stalled(e store.Entry) {
	var v wire.Note
	if json.Unmarshal(e.Data, &v) == nil {
		t.stall = &Stall{Turn: e.Turn, At: e.At, Message: plain(v.Message, maxName)}
	}
}

// maxDetail is how many characters are kept of what a question is about; the
// conversation has it in full.
const maxDetail = 2000

// particulars are what a tool would be given, a value of its input on a line,
// without what its label says already.
func particulars(v wire.Tool) (text string, short bool) {
	var input map[string]any
	dec := json.NewDecoder(bytes.NewReader(v.Input))
	dec.UseNumber()
	if dec.Decode(&input) != nil {
		text = string(v.Input)
	}
	said, lines := label(v), []string{}
	for _, name := range slices.Sorted(maps.Keys(input)) {
		value, ok := input[name].(string)
		if !ok {
			raw, err := json.Marshal(input[name])
			if err != nil {
				continue // it was read as JSON
			}
			value = string(raw)
		}
		if value != said && "running `"+value+"`" != said {
			lines = append(lines, fmt.Sprintf("%s: %s", name, value))
		}
	}
	if len(lines) > 0 {
		text = strings.Join(lines, "\n")
	}
	text = visible(text)
	return cut(text, maxDetail), v.InputBody != "" || utf8.RuneCountInString(text) > maxDetail
}

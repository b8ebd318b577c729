package link

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// What check finds.
var (
	errUnreadable = errors.New("the journal holds a line that is no entry")
	errSeen       = errors.New("the entry is there already")
	errGap        = errors.New("the journal has a gap")
	errUnknown    = errors.New("the entry's type is not known")
)

// maxDepth is how deep JSON of a session may nest; SQLite refuses 1000.
const maxDepth = 100

// check makes an entry of one line of a journal, whose number should be next,
// in a session whose current run is run. What it gives holds only what the
// entry's struct knows, within bounds; times are never later than now. Types
// that only the daemon writes are not known here.
func check(line []byte, next int64, run int, now time.Time) (store.Entry, error) {
	if len(line) > wire.MaxEntry || !utf8.Valid(line) || depth(line) > maxDepth {
		return store.Entry{}, errUnreadable
	}
	var w wire.Entry
	if err := json.Unmarshal(line, &w); err != nil {
		return store.Entry{}, errUnreadable
	}
	switch {
	case w.Seq < 1:
		return store.Entry{}, errUnreadable
	case w.Seq < next:
		return store.Entry{}, errSeen
	case w.Seq > next:
		return store.Entry{}, errGap
	case w.Run < 1 || w.Run > run || (w.Turn != "" && !goodID(w.Turn)):
		return store.Entry{}, errUnreadable
	}
	shape := shapes[w.Type]
	if shape == nil {
		return store.Entry{}, errUnknown
	}
	data, err := shape(w.Data)
	if err != nil {
		return store.Entry{}, errUnreadable
	}
	at := time.UnixMilli(w.At).UTC()
	if w.At <= 0 || at.After(now) {
		at = now.UTC()
	}
	return store.Entry{Source: "journal", Seq: w.Seq, Run: w.Run, At: at, Turn: w.Turn, Type: w.Type, Data: data}, nil
}

// placeholder stands in the conversation for a line that could not be read.
func placeholder(seq int64, run int, now time.Time) store.Entry {
	data, _ := json.Marshal(wire.Note{Source: "daemon", Message: "A piece of the conversation's record could not be read."})
	return store.Entry{Source: "journal", Seq: seq, Run: run, At: now.UTC(), Type: wire.EntryError, Data: data}
}

// depth is how deep brackets nest outside of strings.
func depth(line []byte) int {
	now, most, quoted := 0, 0, false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			now++
			most = max(most, now)
		case b == '}' || b == ']':
			now--
		}
	}
	return most
}

// as reads data as a T, has it looked over, and writes it anew.
func as[T any](look func(*T) bool) func(json.RawMessage) (json.RawMessage, error) {
	return func(data json.RawMessage) (json.RawMessage, error) {
		var v T
		if len(data) == 0 || bytes.Equal(data, []byte("null")) {
			return nil, errUnreadable
		}
		if err := json.Unmarshal(data, &v); err != nil {
			return nil, err
		}
		if !look(&v) {
			return nil, errUnreadable
		}
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false) // it would make source code six times as long
		if err := e.Encode(v); err != nil {
			return nil, err
		}
		return bytes.TrimRight(out.Bytes(), "\n"), nil
	}
}

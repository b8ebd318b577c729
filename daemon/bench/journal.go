package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// perEvent is how many entries of a journal the timeline makes one event of,
// times 100.
const perEvent = 455

// journal is one as agents write it, of n entries: of ten six are pieces of text,
// two tell of a tool, one of files and one of anything else. Task is a word that
// its prompts hold and no other journal does.
func journal(n int, task string, began time.Time) []store.Entry {
	out := make([]store.Entry, 0, n)
	turn, say := "", prose(task)
	for i := 1; i <= n; i++ {
		e := store.Entry{Source: "journal", Seq: int64(i), Run: 1, At: began.Add(time.Duration(i) * 100 * time.Millisecond)}
		command := func(i int) json.RawMessage {
			return json.RawMessage(fmt.Sprintf(`{"command":"go test ./pkg%d/..."}`, i))
		}
		var data any
		switch k := i % 100; {
		case k == 1:
			turn = fmt.Sprintf("turn-%d", i)
			e.Type, data = wire.EntryTurnStart, wire.TurnStart{Prompt: turn, Automatic: true, Text: fmt.Sprintf("Go on with step %d of %s", i, task)}
		case k == 0:
			e.Type, data = wire.EntryTurnEnd, wire.TurnEnd{Prompt: turn, StopReason: "end_turn", Input: 1000, Output: 200}
		case i%10 == 3:
			e.Type, data = wire.EntryTool, wire.Tool{ID: fmt.Sprint("t", i), Title: "`go test ./...`", Kind: "execute", Status: "in_progress", Input: command(i)}
		case i%10 == 7:
			e.Type, data = wire.EntryTool, wire.Tool{ID: fmt.Sprint("t", i-4), Title: "`go test ./...`", Kind: "execute", Status: "completed", Input: command(i - 4),
				Content: []wire.Content{{Type: "text", Text: strings.Repeat("ok volundr/store 1.2s\n", 20)}}}
		case i%10 == 9:
			e.Type, data = wire.EntryFiles, wire.Files{Changes: []wire.FileChange{{Path: fmt.Sprintf("pkg%d/file.go", i), Action: "modified", Ins: 3, Del: 1}}}
		default:
			e.Type, data = wire.EntryText, wire.Text{Block: fmt.Sprint(turn, i/10), Text: say(32)}
		}
		e.Turn = turn
		e.Data, _ = json.Marshal(data) // of nothing that could fail
		out = append(out, e)
	}
	return out
}

// prose gives so many words, some of which stand everywhere and most seldom, as
// in any language.
func prose(seed string) func(words int) string {
	h := fnv.New64a()
	h.Write([]byte(seed))
	zipf := rand.NewZipf(rand.New(rand.NewPCG(h.Sum64(), 1)), 1.1, 2, 20_000)
	return func(words int) string {
		var b strings.Builder
		for range words {
			b.WriteString(word(zipf.Uint64()) + " ")
		}
		return b.String()
	}
}

// word is the one with that number; none begins with another.
func word(n uint64) string {
	const first, second = "bdfghjklmnprstvz", "aeiouaeiouaeiouy"
	n = n * 2654435761 % (1 << 32)
	var w []byte
	for range 4 {
		w = append(w, first[n&15], second[n>>4&15])
		n >>= 8
	}
	return string(w)
}

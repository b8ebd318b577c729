package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

func open(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := Open(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func add(t *testing.T, j *Journal, texts ...string) {
	t.Helper()
	for _, s := range texts {
		j.Append("", wire.EntryError, wire.Note{Message: s})
	}
	if err := j.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// lines reads what is on the disk after a number.
func read(t *testing.T, j *Journal, after int64) []wire.Entry {
	t.Helper()
	r := j.Read(after)
	defer r.Close()
	var out []wire.Entry
	for after < j.Last() {
		line, err := r.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var e wire.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if after++; e.Seq != after {
			t.Fatalf("entry %d, want %d", e.Seq, after)
		}
		out = append(out, e)
	}
	return out
}

func TestEntriesSurviveAndAreNumberedOn(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	add(t, j, "a", "b")
	epoch := j.Epoch()
	j.Close()

	j = open(t, dir)
	if j.Epoch() != epoch || j.Last() != 2 {
		t.Errorf("epoch %s last %d after reopening, want %s 2", j.Epoch(), j.Last(), epoch)
	}
	add(t, j, "c")
	got := read(t, j, 0)
	if len(got) != 3 || !strings.Contains(string(got[2].Data), `"c"`) {
		t.Errorf("entries %+v", got)
	}
	if got := read(t, j, 2); len(got) != 1 {
		t.Errorf("%d entries after 2, want 1", len(got))
	}
}

func TestATornEndIsCutOff(t *testing.T) {
	for name, tail := range map[string]string{
		"half a line":   `{"seq":3,"at":1,"ty`,
		"zeros":         strings.Repeat("\x00", 4096),
		"a broken line": "{\"seq\":3,\"at\n",
		"nothing":       "",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, dir)
			add(t, j, "a", "b")
			j.Close()
			f, err := os.OpenFile(segmentPath(dir, 1), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteString(tail)
			f.Close()

			j = open(t, dir)
			add(t, j, "c")
			if got := read(t, j, 0); len(got) != 3 || !strings.Contains(string(got[2].Data), `"c"`) {
				t.Errorf("entries %+v", got)
			}
		})
	}
}

func TestALostLineIsAnEntryThatSaysSo(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	add(t, j, "first", "second", "third")
	j.Close()
	path := segmentPath(dir, 1)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(path, bytes.Replace(b, []byte(`{"seq":2`), []byte(`{"seq"::`), 1), 0o600)
	j = open(t, dir)
	got := read(t, j, 0)
	if len(got) != 3 || !strings.Contains(string(got[1].Data), "lost") || !strings.Contains(string(got[2].Data), "third") {
		t.Errorf("entries %+v", got)
	}
}

func TestSegmentsRollAndAreReadThrough(t *testing.T) {
	j := open(t, t.TempDir())
	big := strings.Repeat("x", 900<<10)
	for range 25 {
		add(t, j, big)
	}
	firsts, err := segments(j.dir)
	if err != nil || len(firsts) < 3 {
		t.Fatalf("segments %v %v, want at least 3", firsts, err)
	}
	if got := read(t, j, 0); len(got) != 25 {
		t.Errorf("%d entries", len(got))
	}
	if got := read(t, j, 20); len(got) != 5 {
		t.Errorf("%d entries after 20", len(got))
	}
}

func TestPiecesOfABlockMergeUntilTheyAreWritten(t *testing.T) {
	piece := func(block, s string) wire.Text { return wire.Text{Block: block, Text: s} }
	j := open(t, t.TempDir())
	j.Append("t", wire.EntryText, piece("b1", "one "))
	j.Append("t", wire.EntryText, piece("b1", "two"))
	j.Append("t", wire.EntryThought, piece("b2", "hm"))
	j.Append("t", wire.EntryText, piece("b1", " three"))
	j.Append("u", wire.EntryText, piece("b1", " other turn"))
	if err := j.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	j.Append("u", wire.EntryText, piece("b1", " later"))
	if err := j.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range read(t, j, 0) {
		var x wire.Text
		json.Unmarshal(e.Data, &x)
		got = append(got, e.Turn+e.Type[:2]+x.Block+":"+x.Text)
	}
	want := "tteb1:one two|tthb2:hm|tteb1: three|uteb1: other turn|uteb1: later"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("entries %s\nwant    %s", s, want)
	}
}

func TestAFollowerSeesWhatIsWritten(t *testing.T) {
	j := open(t, t.TempDir())
	r := j.Read(0)
	defer r.Close()
	for i := range 100 {
		j.Append("", wire.EntryError, wire.Note{Message: fmt.Sprint(i)})
		if i%7 == 0 {
			j.Sync(context.Background())
		}
	}
	for i := range 100 {
		line, err := r.Next(t.Context())
		if err != nil || !bytes.Contains(line, fmt.Appendf(nil, `{"message":"%d"}`, i)) {
			t.Fatalf("entry %d: %s %v", i, line, err)
		}
	}
	j.Close()
	if _, err := r.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after close: %v, want EOF", err)
	}
}

func TestTooLargeAnEntryIsNamed(t *testing.T) {
	j := open(t, t.TempDir())
	add(t, j, strings.Repeat("x", 2<<20))
	got := read(t, j, 0)
	if len(got) != 1 || len(got[0].Data) > 1000 || !strings.Contains(string(got[0].Data), "too large") {
		t.Errorf("entry %.200s", got[0].Data)
	}
}

func TestHistoryTellsWhatWasLeftOpen(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.Append("", wire.EntryAgent, wire.AgentState{State: "ready", Session: "s1"})
	j.Append("p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"})
	j.Append("p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1"})
	j.Append("", wire.EntryMode, wire.Options{Current: "plan"})
	j.Append("p2", wire.EntryTurnStart, wire.TurnStart{Prompt: "p2"})
	j.Append("p2", wire.EntryTool, wire.Tool{ID: "t1", Status: "completed"})
	j.Append("p2", wire.EntryTool, wire.Tool{ID: "t2", Status: "in_progress"})
	j.Append("p2", wire.EntryPermission, wire.Permission{ID: "q1"})
	if err := j.Accept(wire.Prompt{ID: "p1"}, 1); err != nil { // its turn started, the file outlived it
		t.Fatal(err)
	}
	if err := j.Accept(wire.Prompt{ID: "p3", Blocks: []wire.Block{{Type: "text", Text: "next"}}}, 2); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j = open(t, dir)
	h := j.History()
	if h.Session != "s1" || h.Open != "p2" || h.Mode != "plan" || len(h.Asked) != 1 || len(h.Tools) != 1 || !h.Prompts["p1"] || !h.Prompts["p2"] {
		t.Errorf("history %+v", h)
	}
	waiting, orders, err := j.Waiting()
	if err != nil || len(waiting) != 1 || waiting[0].ID != "p3" || orders[0] != 2 {
		t.Errorf("waiting %+v %v %v", waiting, orders, err)
	}
}

func TestBodiesAreNamedByTheirHash(t *testing.T) {
	j := open(t, t.TempDir())
	hash, err := j.PutBody([]byte("large"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := j.Body(hash)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, _ := io.ReadAll(f); string(b) != "large" {
		t.Errorf("body %q", b)
	}
	for _, bad := range []string{"", "../../epoch", strings.Repeat("0", 64), strings.ToUpper(hash)} {
		if _, err := j.Body(bad); !errors.Is(err, ErrNoBody) {
			t.Errorf("body %q: %v, want ErrNoBody", bad, err)
		}
	}
}

// Whatever lies on the disk, lines come in order and are JSON.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"seq\":1,\"at\":1,\"run\":1,\"type\":\"error\",\"data\":{}}\n{\"seq\":2,\"type\":\"x\"}\n"))
	f.Add([]byte("{\"seq\":1,\"type\":\"turn_start\",\"data\":{\"prompt\":\"p\"}}\n\x00\x00"))
	f.Add([]byte("\n\n{\"seq\":9,\"type\":\"permission\",\"data\":[]}\n"))
	f.Add([]byte("{\"seq\":-1,\"type\":\"a\"}\n{\"seq\":3,\"type\":\"a\"}\n{\"seq\":2,\"type\":\"a\"}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLines(bytes.NewReader(b), 1)
		h := History{Prompts: map[string]bool{}, Tools: map[string]wire.Tool{}}
		for last := int64(0); ; {
			seq, line, err := l.next()
			if err != nil {
				if !errors.Is(err, io.EOF) || l.end > int64(len(b)) {
					t.Errorf("%v at %d of %d", err, l.end, len(b))
				}
				return
			}
			if seq <= last || !json.Valid(line) || !bytes.HasSuffix(line, []byte("\n")) {
				t.Errorf("line %d after %d: %q", seq, last, line)
			}
			last = seq
			h.take(line, map[string]bool{})
		}
	})
}

package link

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/store/storetest"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestCheck(t *testing.T) {
	ms := noon.UnixMilli()
	deep := strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300)
	for _, c := range []struct {
		name, line string
		want       error
		data       string // of the entry
	}{
		{"text", `{"seq":5,"run":2,"type":"text","turn":"p","data":{"block":"b","text":"<a>"}}`, nil, `{"block":"b","text":"<a>"}`},
		{"an earlier run", `{"seq":5,"run":1,"type":"error","data":{"message":"m"}}`, nil, `{"message":"m"}`},
		{"fields nobody knows are dropped", `{"seq":5,"run":2,"type":"usage","data":{"used":1,"size":2,"evil":[1]}}`, nil, `{"used":1,"size":2}`},
		{"words nobody knows", `{"seq":5,"run":2,"type":"tool","data":{"id":"t","title":"x","kind":"hack","status":"won"}}`, nil, `{"id":"t","title":"x","kind":"other","status":"pending"}`},
		{"numbers are bounded", `{"seq":5,"run":2,"type":"turn_end","data":{"prompt":"p","stop_reason":"?","input_tokens":-5,"output_tokens":9000000000000000000,"cost_usd":1e300}}`, nil,
			`{"prompt":"p","stop_reason":"error","input_tokens":0,"output_tokens":100000000,"cost_usd":1000}`},
		{"ports", `{"seq":5,"run":2,"type":"ports","data":[{"port":3000},{"port":7430},{"port":0},{"port":70000}]}`, nil, `[{"port":3000}]`},
		{"files", `{"seq":5,"run":2,"type":"files","data":{"changes":[{"path":"a","action":"renamed","from":"b","ins":-3,"del":2},{"path":"/etc/x"},{"path":"a/../../x"},{"path":"c\u001b[2J\n","action":"eaten","from":"."}],"more":-2}}`, nil,
			`{"changes":[{"path":"a","action":"renamed","from":"b","del":2},{"path":"c�[2J�","action":"modified"}],"more":2}`},
		{"a commit", `{"seq":5,"run":2,"type":"git","data":{"action":"commit","repo":"../x","hash":"a94a8fe5ccb19ba61c4c0873d391e987982fbbd3","subject":"one\ntwo","files":["a","/b"]}}`, nil,
			`{"action":"commit","hash":"a94a8fe5ccb19ba61c4c0873d391e987982fbbd3","subject":"one two","files":["a"]}`},
		{"a hash that is none", `{"seq":5,"run":2,"type":"git","data":{"action":"commit","hash":"../../x"}}`, errUnreadable, ""},
		{"what git does not do", `{"seq":5,"run":2,"type":"git","data":{"action":"explode"}}`, errUnreadable, ""},
		{"a command", `{"seq":5,"run":2,"type":"command","data":{"command":"for x\ndo","dir":"/w\ns","exit":-99,"started_at":9,"ended_at":3,"shell":"csh","where":"moon"}}`, nil,
			`{"command":"for x\ndo","dir":"/w s","exit":-1,"started_at":9,"ended_at":9}`},
		{"a checkpoint", `{"seq":5,"run":2,"type":"checkpoint","data":{"id":"c","prompt":"p","took":-1,"files":3}}`, nil, `{"id":"c","prompt":"p","took":0,"files":3}`},
		{"no checkpoint", `{"seq":5,"run":2,"type":"checkpoint","data":{"id":"","prompt":"p","took":5,"error":"no room"}}`, nil, `{"id":"","prompt":"p","took":5,"error":"no room"}`},
		{"a checkpoint that is a path", `{"seq":5,"run":2,"type":"rewound","data":{"checkpoint":"..","prompt":"p"}}`, errUnreadable, ""},
		{"a note", `{"seq":5,"run":2,"type":"note","data":{"source":"workspace","message":"m"}}`, nil, `{"source":"workspace","message":"m"}`},
		{"seen", `{"seq":4,"run":2,"type":"text","data":{"block":"b","text":"a"}}`, errSeen, ""},
		{"gap", `{"seq":6,"run":2,"type":"text","data":{"block":"b","text":"a"}}`, errGap, ""},
		{"no number", `{"run":2,"type":"text","data":{"block":"b","text":"a"}}`, errUnreadable, ""},
		{"negative number", `{"seq":-5,"run":2,"type":"text","data":{}}`, errUnreadable, ""},
		{"a run to come", `{"seq":5,"run":3,"type":"text","data":{"block":"b","text":"a"}}`, errUnreadable, ""},
		{"no run", `{"seq":5,"type":"text","data":{"block":"b","text":"a"}}`, errUnreadable, ""},
		{"the daemon's prompt", `{"seq":5,"run":2,"type":"prompt","data":{"id":"p"}}`, errUnknown, ""},
		{"the daemon's answer", `{"seq":5,"run":2,"type":"answer","data":{"id":"q","option":"yes"}}`, errUnknown, ""},
		{"the daemon's stop", `{"seq":5,"run":2,"type":"stop","data":{}}`, errUnknown, ""},
		{"no type", `{"seq":5,"run":2,"data":{}}`, errUnknown, ""},
		{"no data", `{"seq":5,"run":2,"type":"text"}`, errUnreadable, ""},
		{"null", `{"seq":5,"run":2,"type":"text","data":null}`, errUnreadable, ""},
		{"data of another shape", `{"seq":5,"run":2,"type":"text","data":[1]}`, errUnreadable, ""},
		{"no block", `{"seq":5,"run":2,"type":"text","data":{"text":"a"}}`, errUnreadable, ""},
		{"an id with a line's end", `{"seq":5,"run":2,"type":"permission_done","data":{"id":"a\nb"}}`, errUnreadable, ""},
		{"an id that is a path", `{"seq":5,"run":2,"type":"permission","data":{"id":"..","tool":{"id":"t"}}}`, errUnreadable, ""},
		{"a long turn", `{"seq":5,"run":2,"type":"error","turn":"` + strings.Repeat("x", 300) + `","data":{}}`, errUnreadable, ""},
		{"a body that is no hash", `{"seq":5,"run":2,"type":"tool","data":{"id":"t","content":[{"type":"text","body":"../x"}]}}`, errUnreadable, ""},
		{"deep", `{"seq":5,"run":2,"type":"tool","data":{"id":"t","input":` + deep + `}}`, errUnreadable, ""},
		{"brackets in a string are not deep", `{"seq":5,"run":2,"type":"text","data":{"block":"b","text":"` + strings.Repeat(`[\"`, 300) + `"}}`, nil, ""},
		{"no UTF-8", "{\"seq\":5,\"run\":2,\"type\":\"text\",\"data\":{\"block\":\"b\",\"text\":\"\xff\"}}", errUnreadable, ""},
		{"two values", `{"seq":5,"run":2,"type":"error","data":{}} {}`, errUnreadable, ""},
		{"empty", ``, errUnreadable, ""},
		{"too long", `{"seq":5,"run":2,"type":"text","data":{"block":"b","text":"` + strings.Repeat("x", wire.MaxEntry) + `"}}`, errUnreadable, ""},
	} {
		e, err := check([]byte(c.line), 5, 2, noon)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.data != "" && string(e.Data) != c.data {
			t.Errorf("%s: %s", c.name, e.Data)
		}
	}
	for at, want := range map[int64]time.Time{ms - 1000: noon.Add(-time.Second), ms + 1000: noon, 0: noon, -1: noon, math.MaxInt64: noon, math.MinInt64: noon} {
		e, err := check(fmt.Appendf(nil, `{"seq":5,"run":2,"at":%d,"type":"error","data":{}}`, at), 5, 2, noon)
		if err != nil || !e.At.Equal(want) {
			t.Errorf("at %d: %v, %v", at, e.At, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for typ := range shapes {
		f.Add([]byte(`{"seq":5,"run":2,"turn":"p","at":1,"type":"` + typ + `","data":{"id":"a","block":"b","prompt":"p","state":"ready","tool":{"id":"t"},"options":[{"id":"o"}],"action":"commit","changes":[{"path":"x/y","from":"z"}],"files":["x"],"command":"ls","checkpoint":"c"}}`))
	}
	f.Add([]byte(`{"seq":5,"run":2,"type":"tool","data":{"id":"a","input":{"x":[1,"\ud800",2e400]},"content":[{"type":"diff","old":"a","new":"b"}]}}`))
	f.Add([]byte(`{"seq":5,"run":2,"type":"ports","data":[{"port":3000,"process":"a\u0000b"}]}`))
	db, err := store.Open(storetest.New(f, f.TempDir()))
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	s, err := db.CreateSession(f.Context(), store.Session{Name: "s", OwnerID: "a", TenantID: "t", Runtime: "fake", Request: json.RawMessage(`{}`)})
	if err != nil {
		f.Fatal(err)
	}
	n := 0
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := check(line, 5, 2, noon)
		if err != nil {
			return
		}
		if shapes[e.Type] == nil || e.Seq != 5 || e.Run < 1 || e.Run > 2 || e.At.After(noon) || e.Source != "journal" {
			t.Errorf("%+v", e)
		}
		if !json.Valid(e.Data) || !utf8.Valid(e.Data) || len(e.Data) > 2*wire.MaxEntry {
			t.Errorf("data %q", e.Data)
		}
		// What was let through, the store takes, and a second look changes nothing.
		n++
		if _, err := db.AppendJournal(t.Context(), s.ID, fmt.Sprint("e", n), []store.Entry{e}); err != nil {
			t.Errorf("%s: %v", e.Data, err)
		}
		(&talk{}).fold(e)
		again, err := check(fmt.Appendf(nil, `{"seq":5,"run":2,"type":%q,"data":%s}`, e.Type, e.Data), 5, 2, noon)
		if err != nil || !bytes.Equal(again.Data, e.Data) {
			t.Errorf("%s became %s: %v", e.Data, again.Data, err)
		}
	})
}

func TestAJournalIsReadNoFasterThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 10 << 20
		in := lines{r: bufio.NewReader(bytes.NewReader(bytes.Repeat([]byte(strings.Repeat("x", 1023)+"\n"), size/1024))), limit: rate.NewLimiter(1<<20, 1<<20)}
		start := time.Now()
		for {
			if _, err := in.next(t.Context()); err != nil {
				break
			}
		}
		if took := time.Since(start); took < 8*time.Second || took > 10*time.Second {
			t.Errorf("10 MiB at 1 MiB a second took %v", took)
		}
		endless := lines{r: bufio.NewReader(endlessly{}), limit: rate.NewLimiter(1<<20, 1<<20)}
		ctx := t.Context()
		go func() { endless.next(ctx) }() // a line that never ends
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if n := cap(endless.buf); n > 4*wire.MaxEntry {
			t.Errorf("%d bytes in memory", n)
		}
	})
}

type endlessly struct{}

func (endlessly) Read(p []byte) (int, error) { return len(p), nil }

func TestCost(t *testing.T) {
	for _, c := range []struct {
		end  wire.TurnEnd
		want int64 // micros
	}{
		{wire.TurnEnd{Model: "claude-sonnet-4-6", Input: 1e6, Output: 1e6, CacheRead: 1e6, CacheWrite: 1e6}, 3e6 + 15e6 + 0.3e6 + 3.75e6},
		{wire.TurnEnd{Model: "claude-sonnet-4-6[1m]", Input: 1e6}, 3e6},
		{wire.TurnEnd{Model: "anthropic/claude-opus-4-1-20250805", Output: 1e6}, 75e6},
		{wire.TurnEnd{Model: "claude-haiku-4-5-20251001", Input: 100}, 100},
		{wire.TurnEnd{Model: "gpt-5-codex/high", Input: 1e6, CacheRead: 1e6}, 1.375e6},
		{wire.TurnEnd{Model: "GPT-5-2025-08-07", Output: 1e6}, 10e6},
		{wire.TurnEnd{Model: "gpt-5.6-luna/max", Input: 1e6, Output: 1e6, CacheRead: 1e6, CacheWrite: 1e6}, 0.2e6 + 1.2e6 + 0.02e6 + 0.25e6},
		{wire.TurnEnd{Model: "claude-opus-5-5", Input: 1e6, CacheRead: 1e6, CacheWrite: 1e6}, 4e6 + 0.2e6 + 5e6},
		{wire.TurnEnd{Model: "gpt-55", Output: 1e6}, 0},
		{wire.TurnEnd{Model: "", Output: 1e6}, 0},
		{wire.TurnEnd{Model: "gpt-55", Output: 1e6, CostUSD: 0.25}, 250_000},
		{wire.TurnEnd{Model: "claude-opus-4-1", Output: 100e6}, 1000e6},
	} {
		if u := UsageOf("s", store.Entry{Run: 1}, c.end, false)[0]; u.CostMicros != c.want || u.Provider != "cloud" {
			t.Errorf("%+v costs %d, want %d", c.end, u.CostMicros, c.want)
		}
		if u := UsageOf("s", store.Entry{Run: 1}, c.end, true)[0]; u.CostMicros != 0 || u.Provider != "local" {
			t.Errorf("%+v costs %d locally", c.end, u.CostMicros)
		}
	}
}

// What a turn used is told for each of its models, and its cost is shared out.
func TestUsageByModel(t *testing.T) {
	two := []wire.Spent{{Model: "claude-opus-4-5", Input: 1e6, Output: 1e5}, {Model: "claude-haiku-4-5-20251001", Input: 5e5, CacheRead: 1e6}}
	type used struct {
		Turn, Model       string
		Messages          int
		Input, Cost, Read int64
	}
	for name, c := range map[string]struct {
		end  wire.TurnEnd
		want []used
	}{
		"by the table":         {wire.TurnEnd{Models: two}, []used{{"t", "claude-opus-4-5", 1, 1e6, 7_500_000, 0}, {"t+1", "claude-haiku-4-5-20251001", 0, 5e5, 600_000, 1e6}}},
		"as the agent told":    {wire.TurnEnd{Models: two, CostUSD: 16.2}, []used{{"t", "claude-opus-4-5", 1, 1e6, 15_000_000, 0}, {"t+1", "claude-haiku-4-5-20251001", 0, 5e5, 1_200_000, 1e6}}},
		"by tokens":            {wire.TurnEnd{Models: []wire.Spent{{Model: "a", Input: 3}, {Model: "b", Input: 1}}, CostUSD: 4}, []used{{"t", "a", 1, 3, 3e6, 0}, {"t+1", "b", 0, 1, 1e6, 0}}},
		"the agent's own":      {wire.TurnEnd{Model: "default", Input: 7, CostUSD: 1}, []used{{"t", "default", 1, 7, 1e6, 0}}},
		"nothing, for nothing": {wire.TurnEnd{Model: "default"}, []used{{"t", "default", 1, 0, 0, 0}}},
	} {
		c.end.Prompt = "t"
		var got []used
		for _, u := range UsageOf("s", store.Entry{Run: 1}, c.end, false) {
			got = append(got, used{u.Turn, u.Model, u.Messages, u.Input, u.CostMicros, u.CacheRead})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if b := BesideOf("s", store.Entry{Seq: 7}, two[:1], false); len(b) != 1 || b[0].Turn != "beside-7" || b[0].Messages != 0 || b[0].CostMicros != 7_500_000 {
		t.Errorf("beside a turn: %+v", b)
	}
}

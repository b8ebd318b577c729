package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

func TestNamesAreRefusedInTheContractsWords(t *testing.T) {
	for name, want := range map[string]string{
		"":                      "cannot be empty",
		"   ":                   "cannot be empty",
		strings.Repeat("a", 64): "63 characters or fewer",
		"Fix":                   "must be lowercase — uppercase characters are not allowed",
		"a b":                   "cannot contain spaces",
		"-a":                    "cannot start with a hyphen",
		"a-":                    "cannot end with a hyphen",
		"a_b":                   "only contain lowercase letters",
		"ä":                     "only contain lowercase letters",
	} {
		_, err := checkName(name)
		var p problem
		if !errors.As(err, &p) || p.status != 422 {
			t.Errorf("%q: %v, want a 422", name, err)
			continue
		}
		f := p.detail.([]fieldError)[0]
		if !strings.Contains(f.Msg, want) || f.Type != "value_error" || !cmp.Equal(f.Loc, []any{"body", "name"}) {
			t.Errorf("%q: %+v, want %q", name, f, want)
		}
	}
	for given, want := range map[string]string{"x": "x", " fix-login ": "fix-login", strings.Repeat("a", 63): strings.Repeat("a", 63), "0a": "0a"} {
		if got, err := checkName(given); err != nil || got != want {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
}

func entry(turn, typ string, data any) store.Entry {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return store.Entry{Turn: turn, Type: typ, Data: raw, At: time.Unix(0, 0).UTC()}
}

func TestTurnsKeepTextBeforeToolCallsAndAllThinking(t *testing.T) {
	got := turns([]store.Entry{
		entry("p1", "prompt", wire.Prompt{ID: "p1", Blocks: []wire.Block{{Type: "text", Text: "look"}, {Type: "image"}}}),
		entry("p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"}),
		entry("p1", wire.EntryThought, wire.Text{Block: "a", Text: "hm"}),
		entry("p1", wire.EntryText, wire.Text{Block: "b", Text: "one "}),
		entry("p1", wire.EntryTool, wire.Tool{ID: "t"}),
		entry("p1", wire.EntryText, wire.Text{Block: "c", Text: "two"}),
		entry("p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1", Model: "m", Input: 3, Output: 4, CostUSD: 0.5, StopReason: "end_turn"}),
	})
	at := time.Unix(0, 0).UTC()
	want := []client.Turn{
		{ID: "p1", Role: "user", Content: "look\n[image]", Parts: []client.TurnPart{{Type: "text", Text: "look\n[image]"}}, CreatedAt: at, Metadata: map[string]any{}},
		{ID: "p1-answer", Role: "assistant", Content: "one\n\ntwo", CreatedAt: at,
			Parts: []client.TurnPart{{Type: "reasoning", Text: "hm"}, {Type: "text", Text: "one "}, {Type: "text", Text: "two"}},
			Metadata: map[string]any{"model": "m", "cost": 0.5, "stop_reason": "end_turn", "usage": map[string]int64{
				"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestOpenQuestionsAreThoseThatNobodyAnswered(t *testing.T) {
	got := open([]store.Entry{
		entry("", wire.EntryPermission, wire.Permission{ID: "a"}),
		entry("", wire.EntryPermission, wire.Permission{ID: "b"}),
		entry("", wire.EntryPermissionDone, wire.PermissionDone{ID: "a"}),
	})
	if len(got) != 1 || got[0].ID != "b" {
		t.Errorf("open questions: %+v", got)
	}
}

func TestContentIsAStringOrBlocks(t *testing.T) {
	for raw, want := range map[string][]wire.Block{
		`""`:   nil,
		`"hi"`: {{Type: "text", Text: "hi"}},
		`17`:   nil,
		`[]`:   nil,
		`[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]`: {
			{Type: "text", Text: "a"}, {Type: "image", MIME: "image/png", Data: "AA=="}},
	} {
		if d := cmp.Diff(want, contentBlocks(json.RawMessage(raw))); d != "" {
			t.Errorf("%s: %s", raw, d)
		}
	}
}

func TestLossIsReadFromTheSessionsWords(t *testing.T) {
	l := client.Loss{Names: []string{}, Branches: []string{}}
	if !readLoss("R\nF  M a.go\nF ?? b.txt\nB 2 feature/x\nS 1\n", &l) {
		t.Fatal("refused")
	}
	want := client.Loss{Known: true, Repository: true, Files: 2, Names: []string{"a.go", "b.txt"}, Branches: []string{"feature/x"}, Commits: 2, Stashes: 1}
	if d := cmp.Diff(want, l); d != "" {
		t.Error(d)
	}
	for _, odd := range []string{"x\n", "B many x\n", "S -1\n", "W\n"} {
		if readLoss(odd, &client.Loss{}) {
			t.Errorf("%q was believed", odd)
		}
	}
}

package client

import (
	"fmt"
	"slices"
	"testing"
)

func TestTold(t *testing.T) {
	created, deleted, yes := "created", "deleted", true
	file := func(action *string, n int) (out []TimelineEvent) {
		for i := range n {
			out = append(out, TimelineEvent{Type: "file", Label: fmt.Sprint("f", i), Action: action, Ins: &i})
		}
		return out
	}
	events := slices.Concat(file(&created, 5), file(&deleted, 7), []TimelineEvent{
		{Type: "message", Kind: "answer", Turn: "t1", Label: "left out"}, {Type: "message", Kind: "permission", Turn: "t1", Allowed: &yes, Label: "allowed"},
		{Type: "message", Kind: "permission", Turn: "t2", Label: "open"}, {Type: "message", Kind: "answer", Turn: "t2", Label: "kept"},
		{Type: "file", Label: "new", From: "old", Action: &created}}, file(&created, 6))
	var got []string
	for _, g := range Told(events) {
		got = append(got, fmt.Sprint(len(g), g[0].Label))
	}
	if want := []string{"1f0", "1f1", "1f2", "1f3", "1f4", "7f0", "1allowed", "1open", "1kept", "1new", "6f0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if ins, del := Changed(events[:5]); ins != 10 || del != 0 {
		t.Errorf("+%d -%d", ins, del)
	}
}

package chronicle_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/chronicle"
)

// Files are what became of them in all: under the name that they have now, with
// the one that they had when the run began.
func TestRenamesAddUp(t *testing.T) {
	type file = chronicle.FileStat
	change := func(action, path, from string, ins, del int) chronicle.Event {
		return chronicle.Event{Type: chronicle.TypeFile, Label: path, Data: chronicle.Data{Action: action, From: from, Ins: &ins, Del: &del}}
	}
	for name, c := range map[string]struct {
		events []chronicle.Event
		want   []file
	}{
		"renamed": {[]chronicle.Event{change("modified", "o", "l", 1, 0)}, []file{{Path: "o", Status: "mod", Ins: 1, From: "l"}}},
		"changed and renamed twice": {[]chronicle.Event{change("modified", "l", "", 2, 1), change("modified", "o", "l", 1, 0), change("modified", "p", "o", 0, 0)},
			[]file{{Path: "p", Status: "mod", Ins: 3, Del: 1, From: "l"}}},
		"there and back":      {[]chronicle.Event{change("modified", "o", "l", 1, 0), change("modified", "l", "o", 0, 1)}, []file{{Path: "l", Status: "mod", Ins: 1, Del: 1}}},
		"made and renamed":    {[]chronicle.Event{change("created", "l", "", 5, 0), change("modified", "o", "l", 1, 0)}, []file{{Path: "o", Status: "new", Ins: 6}}},
		"renamed and deleted": {[]chronicle.Event{change("modified", "o", "l", 0, 0), change("deleted", "o", "", 0, 7)}, []file{{Path: "l", Status: "del", Del: 7}}},
		"in two steps":        {[]chronicle.Event{change("created", "o", "", 41, 0), change("modified", "o", "l", 1, 0)}, []file{{Path: "o", Status: "mod", Ins: 1, From: "l"}}},
		"changed, then in two steps": {[]chronicle.Event{change("modified", "l", "", 2, 1), change("created", "o", "", 42, 0), change("modified", "o", "l", 1, 0)},
			[]file{{Path: "o", Status: "mod", Ins: 3, Del: 1, From: "l"}}},
		"made, then in two steps": {[]chronicle.Event{change("created", "l", "", 40, 0), change("created", "o", "", 41, 0), change("modified", "o", "l", 1, 0)},
			[]file{{Path: "o", Status: "new", Ins: 41}}},
		"over one that was deleted": {[]chronicle.Event{change("deleted", "o", "", 0, 3), change("modified", "o", "l", 1, 0)}, []file{{Path: "o", Status: "mod", Ins: 1, Del: 3, From: "l"}}},
	} {
		if diff := cmp.Diff(c.want, chronicle.Sum(c.events).Files); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

package chronicle_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
)

// A command that a person did not allow was not run, and is not told as one that
// failed.
func TestADeniedCommandIsNotTold(t *testing.T) {
	w := newWorld(t)
	w.prompt("p1", "Clean up")
	call := func(id, status string) wire.Tool {
		v := wire.Tool{ID: id, Title: "rm x", Kind: "execute", Status: status, Input: json.RawMessage(`{"command":"rm x"}`)}
		if status == "failed" {
			v.Exit = exit(1)
		}
		return v
	}
	w.journal(
		w.entry(1, "p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"}),
		w.entry(2, "p1", wire.EntryTool, call("t1", "pending")),
		w.entry(2, "p1", wire.EntryPermission, wire.Permission{ID: "q1", Tool: call("t1", "pending")}),
		w.entry(3, "p1", wire.EntryPermissionDone, wire.PermissionDone{ID: "q1", Option: "reject"}),
		w.entry(3, "p1", wire.EntryTool, call("t1", "failed")),
		w.entry(4, "p1", wire.EntryTool, call("t2", "in_progress")), // this one was told before it was asked
		w.entry(4, "p1", wire.EntryPermission, wire.Permission{ID: "q2", Tool: call("t2", "in_progress")}),
		w.entry(5, "p1", wire.EntryPermissionDone, wire.PermissionDone{ID: "q2", Option: "reject"}),
		w.entry(5, "p1", wire.EntryTool, call("t2", "failed")),
		w.entry(6, "p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1", StopReason: "end_turn"}),
	)
	want := []string{"session 0 Started demo", "message 1 Clean up by user", "message 3 Denied: rm x by agent",
		"terminal 5 rm x by agent", "message 5 Denied: rm x by agent", "message 6 Done, without a word tokens=0 by assistant"}
	if diff := cmp.Diff(want, w.told()); diff != "" {
		t.Error(diff)
	}
}

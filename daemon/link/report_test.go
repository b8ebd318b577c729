package link

import (
	"encoding/json"
	"errors"
	"testing"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// What a program says that it does is shown while the agent rests, and never in
// place of what is seen of the agent.
func TestWhatAProgramTellsIsShownUntilSomethingIsSeen(t *testing.T) {
	w := newWorld(t)
	w.start()
	is := func(kind, text string) {
		t.Helper()
		until(t, kind+" "+text, func() bool { s := w.row(w.id); return s.Activity == kind && s.ActivityText == text })
	}
	p := w.row(w.id).Owner()
	tell := func(kind, about string) {
		t.Helper()
		before := w.row(w.id)
		if err := w.links.Report(t.Context(), p, w.id, kind, json.RawMessage(about)); err != nil {
			t.Fatal(err)
		}
		if now := w.row(w.id); now.State != before.State || now.Want != before.Want || now.Version != before.Version {
			t.Errorf("%s %s became %s %s", before.Want, before.State, now.Want, now.State)
		}
	}
	is("idle", "")
	tell("tool_executing", `{"text":"builds\n\u001b[31mall"}`)
	is("tool_executing", "builds [31mall")
	tell("active", `{"text":7}`)
	is("active", "")
	tell("idle", `{}`)
	is("idle", "")
	tell("active", `{"text":"indexes"}`)
	is("active", "indexes")

	w.write("p", wire.EntryTurnStart, wire.TurnStart{Prompt: "p"})
	is("active", "thinking")
	tell("idle", `{}`)
	is("active", "thinking")
	tool := wire.Tool{ID: "t", Kind: "execute", Title: "go test", Status: "in_progress"}
	w.write("p", wire.EntryPermission, wire.Permission{ID: "q", Tool: tool, Options: []wire.Option{{ID: "yes", Kind: "allow_once"}}})
	is("waiting", "asks: running `go test`")
	for _, kind := range []string{"idle", "active", "tool_executing"} {
		tell(kind, `{"text":"nothing to see"}`)
		is("waiting", "asks: running `go test`")
	}
	w.write("p", wire.EntryPermissionDone, wire.PermissionDone{ID: "q", Option: "yes", Allowed: true})
	w.write("p", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p", StopReason: "end_turn"})
	is("idle", "")

	tell("active", `{"text":"indexes"}`)
	is("active", "indexes")
	w.kill()
	w.start() // what is seen anew counts for more than what was told before
	is("idle", "")

	if err := w.links.Report(t.Context(), store.Principal{UserID: "eve", TenantID: p.TenantID}, w.id, "active", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of another's session: %v", err)
	}
}

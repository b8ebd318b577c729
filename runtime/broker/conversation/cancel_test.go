package conversation

import (
	"context"
	"fmt"
	"testing"
	"time"

	"volundr/runtime/broker/wire"
)

// A cancel is told to the agent before the next turn begins: one that came
// later would end that turn, which nobody cancelled.
func TestACancelDoesNotReachTheNextTurn(t *testing.T) {
	f := start(t, t.TempDir(), 0)
	for i := range 20 {
		asked, after := fmt.Sprint("asked", i), fmt.Sprint("after", i)
		f.prompt(asked, "ask")
		f.prompt(after, "cancels")
		f.await("the question", of(asked, wire.EntryPermission))
		f.c.Cancel(t.Context()) // answers the question too, by which the agent ends its turn
		if end := f.end(asked); end.StopReason != "cancelled" {
			t.Errorf("%+v", end)
		}
		if end := f.end(after); end.StopReason != "end_turn" || f.text(after) != fmt.Sprint(i+1) {
			t.Fatalf("the turn after %d cancelled ones ended with %q; the agent had been told of %s", i+1, end.StopReason, f.text(after))
		}
	}
}

// An agent that has answered is not killed because what its turn changed is
// still being told.
func TestAnAgentThatCancelledInTimeIsNotKilled(t *testing.T) {
	told := make(chan struct{})
	f := start(t, t.TempDir(), 0, func(o *Options) {
		o.Ended = func(ctx context.Context) {
			select {
			case <-told:
			case <-ctx.Done():
			}
		}
	})
	f.prompt("slow", "ask")
	f.await("the question", of("slow", wire.EntryPermission))
	f.c.Cancel(t.Context())
	f.await("the agent's last word", of("slow", wire.EntryText))
	late := time.NewTimer(cancelGrace + time.Second)
	defer late.Stop()
	<-late.C // by then it would be killed
	close(told)
	if end := f.end("slow"); end.StopReason != "cancelled" {
		t.Errorf("%+v", end)
	}
	f.prompt("next", "cancels")
	f.end("next")
	if f.text("next") != "1" {
		t.Errorf("it is another agent: it was told of %s cancels", f.text("next"))
	}
}

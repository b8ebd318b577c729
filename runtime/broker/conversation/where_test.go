package conversation

import (
	"context"
	"sync/atomic"
	"testing"

	"volundr/runtime/broker/wire"
)

// Where a command ran stands with it before its turn ends, if anybody knows.
func TestCommandsHaveTheirFolder(t *testing.T) {
	var hidden atomic.Bool
	f := start(t, t.TempDir(), 0, func(o *Options) {
		o.Where = func(ctx context.Context, session string, calls []string) map[string]string {
			if hidden.Load() {
				<-ctx.Done() // as long as it may take
				return nil
			}
			dirs := map[string]string{}
			for _, id := range calls {
				dirs[id] = "/in/" + session
			}
			return dirs
		}
	})
	last := func(turn string) (v wire.Tool) {
		t.Helper()
		f.prompt(turn, "print")
		if end := f.end(turn); end.StopReason != "end_turn" {
			t.Errorf("%+v", end)
		}
		for _, e := range f.entries {
			if of(turn, wire.EntryTool)(e) {
				v = data[wire.Tool](f, e)
			}
		}
		return v
	}
	if v := last("p1"); v.Dir != "/in/s1" || v.Status != "completed" || len(v.Content) == 0 {
		t.Errorf("%+v", v)
	}
	hidden.Store(true)
	if v := last("p2"); v.Dir != "" || v.Status != "completed" {
		t.Errorf("%+v", v)
	}
}

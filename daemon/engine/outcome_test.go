package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/fake"
	"volundr/store"
)

// A start fails for good in the moment in which its owner asks for something
// else, and before the engine has heard of that.
func TestAnOldOutcomeIsNoNewsAfterAnotherWish(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "start" && c.Step == "part agent" && !c.After {
				if _, err := l.db.Wish(t.Context(), owner, "a", store.WantStopped); err != nil {
					t.Error(err)
				}
				return fmt.Errorf("the mount is not possible: %w", runtime.ErrInvalid)
			}
			return nil
		})
		l.create("a")
		time.Sleep(time.Minute)
		if s := l.is("a", store.Stopped); s.Failure != nil || s.Attempts != 0 {
			t.Errorf("%+v, %d attempts", s.Failure, s.Attempts)
		}
	})
}

// Somebody renames the session between the reading of its row and the writing
// of what its start has come to.
func TestAnOutcomeSurvivesAChangeOfTheRow(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		var starts atomic.Int32
		var armed atomic.Bool
		w.mu.Lock()
		w.fuse = func() error {
			if armed.CompareAndSwap(true, false) {
				name := "renamed"
				if _, err := l.db.PatchSession(t.Context(), owner, "a", store.SessionPatch{Name: &name}); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
		w.mu.Unlock()
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "start" && c.Step == "" && !c.After {
				starts.Add(1)
				armed.Store(true)
				return fmt.Errorf("the mount is not possible: %w", runtime.ErrInvalid)
			}
			return nil
		})
		l.create("a")
		time.Sleep(time.Hour)
		if s := l.is("a", store.Failed); s.Name != "renamed" || starts.Load() != 1 {
			t.Errorf("%q after %d starts", s.Name, starts.Load())
		}
	})
}

func TestAFailedSetupIsToldWithItsOutput(t *testing.T) {
	f := failedHealth(wire.Health{Failed: true, Detail: "Setup script 1 of 1 failed.", Output: "one\ntwo"})
	if f.Reason != "Setup script 1 of 1 failed." || len(f.Lines) != 2 || f.Lines[1] != "two" {
		t.Errorf("%+v", f)
	}
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/store"
)

// box is a sandbox of the owner's, or one made ahead.
func box(id string, p store.Principal, ttl time.Duration) store.Session {
	end := time.Now().Add(ttl)
	return store.Session{ID: id, Name: id, OwnerID: p.UserID, TenantID: p.TenantID, Runtime: "fake", Shape: "small", ExpiresAt: end,
		LatestAt: time.Now().Add(24 * time.Hour)}
}

// gone fails unless nothing of a sandbox is left.
func (l *life) gone(id string) {
	l.t.Helper()
	s, row := l.row(id)
	if w, there := l.rt.Show(id); row || there {
		l.t.Errorf("%s is still there: %v %+v, %v %+v", id, row, s, there, w)
	}
}

// runs fails unless a sandbox does.
func (l *life) runs(id string) {
	l.t.Helper()
	l.is(id, store.Running)
	if w, _ := l.rt.Show(id); w.State != runtime.Up {
		l.t.Errorf("%s: %+v", id, w)
	}
}

func TestSandboxRunsUntilItsDeadline(t *testing.T) {
	inWorld(t, fake.Options{Delay: 100 * time.Millisecond}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		for _, id := range []string{"short", "extended", "ended"} {
			s, err := l.e.Sandbox(t.Context(), box(id, owner, 15*time.Minute))
			if err != nil || s.State != store.Running || s.ReadyAt.IsZero() {
				t.Fatalf("%+v, %v", s, err)
			}
			l.runs(id)
		}
		time.Sleep(10 * time.Minute)
		if _, err := l.db.ExtendSandbox(t.Context(), owner, "extended", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.db.EndSandbox(t.Context(), owner, "ended"); err != nil {
			t.Fatal(err)
		}
		l.e.Ended()
		time.Sleep(time.Second)
		l.gone("ended")
		time.Sleep(5*time.Minute - 2*time.Second)
		l.runs("short")
		time.Sleep(5 * time.Second)
		l.gone("short")
		l.runs("extended")
		time.Sleep(time.Hour)
		l.gone("extended")
	})
}

// Whatever goes wrong on the way, who asked is told and nothing is left.
func TestSandboxThatDoesNotStart(t *testing.T) {
	for name, c := range map[string]struct {
		step string
		err  error
	}{
		"no image":    {"", fmt.Errorf("no recipe: %w", runtime.ErrUnsupported)},
		"no engine":   {"", fmt.Errorf("gone: %w", runtime.ErrUnavailable)},
		"no room":     {"part agent", errors.New("disk full")},
		"half a part": {"part agent", fmt.Errorf("bad: %w", runtime.ErrInvalid)},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
				l := w.daemon()
				defer l.end()
				w.rt.Script(func(_ context.Context, call fake.Call) error {
					if call.Op == "start" && call.Step == c.step && call.After == (name == "half a part") {
						return c.err
					}
					return nil
				})
				if s, err := l.e.Sandbox(t.Context(), box("a", owner, time.Hour)); !errors.Is(err, c.err) {
					t.Errorf("%+v, %v", s, err)
				}
				time.Sleep(time.Second)
				l.gone("a")
			})
		})
	}
}

func TestSandboxThatNobodyWaitsForAnyMore(t *testing.T) {
	inWorld(t, fake.Options{Delay: 3 * time.Second}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		for _, patience := range []time.Duration{0, time.Second, 2999 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			if _, err := l.e.Sandbox(ctx, box("a", owner, time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %s: %v", patience, err)
			}
			cancel()
			time.Sleep(time.Minute)
			l.gone("a")
		}
	})
}

// A look at what is there can take long with a busy engine; who wants a sandbox
// meanwhile has it.
func TestSandboxDoesNotWaitForALook(t *testing.T) {
	inWorld(t, fake.Options{Delay: 100 * time.Millisecond}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		time.Sleep(time.Second)
		looks := make(chan struct{}, 100)
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "list" && !c.After {
				looks <- struct{}{}
				time.Sleep(10 * time.Second)
			}
			return nil
		})
		l.e.Poke()
		<-looks
		began := time.Now()
		if _, err := l.e.Sandbox(t.Context(), box("a", owner, time.Hour)); err != nil || time.Since(began) > time.Second {
			t.Errorf("%v, after %s", err, time.Since(began))
		}
		time.Sleep(time.Minute)
		l.runs("a")
	})
}

// Who dies by itself, or is taken away by others, is a sandbox no more.
func TestSandboxThatEndsByItself(t *testing.T) {
	inWorld(t, fake.Options{KeepEnded: true}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		for _, id := range []string{"exits", "killed", "lost", "stays"} {
			if _, err := l.e.Sandbox(t.Context(), box(id, owner, time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		w.rt.End("exits", "agent", 0, false)
		w.rt.End("killed", "agent", 137, true)
		w.rt.Lose("lost", "agent")
		time.Sleep(time.Second)
		for _, id := range []string{"exits", "killed", "lost"} {
			l.gone(id)
		}
		l.runs("stays")
	})
}

// What ran out while no daemon was there goes when one comes, and so does what
// no row knows; what has time left stays. The clock alone is enough later.
func TestSandboxesAreReapedAtStart(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		for id, ttl := range map[string]time.Duration{"over": time.Minute, "alive": time.Hour} {
			if _, err := l.e.Sandbox(t.Context(), box(id, owner, ttl)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.e.Sandbox(t.Context(), box("ahead", store.Principal{}, 2*time.Minute)); err != nil {
			t.Fatal(err)
		}
		l.end()
		time.Sleep(90 * time.Second)
		orphan := box("orphan", owner, time.Hour)
		orphan.Kind, orphan.Run = store.KindSandbox, 1
		w.rt.Put(spec(orphan, "fake:image"))
		l = w.daemon()
		defer l.end()
		time.Sleep(time.Second)
		l.gone("over")
		l.gone("orphan")
		l.runs("alive")
		l.runs("ahead")
		time.Sleep(31 * time.Second)
		l.gone("ahead")
	})
}

// Two hundred that run and want nothing cost a look now and then, and no write.
func TestManySandboxesAtRestCostNothing(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		for i := range 200 {
			if _, err := l.e.Sandbox(t.Context(), box(fmt.Sprint("box", i), owner, time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		time.Sleep(time.Second)
		writes, calls := 0, 0
		w.mu.Lock()
		w.fuse = func() error { writes++; return nil }
		w.mu.Unlock()
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if !c.After {
				calls++
			}
			return nil
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if writes > 0 || calls > 21 {
			t.Errorf("%d writes, %d calls of the runtime in ten minutes", writes, calls)
		}
	})
}

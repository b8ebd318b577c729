package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/store"
)

// apart is a daemon on two machines, of which the second, "far", goes silent or
// refuses everything as the test says.
type apart struct {
	*life
	far    *fake.Runtime
	silent atomic.Bool
	calls  atomic.Int32 // that far got while silent, beside looks
}

func inTwoWorlds(t *testing.T, how func(context.Context) error, fn func(t *testing.T, w *world, a *apart)) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		a := &apart{far: fake.New(fake.Options{Report: t.Errorf})}
		a.far.Script(func(ctx context.Context, c fake.Call) error {
			if !a.silent.Load() || c.After {
				return nil
			}
			if c.Op != "list" && c.Op != "watch" {
				a.calls.Add(1)
			}
			return how(ctx)
		})
		a.life = w.daemon(func(o *Options) { o.Runtimes["far"] = a.far.Again() })
		defer a.end()
		fn(t, w, a)
		a.far.Check()
	})
}

// swallow is a network that takes what is sent and never answers.
func swallow(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("list: %w: %w", runtime.ErrUnavailable, ctx.Err())
}

// refuse is a machine that is there and has nothing to say.
func refuse(context.Context) error {
	return fmt.Errorf("connection refused: %w", runtime.ErrUnavailable)
}

// on makes a session on a runtime that is wanted running.
func (l *life) on(runtime, id string) {
	l.t.Helper()
	_, err := l.db.CreateSession(l.t.Context(), store.Session{
		ID: id, Name: id, OwnerID: owner.UserID, TenantID: owner.TenantID, Runtime: runtime, Want: store.WantRunning,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.e.Poke()
}

func TestASilentRuntimeHoldsUpNobodyElse(t *testing.T) {
	for name, how := range map[string]func(context.Context) error{"swallows": swallow, "refuses": refuse} {
		t.Run(name, func(t *testing.T) {
			inTwoWorlds(t, how, func(t *testing.T, w *world, a *apart) {
				a.on("far", "f")
				a.on("fake", "near")
				time.Sleep(time.Minute)
				before := a.is("f", store.Running)
				a.is("near", store.Running)
				there, _ := a.far.Show("f")

				a.silent.Store(true)
				a.far.BreakWatch()
				time.Sleep(20 * time.Second)
				if err := a.e.Trouble()["far"]; !errors.Is(err, runtime.ErrUnavailable) || len(a.e.Trouble()) != 1 {
					t.Errorf("trouble: %v", a.e.Trouble())
				}
				for i := range 20 {
					id := fmt.Sprint("n", i)
					a.on("fake", id)
					time.Sleep(time.Second)
					a.is(id, store.Running)
					a.wish(id, store.WantStopped)
					time.Sleep(time.Second)
					a.is(id, store.Stopped)
					a.wish(id, store.WantGone)
					time.Sleep(time.Second)
					if _, there := a.row(id); there {
						t.Fatalf("%s is not gone after a second", id)
					}
				}
				w.rt.End("near", "agent", 3, false)
				time.Sleep(time.Second)
				a.is("near", store.Failed)

				time.Sleep(time.Hour)
				if diff := cmp.Diff(before, a.is("f", store.Running)); diff != "" {
					t.Errorf("the row of what cannot be seen: %s", diff)
				}
				if a.calls.Load() > 0 {
					t.Errorf("%d calls to what does not answer", a.calls.Load())
				}
				a.silent.Store(false)
				time.Sleep(time.Minute)
				now, _ := a.far.Show("f")
				if diff := cmp.Diff(there, now); diff != "" || len(a.e.Trouble()) > 0 {
					t.Errorf("answers again: %v %s", a.e.Trouble(), diff)
				}
				a.is("f", store.Running)
			})
		})
	}
}

func TestWishesOfWhatCannotBeSeenWait(t *testing.T) {
	inTwoWorlds(t, swallow, func(t *testing.T, w *world, a *apart) {
		for _, id := range []string{"stop", "delete", "dies"} {
			a.on("far", id)
		}
		time.Sleep(time.Minute)
		a.silent.Store(true)
		a.far.BreakWatch()
		a.wish("stop", store.WantStopped)
		a.wish("delete", store.WantGone)
		a.on("far", "new")
		a.far.End("dies", "agent", 7, false)
		time.Sleep(time.Hour)
		a.is("stop", store.Stopping)
		a.is("delete", store.Stopping)
		a.is("dies", store.Running)
		a.is("new", store.Starting)
		a.silent.Store(false)
		time.Sleep(time.Minute)
		a.is("stop", store.Stopped)
		a.is("dies", store.Failed)
		a.is("new", store.Running)
		if _, there := a.row("delete"); there {
			t.Error("what was to go is there")
		}
	})
}

// A start that hangs in a network that went away is given up when its owner
// wants something else, though its runtime cannot be looked at.
func TestAWishEndsAStartThatHangs(t *testing.T) {
	inTwoWorlds(t, swallow, func(t *testing.T, w *world, a *apart) {
		a.silent.Store(true)
		a.far.BreakWatch()
		time.Sleep(time.Minute)
		a.silent.Store(false)
		a.on("far", "s")
		for s, _ := a.row("s"); s.State != store.Provisioning; s, _ = a.row("s") {
			time.Sleep(time.Millisecond)
		}
		a.silent.Store(true)
		time.Sleep(time.Minute)
		a.wish("s", store.WantGone)
		time.Sleep(time.Minute)
		a.silent.Store(false)
		time.Sleep(time.Minute)
		if s, there := a.row("s"); there {
			t.Errorf("it is still there: %s %s", s.State, s.Doing)
		}
	})
}

// A look that began before a deed was over shows what was before it: nothing is
// concluded from that.
func TestALookThatIsOlderThanADeedDecidesNothing(t *testing.T) {
	inWorld(t, fake.Options{Delay: 300 * time.Millisecond}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("other")
		time.Sleep(time.Minute)
		var starts atomic.Int32
		w.rt.Script(func(ctx context.Context, c fake.Call) error {
			if c.Op == "start" && c.Step == "part agent" && !c.After {
				starts.Add(1)
			}
			if c.Op == "list" && c.After { // what it shows is three seconds old when we get it
				time.Sleep(3 * time.Second)
			}
			return nil
		})
		l.create("a")
		time.Sleep(time.Minute)
		l.is("a", store.Running)
		if starts.Load() != 1 {
			t.Errorf("%d starts", starts.Load())
		}
		for range 5 {
			l.wish("a", store.WantStopped)
			time.Sleep(time.Minute)
			l.is("a", store.Stopped)
			l.wish("a", store.WantRunning, store.FromStart...)
			time.Sleep(time.Minute)
			l.is("a", store.Running)
		}
		if s := l.is("a", store.Running); s.Run != 6 || starts.Load() != 6 || s.Failure != nil {
			t.Errorf("run %d, %d starts, %+v", s.Run, starts.Load(), s.Failure)
		}
		if s := l.is("other", store.Running); s.Run != 1 {
			t.Errorf("other: %+v", s)
		}
	})
}

func TestASilentRuntimeDoesNotKeepAnotherFromPausing(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		far := fake.New(fake.Options{Report: t.Errorf})
		far.Script(func(ctx context.Context, _ fake.Call) error { return swallow(ctx) })
		l := w.daemon(pausing, func(o *Options) { o.Runtimes["far"] = far })
		defer l.end()
		l.create("a")
		time.Sleep(20 * time.Minute)
		if !w.frozen() || !l.e.Paused("a") {
			t.Fatal("it is not paused")
		}
		w.rt.Revive("a") // by somebody else
		time.Sleep(time.Minute)
		if l.e.Paused("a") {
			t.Error("that it was woken is not seen")
		}
		if err := l.e.Touch(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsFoundOnASilentRuntimeIsNotGone(t *testing.T) {
	inTwoWorlds(t, refuse, func(t *testing.T, w *world, a *apart) {
		a.far.Put(spec(store.Session{ID: "x", Kind: "session", Name: "x", Run: 1}, "fake:image"))
		time.Sleep(time.Minute)
		a.silent.Store(true)
		a.far.BreakWatch()
		time.Sleep(time.Minute)
		if found := a.e.Found(); len(found) != 1 || found[0].ID != "x" {
			t.Errorf("found %+v", found)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := a.e.Discard(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("discard of what cannot be seen: %v", err)
		}
		a.silent.Store(false)
		time.Sleep(time.Minute)
		if _, there := a.far.Show("x"); there || len(a.e.Found()) != 0 {
			t.Errorf("discarded, but found %+v", a.e.Found())
		}
	})
}

func TestWhatTheRuntimeSaysOfAnEndIsTold(t *testing.T) {
	for words, want := range map[string]string{
		"The cluster put the session off its machine n1, which ran short: memory. Start it again, on a larger machine.": "The cluster put the session off its machine n1, which ran short: memory. Start it again, on a larger machine.",
		"the node was shut down": "The node was shut down. " + kept,
	} {
		inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
			l := w.daemon()
			defer l.end()
			l.create("a")
			time.Sleep(time.Minute)
			w.rt.Evict("a", words)
			time.Sleep(doubt + time.Second)
			f := l.broken("a")
			if f.Reason != want || f.ExitCode == nil || *f.ExitCode != 137 {
				t.Errorf("%+v", f)
			}
			if s, _ := l.row("a"); s.Ended == nil || s.Ended.Error != words {
				t.Errorf("ended: %+v", s.Ended)
			}
		})
	}
	if f := failedGone(runtime.Workload{Parts: []runtime.PartStatus{{Name: "agent", Error: "No machine takes the session"}}}); f.Part != "agent" || !strings.HasPrefix(f.Reason, "No machine takes the session. Files") {
		t.Errorf("%+v", f)
	}
}

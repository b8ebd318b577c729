package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/fake"
	"volundr/store"
)

func TestALife(t *testing.T) {
	inWorld(t, fake.Options{Delay: 100 * time.Millisecond}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(10 * time.Second)
		s := l.is("a", store.Running)
		if s.Run != 1 || s.Attempts != 0 || s.Doing != "" || s.SubmittedAt.IsZero() {
			t.Errorf("running: %+v", s)
		}
		if c := l.books("a"); len(c) != 1 || c[0].Status != "draft" {
			t.Errorf("chronicles while it runs: %+v", c)
		}
		l.wish("a", store.WantStopped, store.FromStop...)
		time.Sleep(10 * time.Second)
		l.is("a", store.Stopped)
		if shown, _ := w.rt.Show("a"); shown.State != runtime.Down || len(shown.Volumes) != 3 || !slices.Contains(w.ended, "a") {
			t.Errorf("stopped: %+v, ended politely: %v", shown, w.ended)
		}
		l.wish("a", store.WantRunning, store.FromStart...)
		time.Sleep(10 * time.Second)
		if s := l.is("a", store.Running); s.Run != 2 {
			t.Errorf("started again: run %d", s.Run)
		}
		if shown, _ := w.rt.Show("a"); shown.Run != 2 {
			t.Errorf("containers of run %d", shown.Run)
		}
		l.wish("a", store.WantGone)
		time.Sleep(10 * time.Second)
		if _, there := l.row("a"); there || len(w.rt.IDs()) > 0 {
			t.Errorf("deleted, but there are %v", w.rt.IDs())
		}
		var reasons []string
		for _, c := range l.books("a") {
			reasons = append(reasons, c.Reason)
		}
		if diff := cmp.Diff([]string{"stopped", "deleted"}, reasons); diff != "" {
			t.Error(diff)
		}
	})
}

// What the UI shows on the way, from the event log.
func TestStatesOnTheWay(t *testing.T) {
	inWorld(t, fake.Options{Delay: 100 * time.Millisecond, ImageSteps: 3}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(10 * time.Second)
		l.wish("a", store.WantStopped, store.FromStop...)
		time.Sleep(10 * time.Second)
		events, err := l.db.Events(t.Context(), owner, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, e := range events {
			var d store.EventData
			if err := unmarshal(e.Data, &d); err != nil {
				t.Fatal(err)
			}
			if d.State != "" { // not a chronicle's
				states = append(states, string(d.State))
			}
		}
		want := []string{"starting", "provisioning", "running", "stopping", "stopped"}
		if diff := cmp.Diff(want, slices.Compact(states)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestASessionWaitsForItsImageInSight(t *testing.T) {
	inWorld(t, fake.Options{ImageSteps: 4}, func(t *testing.T, w *world) {
		w.rt.Script(func(ctx context.Context, c fake.Call) error {
			if c.Op == "image" && c.Step != "" && !c.After {
				select {
				case <-time.After(time.Minute):
				case <-ctx.Done():
				}
			}
			return nil
		})
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(90 * time.Second)
		if s := l.is("a", store.Starting); s.Doing != "making the session image, 2/4: step 2 of 4" {
			t.Errorf("doing %q", s.Doing)
		}
		time.Sleep(4 * time.Minute)
		l.is("a", store.Running)
	})
}

func TestASlowStartBlocksNobodyAndIsGivenUpForAnotherWish(t *testing.T) {
	for _, wish := range []store.Want{store.WantStopped, store.WantGone} {
		inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
			w.rt.Script(func(ctx context.Context, c fake.Call) error {
				if c.Op == "start" && c.ID == "slow" && c.Step == "part agent" && !c.After {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			})
			l := w.daemon()
			defer l.end()
			l.create("slow")
			time.Sleep(time.Second)
			l.create("quick")
			time.Sleep(time.Second)
			l.is("slow", store.Provisioning)
			l.is("quick", store.Running)
			l.wish("slow", wish)
			time.Sleep(time.Second)
			if wish == store.WantGone {
				if _, there := l.row("slow"); there {
					t.Error("the slow one is still there")
				}
				return
			}
			if s := l.is("slow", store.Stopped); s.Failure != nil {
				t.Errorf("what was given up has failed: %+v", s.Failure)
			}
		})
	}
}

func TestRefusedStartsAreTriedFiveTimes(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		var at []time.Duration
		began := time.Now()
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "start" && c.Step == "" && !c.After {
				at = append(at, time.Since(began))
				if s, _ := l.row("a"); s.Attempts != len(at) {
					t.Errorf("start %d was not paid for: %d attempts on the row", len(at), s.Attempts)
				}
				return fmt.Errorf("no space left on device")
			}
			return nil
		})
		l.create("a")
		time.Sleep(4 * time.Second)
		if s := l.is("a", store.Provisioning); !strings.Contains(s.Doing, "no space left on device. Trying again in 4s.") {
			t.Errorf("doing %q", s.Doing)
		}
		time.Sleep(time.Hour)
		s := l.is("a", store.Failed)
		if got := fmt.Sprint(at); got != "[0s 2s 6s 14s 30s]" {
			t.Errorf("started at %s", got)
		}
		if s.Failure == nil || !strings.Contains(s.Failure.Reason, "no space left on device") || s.Attempts != 0 {
			t.Errorf("%+v", s.Failure)
		}
		l.books("a")

		w.rt.Script(nil)
		l.wish("a", store.WantRunning, store.FromStart...)
		time.Sleep(time.Minute)
		if s := l.is("a", store.Running); s.Failure != nil || s.Run != 2 {
			t.Errorf("forgiven: %+v", s)
		}
	})
}

func TestAnInvalidStartIsNotTriedAgain(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		var starts atomic.Int32
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "image" && c.Step == "" && !c.After {
				starts.Add(1)
				return fmt.Errorf("step 3/9 failed: %w\nnpm error code E404\nnpm error 404 Not Found", runtime.ErrInvalid)
			}
			return nil
		})
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(time.Hour)
		s := l.is("a", store.Failed)
		if starts.Load() != 1 || cmp.Diff([]string{"npm error code E404", "npm error 404 Not Found"}, s.Failure.Lines) != "" {
			t.Errorf("%d tries, %+v", starts.Load(), s.Failure)
		}
	})
}

func TestAnImageOfOnesOwnIsMadeReadyFirst(t *testing.T) {
	inWorld(t, fake.Options{Fits: []string{"acme/go:1"}}, func(t *testing.T, w *world) {
		of := map[string]string{"good": "acme/go:1", "bad": "debian:forky"}
		l := w.daemon(func(o *Options) {
			o.Spec = func(_ context.Context, s store.Session, image string) (runtime.Spec, error) {
				sp := spec(s, image)
				for i := range sp.Parts[1:] {
					sp.Parts[1+i].Image = of[s.ID]
				}
				return sp, nil
			}
		})
		defer l.end()
		l.create("good")
		l.create("bad")
		time.Sleep(time.Minute)
		l.is("good", store.Running)
		s := l.is("bad", store.Failed)
		want := "The session could not be started: launch (template): invalid image: debian:forky is not made from the session image. Mend that, then start it again."
		if s.Failure.Reason != want {
			t.Errorf("%q", s.Failure.Reason)
		}
		if w, _ := l.rt.Show("bad"); len(w.Parts) > 0 {
			t.Errorf("something was started: %+v", w)
		}
	})
}

func TestAnUnreachableRuntimeSpendsNoAttempts(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "start" {
				return fmt.Errorf("dial unix: %w", runtime.ErrUnavailable)
			}
			return nil
		})
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(20 * time.Minute)
		if s := l.is("a", store.Provisioning); s.Attempts > 1 || s.Failure != nil {
			t.Errorf("%+v", s)
		}
		w.rt.Script(nil)
		time.Sleep(10 * time.Second)
		l.is("a", store.Running)
	})
}

// For hours nothing can be seen. Nothing is written, nothing is done.
func TestAnOutageChangesNothing(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("up")
		l.create("stopped")
		time.Sleep(time.Minute)
		l.wish("stopped", store.WantStopped)
		time.Sleep(time.Minute)
		before := []store.Session{l.is("up", store.Running), l.is("stopped", store.Stopped)}
		seen, _ := w.rt.Show("up")
		var others atomic.Int32
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op != "list" && c.Op != "watch" {
				others.Add(1)
			}
			return fmt.Errorf("dial unix: %w", runtime.ErrUnavailable)
		})
		w.rt.BreakWatch()
		time.Sleep(2 * time.Hour)
		if err := l.e.Trouble()["fake"]; !errors.Is(err, runtime.ErrUnavailable) {
			t.Errorf("trouble: %v", err)
		}
		w.rt.Script(nil)
		time.Sleep(time.Hour)
		after := []store.Session{l.is("up", store.Running), l.is("stopped", store.Stopped)}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
		now, _ := w.rt.Show("up")
		if diff := cmp.Diff(seen, now); diff != "" || others.Load() > 0 {
			t.Errorf("%d calls, %s", others.Load(), diff)
		}
		if len(l.e.Trouble()) > 0 {
			t.Errorf("trouble stays: %v", l.e.Trouble())
		}
	})
}

func TestAStopIsTriedForEver(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		var at []time.Duration
		began := time.Now()
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "stop" && !c.After {
				at = append(at, time.Since(began))
				return errRefused
			}
			return nil
		})
		l.wish("a", store.WantStopped)
		time.Sleep(3 * time.Hour)
		l.is("a", store.Stopping)
		if got := fmt.Sprint(at[:7]); got != "[0s 2s 6s 14s 30s 1m2s 2m2s]" || len(at) < 180 || len(at) > 186 {
			t.Errorf("%d stops, the first at %s", len(at), got)
		}
		w.rt.Script(nil)
		time.Sleep(2 * time.Minute)
		l.is("a", store.Stopped)
	})
}

func TestStoppedOnlyWhenTheChronicleIsComplete(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		var tries atomic.Int32
		w.mu.Lock()
		w.completed = func() error { tries.Add(1); return errors.New("disk is full") }
		w.mu.Unlock()
		l.wish("a", store.WantStopped)
		time.Sleep(time.Hour)
		l.is("a", store.Stopping)
		if n := tries.Load(); n < 50 || n > 80 {
			t.Errorf("%d tries in an hour", n)
		}
		w.mu.Lock()
		w.completed = nil
		w.mu.Unlock()
		time.Sleep(2 * time.Minute)
		l.is("a", store.Stopped)
		l.books("a")
	})
}

func TestShuttingDownEndsNoSession(t *testing.T) {
	inWorld(t, fake.Options{Delay: time.Second}, func(t *testing.T, w *world) {
		l := w.daemon()
		l.create("up")
		time.Sleep(time.Minute)
		l.create("coming")
		time.Sleep(4 * time.Second)
		before := l.is("up", store.Running)
		l.end()
		time.Sleep(24 * time.Hour)
		if s, _ := w.rt.Show("up"); s.State != runtime.Up {
			t.Errorf("after the daemon's end: %+v", s)
		}
		l = w.daemon()
		defer l.end()
		time.Sleep(time.Minute)
		if diff := cmp.Diff(before, l.is("up", store.Running)); diff != "" {
			t.Errorf("another daemon changed a running session: %s", diff)
		}
		if s := l.is("coming", store.Running); s.Run != 1 {
			t.Errorf("run %d", s.Run)
		}
	})
}

func TestABurstOfNudgesIsOneLook(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		time.Sleep(time.Second)
		lists := w.calls("list")
		for range 100 {
			w.rt.Lose("nobody", "agent")
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(time.Second)
		if n := len(lists()); n != 1 {
			t.Errorf("%d looks", n)
		}
	})
}

func TestKeepNamesWhatHasABroker(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		var kept atomic.Value
		l := w.daemon(func(o *Options) {
			keep := o.Keep
			o.Keep = func(runs map[string]int) { kept.Store(fmt.Sprint(runs)); keep(runs) }
		})
		defer l.end()
		l.create("a")
		l.create("b")
		time.Sleep(10 * time.Second)
		if got := kept.Load(); got != "map[a:1 b:1]" {
			t.Errorf("kept %v", got)
		}
		l.wish("a", store.WantStopped)
		time.Sleep(10 * time.Second)
		if got := kept.Load(); got != "map[b:1]" {
			t.Errorf("kept %v", got)
		}
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "remove" {
				return errRefused
			}
			return nil
		})
		l.wish("b", store.WantGone)
		time.Sleep(10 * time.Second)
		if got := kept.Load(); got != "map[b:1]" {
			t.Errorf("what is being deleted cannot say its last: %v", got)
		}
		w.rt.Script(nil)
		time.Sleep(10 * time.Second)
		if got := kept.Load(); got != "map[]" {
			t.Errorf("what is gone is kept: %v", got)
		}
	})
}

func TestArchiveAndRestore(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		var packs, unpacks atomic.Int32
		l := w.daemon(func(o *Options) {
			o.Archive = func(context.Context, store.Session) (string, error) {
				if packs.Add(1) < 4 {
					return "", fmt.Errorf("archive a: %w", store.ErrFull)
				}
				return "sha256:1", nil
			}
			o.Restore = func(context.Context, store.Session) error { unpacks.Add(1); return nil }
		})
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		l.wish("a", store.WantArchived, store.FromArchive...)
		time.Sleep(3 * time.Second) // into the second pause
		if s := l.is("a", store.Stopped); !strings.Contains(s.Doing, "could not be packed: the disk is full. Nothing is lost: free some space") {
			t.Errorf("of an archive for which there is no room it is said: %q", s.Doing)
		}
		l.wish("a", store.WantArchived, store.FromArchive...) // there is room, its owner thinks
		time.Sleep(time.Millisecond)
		if packs.Load() != 3 {
			t.Errorf("a wish that is repeated waits for the pause: %d packs", packs.Load())
		}
		time.Sleep(time.Minute)
		if s := l.is("a", store.Archived); s.Doing != "" || s.Archive != "sha256:1" || packs.Load() != 4 || len(w.rt.IDs()) > 0 {
			t.Errorf("%d packs, %+v, %v", packs.Load(), s, w.rt.IDs())
		}
		l.wish("a", store.WantStopped, store.FromRestore...)
		time.Sleep(time.Minute)
		if s := l.is("a", store.Stopped); s.Archive != "" || unpacks.Load() != 1 {
			t.Errorf("%d unpacks, %+v", unpacks.Load(), s)
		}
	})
}

func TestASessionOfAnUnknownRuntimeIsLeftAlone(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		if _, err := l.db.CreateSession(t.Context(), store.Session{ID: "k", Name: "k", OwnerID: owner.UserID, TenantID: owner.TenantID, Runtime: "kubernetes", Want: store.WantRunning}); err != nil {
			t.Fatal(err)
		}
		l.e.Poke()
		time.Sleep(time.Hour)
		l.is("k", store.Starting)
		if l.e.Trouble()["kubernetes"] == nil {
			t.Error("no word of it")
		}
	})
}

var silentEditor = wire.Health{Agent: true, Terminal: true}

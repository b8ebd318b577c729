package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/store"
)

var errDead = errors.New("the process is dead")

// bomb kills the daemon at the n-th effect: a write to the database or a step
// of the runtime, before or after it happened. From then on nothing works.
type bomb struct {
	mu    sync.Mutex
	left  int
	count int
	dead  chan struct{}
}

func (b *bomb) tick() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.dead:
		return errDead
	default:
	}
	b.count++
	if b.left--; b.left >= 0 {
		return nil
	}
	close(b.dead)
	return errDead
}

func (w *world) arm(b *bomb) {
	w.mu.Lock()
	w.fuse = nil
	if b != nil {
		w.fuse = b.tick
	}
	w.mu.Unlock()
	w.rt.Script(nil)
	if b != nil {
		w.rt.Script(func(_ context.Context, c fake.Call) error { return b.tick() })
	}
}

// story is two sessions, one of which gets a wish; it tells whether the wish
// was heard.
func (l *life) story(b *bomb, want store.Want) (wished bool) {
	until := func(d time.Duration) bool {
		select {
		case <-b.dead:
			return false
		case <-time.After(d):
			return true
		}
	}
	for _, id := range []string{"a", "b"} {
		_, err := l.db.CreateSession(l.t.Context(), store.Session{ID: id, Name: id, OwnerID: owner.UserID, TenantID: owner.TenantID, Runtime: "fake", Want: store.WantRunning})
		if err != nil {
			return false
		}
	}
	l.e.Poke()
	if !until(5 * time.Second) {
		return false
	}
	if want != store.WantRunning {
		if _, err := l.db.Wish(l.t.Context(), owner, "a", want); err != nil {
			return false
		}
	}
	l.e.Poke()
	until(20 * time.Second)
	return true
}

// The three wishes share their story until the wish is made: each takes every
// third effect of that part, and all of what follows.
func TestKilledAtEveryEffect(t *testing.T) {
	var deaths atomic.Int32
	t.Cleanup(func() {
		if deaths.Load() < 250/thin {
			t.Errorf("only %d deaths: the bomb does not reach far", deaths.Load())
		}
		t.Logf("%d deaths", deaths.Load())
	})
	for disaster, strike := range map[string]func(*world){
		"":                     func(*world) {},
		" and the machine too": func(w *world) { w.rt.Reboot(255) },
	} {
		for i, want := range []store.Want{store.WantRunning, store.WantStopped, store.WantGone} {
			t.Run(string(want)+disaster, func(t *testing.T) {
				t.Parallel()
				for n, died, wished := i, true, false; died; {
					died, wished = killedAt(t, n, want, strike)
					deaths.Add(1)
					n += thin
					if !wished {
						n += 3 - 1
					}
				}
			})
		}
	}
}

func killedAt(t *testing.T, n int, want store.Want, strike func(*world)) (died, wished bool) {
	inWorld(t, fake.Options{KeepEnded: n%2 == 0, ImageSteps: 1}, func(t *testing.T, w *world) {
		where := fmt.Sprintf("killed at effect %d, %s", n, want)
		b := &bomb{left: n, dead: make(chan struct{})}
		l := w.daemon()
		w.arm(b)
		wished = l.story(b, want)
		l.end()
		died = b.left < 0
		w.arm(nil)
		strike(w)
		time.Sleep(time.Hour)

		l = w.daemon()
		defer l.end()
		for _, id := range []string{"a", "b"} { // who got no answer asks again
			if _, there := l.row(id); !there && !(id == "a" && want == store.WantGone && wished) {
				if id == "a" || !wished {
					l.create(id)
				}
			}
		}
		time.Sleep(5 * time.Second)
		if s, there := l.row("a"); there && s.Want != want {
			l.wish("a", want)
		}
		time.Sleep(5 * time.Minute)

		if s, _ := l.row("b"); s.State != store.Running || !isUp(w, "b") {
			t.Fatalf("%s: b is %+v", where, s)
		}
		s, there := l.row("a")
		shown, exists := w.rt.Show("a")
		ok := false
		switch want {
		case store.WantRunning:
			ok = s.State == store.Running && isUp(w, "a") && shown.Run == s.Run
		case store.WantStopped:
			ok = s.State == store.Stopped && shown.State != runtime.Up && shown.State != runtime.Partial && s.ChronicledRun == s.Run
		case store.WantGone:
			ok = !there && !exists
		}
		if !ok {
			t.Fatalf("%s: a is %+v; the runtime shows %+v", where, s, shown)
		}
		for _, v := range w.rt.Removed() {
			if want != store.WantGone || !strings.HasPrefix(v, "a/") {
				t.Errorf("%s: volume %s was removed", where, v)
			}
		}
		l.books("a")
		l.books("b")
		l.lawful(0)
	})
	return died, wished
}

func isUp(w *world, id string) bool {
	s, _ := w.rt.Show(id)
	return s.State == runtime.Up
}

// Everything goes wrong at once, for a while: a third of all calls fail before
// or after their effect, containers die, machines and daemons restart, owners
// change their minds. Then it is quiet, and each gets what they want.
func TestChaosConverges(t *testing.T) {
	for seed := range int64(30 / thin) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inWorld(t, fake.Options{Delay: 50 * time.Millisecond, KeepEnded: seed%2 == 0}, func(t *testing.T, w *world) { chaos(t, w, seed) })
		})
	}
}

func chaos(t *testing.T, w *world, seed int64) {
	r := rand.New(rand.NewSource(seed))
	var mu sync.Mutex
	luck := rand.New(rand.NewSource(seed + 1000))
	w.rt.Script(func(_ context.Context, c fake.Call) error {
		mu.Lock()
		defer mu.Unlock()
		switch luck.Intn(24) {
		case 0, 1:
			return errors.New("flaky")
		case 2:
			return fmt.Errorf("flaky: %w", runtime.ErrUnavailable)
		}
		return nil
	})
	l := w.daemon()
	alive := map[string]bool{}
	deleted := map[string]bool{}
	for range 60 {
		id := fmt.Sprintf("s%d", r.Intn(6))
		s, there := l.row(id)
		switch dice := r.Intn(20); {
		case dice == 0:
			l.end()
			if r.Intn(2) == 0 {
				w.rt.Reboot(255)
			}
			l = w.daemon()
		case dice == 1:
			w.rt.BreakWatch()
		case dice == 2:
			w.rt.Lose(id, []string{"agent", "broker"}[r.Intn(2)])
		case dice == 3:
			if shown, _ := w.rt.Show(id); shown.State == runtime.Up {
				w.rt.End(id, "editor", r.Intn(3), false)
			}
		case !there && !deleted[id]:
			l.create(id)
			alive[id] = true
		case there && s.Want != store.WantGone:
			want := []store.Want{store.WantRunning, store.WantStopped, store.WantStopped, store.WantRunning, store.WantGone}[r.Intn(5)]
			from := map[store.Want][]store.State{store.WantRunning: store.FromStart, store.WantStopped: store.FromStop}[want]
			_, err := l.db.Wish(t.Context(), owner, id, want, from...)
			if err != nil && !errors.Is(err, store.ErrConflict) {
				t.Fatal(err)
			}
			if err == nil && want == store.WantGone {
				deleted[id] = true
			}
			l.e.Poke()
		}
		time.Sleep(time.Duration(r.Intn(4000)) * time.Millisecond)
	}
	w.rt.Script(nil)
	time.Sleep(10 * time.Minute)
	for id := range alive { // what failed is asked for again
		if s, there := l.row(id); there && s.State == store.Failed {
			l.quietlyFailed(id)
			l.wish(id, store.WantRunning, store.FromStart...)
		}
	}
	time.Sleep(10 * time.Minute)
	for id := range alive {
		s, there := l.row(id)
		shown, exists := w.rt.Show(id)
		ok := false
		switch {
		case deleted[id]:
			ok = !there && !exists
		case s.Want == store.WantRunning:
			ok = s.State == store.Running && shown.State == runtime.Up && shown.Run == s.Run
		case s.Want == store.WantStopped:
			ok = s.State == store.Stopped && shown.State != runtime.Up && shown.State != runtime.Partial
		}
		if !ok {
			t.Errorf("%s: %+v; the runtime shows %+v", id, s, shown)
		}
		l.books(id)
	}
	for _, v := range w.rt.Removed() {
		if id, _, _ := strings.Cut(v, "/"); !deleted[id] {
			t.Errorf("volume %s was removed", v)
		}
	}
	if len(l.e.Found()) > 0 {
		t.Errorf("found %v", l.e.Found())
	}
	l.lawful(0)
	l.end()
}

// quietlyFailed is broken for a session of which a start may have left nothing.
func (l *life) quietlyFailed(id string) {
	l.t.Helper()
	s := l.is(id, store.Failed)
	if w, _ := l.rt.Show(id); w.State == runtime.Up || w.State == runtime.Partial || s.ChronicledRun != s.Run || s.Failure == nil {
		l.t.Errorf("failed, but %+v of %+v", w, s)
	}
}

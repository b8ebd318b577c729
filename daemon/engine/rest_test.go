package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/fake"
	"volundr/store"
)

// resting is a world with one session that runs, and whose daemon pauses what is
// idle for ten minutes.
func resting(t *testing.T, fn func(t *testing.T, w *world, l *life)) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon(pausing)
		l.create("a")
		time.Sleep(10 * time.Second)
		l.is("a", store.Running)
		fn(t, w, l)
	})
}

func pausing(o *Options) { o.Idle = 10 * time.Minute }

func (w *world) frozen() bool {
	s, _ := w.rt.Show("a")
	return s.Paused
}

func TestAnIdleSessionIsPausedAndWakesWhenTouched(t *testing.T) {
	resting(t, func(t *testing.T, w *world, l *life) {
		defer l.end()
		time.Sleep(9 * time.Minute)
		if w.frozen() {
			t.Fatal("it is paused before its time")
		}
		time.Sleep(3 * time.Minute)
		if !w.frozen() || !l.e.Paused("a") {
			t.Fatal("it is not paused")
		}
		time.Sleep(2 * time.Hour)
		if s := l.is("a", store.Running); s.Run != 1 || s.Failure != nil || !w.frozen() {
			t.Errorf("after two hours: %+v, paused %t", s, w.frozen())
		}
		if err := l.e.Touch(t.Context(), "a"); err != nil || w.frozen() || l.e.Paused("a") {
			t.Errorf("touched: %v, paused %t", err, w.frozen())
		}
		time.Sleep(9 * time.Minute)
		if w.frozen() {
			t.Error("a touch does not count")
		}
		time.Sleep(3 * time.Minute)
		if !w.frozen() {
			t.Error("it is not paused again")
		}
	})
}

func TestWhatIsInUseIsNotPaused(t *testing.T) {
	for name, use := range map[string]func(w *world, l *life){
		"somebody is in it": func(w *world, l *life) {
			done, err := l.e.Use(l.t.Context(), "a")
			if err != nil {
				t.Error(err)
			}
			time.AfterFunc(time.Hour, done)
		},
		"the agent works": func(w *world, l *life) { w.busy(wire.Health{Busy: true}, time.Hour) },
		"the agent asks":  func(w *world, l *life) { w.busy(wire.Health{Waiting: true}, time.Hour) },
		"its programs work": func(w *world, l *life) {
			for at := range 60 {
				time.AfterFunc(time.Duration(at)*time.Minute, func() { w.rt.Work("a", 6*time.Second) })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			resting(t, func(t *testing.T, w *world, l *life) {
				defer l.end()
				use(w, l)
				time.Sleep(59 * time.Minute)
				if w.frozen() {
					t.Error("it is paused")
				}
				time.Sleep(15 * time.Minute)
				if !w.frozen() {
					t.Error("it is not paused when that is over")
				}
			})
		})
	}
}

// busy has sessions say something of their agent for a while.
func (w *world) busy(h wire.Health, d time.Duration) {
	h.Agent, h.Editor, h.Terminal = true, true, true
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.health
	w.health = func(string, int) (wire.Health, bool) { return h, true }
	time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.health = was
	})
}

func TestWhatIsPausedWakesForItsAgentsWork(t *testing.T) {
	resting(t, func(t *testing.T, w *world, l *life) {
		defer l.end()
		time.Sleep(15 * time.Minute)
		if !w.frozen() {
			t.Fatal("it is not paused")
		}
		w.busy(wire.Health{Busy: true}, time.Hour)
		l.e.Poke()
		time.Sleep(time.Second)
		if w.frozen() {
			t.Error("a turn is under way, and it is paused")
		}
	})
}

func TestTheNextDaemonFindsWhatIsPaused(t *testing.T) {
	for name, after := range map[string]func(*Options){"pausing": pausing, "not pausing any more": func(*Options) {}} {
		t.Run(name, func(t *testing.T) {
			resting(t, func(t *testing.T, w *world, l *life) {
				time.Sleep(15 * time.Minute)
				l.end()
				l = w.daemon(after)
				defer l.end()
				time.Sleep(time.Minute)
				if s := l.is("a", store.Running); s.Run != 1 || !w.frozen() || !l.e.Paused("a") {
					t.Fatalf("%+v, paused %t", s, w.frozen())
				}
				if err := l.e.Touch(t.Context(), "a"); err != nil || w.frozen() {
					t.Errorf("touched: %v, paused %t", err, w.frozen())
				}
			})
		})
	}
}

func TestWhatIsPausedEndsPolitely(t *testing.T) {
	for _, want := range []store.Want{store.WantStopped, store.WantGone} {
		t.Run(string(want), func(t *testing.T) {
			resting(t, func(t *testing.T, w *world, l *life) {
				defer l.end()
				time.Sleep(15 * time.Minute)
				if !w.frozen() {
					t.Fatal("it is not paused")
				}
				asked := false
				l.e.End = func(context.Context, store.Session) error { asked = !w.frozen(); return nil }
				l.wish("a", want)
				time.Sleep(10 * time.Second)
				if !asked {
					t.Error("its last turn was asked of it while it was frozen, or not at all")
				}
				if s, there := l.row("a"); there && s.State != store.Stopped || there != (want == store.WantStopped) {
					t.Errorf("it is %+v", s)
				}
				if shown, _ := w.rt.Show("a"); shown.State != runtime.Down && want == store.WantStopped {
					t.Errorf("it shows %+v", shown)
				}
				if l.e.Paused("a") {
					t.Error("it still counts as paused")
				}
			})
		})
	}
}

// TestATouchWaitsForWhatIsUnderWay: it comes while the session is being frozen,
// or woken for another, or while that fails.
func TestATouchWaitsForWhatIsUnderWay(t *testing.T) {
	for name, op := range map[string]string{"frozen": "pause", "woken": "resume"} {
		for _, refused := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				resting(t, func(t *testing.T, w *world, l *life) {
					defer l.end()
					reached, release, first := make(chan struct{}), make(chan struct{}), true
					w.rt.Script(func(ctx context.Context, c fake.Call) error {
						if c.Op != op || c.Step == "" || c.After || !first {
							return nil
						}
						first = false
						close(reached)
						<-release
						if refused {
							return errRefused
						}
						return nil
					})
					one := make(chan error, 1)
					if op == "resume" {
						time.Sleep(15 * time.Minute)
						go func() { one <- l.e.Touch(context.Background(), "a") }()
					}
					<-reached
					other := make(chan error, 1)
					go func() { other <- l.e.Touch(context.Background(), "a") }()
					synctest.Wait()
					select {
					case err := <-other:
						t.Errorf("it did not wait: %v", err)
					default:
					}
					close(release)
					if err := <-other; err != nil || w.frozen() {
						t.Errorf("%v, paused %t", err, w.frozen())
					}
					if op == "resume" {
						if err := <-one; err != nil {
							t.Error(err)
						}
					}
				})
			})
		}
	}
}

package engine

import (
	"context"
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

// onStart has fn called when a part of any session has come up.
func (w *world) onStart(part string, fn func(id string)) *atomic.Int32 {
	var n atomic.Int32
	w.rt.Script(func(_ context.Context, c fake.Call) error {
		if c.Op == "start" && c.Step == "part "+part && c.After {
			n.Add(1)
			fn(c.ID)
		}
		return nil
	})
	return &n
}

// broken checks what is true of every FAILED session: nothing of it runs, its
// volumes are there, its books are closed.
func (l *life) broken(id string) *store.Failure {
	l.t.Helper()
	s := l.is(id, store.Failed)
	w, _ := l.rt.Show(id)
	if w.State != runtime.Down || len(w.Volumes) != 3 || s.ChronicledRun != s.Run || s.Failure == nil || s.Failure.At.IsZero() {
		l.t.Fatalf("failed, but %+v of %+v", w, s)
	}
	if c := l.books(id); len(c) != s.Run || c[len(c)-1].Reason != s.Failure.Reason {
		l.t.Errorf("chronicles %+v", c)
	}
	return s.Failure
}

func TestAContainerThatEndsBeforeItAnswered(t *testing.T) {
	for _, keep := range []bool{false, true} {
		inWorld(t, fake.Options{KeepEnded: keep}, func(t *testing.T, w *world) {
			starts := w.onStart("agent", func(id string) {
				w.rt.Log(id, "agent", "npm error: cannot find module")
				w.rt.Log(id, "agent", "giving up")
				w.rt.End(id, "agent", 3, false)
			})
			l := w.daemon()
			defer l.end()
			l.create("a")
			time.Sleep(5 * time.Second)
			f := l.broken("a")
			time.Sleep(time.Hour)
			if starts.Load() != 1 {
				t.Errorf("started %d times", starts.Load())
			}
			if *f.ExitCode != 3 || f.Part != "agent" || cmp.Diff([]string{"npm error: cannot find module", "giving up"}, f.Lines) != "" {
				t.Errorf("%+v", f)
			}
			if s, _ := l.row("a"); s.Ended == nil || s.Ended.ExitCode != 3 {
				t.Errorf("ended: %+v", s.Ended)
			}
			w.rt.Script(nil)
			l.wish("a", store.WantRunning, store.FromStart...)
			time.Sleep(5 * time.Second)
			if s := l.is("a", store.Running); s.Run != 2 || s.Failure != nil || s.Ended != nil {
				t.Errorf("started again: %+v", s)
			}
		})
	}
}

func TestWhatEndsWhileRunning(t *testing.T) {
	for _, c := range []struct {
		part string
		code int
		oom  bool
		says string
	}{
		{"agent", 1, false, "The agent ended while the session was running (exit code 1)."},
		{"terminal", 0, false, "The terminal ended while the session was running (exit code 0)."},
		{"editor", 137, true, "The editor ran out of memory"},
		{"broker", 137, false, "The broker ended while the session was running (exit code 137)."},
	} {
		inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
			l := w.daemon()
			defer l.end()
			l.create("a")
			time.Sleep(time.Minute)
			w.rt.End("a", c.part, c.code, c.oom)
			time.Sleep(doubt + time.Second)
			if f := l.broken("a"); !strings.HasPrefix(f.Reason, c.says) || f.Part != c.part || f.OOM != c.oom || *f.ExitCode != c.code {
				t.Errorf("%+v", f)
			}
		})
	}
}

// withService has every session have a service.
func withService(o *Options) {
	o.Spec = func(_ context.Context, s store.Session, image string) (runtime.Spec, error) {
		sp := spec(s, image)
		sp.Parts = append(sp.Parts, runtime.Part{Name: "service-db", Image: "postgres:17", UID: 1000, GID: 1000})
		return sp, nil
	}
}

func TestAServiceThatFailsIsNamed(t *testing.T) {
	images := fake.Options{Services: []string{"postgres:17"}}
	inWorld(t, images, func(t *testing.T, w *world) {
		l := w.daemon(withService)
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		l.is("a", store.Running)
		w.rt.End("a", "service-db", 1, false)
		time.Sleep(doubt + time.Second)
		if f := l.broken("a"); f.Part != "service-db" || !strings.HasPrefix(f.Reason, "The service db (template) ended while the session was running (exit code 1).") {
			t.Errorf("%+v", f)
		}
	})
	inWorld(t, images, func(t *testing.T, w *world) {
		w.health = func(string, int) (wire.Health, bool) {
			return wire.Health{Editor: true, Terminal: true, Service: "db", Detail: "Waiting for the service db to answer on port 5432"}, true
		}
		w.onStart("service-db", func(id string) { w.rt.Log(id, "service-db", "FATAL: no room") })
		l := w.daemon(withService)
		defer l.end()
		l.create("a")
		time.Sleep(10 * time.Minute)
		want := "The service db (template) did not answer within 5 minutes (Waiting for the service db to answer on port 5432). Start it again."
		if f := l.broken("a"); f.Reason != want || f.Part != "service-db" || !slices.Equal(f.Lines, []string{"FATAL: no room"}) {
			t.Errorf("%+v", f)
		}
	})
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon(withService)
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		want := "The session could not be started: launch (template: the service db): invalid image: postgres:17 cannot be had. Mend that, then start it again."
		if s := l.is("a", store.Failed); s.Failure.Reason != want {
			t.Errorf("%q", s.Failure.Reason)
		}
	})
}

func TestWhatDoesNotAnswer(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		w.health = func(string, int) (wire.Health, bool) { return silentEditor, true }
		w.onStart("editor", func(id string) { w.rt.Log(id, "editor", "EADDRINUSE") })
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(299 * time.Second)
		if s := l.is("a", store.Provisioning); s.Doing != "waiting for the editor to answer" {
			t.Errorf("doing %q", s.Doing)
		}
		time.Sleep(3 * time.Second)
		if f := l.broken("a"); !strings.HasPrefix(f.Reason, "The editor did not answer within 5 minutes.") || !slices.Equal(f.Lines, []string{"EADDRINUSE"}) {
			t.Errorf("%+v", f)
		}
	})
}

// A start may take minutes: the time to answer counts from its end.
func TestTheTimeToAnswerCountsFromTheEndOfTheStart(t *testing.T) {
	inWorld(t, fake.Options{Delay: time.Minute / 2}, func(t *testing.T, w *world) {
		answers := time.Now().Add(7 * time.Minute)
		w.health = func(string, int) (wire.Health, bool) {
			if time.Now().Before(answers) {
				return silentEditor, true
			}
			return ready, true
		}
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(8 * time.Minute)
		l.is("a", store.Running)
	})
}

// Time during which nobody could look is not held against a session.
func TestTheTimeToAnswerPausesWhileNobodyLooks(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		w.health = func(string, int) (wire.Health, bool) { return silentEditor, true }
		l := w.daemon()
		l.create("a")
		time.Sleep(time.Minute)
		l.end()
		time.Sleep(time.Hour)
		l = w.daemon()
		defer l.end()
		time.Sleep(time.Minute)
		l.is("a", store.Provisioning)
		w.rt.Script(func(context.Context, fake.Call) error { return runtime.ErrUnavailable })
		time.Sleep(time.Hour)
		w.rt.Script(nil)
		time.Sleep(time.Minute)
		l.is("a", store.Provisioning)
		time.Sleep(5 * time.Minute)
		l.broken("a")
	})
}

func TestASessionThatSaysItCannotWork(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		w.health = func(_ string, run int) (wire.Health, bool) {
			if run > 1 {
				return ready, true
			}
			return wire.Health{Failed: true, Detail: "The branch nope does not exist in the repository: choose another."}, true
		}
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(5 * time.Second)
		if f := l.broken("a"); f.Reason != "The branch nope does not exist in the repository: choose another." {
			t.Errorf("%+v", f)
		}
		// What an earlier run said is not held against the next one.
		l.wish("a", store.WantRunning, store.FromStart...)
		time.Sleep(5 * time.Second)
		l.is("a", store.Running)
	})
}

func TestContainersRemovedBehindOurBack(t *testing.T) {
	for _, parts := range [][]string{{"agent"}, {"agent", "broker", "editor", "terminal"}} {
		inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
			l := w.daemon()
			defer l.end()
			l.create("a")
			time.Sleep(time.Minute)
			for _, p := range parts {
				w.rt.Lose("a", p)
			}
			time.Sleep(5 * time.Second)
			if f := l.broken("a"); !strings.Contains(f.Reason, "removed by somebody else") {
				t.Errorf("%+v", f)
			}
			l.wish("a", store.WantRunning, store.FromStart...)
			time.Sleep(5 * time.Second)
			l.is("a", store.Running)
		})
	}
}

// A loop of failures costs one start each, and stopping what is left is tried
// for as long as it takes.
func TestAFailedSessionWhoseRestDoesNotStop(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "stop" && c.Step == "part editor" && !c.After {
				return errRefused
			}
			return nil
		})
		w.rt.End("a", "agent", 1, false)
		time.Sleep(time.Hour)
		if s := l.is("a", store.Stopping); s.Failure == nil {
			t.Error("the failure is not noted before the rest has stopped")
		}
		w.rt.Script(nil)
		time.Sleep(2 * time.Minute)
		l.broken("a")
	})
}

func TestRevivedContainersAreStopped(t *testing.T) {
	inWorld(t, fake.Options{KeepEnded: true}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		l.create("b")
		time.Sleep(time.Minute)
		l.wish("a", store.WantStopped)
		w.rt.End("b", "agent", 1, false)
		time.Sleep(time.Minute)
		for _, id := range []string{"a", "b"} {
			w.rt.Revive(id)
		}
		time.Sleep(time.Minute)
		l.is("a", store.Stopped)
		l.broken("b")
		if s, _ := w.rt.Show("a"); s.State != runtime.Down {
			t.Errorf("%+v", s)
		}
	})
}

func TestLostWithTheMachine(t *testing.T) {
	for name, lose := range map[string]func(w *world, l *life) *life{
		"the machine restarts": func(w *world, l *life) *life {
			l.end()
			time.Sleep(time.Hour)
			w.rt.Reboot(255)
			return w.daemon()
		},
		"the engine restarts under us": func(w *world, l *life) *life {
			w.rt.Script(func(context.Context, fake.Call) error { return runtime.ErrUnavailable })
			w.rt.Reboot(137)
			time.Sleep(time.Minute)
			w.rt.Script(nil)
			return l
		},
		"the engine ends containers, then goes": func(w *world, l *life) *life {
			for _, id := range []string{"a", "b"} {
				for _, p := range []string{"agent", "broker", "editor", "terminal"} {
					w.rt.End(id, p, 143, false)
				}
			}
			time.Sleep(3 * time.Second)
			l.is("a", store.Running)
			w.rt.Script(func(context.Context, fake.Call) error { return runtime.ErrUnavailable })
			w.rt.BreakWatch()
			time.Sleep(time.Minute)
			w.rt.Script(nil)
			return l
		},
		"the engine restarts between two looks": func(w *world, l *life) *life {
			w.rt.Reboot(143)
			return l
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, fake.Options{KeepEnded: true}, func(t *testing.T, w *world) {
				l := w.daemon()
				for _, id := range []string{"a", "b", "stopped"} {
					l.create(id)
				}
				time.Sleep(time.Minute)
				l.wish("stopped", store.WantStopped)
				time.Sleep(time.Minute)
				l = lose(w, l)
				defer l.end()
				time.Sleep(2 * time.Minute)
				for _, id := range []string{"a", "b"} {
					if s := l.is(id, store.Running); s.Run != 2 || s.Failure != nil {
						t.Errorf("%+v", s)
					}
					if c := l.books(id); len(c) != 2 || c[0].Reason != reasonLost {
						t.Errorf("chronicles %+v", c)
					}
				}
				if s := l.is("stopped", store.Stopped); s.Run != 1 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// All of a session's containers are killed while we watch: that is somebody's
// doing, and it is not undone in a loop.
func TestKilledWhileWeWatched(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		for _, p := range []string{"agent", "broker", "editor", "terminal"} {
			w.rt.End("a", p, 137, false)
		}
		time.Sleep(doubt + time.Second)
		l.broken("a")
	})
}

// Everything of every run is killed before anybody has seen it alive.
func TestAKillLoopEnds(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		starts := w.onStart("terminal", func(id string) {
			for _, p := range []string{"agent", "broker", "editor", "terminal"} {
				w.rt.End(id, p, 137, false)
			}
		})
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(time.Hour)
		l.broken("a")
		if starts.Load() != 1 {
			t.Errorf("started %d times", starts.Load())
		}
	})
}

func TestTheDatabaseIsOlderThanTheContainers(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.daemon()
		defer l.end()
		l.create("a")
		time.Sleep(time.Minute)
		s := l.is("a", store.Running)
		s.Run = 9
		w.rt.Put(spec(s, "fake:image")) // a later run, as a restored backup finds it
		time.Sleep(time.Minute)
		if s := l.is("a", store.Running); s.Run != 10 {
			t.Errorf("run %d", s.Run)
		}
		if shown, _ := w.rt.Show("a"); shown.Run != 10 || len(shown.Volumes) != 3 {
			t.Errorf("%+v", shown)
		}
	})
}

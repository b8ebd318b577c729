package engine

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"volundr/daemon/launch"
	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/store"
)

// mortal makes a session that lives that long, and has it run.
func (l *life) mortal(id, life string) {
	l.t.Helper()
	raw, err := json.Marshal(launch.Request{TimeToLive: life})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.db.CreateSession(l.t.Context(), store.Session{ID: id, Name: id, OwnerID: owner.UserID, TenantID: owner.TenantID, Runtime: "fake", Request: raw}); err != nil {
		l.t.Fatal(err)
	}
	l.wish(id, store.WantRunning)
}

// measured is a daemon that knows times to live.
func (w *world) measured() *life {
	l := w.daemon()
	l.db.Measure(launch.Need)
	return l
}

// A session whose time is over is told of before, stopped as by its owner, with
// its chronicle, and starts again with a time of its own.
func TestALifeOfAnHour(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.measured()
		defer l.end()
		l.mortal("a", "1h")
		time.Sleep(49 * time.Minute)
		if s := l.is("a", store.Running); s.Doing != "" {
			t.Errorf("it says %q", s.Doing)
		}
		time.Sleep(2 * time.Minute)
		if s := l.is("a", store.Running); s.Doing != "its time to live is nearly over" {
			t.Errorf("it says %q", s.Doing)
		}
		if _, err := l.db.ExtendSession(t.Context(), owner, "a", time.Hour); err != nil {
			t.Fatal(err)
		}
		l.e.Poke()
		time.Sleep(30 * time.Minute)
		if s := l.is("a", store.Running); s.Doing != "" {
			t.Errorf("extended, it says %q", s.Doing)
		}
		time.Sleep(40 * time.Minute)
		s := l.is("a", store.Stopped)
		if shown, _ := w.rt.Show("a"); s.Want != store.WantStopped || shown.State != runtime.Down || len(shown.Volumes) != 3 || !slices.Contains(w.ended, "a") {
			t.Errorf("%+v, ended politely: %v, shown: %+v", s, w.ended, shown)
		}
		if at := s.WantedAt.Sub(s.ExpiresAt); at < 0 || at > time.Second {
			t.Errorf("it was stopped %s after its time", at)
		}
		if c := l.books("a"); len(c) != 1 || c[0].Status != "complete" || c[0].Reason != "its time to live was over" {
			t.Errorf("%+v", c)
		}
		l.wish("a", store.WantRunning, store.FromStart...)
		time.Sleep(time.Minute)
		if again := l.is("a", store.Running); again.Run != 2 || !again.ExpiresAt.Equal(again.ReadyAt.Add(time.Hour)) {
			t.Errorf("run %d, until %s", again.Run, again.ExpiresAt)
		}
		time.Sleep(2 * time.Hour)
		l.is("a", store.Stopped)
	})
}

// Its time goes on without a daemon, and when the machine takes its run away.
func TestALifeOutlivesDaemonAndMachine(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		l := w.measured()
		l.mortal("a", "1h")
		l.mortal("b", "1h")
		l.mortal("c", "2d")
		time.Sleep(10 * time.Minute)
		end := l.is("a", store.Running).ExpiresAt
		l.end()
		w.rt.Reboot(137)
		time.Sleep(10 * time.Minute)
		l = w.measured()
		time.Sleep(time.Minute)
		if s := l.is("a", store.Running); s.Run != 2 || !s.ExpiresAt.Equal(end) {
			t.Errorf("run %d, until %s, want %s", s.Run, s.ExpiresAt, end)
		}
		l.end()
		time.Sleep(3 * time.Hour)
		l = w.measured()
		defer l.end()
		time.Sleep(time.Minute)
		for _, id := range []string{"a", "b"} {
			l.is(id, store.Stopped)
			if c := l.books(id); c[len(c)-1].Reason != "its time to live was over" {
				t.Errorf("%s: %+v", id, c)
			}
		}
		l.is("c", store.Running)
	})
}

// Killed at whatever effect of ending it, with the machine too, a session whose
// time is over is stopped once a daemon is back, and told so.
func TestALifeEndsWhereverTheDaemonIsKilled(t *testing.T) {
	deaths := 0
	for n, died := 0, true; died; n++ {
		inWorld(t, fake.Options{KeepEnded: n%2 == 0}, func(t *testing.T, w *world) {
			l := w.measured()
			l.mortal("a", "10m")
			time.Sleep(9 * time.Minute)
			l.is("a", store.Running)
			b := &bomb{left: n, dead: make(chan struct{})}
			w.arm(b)
			time.Sleep(2 * time.Minute)
			l.end()
			died = b.left < 0
			w.arm(nil)
			if n%3 == 0 {
				w.rt.Reboot(255)
			}
			time.Sleep(time.Hour)
			l = w.measured()
			defer l.end()
			time.Sleep(5 * time.Minute)
			s := l.is("a", store.Stopped)
			shown, _ := w.rt.Show("a")
			c := l.books("a")
			if s.Want != store.WantStopped || s.ChronicledRun != s.Run || shown.State == runtime.Up || shown.State == runtime.Partial || len(shown.Volumes) != 3 ||
				len(c) != 1 || c[0].Reason != "its time to live was over" {
				t.Errorf("killed at effect %d: %+v, shown: %+v, chronicles: %+v", n, s, shown, c)
			}
			l.lawful(0)
		})
		if died {
			deaths++
		}
	}
	if deaths < 5 {
		t.Errorf("only %d deaths: the bomb does not reach far", deaths)
	}
}

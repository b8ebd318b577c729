package engine

import (
	"fmt"
	"testing"
	"time"

	"volundr/runtime/fake"
	"volundr/store"
)

// account is what clients were told before the daemon died.
type account struct {
	claimed, ended []string // acknowledged
	asked          []string // no answer came: either way is right
}

// service is a life of sandboxes: two are made ahead, one of them is claimed,
// one is made for its owner, one of each is ended, and one runs out.
func (l *life) service(b *bomb) (a account) {
	dead := func() bool {
		select {
		case <-b.dead:
			return true
		default:
			return false
		}
	}
	for _, id := range []string{"ahead1", "ahead2"} {
		l.e.Sandbox(l.t.Context(), box(id, store.Principal{}, 30*time.Minute))
		if dead() {
			return a
		}
	}
	short := box("short", owner, 8*time.Second)
	l.e.Sandbox(l.t.Context(), short)
	for _, id := range []string{"cold1", "cold2"} {
		if dead() {
			return a
		}
		if _, err := l.e.Sandbox(l.t.Context(), box(id, owner, 30*time.Minute)); err != nil {
			a.asked = append(a.asked, id)
			return a
		}
		a.claimed = append(a.claimed, id)
	}
	if s, err := l.db.ClaimSandbox(l.t.Context(), owner, "fake", "small", time.Now().Add(30*time.Minute)); err != nil {
		a.asked = append(a.asked, "ahead1", "ahead2")
		return a
	} else {
		a.claimed = append(a.claimed, s.ID)
	}
	for _, id := range []string{"cold1", "ahead1"} {
		if dead() {
			return a
		}
		if _, err := l.db.EndSandbox(l.t.Context(), owner, id); err != nil {
			a.asked = append(a.asked, id)
			return a
		}
		a.ended = append(a.ended, id)
		l.e.Ended()
		time.Sleep(time.Second)
	}
	select {
	case <-b.dead:
	case <-time.After(20 * time.Second):
	}
	return a
}

// However the daemon dies: what a client was given is there, what a client
// ended is not, nothing else of anybody's is left when its time is over.
func TestSandboxesKilledAtEveryEffect(t *testing.T) {
	deaths := 0
	for n, died := 0, true; died; n += thin {
		died = sandboxesKilledAt(t, n)
		deaths++
	}
	if deaths < 80/thin {
		t.Errorf("only %d deaths: the bomb does not reach far", deaths)
	}
	t.Logf("%d deaths", deaths)
}

func sandboxesKilledAt(t *testing.T, n int) (died bool) {
	inWorld(t, fake.Options{KeepEnded: n%2 == 0}, func(t *testing.T, w *world) {
		b := &bomb{left: n, dead: make(chan struct{})}
		l := w.daemon()
		w.arm(b)
		told := l.service(b)
		l.end()
		died = b.left < 0
		w.arm(nil)
		time.Sleep(time.Duration(n%3) * 5 * time.Minute)

		l = w.daemon()
		defer l.end()
		time.Sleep(time.Minute)
		where := fmt.Sprintf("killed at effect %d", n)
		unsure := map[string]bool{}
		for _, id := range told.asked {
			unsure[id] = true
		}
		over := map[string]bool{"short": true}
		for _, id := range told.ended {
			over[id] = true
		}
		for id := range over {
			l.gone(id)
		}
		for _, id := range told.claimed {
			if _, err := l.db.Sandbox(t.Context(), owner, id); err != nil && !over[id] && !unsure[id] {
				t.Errorf("%s: %s was given away, and is %v", where, id, err)
			}
		}
		for _, id := range w.rt.IDs() {
			l.runs(id)
		}
		if rows, err := l.db.Unrest(t.Context(), nil); err != nil || len(rows) != len(w.rt.IDs()) {
			t.Errorf("%s: %d rows, %d containers, %v", where, len(rows), len(w.rt.IDs()), err)
		}
		time.Sleep(35 * time.Minute)
		if left := w.rt.IDs(); len(left) > 0 {
			t.Errorf("%s: left %v", where, left)
		}
		if t.Failed() {
			t.Fatal(where)
		}
	})
	return died
}

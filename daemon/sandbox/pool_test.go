package sandbox

import (
	"errors"
	"slices"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/store"
)

func TestThePoolIsFilledByTheFirstUseAndRefilledByClaims(t *testing.T) {
	w := newWorld(t)
	w.run()
	if n := w.waiting(); n != 0 {
		t.Errorf("%d are there before anybody asked", n)
	}
	if _, err := w.Get(t.Context(), anna, runtime.SandboxName("00000000-0000-4000-8000-000000000000")); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	w.until("two wait", func() bool { return w.waiting() == 2 })
	w.mu.Lock()
	ahead := slices.Clone(w.made)
	w.mu.Unlock()
	a, b := w.create(), w.create()
	for _, s := range []Sandbox{a, b} {
		if id, _ := runtime.SandboxID(s.Name); !slices.Contains(ahead, id) {
			t.Errorf("%s was not made ahead", s.Name)
		}
		if out, err := w.bash(s.Name, "echo hi"); out != "hi\n" || err != nil {
			t.Errorf("%q %v", out, err)
		}
	}
	w.until("two wait again", func() bool { return w.waiting() == 2 })
	list, err := w.List(t.Context(), anna)
	if err != nil || len(list) != 2 {
		t.Errorf("the pool shows in the list: %v %v", list, err)
	}
}

func TestAnotherShapeIsNotTakenFromThePool(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.PoolAlways = true })
	w.run()
	w.until("two wait", func() bool { return w.waiting() == 2 })
	larger := w.Standard
	larger.Memory *= 2
	s, err := w.Create(t.Context(), anna, Creation{TTL: time.Minute, Request: larger})
	if err != nil || s.Request != larger || w.waiting() != 2 {
		t.Errorf("%+v %v, %d wait", s, err, w.waiting())
	}
}

func TestOneOfThePoolThatDoesNotAnswerIsLetGo(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.PoolAlways = true })
	end := w.run()
	w.until("two wait", func() bool { return w.waiting() == 2 })
	end() // no refill
	for _, id := range w.made {
		w.kill(id)
	}
	s := w.create()
	if id, _ := runtime.SandboxID(s.Name); slices.Contains(w.made[:2], id) {
		t.Errorf("%s answers nobody", s.Name)
	}
	if n := w.waiting(); n != 0 {
		t.Errorf("%d dead ones wait", n)
	}
	list, err := w.List(t.Context(), anna)
	if err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}

func TestAPoolOfAnotherShapeAndTooManyAreLetGo(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.PoolAlways = true })
	for range 3 {
		if err := w.ahead(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.Standard.PIDs++ // another configuration
	if err := w.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Limits.Pool = 1
	if err := w.fill(t.Context()); err != nil || w.waiting() != 1 {
		t.Errorf("%v, %d wait", err, w.waiting())
	}
	w.Limits.PoolAlways = false // and nobody has used the API yet
	if err := w.fill(t.Context()); err != nil || w.waiting() != 0 {
		t.Errorf("%v, %d wait for nobody", err, w.waiting())
	}
}

func TestADaemonThatEndsLeavesNoPool(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.PoolAlways = true })
	end := w.run()
	w.until("two wait", func() bool { return w.waiting() == 2 })
	mine := w.create()
	w.until("two wait again", func() bool { return w.waiting() == 2 })
	end()
	if err := w.Empty(t.Context()); err != nil || w.waiting() != 0 {
		t.Errorf("%v, %d wait", err, w.waiting())
	}
	if out, err := w.bash(mine.Name, "echo hi"); out != "hi\n" || err != nil {
		t.Errorf("what is claimed: %q %v", out, err)
	}
	id, _ := runtime.SandboxID(mine.Name)
	for _, made := range w.made {
		if made == id {
			continue
		}
		select {
		case <-w.all[made].Done:
		case <-time.After(30 * time.Second):
			t.Errorf("%s lives on", made)
		}
	}
}

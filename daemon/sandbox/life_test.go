package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/store"
)

func TestASandboxIsItsOwners(t *testing.T) {
	w := newWorld(t)
	s := w.create()
	for who, p := range map[string]store.Principal{"a colleague": {UserID: "bert", TenantID: "t1"}, "another tenant's admin": {UserID: "anna", TenantID: "t2", Admin: true}, "nobody": {}} {
		_, get := w.Get(t.Context(), p, s.Name)
		_, extend := w.Extend(t.Context(), p, s.Name, time.Minute)
		_, command := w.Command(t.Context(), p, s.Name, Command{Cmd: "true", Timeout: time.Minute})
		_, list := w.ListFiles(t.Context(), p, s.Name, "")
		_, read := w.ReadFile(t.Context(), p, s.Name, "a")
		for what, err := range map[string]error{"get": get, "extend": extend, "command": command, "list": list, "read": read,
			"write": w.WriteFile(t.Context(), p, s.Name, "a", strings.NewReader("")), "remove": w.RemoveFile(t.Context(), p, s.Name, "a"),
			"cancel": w.Cancel(t.Context(), p, s.Name, "r"), "delete": w.Delete(t.Context(), p, s.Name)} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %s: %v", who, what, err)
			}
		}
		if all, err := w.List(t.Context(), p); err != nil || len(all) != 0 {
			t.Errorf("%s: %v %v", who, all, err)
		}
	}
}

func TestDeletingKillsBeforeItReturns(t *testing.T) {
	w := newWorld(t)
	s := w.create()
	id, _ := runtime.SandboxID(s.Name)
	if err := w.Delete(t.Context(), anna, s.Name); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), anna, s.Name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	select {
	case <-w.all[id].Done:
	case <-time.After(30 * time.Second):
		t.Error("its runner lives on")
	}
	if row, err := w.DB.SystemSession(t.Context(), id); err != nil || row.Want != store.WantGone {
		t.Errorf("%+v %v", row, err)
	}
}

func TestTheDeadlineIsTheRowsAndTheRunners(t *testing.T) {
	w := newWorld(t)
	s := w.create()
	in := w.guests.of(must(w.row(t.Context(), anna, s.Name))(t))
	check := func(what string, want time.Time) {
		t.Helper()
		state := must(in.State(t.Context()))(t)
		if d := time.UnixMilli(state.DeadlineMS).Sub(want); d.Abs() > time.Second {
			t.Errorf("%s: the runner ends %s off", what, d)
		}
	}
	check("created", s.Expires)
	s = must(w.Extend(t.Context(), anna, s.Name, 50*time.Minute))(t)
	check("extended", s.Expires)
	s = must(w.Extend(t.Context(), anna, s.Name, 30*time.Second))(t)
	check("shortened", s.Expires)
	if _, err := w.Extend(t.Context(), anna, s.Name, 2*time.Hour); !errors.Is(err, store.ErrConflict) {
		t.Errorf("beyond the maximum lifetime: %v", err)
	}
	var bad *BadRequest
	if _, err := w.Create(t.Context(), anna, Creation{TTL: 2 * time.Hour, Request: w.Standard}); !errors.As(err, &bad) {
		t.Errorf("made to live too long: %v", err)
	}
}

func TestWhatCouldNotBeStartedLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.refuse(fmt.Errorf("engine: %w", runtime.ErrUnavailable))
	if _, err := w.Create(t.Context(), anna, Creation{TTL: time.Minute, Request: w.Standard}); !errors.Is(err, runtime.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if n, err := w.DB.LivingSandboxes(t.Context()); n != 0 || err != nil || len(w.making) != 0 {
		t.Errorf("%d live (%v), %d are being made", n, err, len(w.making))
	}
}

func TestNoMoreSandboxesThanAllowedAreMadeAtOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.Sandboxes = 3 })
	var wg sync.WaitGroup
	errs := make(chan error, 12)
	for range 12 {
		wg.Go(func() {
			_, err := w.Create(t.Context(), anna, Creation{TTL: time.Minute, Request: w.Standard})
			errs <- err
		})
	}
	wg.Wait()
	made, full := 0, 0
	for range 12 {
		var busy *Busy
		if err := <-errs; err == nil {
			made++
		} else if errors.As(err, &busy) && busy.Full && busy.After > 0 {
			full++
		}
	}
	if made != 3 || full != 9 {
		t.Errorf("%d made, %d sent away", made, full)
	}
}

func TestAGateBoundsItsQueue(t *testing.T) {
	g := newGate("things", 1, 1, 20*time.Millisecond)
	leave := must(g.enter(t.Context()))(t)
	var busy *Busy
	if _, err := g.enter(t.Context()); !errors.As(err, &busy) || !busy.Full {
		t.Errorf("who waits too long: %v", err)
	}
	g.patient = time.Minute
	waiting := make(chan error)
	go func() {
		l, err := g.enter(t.Context())
		if err == nil {
			l()
		}
		waiting <- err
	}()
	for g.waiting.Load() == 0 { // until it waits
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		<-ctx.Done()
		cancel()
	}
	if _, err := g.enter(t.Context()); !errors.As(err, &busy) {
		t.Errorf("a full queue: %v", err)
	}
	leave()
	leave() // once more is nothing
	if err := <-waiting; err != nil {
		t.Errorf("who waited: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	leave = must(g.enter(ctx))(t)
	cancel()
	if _, err := g.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away: %v", err)
	}
	leave()
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

package api

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/ui/client"
)

// is waits until a session is in a state.
func (w *world) is(id, state string) client.Session {
	w.t.Helper()
	changed, stop := w.db.Subscribe()
	defer stop()
	end := time.After(time.Minute) // a machine may be busy
	for {
		s, err := w.client.Get(w.t.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if s.Status == state {
			return s
		}
		select {
		case <-changed:
		case <-end:
			w.t.Fatalf("session is %s, want %s", s.Status, state)
		}
	}
}

func TestALifeOverTheAPI(t *testing.T) {
	w := newWorld(t)
	w.drive()
	s, err := w.client.Create(t.Context(), client.SessionCreate{Name: "life", InitialPrompt: "look around"})
	if err != nil || s.Status != client.Starting {
		t.Fatalf("%+v, %v", s, err)
	}
	s = w.is(s.ID, client.Running)
	if s.PodName == nil || s.ChatEndpoint == nil || s.CodeEndpoint == nil || s.Error != nil {
		t.Errorf("a running session: %+v", s)
	}
	talk, err := w.client.Conversation(t.Context(), s.ID)
	if err != nil || len(talk.Turns) != 1 || talk.Turns[0].Content != "look around" {
		t.Errorf("the first prompt: %+v, %v", talk, err)
	}
	typed := make(chan struct{})
	w.rt.OnExec(func(ctx context.Context, _ string, _ runtime.ExecOptions) (int, error) {
		select {
		case <-typed: // and it ends without reading that
		case <-ctx.Done():
		}
		return 7, nil
	})
	shell, err := w.client.Attach(t.Context(), s.ID, client.Size{Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shell.Write([]byte("too late")); err != nil {
		t.Fatal(err)
	}
	close(typed)
	if _, err := shell.Read(make([]byte, 1)); err == nil || shell.ExitCode() != 7 {
		t.Errorf("the shell ended with %d, %v", shell.ExitCode(), err)
	}
	if s, err = w.client.Stop(t.Context(), s.ID); err != nil || s.Status != client.Stopped || s.ChatEndpoint != nil {
		t.Errorf("the answer to a stop: %+v, %v", s, err)
	}
	if s, err = w.client.Start(t.Context(), s.ID); err != nil || s.Status != client.Starting {
		t.Errorf("the answer to a start: %+v, %v", s, err)
	}
	w.is(s.ID, client.Running)
	if err := w.client.Delete(t.Context(), s.ID); err != nil {
		t.Error(err)
	}
	if _, err := w.client.Get(t.Context(), s.ID); !client.NotFound(err) || err.Error() != "Session not found: "+s.ID {
		t.Errorf("after a delete: %v", err)
	}
	if left, err := w.rt.List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left in the runtime: %+v, %v", left, err)
	}
}

// While a runtime does not answer nothing is gained by waiting for it: stop and
// delete are written down, and answered.
func TestAStopIsAnsweredWhenTheRuntimeIsAway(t *testing.T) {
	w := newWorld(t)
	var away atomic.Bool
	w.rt.Script(func(context.Context, fake.Call) error {
		if away.Load() {
			return fmt.Errorf("nobody there: %w", runtime.ErrUnavailable)
		}
		return nil
	})
	w.drive()
	s, err := w.client.Create(t.Context(), client.SessionCreate{Name: "kept"})
	if err != nil {
		t.Fatal(err)
	}
	w.is(s.ID, client.Running)
	away.Store(true)
	if s, err = w.client.Stop(t.Context(), s.ID); err != nil || s.Status != client.Stopping || s.Doing == "" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := w.client.Delete(t.Context(), s.ID); err != nil {
		t.Error(err)
	}
	if s, err = w.client.Get(t.Context(), s.ID); err != nil {
		t.Fatalf("its owner's wish was forgotten: %v", err)
	}
	away.Store(false)
	w.engine.Poke()
	changed, stop := w.db.Subscribe()
	defer stop()
	for {
		if _, err = w.client.Get(t.Context(), s.ID); client.NotFound(err) {
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Fatal("the session was never deleted")
		}
	}
}

func TestWhatIsFoundIsAdoptedOrDeleted(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"lost-one", "lost-two"} {
		s := w.created(name)
		s.Run = 1
		sp, err := w.options.Launch.Spec(t.Context(), s, "fake:image")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.rt.Start(t.Context(), sp); err != nil {
			t.Fatal(err)
		}
		if err := w.db.Forget(t.Context(), s); err != nil { // the database was lost
			t.Fatal(err)
		}
	}
	w.drive()
	w.engine.Poke()
	var found []client.Found
	for end := time.Now().Add(time.Minute); len(found) < 2 && time.Now().Before(end); {
		if err := w.client.Do(t.Context(), "GET", "/found", nil, &found); err != nil {
			t.Fatal(err)
		}
	}
	if len(found) != 2 {
		t.Fatalf("found: %+v", found)
	}
	var s client.Session
	if err := w.client.Do(t.Context(), "POST", "/found/"+found[0].ID+"/adopt", nil, &s); err != nil || s.ID != found[0].ID || s.Name != found[0].Name {
		t.Errorf("adopted: %+v, %v", s, err)
	}
	w.is(s.ID, client.Stopped)
	if status, _, body := w.ask("DELETE", Prefix+"/found/"+found[1].ID, ""); status != 204 {
		t.Errorf("delete: %d %s", status, body)
	}
	if err := w.client.Do(t.Context(), "GET", "/found", nil, &found); err != nil || len(found) != 0 {
		t.Errorf("left: %+v, %v", found, err)
	}
}

package engine

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/store"
)

// loseDatabase deletes the file while the daemon is away.
func (w *world) loseDatabase() {
	w.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(w.path + suffix); err != nil && !os.IsNotExist(err) {
			w.t.Fatal(err)
		}
	}
}

func TestALostDatabaseCostsNobodyAVolume(t *testing.T) {
	for _, keep := range []bool{false, true} {
		inWorld(t, fake.Options{KeepEnded: keep}, func(t *testing.T, w *world) {
			l := w.daemon()
			l.create("a")
			l.create("b")
			time.Sleep(time.Minute)
			l.end()
			w.loseDatabase()
			box := spec(store.Session{ID: "box", Kind: "sandbox", Name: "box", Run: 1, ExpiresAt: time.Now().Add(time.Hour)}, "fake:image")
			w.rt.Put(box)

			l = w.daemon()
			defer l.end()
			time.Sleep(6 * time.Hour)
			found := l.e.Found()
			if len(found) != 2 || found[0].ID != "a" || found[0].Name != "a" || found[0].Owner != owner.UserID {
				t.Fatalf("found %+v", found)
			}
			for _, f := range found {
				if f.State != runtime.Down || len(f.Volumes) != 3 {
					t.Errorf("found %+v", f)
				}
			}
			if _, there := w.rt.Show("box"); there {
				t.Error("the sandbox is still there")
			}
			if _, err := l.e.Adopt(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("adopt nobody: %v", err)
			}
			s, err := l.e.Adopt(t.Context(), "a")
			if err != nil || s.State != store.Stopped || s.Name != "a" || s.OwnerID != owner.UserID || s.TenantID != owner.TenantID || !s.CreatedAt.Equal(found[0].Created) {
				t.Fatalf("adopted %+v, %v", s, err)
			}
			time.Sleep(time.Minute)
			l.is("a", store.Stopped)
			l.wish("a", store.WantRunning, store.FromStart...)
			time.Sleep(time.Minute)
			l.is("a", store.Running)
			if got := w.rt.Removed(); len(got) != 0 { // a sandbox has none
				t.Errorf("volumes removed: %v", got)
			}

			if err := l.e.Discard(t.Context(), "b"); err != nil {
				t.Fatalf("discard: %v", err)
			}
			if _, there := w.rt.Show("b"); there || len(l.e.Found()) != 0 {
				t.Errorf("discarded, but found %+v", l.e.Found())
			}
			if err := l.e.Discard(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("discard of a session: %v", err)
			}
		})
	}
}

func TestADiscardThatIsRefusedSaysSo(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		w.rt.Put(spec(store.Session{ID: "x", Kind: "session", Name: "x", Run: 1}, "fake:image"))
		l := w.daemon()
		defer l.end()
		time.Sleep(time.Minute)
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "remove" {
				return errRefused
			}
			return nil
		})
		if err := l.e.Discard(t.Context(), "x"); !errors.Is(err, errRefused) {
			t.Errorf("discard: %v", err)
		}
		w.rt.Script(nil)
		time.Sleep(time.Hour)
		if shown, _ := w.rt.Show("x"); len(shown.Volumes) != 3 {
			t.Errorf("a discard that was refused is not tried again unasked: %+v", shown)
		}
	})
}

// A leftover that cannot be stopped is tried again, not too often.
func TestALeftoverThatDoesNotStop(t *testing.T) {
	inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
		w.rt.Put(spec(store.Session{ID: "x", Kind: "session", Name: "x", Run: 1}, "fake:image"))
		stops := 0
		w.rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Op == "stop" && c.Step == "" && !c.After {
				stops++
				return errRefused
			}
			return nil
		})
		l := w.daemon()
		defer l.end()
		time.Sleep(time.Hour)
		if stops < 55 || stops > 70 {
			t.Errorf("%d stops in an hour", stops)
		}
		w.rt.Script(nil)
		time.Sleep(2 * time.Minute)
		if shown, _ := w.rt.Show("x"); shown.State != runtime.Down {
			t.Errorf("%+v", shown)
		}
	})
}

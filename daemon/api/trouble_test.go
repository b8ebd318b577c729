package api

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/ui/client"
)

func TestARuntimeThatDoesNotAnswerIsToldWhileItDoesNot(t *testing.T) {
	w := newWorld(t)
	w.drive()
	s, err := w.client.Create(t.Context(), client.SessionCreate{Name: "seen-last"})
	if err != nil {
		t.Fatal(err)
	}
	w.is(s.ID, client.Running)
	rests := w.created("rests")
	var away atomic.Bool
	w.rt.Script(func(_ context.Context, c fake.Call) error {
		if c.Op == "list" && away.Load() {
			return fmt.Errorf("the engine went away: %w", runtime.ErrUnavailable)
		}
		return nil
	})
	ctx := w.browser()
	board, page := w.auth.ControlOrigin()+"/", w.auth.ControlOrigin()+"/sessions/"+s.ID
	const shown, gone = `document.getElementById('trouble').textContent.includes('The runtime fake does not answer.')`, `document.getElementById('trouble').textContent.trim() === ''`
	const unseen = `document.querySelector('[data-row="%s"],#session-header[data-id="%[1]s"]').textContent.includes('Not seen')`
	seen, not := "!"+fmt.Sprintf(unseen, s.ID), fmt.Sprintf(unseen, s.ID)
	for _, url := range []string{board, page} {
		away.Store(true)
		w.engine.Poke()
		w.until30("trouble", func() bool { return len(w.engine.Trouble()) > 0 })
		w.do(ctx, chromedp.Navigate(url))
		w.until(ctx, shown)
		w.until(ctx, not)
		away.Store(false)
		w.engine.Poke()
		w.until(ctx, gone)
		w.until(ctx, seen)
		away.Store(true)
		w.engine.Poke()
		w.until(ctx, shown)
		w.until(ctx, not)
	}
	st, err := w.client.Status(t.Context())
	if err != nil || len(st.Trouble) != 1 || st.Trouble[0].Runtime != "fake" {
		t.Errorf("%+v, %v", st.Trouble, err)
	}
	if s, err = w.client.Get(t.Context(), s.ID); err != nil || !s.Unseen || s.Status != client.Running || s.Doing == "" || s.ActivityState != nil {
		t.Errorf("of what cannot be seen: %+v, %v", s, err)
	}
	if s, err = w.client.Get(t.Context(), rests.ID); err != nil || s.Unseen {
		t.Errorf("what is at rest need not be seen: %+v, %v", s, err)
	}
}

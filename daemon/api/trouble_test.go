package api

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"volundr/runtime"
	"volundr/runtime/fake"
)

func TestARuntimeThatDoesNotAnswerIsToldWhileItDoesNot(t *testing.T) {
	w := newWorld(t)
	s := w.created("seen-last")
	var away atomic.Bool
	w.rt.Script(func(_ context.Context, c fake.Call) error {
		if c.Op == "list" && away.Load() {
			return fmt.Errorf("the engine went away: %w", runtime.ErrUnavailable)
		}
		return nil
	})
	away.Store(true)
	w.drive()
	w.engine.Poke()
	ctx := w.browser()
	board, page := w.auth.ControlOrigin()+"/", w.auth.ControlOrigin()+"/sessions/"+s.ID
	const shown, gone = `document.getElementById('trouble').textContent.includes('The runtime fake does not answer.')`, `document.getElementById('trouble').textContent.trim() === ''`
	for _, url := range []string{board, page} {
		away.Store(true)
		w.engine.Poke()
		w.do(ctx, chromedp.Navigate(url))
		w.until(ctx, shown)
		away.Store(false)
		w.engine.Poke()
		w.until(ctx, gone)
		away.Store(true)
		w.engine.Poke()
		w.until(ctx, shown)
	}
	st, err := w.client.Status(t.Context())
	if err != nil || len(st.Trouble) != 1 || st.Trouble[0].Runtime != "fake" {
		t.Errorf("%+v, %v", st.Trouble, err)
	}
}

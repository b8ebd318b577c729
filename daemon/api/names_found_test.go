package api

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// Where a browser finds the control host only, the panes say why nothing opens
// in them; where it finds all names they do not.
func TestABrowserThatDoesNotFindSurfacesIsToldWhatToDo(t *testing.T) {
	const told = `[...document.querySelectorAll('#pane-editor [data-unfound]')].some(n => n.offsetParent)`
	w := newWorld(t)
	s := w.session("names")
	page := w.auth.ControlOrigin() + "/sessions/" + s.ID + "/editor"
	for name, rules := range map[string]string{"found": "", "not found": "MAP *--*.localhost ~NOTFOUND, MAP probe-*.localhost ~NOTFOUND"} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			ctx := w.browser(chromedp.Flag("host-resolver-rules", rules))
			if rules == "" {
				w.do(ctx, chromedp.Navigate(page))
				w.until(ctx, `document.querySelector('.session').dataset.names === 'found'`)
				if yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](told)); yes || err != nil {
					t.Errorf("told although it finds them: %v, %v", yes, err)
				}
				return
			}
			w.do(ctx, chromedp.Navigate(page))
			w.until(ctx, told)
		})
	}
}

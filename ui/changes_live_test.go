package ui

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
)

// The list of changes that was asked for before something was chosen does not
// count any more, whenever it is answered.
func TestALateListOfChangesIsNotShown(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	asked, dropped := make(chan bool, 100), make(chan bool, 100)
	srv := site(t, map[string]templ.Component{"d": SessionView(diffsPage(sessions()[0], false))}, func(mux *http.ServeMux) {
		b.routes(mux)
		mux.HandleFunc("GET /sessions/{id}/changes", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("view") != "split" {
				asked <- true
				<-r.Context().Done() // is never answered in time
				dropped <- true
				return
			}
			fmt.Fprint(w, `<div id="changes"><p>what was chosen</p></div>`)
		})
	})
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/d"))
	heard := func(c chan bool, what string) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(10 * time.Second):
			t.Fatal(what)
		}
	}
	heard(asked, "the list was not asked for")
	do(t, ctx, chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll('[data-changes-link]')].find(a => a.textContent === 'Split').click()`))
	heard(dropped, "the list of before is still waited for")
	wait(t, ctx, `document.getElementById('changes').textContent === 'what was chosen'`)
}

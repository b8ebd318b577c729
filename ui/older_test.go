package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"volundr/ui/client"
)

// many are the sessions of somebody who has more than a page shows: three of them.
type many struct {
	mu   sync.Mutex
	all  []client.Session // newest first
	held chan chan struct{}
}

func (m *many) dashboard(q url.Values) Dashboard {
	m.mu.Lock()
	defer m.mu.Unlock()
	fit := slices.DeleteFunc(slices.Clone(m.all), func(s client.Session) bool { return !strings.Contains(s.Name, q.Get("q")) })
	place := func(name string) int { // behind it
		return 1 + slices.IndexFunc(fit, func(s client.Session) bool { return s.ID == q.Get(name) })
	}
	from := place("before")
	to := min(from+3, len(fit))
	if until := q.Get("until"); until == "0.-" {
		to = len(fit)
	} else if until != "" {
		to = place("until")
	}
	l := listOf(fit...)
	l.Filter, l.Total, l.Sessions = Filter{Query: q.Get("q")}, len(m.all), fit[from:to]
	if to < len(fit) {
		l.Next = fit[to-1].ID
	}
	return NewDashboard(shell("Sessions"), l, nil, client.Stats{}, nil)
}

// board answers as the daemon does; a channel in held lets its answer wait.
func (m *many) board(w http.ResponseWriter, r *http.Request) {
	select {
	case let := <-m.held:
		let <- struct{}{}
		select {
		case <-let:
		case <-r.Context().Done():
			return
		}
	default:
	}
	Board(m.dashboard(r.URL.Query())).Render(r.Context(), w)
}

func (m *many) begin(t *testing.T, b *backend, seq int) {
	t.Helper()
	s := session(fmt.Sprint(seq), fmt.Sprint("work-", seq), client.Created, "")
	m.mu.Lock()
	m.all = append([]client.Session{s}, m.all...)
	m.mu.Unlock()
	b.session(t, seq, s)
}

func TestOlderSessionsComeBelow(t *testing.T) {
	ctx := browser(t)
	b, m := newBackend(), &many{held: make(chan chan struct{}, 1)}
	for n := range 7 {
		m.all = append([]client.Session{session(fmt.Sprint(n), fmt.Sprint("work-", n), client.Stopped, "")}, m.all...)
	}
	srv := site(t, map[string]templ.Component{"d": DashboardPage(m.dashboard(nil))}, func(mux *http.ServeMux) {
		b.routes(mux)
		mux.HandleFunc("GET /board", m.board)
	})
	shows := func(count string, older bool, names ...string) {
		t.Helper()
		wait(t, ctx, fmt.Sprintf(`[...document.querySelectorAll('li[data-row] .row-name')].filter(r => r.offsetParent).map(r => r.textContent.trim()).join() === %q
			&& document.querySelector('.count').textContent === %q && !!document.querySelector('[data-older]') === %t`, strings.Join(names, ","), count, older))
	}
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/d"))
	<-b.streams
	shows("3 of 7", true, "work-6", "work-5", "work-4")
	do(t, ctx, chromedp.Click(chromedp.CSS("[data-older]")))
	shows("6 of 7", true, "work-6", "work-5", "work-4", "work-3", "work-2", "work-1")
	wait(t, ctx, "document.activeElement.textContent.trim() === 'work-3'")

	m.begin(t, b, 7) // what was shown by older stays
	shows("7 of 8", true, "work-7", "work-6", "work-5", "work-4", "work-3", "work-2", "work-1")

	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#q"), "work-0")) // not on the page: the server has it
	shows("1", false, "work-0")
	do(t, ctx, chromedp.Evaluate[chromedp.Void](`(q => { q.value = ''; q.dispatchEvent(new Event('input', { bubbles: true })); })(document.getElementById('q'))`))
	shows("3 of 8", true, "work-7", "work-6", "work-5")
	for _, names := range [][]string{{"work-4", "work-3", "work-2"}, {"work-1", "work-0"}} {
		do(t, ctx, chromedp.Click(chromedp.CSS("[data-older]")))
		wait(t, ctx, fmt.Sprintf("[...document.querySelectorAll('.row-name')].slice(-%d).map(r => r.textContent.trim()).join() === %q", len(names), strings.Join(names, ",")))
	}
	shows("8", false, "work-7", "work-6", "work-5", "work-4", "work-3", "work-2", "work-1", "work-0")
	m.begin(t, b, 8)
	shows("9", false, "work-8", "work-7", "work-6", "work-5", "work-4", "work-3", "work-2", "work-1", "work-0")
}

// However many come while the board is asked for, its answer is shown.
func TestManyNewSessionsAreNotWaitedOut(t *testing.T) {
	ctx := browser(t)
	b, m := newBackend(), &many{held: make(chan chan struct{}, 1)}
	srv := site(t, map[string]templ.Component{"d": DashboardPage(m.dashboard(nil))}, func(mux *http.ServeMux) {
		b.routes(mux)
		mux.HandleFunc("GET /board", m.board)
	})
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/d"))
	<-b.streams
	let := make(chan struct{})
	m.held <- let
	m.begin(t, b, 1)
	<-let // the answer is on its way
	m.begin(t, b, 2)
	b.events <- "event: stats\ndata: " + `{"html":"<footer id=\"stats\">heard</footer>"}` + "\n\n"
	wait(t, ctx, "document.getElementById('stats').textContent === 'heard'")
	do(t, ctx, chromedp.Evaluate[chromedp.Void]("window.since = performance.now()"))
	wait(t, ctx, "performance.now() - since > 500") // longer than the page gathers what comes
	if n := eval[int](t, ctx, "performance.getEntriesByType('resource').filter(e => e.name.includes('/board')).length"); n > 0 {
		t.Errorf("%d answers were given up or overtaken", n)
	}
	close(let)
	wait(t, ctx, "[...document.querySelectorAll('.row-name')].map(r => r.textContent.trim()).join() === 'work-2,work-1'")
}

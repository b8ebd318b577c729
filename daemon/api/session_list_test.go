package api

import (
	"encoding/json"
	"fmt"
	stdhtml "html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// fill makes n sessions, a minute apart, the first the oldest: every tenth failed,
// every twentieth archived.
func (w *world) fill(n int) (ids []string) {
	w.t.Helper()
	at := time.Now().Add(-time.Duration(n) * time.Minute).Truncate(time.Millisecond)
	for i := range n {
		s, err := w.db.CreateSession(w.t.Context(), store.Session{Name: fmt.Sprintf("many-%03d", i), OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID,
			Runtime: "fake", CreatedAt: at.Add(time.Duration(i) * time.Minute),
			Request: json.RawMessage(fmt.Sprintf(`{"agent":%q,"source":{"type":"git","repo":"https://git.io/acme/r%d"}}`, []string{"claude", "codex"}[i%2], i%3))})
		if err != nil {
			w.t.Fatal(err)
		}
		now := s
		switch {
		case i%20 == 0:
			now.State = store.Archived
		case i%10 == 0:
			now.State, now.Failure = store.Failed, &store.Failure{Reason: "It ended.", At: time.Now()}
		default:
			now.State = store.Stopped
		}
		if _, err := w.db.Conclude(w.t.Context(), s, now); err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	return ids
}

// asks reads a list of sessions, and where its next page is.
func (w *world) lists(path string) (names []string, next string) {
	w.t.Helper()
	status, head, body := w.ask("GET", path, "")
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", path, status, body)
	}
	for _, s := range parse[[]client.Session](w.t, body) {
		names = append(names, s.Name)
	}
	if m := regexp.MustCompile(`^<(.+)>; rel="next"$`).FindStringSubmatch(head.Get("Link")); m != nil {
		next = m[1]
	}
	return names, next
}

// All are listed to who asks as the contract has it; who asks for pages gets
// each once.
func TestTheListIsReadWholeOrByThePage(t *testing.T) {
	w := newWorld(t)
	w.fill(60)
	whole, next := w.lists(Prefix + "/sessions")
	if len(whole) != 57 || whole[0] != "many-059" || next != "" {
		t.Fatalf("%d sessions, %s first, next %q", len(whole), whole[0], next)
	}
	var paged []string
	pages := 0
	for next = Prefix + "/sessions?limit=25"; next != ""; pages++ {
		var some []string
		some, next = w.lists(next)
		paged = append(paged, some...)
	}
	if pages != 3 || strings.Join(paged, " ") != strings.Join(whole, " ") {
		t.Errorf("%d pages: %v", pages, paged)
	}
	for query, want := range map[string]int{"search=R2": 19, "search=many-00": 9, "search=codex": 30, "search=failed": 3, "search=codex&limit=4": 4, "alive=true": 0,
		"include_archived=true&search=many-00": 10, "status=archived": 3, "status=stopped&search=acme": 54, "search=%25": 0} {
		if got, _ := w.lists(Prefix + "/sessions?" + query); len(got) != want {
			t.Errorf("%s: %d sessions, want %d: %v", query, len(got), want, got)
		}
	}
	w.session("running")
	if got, _ := w.lists(Prefix + "/sessions?alive=true"); len(got) != 1 {
		t.Errorf("alive: %v", got)
	}
	for _, odd := range []string{"limit=0", "limit=1001", "limit=x", "before=x", "before=1.", "limit=5&before=yesterday"} {
		if status, _, body := w.ask("GET", Prefix+"/sessions?"+odd, ""); status != http.StatusUnprocessableEntity || !strings.Contains(body, `"query"`) {
			t.Errorf("%s: %d %s", odd, status, body)
		}
	}
}

var rowNames = regexp.MustCompile(`<a class="row-name"[^>]*>([^<]*)`)

func (w *world) rows(path string) (names []string, page string) {
	w.t.Helper()
	status, _, page := w.ask("GET", path, "")
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", path, status, page)
	}
	for _, m := range rowNames.FindAllStringSubmatch(page, -1) {
		names = append(names, m[1])
	}
	return names, page
}

// aged makes a session that is older than all others and runs.
func (w *world) aged(name string) store.Session {
	w.t.Helper()
	s, err := w.db.CreateSession(w.t.Context(), store.Session{Name: name, OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID, Runtime: "fake",
		CreatedAt: time.Now().Add(-1000 * time.Hour), Request: json.RawMessage(`{"agent":"acp","source":{"type":"git","repo":"https://git.io/acme/aged"}}`)})
	if err != nil {
		w.t.Fatal(err)
	}
	now := s
	now.Run, now.State, now.ReadyAt = 1, store.Running, time.Now()
	if s, err = w.db.Conclude(w.t.Context(), s, now); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// Without a script all sessions are reached by links; what is alive or failed
// lately is there at once, and what is counted is all.
func TestTheDashboardHasPages(t *testing.T) {
	w := newWorld(t)
	w.aged("aged")
	w.fill(540)
	want := map[string]bool{"aged": true}
	for i, n, archived := 539, 0, 0; i >= 0; i-- {
		switch {
		case i%20 == 0:
			if archived++; archived <= pageArchived {
				want[fmt.Sprintf("many-%03d", i)] = true
			}
		default:
			if n++; n <= pageRows || i%10 == 0 {
				want[fmt.Sprintf("many-%03d", i)] = true
			}
		}
	}
	first, page := w.rows("/")
	for _, name := range first {
		if !want[name] {
			t.Errorf("%s is on the first page", name)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not on the first page: %v", want)
	}
	for _, count := range []string{` of 171<`, `data-total="27">25 of 27<`, "514 in all", "<b>1</b> running of 541", "27 things need you"} {
		if !strings.Contains(page, count) {
			t.Errorf("the first page does not say %s", count)
		}
	}
	all := map[string]int{}
	for _, id := range []string{"older", "older-archived"} {
		link := regexp.MustCompile(`id="` + id + `"><a class="button" href="([^"]+)"`)
		for at := "/"; at != ""; {
			names, page := w.rows(at)
			for _, n := range names {
				all[n]++
			}
			at = ""
			if m := link.FindStringSubmatch(page); m != nil {
				at = stdhtml.UnescapeString(m[1])
			}
		}
	}
	if len(all) != 541 {
		t.Errorf("%d of 541 sessions are reached by links", len(all))
	}
	for at, want := range map[string]int{"/?q=many-00": 10, "/?q=R1&agent=codex": 90, "/?state=bad": 27, "/?state=run": 1, "/?q=aged": 1, "/?q=nothing": 0, "/?agent=claude&q=many-53": 5} {
		if names, _ := w.rows(at); len(names) != want {
			t.Errorf("%s: %d rows, want %d", at, len(names), want)
		}
	}
	if status, _, body := w.ask("GET", "/?before=x", ""); status != http.StatusUnprocessableEntity {
		t.Errorf("a place that is none: %d %s", status, body)
	}
}

// Who has failed more often than the inbox shows is told so.
func TestTheInboxOfTheDashboardIsBounded(t *testing.T) {
	w := newWorld(t)
	for i := range pageFailures + 7 {
		s := w.created(fmt.Sprint("f", i))
		n := s
		n.State, n.Failure = store.Failed, &store.Failure{Reason: "It ended.", At: time.Now()}
		if _, err := w.db.Conclude(t.Context(), s, n); err != nil {
			t.Fatal(err)
		}
	}
	_, page := w.rows("/")
	if n := strings.Count(page, "data-inbox="); n != pageFailures || !strings.Contains(page, "57 things need you") || !strings.Contains(page, "7 older failures") {
		t.Errorf("%d failures are shown", n)
	}
	if all := w.inbox(); len(all) != pageFailures+7 {
		t.Errorf("programs are told of %d", len(all))
	}
}

// In a browser older ones come below, a search finds those that are not there,
// and what happens leaves what was shown.
func TestTheDashboardOfVeryManyInABrowser(t *testing.T) {
	w := newWorld(t)
	aged := w.aged("aged")
	ids := w.fill(300)
	ctx := w.browser()
	const rows = "[...document.querySelectorAll('li[data-row]')].filter(r => !r.hidden).length"
	has := func(name string) string {
		return "[...document.querySelectorAll('.row-name')].some(a => a.textContent === '" + name + "' && !a.closest('li').hidden)"
	}
	listens := "(history.replaceState(null, '', '/#x'), document.getElementById('q').dispatchEvent(new Event('input')), !location.hash)"
	// Groups above are laid out as they come into view, so that a place on the
	// screen is no sure one.
	older := func() {
		w.do(ctx, chromedp.Evaluate[chromedp.Void]("document.querySelector('#older a').click()"))
	}
	w.do(ctx, chromedp.Navigate(w.auth.ControlOrigin()+"/"))
	w.until(ctx, listens)
	w.until(ctx, has("aged")+" && "+has("many-299")+" && !"+has("many-101"))
	older()
	w.until(ctx, has("many-101")+" && !"+has("many-001")+" && document.activeElement.textContent === 'many-194'")
	older()
	w.until(ctx, has("many-001")+" && !document.getElementById('older')")
	w.until(ctx, rows+" === 301 && new Set([...document.querySelectorAll('li[data-row]')].map(r => r.id)).size === 301 && document.querySelectorAll('.group').length === 5")
	w.until(ctx, "[...document.querySelectorAll('.count')].every(c => c.textContent === c.dataset.total)")

	// A new one comes: nothing of what was shown goes.
	w.created("fresh")
	w.until(ctx, has("fresh")+" && "+has("many-001")+" && "+rows+" === 302")
	if _, err := w.db.Wish(t.Context(), local, ids[1], store.WantGone); err != nil {
		t.Fatal(err)
	}
	w.do(ctx, chromedp.Reload())
	w.until(ctx, listens)
	w.until(ctx, rows+" < 200 && !"+has("many-101"))

	// The search asks for those that are not on the page, and they go when it ends.
	w.do(ctx, chromedp.SendKeys(chromedp.CSS("#q"), "many-10"))
	w.until(ctx, has("many-101")+" && "+rows+" === 10 && location.search === '?q=many-10'")
	w.do(ctx, chromedp.SendKeys(chromedp.CSS("#q"), "1"))
	w.until(ctx, rows+" === 1 && "+has("many-101"))
	now, err := w.db.Session(t.Context(), local, ids[102])
	if err != nil {
		t.Fatal(err)
	}
	name := "many-1010"
	if _, err := w.db.PatchSession(t.Context(), local, now.ID, store.SessionPatch{Name: &name}); err != nil {
		t.Fatal(err)
	}
	w.until(ctx, rows+" === 2 && "+has(name)) // it fits now
	if err := w.db.SetActivity(t.Context(), aged.ID, "waiting", "May it?"); err != nil {
		t.Fatal(err)
	}
	w.do(ctx, chromedp.Evaluate[chromedp.Void]("void (document.getElementById('q').value = '', document.getElementById('q').dispatchEvent(new Event('input')))"))
	w.until(ctx, has("many-299")+" && "+has("aged")+" && !"+has("many-101")+" && location.search === ''")
}

package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// asking is a session that runs and whose agent has said something.
func (w *world) asking(name string, entries ...store.Entry) store.Session {
	w.t.Helper()
	row := w.session(name)
	for i := range entries {
		entries[i].Seq, entries[i].Run, entries[i].At, entries[i].Turn = int64(i+1), 1, time.Now().Add(time.Duration(i)*time.Millisecond), "p"
	}
	if _, err := w.db.AppendJournal(w.t.Context(), row.ID, "e", entries); err != nil {
		w.t.Fatal(err)
	}
	if err := w.db.SetActivity(w.t.Context(), row.ID, "waiting", "asks"); err != nil {
		w.t.Fatal(err)
	}
	return row
}

func journalled(t *testing.T, typ string, data any) store.Entry {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return store.Entry{Type: typ, Data: raw}
}

// permission is a question of the agent.
func permission(t *testing.T, id, title, input string) store.Entry {
	return journalled(t, wire.EntryPermission, wire.Permission{ID: id, Tool: wire.Tool{ID: "t" + id, Title: title, Kind: "execute", Input: json.RawMessage(input)},
		Options: []wire.Option{{ID: "yes", Name: "Allow", Kind: "allow_once"}, {ID: "no", Name: "Deny", Kind: "reject_once"}}})
}

// link has the links know the sessions; none of them answers.
func (w *world) link(rows ...store.Session) {
	keep := map[string]int{}
	for _, r := range rows {
		keep[r.ID] = 1
	}
	w.links.Keep(keep)
	ctx := w.t.Context()
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.links.Run(ctx) })
	w.t.Cleanup(wg.Wait)
}

func (w *world) inbox() []client.Need {
	w.t.Helper()
	needs, err := w.client.Inbox(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return needs
}

func kinds(needs []client.Need) string {
	var all []string
	for _, n := range needs {
		all = append(all, n.Session+" "+n.Kind)
	}
	return strings.Join(all, ", ")
}

func TestTheInboxHasWhatNeedsAPerson(t *testing.T) {
	w := newWorld(t)
	asks := w.asking("asks", permission(t, "q1", "`make deploy`", `{"command":"make deploy","cwd":"/workspace"}`))
	plan := w.asking("plan", journalled(t, wire.EntryPermission, wire.Permission{ID: "q", Tool: wire.Tool{ID: "t", Title: "Which colour?"}, Options: []wire.Option{{ID: "red", Name: "Red"}, {ID: "blue", Name: "Blue"}}}))
	stuck := w.asking("stuck", journalled(t, wire.EntryTurnStart, wire.TurnStart{Prompt: "p"}), journalled(t, wire.EntryStalled, wire.Note{Message: "No progress."}))
	w.session("works")
	failed := w.created("failed")
	n := failed
	n.State, n.Failure = store.Failed, &store.Failure{Reason: "The agent ended.", At: time.Now()}
	if _, err := w.db.Conclude(t.Context(), failed, n); err != nil {
		t.Fatal(err)
	}
	needs := w.inbox()
	if got, want := kinds(needs), "asks permission, plan question, stuck stall, failed failure"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	if q := needs[0]; q.Text != "running `make deploy`" || q.Detail != "cwd: /workspace" || len(q.Options) != 2 || q.Options[0].Name != "Allow" || q.Question != "q1" {
		t.Errorf("%+v", q)
	}
	if needs[2].Text != "No progress." || needs[3].Text != "The agent ended." {
		t.Errorf("%+v", needs[2:])
	}
	if again := w.inbox(); again[0].ID != needs[0].ID || again[3].ID != needs[3].ID {
		t.Error("a need changes its id")
	}

	w.link(asks, plan, stuck)
	for _, c := range []struct {
		id, option string
		status     int
	}{{"", "yes", 422}, {"nothing", "yes", 409}, {"q1", "maybe", 422}, {"q1", "yes", 204}, {"q1", "no", 409}} {
		body, _ := json.Marshal(client.Answer{ID: c.id, Option: c.option})
		w.until30("linked", func() bool {
			status, _, said := w.ask("POST", Prefix+"/sessions/"+asks.ID+"/answers", string(body))
			if status == 503 { // the link is not there yet
				return false
			}
			if status != c.status {
				t.Errorf("%s %s: %d %s, want %d", c.id, c.option, status, said, c.status)
			}
			return true
		})
	}
	if got := kinds(w.inbox()); strings.Contains(got, "asks") {
		t.Errorf("an answered question is still there: %s", got)
	}
	status, _, said := w.ask("POST", Prefix+"/sessions/"+stuck.ID+"/cancel", "")
	if status != 503 || detail(said) == "" {
		t.Errorf("a turn that cannot be reached was stopped: %d %s", status, said)
	}
	if _, err := w.db.Wish(t.Context(), store.Principal{UserID: failed.OwnerID, TenantID: failed.TenantID}, failed.ID, store.WantRunning, store.FromStart...); err != nil {
		t.Fatal(err)
	}
	if got := kinds(w.inbox()); strings.Contains(got, "failure") {
		t.Errorf("a failure that was started again is still there: %s", got)
	}
}

// until30 polls a condition for half a minute.
func (w *world) until30(what string, ok func() bool) {
	w.t.Helper()
	end := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			w.t.Fatalf("not within 30 s: %s", what)
		case <-tick.C:
		}
	}
}

// On the dashboard a question is answered where it is read; what is not all
// there can only be refused.
func TestTheInboxOnTheDashboard(t *testing.T) {
	w := newWorld(t)
	row := w.asking("asks", permission(t, "q1", "`make deploy`", `{"command":"make deploy","cwd":"/workspace"}`))
	long := w.asking("long", permission(t, "q2", "`sh`", `{"command":"sh","stdin":"`+strings.Repeat("x", 3000)+`"}`))
	w.link(row, long)
	form := func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Accept", "text/html")
	}
	w.until30("refused without a script", func() bool {
		status, head, _ := w.ask("POST", "/sessions/"+long.ID+"/answer", url.Values{"id": {"q2"}, "option": {"no"}, "from": {"inbox"}}.Encode(), form)
		return status == 303 && head.Get("Location") == "/"
	})
	third := w.asking("third", permission(t, "q3", "`sh`", `{"command":"sh","stdin":"`+strings.Repeat("x", 3000)+`"}`))
	ctx := w.browser()
	w.do(ctx, chromedp.Navigate(w.auth.ControlOrigin()+"/"))
	w.until(ctx, `document.querySelectorAll('.inbox li').length === 2`)
	if labels, err := chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll('[data-inbox="`+third.ID+`"] .button')].map(b => b.textContent.trim()).join()`)); err != nil || labels != "Deny,Read it in full" {
		t.Errorf("of what is cut: %q, %v", labels, err)
	}
	w.do(ctx, chromedp.Click(chromedp.CSS(`[data-inbox="`+row.ID+`"] button.primary`)))
	w.until(ctx, `document.querySelectorAll('.inbox li').length === 1`)
	answers, err := w.db.EntriesOf(t.Context(), store.Principal{UserID: row.OwnerID, TenantID: row.TenantID}, row.ID, "answer")
	if err != nil || len(answers) != 1 || string(answers[0].Data) != `{"id":"q1","option":"yes"}` {
		t.Errorf("%+v, %v", answers, err)
	}
}

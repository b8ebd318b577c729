package tray

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
	"volundr/ui/mark"
)

func running(activity string) client.Session {
	return client.Session{ID: "s", Name: "a", Status: client.Running, ActivityState: &activity}
}

func TestTheIconTellsWhatMattersMost(t *testing.T) {
	need := []client.Need{{ID: "n", Kind: client.NeedStall}}
	for _, c := range []struct {
		look  look
		state mark.State
		words string
	}{
		{look{}, mark.Down, "Volundr is not running"},
		{look{Sessions: []client.Session{running(client.Active)}, Needs: need}, mark.Down, "Volundr is not running"},
		{look{Up: true}, mark.Idle, "Volundr is idle"},
		{look{Up: true, Sessions: []client.Session{running(client.Idle), {Status: client.Failed}}}, mark.Idle, "Volundr is idle"},
		{look{Up: true, Sessions: []client.Session{running(client.Active), running(client.ToolExecuting)}}, mark.Working, "2 working"},
		{look{Up: true, Sessions: []client.Session{running(client.Active)}, Needs: need}, mark.Needs, "1 thing needs you, 1 working"},
		{look{Up: true, Needs: append(need, need...)}, mark.Needs, "2 things need you"},
	} {
		if c.look.state() != c.state || c.look.words() != c.words {
			t.Errorf("%+v: %v, %q", c.look, c.look.state(), c.look.words())
		}
	}
}

// What a person cannot read here in full can be refused, not allowed.
func TestOnlyWhatIsShownWholeCanBeAllowed(t *testing.T) {
	options := []client.Option{{ID: "y", Name: "Allow", Kind: "allow_once"}, {ID: "o", Name: "Odd"}, {ID: "n", Kind: "reject_once"}}
	for name, c := range map[string]struct {
		need  client.Need
		whole bool
	}{
		"a line":           {client.Need{Text: "running `ls`"}, true},
		"lines":            {client.Need{Text: "x", Detail: "a: b\nc: d"}, true},
		"cut":              {client.Need{Text: "x", Detail: "a", Cut: true}, false},
		"a long text":      {client.Need{Text: strings.Repeat("x", maxLine+1)}, false},
		"a long line":      {client.Need{Text: "x", Detail: strings.Repeat("x", maxLine+1)}, false},
		"many lines":       {client.Need{Text: "x", Detail: strings.Repeat("x\n", mostDetail+1)}, false},
		"hidden direction": {client.Need{Text: "x", Detail: "a\u202eb"}, false},
		"hidden spaces":    {client.Need{Text: "x", Detail: "a" + strings.Repeat(" ", 60) + "b"}, false},
	} {
		c.need.Kind, c.need.Options = client.NeedPermission, options
		var answers []string
		for _, l := range needSub(c.need) {
			if l.Do.Verb == answerAsk {
				answers = append(answers, l.Do.Option)
			}
		}
		want := []string{"n"}
		if c.whole {
			want = []string{"y", "o", "n"}
		}
		if d := cmp.Diff(want, answers); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// What ends by itself says when.
func TestAnEndIsToldByTheClock(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 5, 59, 0, time.Local)
	n := client.Need{ID: "t", Kind: client.NeedTime, Session: "fix", SessionID: "s", Until: &at, Text: "is stopped when its time to live is over"}
	lines := needLines(look{Up: true, Needs: []client.Need{n}})
	if want := "fix: is stopped when its time to live is over, at 09:05"; len(lines) != 1 || lines[0].Text != want {
		t.Errorf("%+v", lines)
	}
	tl := teller{begun: true}
	if told := tl.due([]client.Need{n}); len(told) != 1 || told[0].Body != "is stopped when its time to live is over, at 09:05" {
		t.Errorf("%+v", told)
	}
}

func TestMenusAreBounded(t *testing.T) {
	l := look{Up: true}
	for i := range 500 {
		l.Sessions = append(l.Sessions, client.Session{ID: fmt.Sprint(i), Name: strings.Repeat("n", 500), Status: client.Stopped})
		l.Needs = append(l.Needs, client.Need{ID: fmt.Sprint(i), Kind: client.NeedFailure, Session: "s", Text: strings.Repeat("x", 5000)})
	}
	l.Sessions = append(l.Sessions, running(client.Idle))
	lines := append(sessionLines(l), needLines(l)...)
	if len(lines) != mostShown+mostNeeds+2 || lines[0].Text != "a · running" || lines[mostShown].Text != "486 more…" {
		t.Errorf("%d lines, first %q, last %q", len(lines), lines[0].Text, lines[mostShown].Text)
	}
	l.Cut = true
	if all := sessionLines(l); all[mostShown].Text != "More…" {
		t.Errorf("of which not all are known: %q", all[mostShown].Text)
	}
	if all := both(l.Sessions[:3], l.Sessions[1:5]); len(all) != 5 {
		t.Errorf("%d sessions of two lists that overlap, want 5", len(all))
	}
	for _, x := range lines {
		if len([]rune(x.Text)) > maxLine {
			t.Errorf("%q", x.Text)
		}
	}
}

func TestEachEventIsToldOnce(t *testing.T) {
	need := func(id, kind string) client.Need {
		return client.Need{ID: id, Kind: kind, Session: "fix", SessionID: "s", Text: "text\n<b>" + strings.Repeat("long ", 100)}
	}
	var tl teller
	titles := func(needs ...client.Need) (out []string) {
		for _, n := range tl.due(needs) {
			if len([]rune(n.Body)) > maxBody || strings.Contains(n.Body, "\n") || n.Path != "/sessions/s/chat" {
				t.Errorf("%+v", n)
			}
			out = append(out, n.Need+" "+n.Title)
		}
		return out
	}
	old := need("old", client.NeedFailure)
	for _, c := range []struct {
		needs []client.Need
		want  []string
	}{
		{[]client.Need{old}, nil}, // was there before the tray
		{[]client.Need{old, need("p", client.NeedPermission), need("st", client.NeedStall)}, []string{"p fix asks for permission"}},
		{[]client.Need{old, need("p", client.NeedPermission)}, nil},
		{nil, nil}, // the daemon was away
		{[]client.Need{old, need("p", client.NeedPermission), need("q", client.NeedQuestion), need("f", client.NeedFailure), need("t", client.NeedTime)}, []string{"q fix asks", "f fix failed", "t fix stops soon"}},
	} {
		if d := cmp.Diff(c.want, titles(c.needs...)); d != "" {
			t.Error(d)
		}
	}
	for i := range 3 * maxSeen {
		titles(old, need(fmt.Sprint(i), client.NeedFailure))
	}
	if len(tl.seen) > maxSeen+2 {
		t.Errorf("%d are remembered", len(tl.seen))
	}
	if got := titles(old); len(got) > 0 {
		t.Errorf("what still waits was forgotten: %v", got)
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/ui/client"
)

const prefix = "/api/v1/volundr"

// asks sends a request of the page's own, and gives its status and answer.
func (b *browser) asks(method, path, body string) (status int, answer string) {
	b.t.Helper()
	if body == "" {
		body = "null"
	}
	js := fmt.Sprintf(`fetch(%q, {method: %q, headers: {'Content-Type': 'application/json'}, body: %q === 'null' ? undefined : %q})
		.then(async r => JSON.stringify({status: r.status, text: await r.text()}))`, prefix+path, method, body, body)
	raw, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](js, chromedp.EvalAwaitPromise))
	var got struct {
		Status int
		Text   string
	}
	if err == nil {
		err = json.Unmarshal([]byte(raw), &got)
	}
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return got.Status, got.Text
}

// gets is a GET that must be answered.
func (b *browser) gets(path string) string {
	b.t.Helper()
	status, text := b.asks("GET", path, "")
	if status != 200 {
		b.t.Fatalf("GET %s: %d %s", path, status, text)
	}
	return text
}

// listens keeps what the page's user is told by the API's stream.
func (b *browser) listens() {
	b.t.Helper()
	b.reads(`(() => { window.heard = '';
		fetch('` + prefix + `/sessions/stream').then(async r => {
			const from = r.body.pipeThrough(new TextDecoderStream()).getReader();
			for (;;) { const {done, value} = await from.read(); if (done) return; window.heard += value; }
		}); })()`)
}

// someone is a developer with a browser of their own.
type someone struct {
	*browser
	name string
	own  string // id of their session
}

// person adds a user and logs a browser in as them, on the dashboard.
func (p *product) person(name string) *someone {
	p.t.Helper()
	if _, err := p.client().AddUser(p.t.Context(), client.UserNew{Name: name, Role: "developer"}); err != nil {
		p.t.Fatal(err)
	}
	link, err := p.client().UserLink(p.t.Context(), name)
	if err != nil {
		p.t.Fatal(err)
	}
	return &someone{browser: browserBy(p.t, link), name: name}
}

// TestTwoUsersSideBySide has two people work at once in browsers of their own,
// by a key that an admin shares and neither of them sees.
func TestTwoUsersSideBySide(t *testing.T) {
	m, env := provider(t)
	p := install(t, append(env, "ANTHROPIC_API_KEY=", "OPENAI_API_KEY=")...)
	if err := p.client().Do(t.Context(), "POST", "/credentials/tenant", client.SharedCredential{Name: "anthropic", Type: "api_key",
		Data: map[string]string{"api_key": secret}}, nil); err != nil {
		t.Fatal(err)
	}
	ann, ben := p.person("ann"), p.person("ben")
	for _, x := range []*someone{ann, ben} {
		x.listens()
		status, answer := x.asks("POST", "/sessions", `{"name":"of-`+x.name+`","mode":"default"}`)
		var s client.Session
		if err := json.Unmarshal([]byte(answer), &s); err != nil || status != 201 {
			t.Fatalf("%d %s %v", status, answer, err)
		}
		x.own = s.ID
	}
	apart(p, ann, ben)
	together(p, ann, ben)
	if !sawKey(m) {
		t.Error("the provider did not see the shared key")
	}
	bounded(p, ben)
	loggedOut(p, ben)
}

// apart: each sees what is theirs, live, and nothing of the other.
func apart(p *product, ann, ben *someone) {
	for _, x := range []*someone{ann, ben} {
		x.sees("of-" + x.name)
	}
	for _, x := range []*someone{ann, ben} {
		p.awaitState(x.own, client.Running)
		if status, answer := x.asks("POST", "/sessions/"+x.own+"/messages", `{"content":"write `+x.name+`.txt"}`); status >= 300 {
			p.t.Fatalf("%d %s", status, answer)
		}
	}
	for x, other := range map[*someone]*someone{ann: ben, ben: ann} {
		x.is("the inbox of "+x.name, "document.querySelector('.inbox')?.innerText.includes('1 thing needs you')")
		x.is("the stream of "+x.name, fmt.Sprintf("heard.includes(%q)", x.own))
		for what, text := range map[string]string{"page": x.reads("document.body.innerHTML"), "stream": x.reads("heard"), "list": x.gets("/sessions"),
			"inbox": x.gets("/inbox"), "chronicles": x.gets("/chronicles"), "statistics": x.gets("/stats"), "credentials": x.gets("/credentials")} {
			if strings.Contains(text, other.own) || strings.Contains(text, "of-"+other.name) || strings.Contains(text, secret) {
				p.t.Errorf("the %s of %s tells of %s: %s", what, x.name, other.name, text)
			}
		}
		if status, answer := x.asks("GET", "/sessions/"+other.own, ""); status != 404 {
			p.t.Errorf("%s is told %d %s", x.name, status, answer)
		}
	}
}

// together: ben shares with ann, who sees it live and cannot write; when he ends
// that, her page ends at once.
func together(p *product, ann, ben *someone) {
	ben.post("/sessions/"+ben.own+"/share", map[string]string{"user": "ann"})
	ben.sees("ann can look at it now.")
	ben.visit(ben.ui + "/sessions/" + ben.own + "/chat")
	ben.is("the question at ben's", asked)

	ann.is("what is shared, on the dashboard", fmt.Sprintf("document.getElementById('row-%s')?.innerText.includes('Waits for an answer')", ben.own))
	ann.visit(ann.ui + "/sessions/" + ben.own + "/chat")
	ann.is("the question at ann's", asked)
	ann.sees("You look only: ben or an admin can answer.")
	if n := ann.reads("document.querySelectorAll('button[name=option]').length"); n != "0" {
		p.t.Errorf("ann has %s buttons", n)
	}
	ann.is("no place to write", "!document.querySelector('#composer').checkVisibility()")
	for _, path := range []string{"/messages", "/answers", "/stop", "/cancel"} {
		if status, answer := ann.asks("POST", "/sessions/"+ben.own+path, `{"content":"stolen","id":"q","option":"allow"}`); status != 404 {
			p.t.Errorf("ann writes to %s: %d %s", path, status, answer)
		}
	}
	ben.do(chromedp.Click(".permission[data-open] button.primary"))
	ann.is("ben's answer at ann's", answered)
	ben.say("seen by both")
	ann.sees("You said: seen by both")

	if status, answer := ben.asks("DELETE", "/sessions/"+ben.own+"/shares/ann", ""); status != 204 {
		p.t.Fatalf("%d %s", status, answer)
	}
	began := time.Now()
	ann.is("her page has ended", "location.pathname === '/' && document.querySelector('main')")
	if took := time.Since(began); took > 10*time.Second {
		p.t.Errorf("her page ended after %s", took)
	}
	ann.is("her dashboard", fmt.Sprintf("document.getElementById('row-%s')", ann.own))
	if page := ann.reads("document.body.innerHTML"); strings.Contains(page, ben.own) {
		p.t.Errorf("ann still sees it: %s", page)
	}
	if status, _ := ann.asks("GET", "/sessions/"+ben.own, ""); status != 404 {
		p.t.Errorf("ann is told %d", status)
	}
}

// bounded: a quota is a sentence on the page of a new session, and what was typed
// stays there.
func bounded(p *product, ben *someone) {
	one := int64(1)
	if _, err := p.client().SetQuota(p.t.Context(), "ben", client.QuotaChange{Sessions: &one}); err != nil {
		p.t.Fatal(err)
	}
	ben.post("/sessions/new", map[string]string{"name": "one-more", "agent": "claude", "source": "empty"})
	ben.sees("There are 1 of the 1 sessions that you may have: archive or delete one, or ask an admin to raise the quota.")
	if name := ben.reads("document.querySelector('[name=name]').value"); name != "one-more" {
		p.t.Errorf("what was typed is %q now", name)
	}
}

// loggedOut: who is logged out from elsewhere sees the login page at once.
func loggedOut(p *product, ben *someone) {
	ben.visit(ben.ui + "/sessions/" + ben.own + "/chat")
	ben.sees("You said: seen by both")
	var all []client.Login
	if err := json.Unmarshal([]byte(ben.gets("/logins")), &all); err != nil || len(all) != 1 {
		p.t.Fatalf("%+v %v", all, err)
	}
	link, err := p.client().UserLink(p.t.Context(), "ben")
	if err != nil {
		p.t.Fatal(err)
	}
	elsewhere := browserBy(p.t, link)
	if status, answer := elsewhere.asks("DELETE", "/logins/"+all[0].ID, ""); status != 204 {
		p.t.Fatalf("%d %s", status, answer)
	}
	ben.is("the login page", "document.title.startsWith('Log in') && !document.body.innerText.includes('seen by both')")
}

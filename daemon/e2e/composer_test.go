package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"volundr/ui/client"
)

// TestAFileIsNamedAndALongOutputOutlivesItsSession: what is typed is completed
// by the real agent and the real workspace; a long output is there, whole, when
// the session has stopped.
func TestAFileIsNamedAndALongOutputOutlivesItsSession(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	s := p.create(client.SessionCreate{Name: "long", Mode: "bypassPermissions",
		Source: &client.Source{Type: client.SourceGit, Repo: repository(t)}})
	p.inAgent(s.ID, `cd /workspace && mkdir -p deep && touch 'deep/hello there.txt' deep/ignored.log "$(printf 'odd\nname')" && echo '*.log' > .gitignore`)
	b := openBrowser(t, p)
	b.visit(b.ui + "/sessions/" + s.ID)

	b.is("the agent's commands", `document.querySelector('#chat-commands [data-command]')`)
	b.do(chromedp.SendKeys("#prompt", "/"))
	b.is("commands on offer", `document.querySelectorAll('#completions:not([hidden]) li').length > 0`)
	b.shoot("commands")
	b.do(chromedp.SendKeys("#prompt", "\bsay @hello"))
	b.is("the file on offer", `document.querySelector('#completions:not([hidden]) li')?.textContent === 'hello there.txt deep/'`)
	b.shoot("files")
	b.do(chromedp.Click("#completions li"), chromedp.Click("#send"))
	b.is("the mention in the message", `document.querySelector('.prompt .mention')?.textContent === '@deep/hello there.txt'`)
	b.is("the agent was told", `[...document.querySelectorAll('.md')].some(m => m.textContent.includes('@hello'))`)
	for q, want := range map[string]string{"ignored": "", "odd": "", "gitig": ".gitignore"} {
		if got := strings.Join(p.matches(s.ID, q), " "); got != want {
			t.Errorf("%q fits %q, want %q", q, got, want)
		}
	}
	p.idle(s.ID)

	b.say("run seq 1 5000")
	b.is("a link to the whole output", `document.querySelector('a[href*="/bodies/"]')`)
	p.idle(s.ID)
	if _, err := p.client().Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Stopped)
	path := b.reads(`document.querySelector('a[href*="/bodies/"]').getAttribute('href')`)
	status, whole := p.read(path)
	if status != http.StatusOK || !strings.Contains(whole, "\n2500\n") || !strings.Contains(whole, "\n5000") {
		t.Errorf("the whole output of the stopped session: %d, %d bytes: %.200q", status, len(whole), whole)
	}
}

// matches are the files that a query fits.
func (p *product) matches(id, q string) []string {
	p.t.Helper()
	status, body := p.read("/s/" + id + "/files?q=" + q)
	var out client.FileMatches
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != http.StatusOK {
		p.t.Fatalf("files of %s: %d %s", id, status, body)
	}
	return out.Files
}

// read gets a route as a program.
func (p *product) read(path string) (int, string) {
	p.t.Helper()
	c := p.client()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, c.URL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

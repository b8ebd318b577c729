package api

import (
	"encoding/json"
	htmltext "html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"volundr/daemon/auth"
	"volundr/daemon/launch"
	"volundr/store"
)

// post sends a form as a page does without a script.
func (w *world) post(path string, form url.Values) (status int, head http.Header, body string) {
	w.t.Helper()
	return w.ask("POST", path, form.Encode(), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "text/html")
	})
}

// made is the session that a redirect leads to, and its request.
func (w *world) made(status int, head http.Header, body string) (row store.Session, req launch.Request) {
	w.t.Helper()
	id, ok := strings.CutPrefix(head.Get("Location"), "/sessions/")
	if status != http.StatusSeeOther || !ok {
		w.t.Fatalf("%d %s", status, body)
	}
	row, err := w.db.SystemSession(w.t.Context(), id)
	if err == nil {
		err = json.Unmarshal(row.Request, &req)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return row, req
}

var (
	input         = regexp.MustCompile(`<input([^>]*)>`)
	textarea      = regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>`)
	attr          = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
	networkChoice = regexp.MustCompile(`(?s)<select id="network".*?</select>`)
)

// standing is what a page's form would post as it stands.
func standing(page string) url.Values {
	v := url.Values{}
	for _, m := range input.FindAllStringSubmatch(page, -1) {
		a := map[string]string{}
		for _, kv := range attr.FindAllStringSubmatch(m[1], -1) {
			a[kv[1]] = htmltext.UnescapeString(kv[2])
		}
		if a["name"] != "" && (a["type"] != "radio" && a["type"] != "checkbox" || strings.Contains(m[1], " checked")) {
			v.Set(a["name"], a["value"])
		}
	}
	for _, m := range textarea.FindAllStringSubmatch(page, -1) {
		v.Set(m[1], strings.ReplaceAll(strings.TrimPrefix(htmltext.UnescapeString(m[2]), "\n"), "\n", "\r\n"))
	}
	if m := networkChoice.FindString(page); m != "" {
		v.Set("network", map[bool]string{true: "none", false: "open"}[strings.Contains(m, `value="none" selected`)])
	}
	return v
}

const wholeTemplate = `source: {repo: REPO, branch: main}
agent: claude
model: m1
network: none
env: {A: "1", B: "x=y"}
resource_config: {cpu: 1.5, memory: 4Gi, gpu: 1}
setup_scripts: [make, "set -x\nnpm ci"]
system_prompt: Be brief.
initial_prompt: "Look\naround."
`

// A template is begun from at once, by the form, and by the form as YAML; each
// makes the same session. A session is made again by its form.
func TestASessionIsBegunFromATemplate(t *testing.T) {
	w := newWorld(t)
	w.write("templates/Billing.yaml", strings.Replace(wholeTemplate, "REPO", w.repository(), 1))
	first, want := w.made(w.post("/sessions/begin", url.Values{"template": {"Billing"}}))
	if first.Name != "billing" || first.Want != store.WantRunning || want.Model != "m1" || want.TemplateName != "Billing" || want.Env["B"] != "x=y" {
		t.Errorf("%+v %+v", first, want)
	}
	if second, _ := w.made(w.post("/sessions/begin", url.Values{"template": {"Billing"}})); second.Name != "billing-2" {
		t.Errorf("the second is called %s", second.Name)
	}
	same := func(how string, got launch.Request) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", how, diff)
		}
	}
	_, _, page := w.ask("GET", "/sessions/new?template=Billing", "")
	_, got := w.made(w.post("/sessions/new", standing(page)))
	same("by the form", got)

	as := func(page, view string) string {
		t.Helper()
		v := standing(page)
		v.Set("view", view)
		status, _, body := w.post("/sessions/new", v)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", view, status, body)
		}
		return body
	}
	text := as(page, "yaml")
	if !strings.Contains(text, "setup_scripts:") {
		t.Errorf("no YAML: %s", text)
	}
	_, got = w.made(w.post("/sessions/new", standing(text)))
	same("as YAML", got)
	_, got = w.made(w.post("/sessions/new", standing(as(as(as(text, "form"), "yaml"), "form"))))
	same("there and back", got)

	_, _, page = w.ask("GET", "/sessions/new?again="+first.ID, "")
	again, got := w.made(w.post("/sessions/new", standing(page)))
	same("again", got)
	if again.Name == first.Name {
		t.Error("two sessions of one name")
	}

	saving := standing(text)
	saving.Set("view", "save")
	saving.Set("save_as", "kept")
	if status, _, body := w.post("/sessions/new", saving); status != 200 || !strings.Contains(body, "Saved as the template kept.") {
		t.Errorf("%d %s", status, body)
	}
	_, got = w.made(w.post("/sessions/begin", url.Values{"template": {"kept"}}))
	got.TemplateName = want.TemplateName
	same("from what was saved", got)
	if status, _, body := w.post("/sessions/new", saving); status != 422 || !strings.Contains(body, "exists") {
		t.Errorf("saved twice: %d %s", status, body)
	}
}

// A form that is sent twice makes one session, whether it is fields, text, or
// the answer to what a repository brings; changed it makes another, and so it
// does when the first is gone.
func TestAFormSentTwiceMakesOneSession(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	twice := func(form url.Values) (row store.Session) {
		t.Helper()
		ids := make([]string, 4)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				status, head, body := w.post("/sessions/new", form)
				if ids[i] = head.Get("Location"); status != http.StatusSeeOther {
					t.Errorf("%d %s", status, tagless(body))
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("sessions %v", ids)
			}
		}
		row, err := w.db.SystemSession(t.Context(), strings.TrimPrefix(ids[0], "/sessions/"))
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	_, _, page := w.ask("GET", "/sessions/new", "")
	form := standing(page)
	form.Set("source", "git")
	form.Set("repo", repo)
	status, _, page := w.post("/sessions/new", form)
	if status != http.StatusConflict {
		t.Fatalf("%d %s", status, tagless(page))
	}
	form = standing(page)
	form.Set("trust_repository", regexp.MustCompile(`name="trust_repository" value="([^"]*)"`).FindStringSubmatch(page)[1])
	first := twice(form)
	if first.Want != store.WantRunning {
		t.Errorf("%+v", first)
	}
	form.Set("name", "another")
	if second := twice(form); second.ID == first.ID || second.Name != "another" {
		t.Errorf("%+v", second)
	}
	text := url.Values{"text": {"yes"}, "submission": {form.Get("submission")}, "yaml": {"name: of-text\n"}}
	third := twice(text)
	if _, err := w.db.Wish(t.Context(), auth.Local, third.ID, store.WantGone); err != nil {
		t.Fatal(err)
	}
	if again, _ := w.made(w.post("/sessions/new", text)); again.ID == third.ID {
		t.Errorf("what is gone came back: %+v", again)
	}
}

func TestWhatIsWrongStandsBesideItsField(t *testing.T) {
	w := newWorld(t)
	w.write("templates/broken.yaml", "modell: m\n")
	w.write("templates/gone.yaml", "source: {repo: "+w.dir+"/gone}\n")
	for name, c := range map[string]struct {
		path  string
		form  url.Values
		piece string
	}{
		"a broken template":  {"/sessions/begin", url.Values{"template": {"broken"}}, "there is no key &#34;modell&#34; here"},
		"a missing template": {"/sessions/begin", url.Values{"template": {"x"}}, "There is no template &#34;x&#34;"},
		"its repository":     {"/sessions/begin", url.Values{"template": {"gone"}}, "Repository validation failed"},
		"a line of YAML":     {"/sessions/new", url.Values{"text": {"yes"}, "yaml": {"name: a\nmodell: m\n"}}, `id="problem-yaml">Line 2: there is no key &#34;modell&#34; here`},
		"no YAML at all":     {"/sessions/new", url.Values{"text": {"yes"}, "yaml": {"a: b: c"}}, "Line 1: mapping value is not allowed"},
		"a name in YAML":     {"/sessions/new", url.Values{"text": {"yes"}, "yaml": {"name: A B\n"}}, "name: Session name must be lowercase"},
		"a file that is not": {"/sessions/new", url.Values{"name": {"a"}, "agent": {"claude"}, "source": {"empty"}, "files": {".env"}}, `id="problem-files">.env names a file`},
		"a bad base":         {"/sessions/new", url.Values{"name": {"A"}, "source": {"empty"}, "base": {"{"}}, `id="problem-name"`},
	} {
		if status, _, body := w.post(c.path, c.form); status != http.StatusUnprocessableEntity || !strings.Contains(body, c.piece) {
			t.Errorf("%s: %d %s", name, status, tagless(body))
		}
	}
	if status, _, body := w.ask("GET", "/sessions/new?template=broken", ""); status != 200 || !strings.Contains(body, "cannot be used") {
		t.Errorf("%d %s", status, tagless(body))
	}
	if status, _, _ := w.ask("GET", "/sessions/new?again=nothing", ""); status != 404 {
		t.Errorf("again like nothing: %d", status)
	}
}

var tag = regexp.MustCompile(`<[^>]*>`)

func tagless(page string) string {
	return strings.Join(strings.Fields(tag.ReplaceAllString(page, " ")), " ")
}

// From the dashboard to a session in two keys, or in two clicks.
func TestTwoKeysOrTwoClicksToASession(t *testing.T) {
	w := newWorld(t)
	w.write("templates/billing.yaml", "description: The invoices\nmodel: m1\n")
	w.write("templates/website.yaml", "is_default: true\nmodel: m2\n")
	ctx := w.browser()
	for _, steps := range map[string][]chromedp.Action[chromedp.Void]{
		"keys":   {chromedp.KeyEvent("t"), chromedp.KeyEvent("2")},
		"clicks": {chromedp.Click("[data-begin] summary"), chromedp.Click("[data-begin-key='2']")},
	} {
		w.do(ctx, chromedp.Navigate(w.auth.ControlOrigin()+"/"))
		w.until(ctx, "document.querySelector('[data-begin]') && document.readyState === 'complete'")
		w.do(ctx, steps...)
		w.until(ctx, "/^\\/sessions\\/[0-9a-f-]{36}/.test(location.pathname)")
		w.until(ctx, "document.querySelector('#session-header h1')?.textContent.startsWith('billing')")
	}
}

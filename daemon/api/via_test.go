package api

import (
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
)

// A message says how it was given: in the browser, on the command line, or by
// another program.
func TestAMessageSaysHowItWasGiven(t *testing.T) {
	w := newWorld(t)
	s := w.session("asked")
	if err := w.options.Chronicles.Opened(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for _, agent := range []string{"", client.CommandLine} {
		w.client.Agent = agent
		if err := w.client.Send(t.Context(), s.ID, "by "+agent); err != nil {
			t.Fatal(err)
		}
	}
	prompts, err := w.db.UnsentPrompts(t.Context(), s.ID)
	if err != nil || len(prompts) != 2 || prompts[0].Via != store.ViaAPI || prompts[1].Via != store.ViaCLI {
		t.Errorf("%+v %v", prompts, err)
	}
	tl, err := w.client.Timeline(t.Context(), w.chronicleOf(s).ID)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range tl.Events {
		if e.Kind == "prompt" {
			told = append(told, e.Via)
		}
	}
	if len(told) != 2 || told[0] != store.ViaAPI || told[1] != store.ViaCLI {
		t.Errorf("told %q", told)
	}
	page := httptest.NewRequest("POST", "/sessions/x/prompt", nil)
	page.Header.Set("User-Agent", client.CommandLine) // a page has a login, whatever it says
	if got := via(echo.New().NewContext(page, nil)); got != store.ViaBrowser {
		t.Errorf("a page is %q", got)
	}
}

func (w *world) chronicleOf(s store.Session) client.Chronicle {
	w.t.Helper()
	c, err := w.client.SessionChronicle(w.t.Context(), s.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/store"
	"volundr/ui/client"
)

// far sets up a second runtime.
func (w *world) far() {
	w.options.Runtimes = map[string]runtime.Runtime{"fake": w.rt, "far": fake.New(fake.Options{Report: w.t.Errorf})}
	w.serve()
}

func TestASessionLivesWhereItIsAskedTo(t *testing.T) {
	w := newWorld(t)
	w.far()
	for asked, want := range map[string]string{"": "fake", "fake": "fake", "far": "far"} {
		s, err := w.client.Create(t.Context(), client.SessionCreate{Name: "s-" + want, Runtime: asked})
		if err != nil || s.Runtime != want {
			t.Errorf("asked for %q: %+v, %v", asked, s, err)
		}
	}
	_, err := w.client.Create(t.Context(), client.SessionCreate{Name: "nowhere", Runtime: "moon"})
	if err == nil || !strings.Contains(err.Error(), `There is no runtime "moon" here: there are fake, far.`) {
		t.Errorf("%v", err)
	}
	row, req := w.made(w.post("/sessions/new", url.Values{"text": {"1"}, "yaml": {"name: written\nruntime: far\nsource: {type: git}\n"}}))
	if row.Runtime != "far" || req.Runtime != "" {
		t.Errorf("as YAML: %+v", row)
	}
	_, page := w.get("/sessions/new?again=" + row.ID)
	if !strings.Contains(page, `<option value="far" selected>`) {
		t.Error("another one like it is not where it is")
	}
	form := standing(page)
	form.Set("source", "empty")
	form.Set("runtime", "far")
	if row, _ := w.made(w.post("/sessions/new", form)); row.Runtime != "far" {
		t.Errorf("from the form: %+v", row)
	}
	form.Set("runtime", "moon")
	if status, _, body := w.post("/sessions/new", form); status != http.StatusUnprocessableEntity || !strings.Contains(body, `id="problem-runtime"`) {
		t.Errorf("%d, not said beside the field", status)
	}
}

func TestThereIsNoChoiceOfOne(t *testing.T) {
	w := newWorld(t)
	if _, page := w.get("/sessions/new"); strings.Contains(page, `name="runtime"`) {
		t.Error("one runtime is offered")
	}
	w.far()
	if _, page := w.get("/sessions/new"); !strings.Contains(page, `<option value="fake">`) || !strings.Contains(page, `<option value="far">`) {
		t.Error("two are not offered")
	}
}

func TestAReforgedSessionStaysWhereItRan(t *testing.T) {
	w := newWorld(t)
	w.far()
	row, err := w.db.CreateSession(t.Context(), store.Session{Name: "there", OwnerID: "owner", TenantID: "tenant", Runtime: "far"})
	if err != nil {
		t.Fatal(err)
	}
	s := serving(w.options)
	for _, c := range []struct{ session, asked, want string }{
		{row.ID, "", "far"}, {row.ID, "fake", "fake"}, {"deleted", "", "fake"}, {"deleted", "far", "far"},
	} {
		if on, err := s.reforgedOn(t.Context(), store.Chronicle{SessionID: c.session}, c.asked); err != nil || on != c.want {
			t.Errorf("%+v: %q, %v", c, on, err)
		}
	}
	if _, err := s.reforgedOn(t.Context(), store.Chronicle{SessionID: row.ID}, "moon"); err == nil {
		t.Error("on the moon")
	}
}

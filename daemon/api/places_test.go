package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volundr/daemon/launch"
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

// afar has none of this machine's folders.
type afar struct{ *fake.Runtime }

func (afar) NoFolders() string { return "There is none of this machine there." }

// A live folder of this machine is refused where it cannot be: made anew, by the
// form, and reforged.
func TestALiveFolderStaysOnThisMachine(t *testing.T) {
	w := newWorld(t)
	w.options.Runtimes = map[string]runtime.Runtime{"fake": w.rt, "afar": afar{fake.New(fake.Options{Report: t.Errorf})}}
	w.serve()
	folder := w.dir
	for name, src := range map[string]*client.Source{
		"local_path": {Type: client.SourceMount, LocalPath: folder},
		"paths":      {Type: client.SourceMount, Paths: []client.MountMapping{{HostPath: folder, MountPath: "/mnt/folder"}}},
	} {
		_, err := w.client.Create(t.Context(), client.SessionCreate{Name: "live", Runtime: "afar", Source: src})
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity || len(refused.Problems) != 1 ||
			refused.Problems[0].Msg != "There is none of this machine there." || refused.Problems[0].Field() != name {
			t.Errorf("%s: %+v", name, err)
		}
	}
	if _, err := w.client.Create(t.Context(), client.SessionCreate{Name: "copied", Runtime: "afar", Source: &client.Source{Type: client.SourceCopy, LocalPath: folder}}); err != nil {
		t.Errorf("a copy: %v", err)
	}
	form := url.Values{"name": {"live"}, "runtime": {"afar"}, "source": {"folder"}, "use": {"live"}, "local_path": {folder}, "agent": {"claude"}}
	if status, _, body := w.post("/sessions/new", form); status != http.StatusUnprocessableEntity || !strings.Contains(body, `id="problem-local_path"`) || !strings.Contains(body, "none of this machine there") {
		t.Errorf("the form: %d, not said beside the field", status)
	}
	s := serving(w.options)
	if err := s.checkPlace("fake", launch.Source{Type: "local_mount", LocalPath: folder}); err != nil {
		t.Errorf("on this machine: %v", err)
	}
}

package api

import (
	"net/http"
	"strings"
	"testing"
)

// What one said is listed, and forgotten by its page or by the API: one is asked
// again.
func TestOneIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	trust := `,"trust_repository":"` + w.asked(of(repo, ""), "").Hash + `"`
	for how, forget := range map[string]func(id string){
		"API": func(id string) { w.wants("DELETE", "/trusts/"+id, "", 204, "") },
		"page": func(id string) {
			if status, head, body := w.post("/trusts/"+id+"/delete", nil); status != http.StatusSeeOther || head.Get("Location") != "/trusts?done=deleted" {
				t.Errorf("%d %s", status, body)
			}
		},
	} {
		w.wants("POST", "/sessions", of(repo, trust), 201, "")
		all, err := w.client.Trusts(t.Context())
		if err != nil || len(all) != 1 || !all[0].Used || all[0].Repository != repo {
			t.Fatalf("%s: %+v %v", how, all, err)
		}
		if _, _, page := w.ask("GET", "/trusts", ""); !strings.Contains(tagless(page), repo+" used since") {
			t.Errorf("%s: %s", how, tagless(page))
		}
		forget(all[0].ID)
		w.asked(of(repo, ""), "that you have not confirmed")
		w.wants("DELETE", "/trusts/"+all[0].ID, "", 404, "Answer not found")
		if status, _, _ := w.post("/trusts/"+all[0].ID+"/delete", nil); status != 404 {
			t.Errorf("%s: forgotten twice: %d", how, status)
		}
	}
	if text := w.wants("GET", "/audit?act=definition.forgotten", "", 200, ""); strings.Count(text, repo) < 2 {
		t.Error(text)
	}
}

package api

import (
	"net/http"
	"strings"
	"testing"

	"volundr/store"
	"volundr/ui/client"
)

// told sends a body as somebody, and gives status and answer.
func (w *world) told(x who, method, path, body string) (int, string) {
	w.t.Helper()
	status, _, got := w.ask(method, Prefix+path, body, func(r *http.Request) {
		r.URL.Host = strings.TrimPrefix(x.base, "http://")
		r.Host = r.URL.Host
		r.Header.Set("Content-Type", "application/json")
		x.present(r)
	})
	return status, got
}

// wantsAs fails where the answer is another, or holds not each piece.
func (w *world) wantsAs(x who, method, path, body string, status int, pieces ...string) string {
	w.t.Helper()
	got, answer := w.told(x, method, path, body)
	for _, piece := range pieces {
		if !strings.Contains(answer, piece) {
			got = -1
		}
	}
	if got != status || strings.Contains(answer, "s3cret") {
		w.t.Errorf("%s: %s %s: %d %s, want %d %q", x.name, method, path, got, answer, status, pieces)
	}
	return answer
}

// What an admin shares is there for all of the tenant and for nobody else, an
// admin's alone to change, and never shown.
func TestAnAdminSharesACredential(t *testing.T) {
	w := newWorld(t)
	admin, ann, eve := w.person("local", "default", store.RoleAdmin), w.person("ann", "default", store.RoleDeveloper), w.person("eve", "elsewhere", store.RoleAdmin)
	w.wantsAs(admin, "POST", "/credentials/tenant", `{"name":"npm"}`, 404, "Credential not found: npm")
	w.wantsAs(admin, "POST", "/credentials", `{"name":"npm","secret_type":"api_key","data":{"api_key":"s3cret-npm"}}`, 201)
	w.wantsAs(ann, "GET", "/credentials/npm", "", 404)
	w.wantsAs(ann, "POST", "/credentials/tenant", `{"name":"npm"}`, 403, "Ask an admin")
	w.wantsAs(admin, "POST", "/credentials/tenant", `{"name":"npm"}`, 201, `"shared":true`)
	w.wantsAs(admin, "POST", "/credentials/tenant", `{"name":"db","data":{"a":"s3cret-a"},"in_sessions":true}`, 201, `"in_sessions":true`)
	w.wantsAs(admin, "GET", "/credentials/tenant/list", "", 200, `"name":"npm"`, `"name":"db"`)
	w.wantsAs(ann, "GET", "/credentials", "", 200, `"name":"npm"`, `"shared":true`)
	if got := w.wantsAs(eve, "GET", "/credentials", "", 200) + w.wantsAs(eve, "GET", "/credentials/tenant/list", "", 200); strings.Contains(got, "npm") {
		t.Errorf("another tenant sees %s", got)
	}
	w.wantsAs(eve, "GET", "/credentials/npm", "", 404)
	w.wantsAs(eve, "POST", "/credentials/tenant/npm/unshare", "", 404)
	w.wantsAs(eve, "DELETE", "/credentials/tenant/npm", "", 404)

	// In sessions by name, where its admin said so.
	w.wantsAs(ann, "POST", "/sessions", `{"name":"one","credential_names":["npm"]}`, 422, "--in-sessions")
	w.wantsAs(ann, "POST", "/sessions", `{"name":"two","credential_names":["db"]}`, 201)
	w.wantsAs(ann, "POST", "/integrations", `{"slug":"linear","integration_type":"issue_tracker","credential_name":"npm"}`, 422, "stays with the daemon")
	w.wantsAs(eve, "POST", "/sessions", `{"name":"three","credential_names":["db"]}`, 422, "There is no credential")

	w.wantsAs(ann, "DELETE", "/credentials/db", "", 409, "only an admin ends that")
	for _, act := range []string{"POST /credentials/tenant/db/unshare", "DELETE /credentials/tenant/db"} {
		method, path, _ := strings.Cut(act, " ")
		w.wantsAs(ann, method, path, "", 403)
	}
	w.wantsAs(admin, "POST", "/credentials/tenant/db/unshare", "", 200)
	w.wantsAs(ann, "POST", "/sessions", `{"name":"four","credential_names":["db"]}`, 422, `There is no credential \"db\"`, "ask an admin to share one")
	w.wantsAs(admin, "DELETE", "/credentials/tenant/npm", "", 204)
	w.wantsAs(ann, "GET", "/credentials/npm", "", 404)
	w.wantsAs(admin, "GET", "/audit?act=credential.shared", "", 200, `"subject":"npm"`, `"in_sessions":"yes"`)
}

// A preset that an admin shares is the tenant's template: everybody begins with
// it, and what it names of the machine stays for who owns that.
func TestAnAdminSharesAPreset(t *testing.T) {
	w := newWorld(t)
	admin, ann, eve := w.person("local", "default", store.RoleAdmin), w.person("ann", "default", store.RoleDeveloper), w.person("eve", "elsewhere", store.RoleAdmin)
	share := func(body string) client.Preset {
		t.Helper()
		p := parse[client.Preset](t, w.wantsAs(admin, "POST", "/presets", body, 201))
		w.wantsAs(ann, "PUT", "/presets/"+p.ID+"/share", "", 403, "Ask an admin")
		w.wantsAs(ann, "GET", "/presets/"+p.ID, "", 404)
		return parse[client.Preset](t, w.wantsAs(admin, "PUT", "/presets/"+p.ID+"/share", "", 200, `"shared":true`))
	}
	p := share(`{"name":"careful","model":"deep"}`)
	w.wantsAs(ann, "GET", "/presets", "", 200, p.ID, `"shared":true`)
	s := parse[client.Session](t, w.wantsAs(ann, "POST", "/sessions", `{"name":"one","preset_id":"`+p.ID+`"}`, 201))
	if got := w.request(s.ID).Model; got != "deep" {
		t.Errorf("model %q", got)
	}
	w.wantsAs(ann, "PUT", "/presets/"+p.ID, `{"model":"shallow"}`, 403, "an admin's to change")
	w.wantsAs(ann, "DELETE", "/presets/"+p.ID, "", 403, "an admin's to change")
	for _, method := range []string{"GET", "DELETE"} {
		w.wantsAs(eve, method, "/presets/"+p.ID, "", 404)
	}
	w.wantsAs(eve, "DELETE", "/presets/"+p.ID+"/share", "", 404)
	w.wantsAs(eve, "POST", "/sessions", `{"name":"two","preset_id":"`+p.ID+`"}`, 422)

	folder := share(`{"name":"mine","source":{"type":"local_copy","local_path":"` + w.dir + `"}}`)
	w.wantsAs(ann, "POST", "/sessions", `{"name":"three","preset_id":"`+folder.ID+`"}`, 403, "Folders and files of the daemon's machine are for its admins.")

	w.wantsAs(admin, "DELETE", "/presets/"+p.ID+"/share", "", 200)
	w.wantsAs(ann, "GET", "/presets/"+p.ID, "", 404)
	if got := w.request(s.ID).Model; got != "deep" { // what was begun with it stays
		t.Errorf("model %q", got)
	}
}

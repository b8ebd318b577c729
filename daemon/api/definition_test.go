package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/launch"
	"volundr/daemon/template"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

const broughtYAML = "image: acme/go:1\nsetup_scripts: [npm ci]\nenv: {A: theirs, B: theirs}\nservices: [{name: db, image: 'postgres:17', port: 5432}]\n" +
	"mcp_servers: [{name: docs, command: npx, args: [-y, docs]}]\n"

// bring commits files to a repository.
func (w *world) bring(repo string, files ...string) {
	w.t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(repo, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"add", "-A"}, {"-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", "Next"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = repo
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

// brings is a repository that brings a definition.
func (w *world) brings() (repo string) {
	w.t.Helper()
	repo = w.repository()
	w.bring(repo, ".volundr/session.yaml", broughtYAML, ".volundr/prompts/review.md", "Read the diff.\n")
	return repo
}

func of(repo, more string) string {
	return `{"name":"a","source":{"type":"git","repo":"` + repo + `"}` + more + `}`
}

// asked is the definition that a refusal carries.
func (w *world) asked(body, piece string) client.Definition {
	w.t.Helper()
	text := w.wants("POST", "/sessions", body, http.StatusConflict, piece)
	got := parse[struct {
		Code       string
		Definition client.Definition
	}](w.t, text)
	if got.Code != client.CodeUnconfirmed || len(got.Definition.Hash) != 64 {
		w.t.Fatalf("%s", text)
	}
	return got.Definition
}

// launched is what a session was stored with.
func (w *world) launched(id string) (row store.Session, req launch.Request) {
	w.t.Helper()
	row, err := w.db.SystemSession(w.t.Context(), id)
	if err == nil {
		err = json.Unmarshal(row.Request, &req)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return row, req
}

// A definition is shown in full and confirmed before it is used; then once for
// its content, its repository and its user.
func TestADefinitionIsConfirmedOncePerContent(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	d := w.asked(of(repo, ""), "brings a session definition that you have not confirmed: read it below, and create the session with trust_repository ")
	want := client.Definition{Repository: repo, Commit: d.Commit, Hash: d.Hash, YAML: broughtYAML,
		Prompts: []client.DefinitionPrompt{{Name: "review", Content: "Read the diff.\n"}}, Problems: []string{}}
	if diff := cmp.Diff(want, d); diff != "" || d.Commit == "" {
		t.Error(diff)
	}
	if rows, err := w.db.Sessions(t.Context(), local, store.SessionFilter{}); err != nil || len(rows) != 0 {
		t.Fatalf("made before it was confirmed: %v %v", rows, err)
	}
	trust := `,"trust_repository":"` + d.Hash + `"`
	w.asked(of(repo, `,"trust_repository":"`+strings.Repeat("0", 64)+`"`), "is not the one that was answered to")
	made := parse[client.Session](t, w.wants("POST", "/sessions", of(repo, `,"env":{"B":"mine"},"definition":{"hash":"x","prompts":[{"name":"x","content":"x"}]}`+trust), 201, `"definition":{"hash":"`+d.Hash))
	_, req := w.launched(made.ID)
	if req.Image != "acme/go:1" || len(req.Setup) != 1 || len(req.Services) != 1 || len(req.MCP) != 1 || req.Env["A"] != "theirs" || req.Env["B"] != "mine" ||
		req.Definition.Hash != d.Hash || len(req.Definition.Prompts) != 1 || req.Definition.Prompts[0].Name != "review" {
		t.Errorf("%+v", req)
	}
	w.wants("POST", "/sessions", of(repo, ""), 201, `"definition":{"hash":"`+d.Hash)
	w.wants("POST", "/sessions", of(repo+"/", ""), 201, `"definition":{"hash":"`+d.Hash)

	// Going without it is said each time, and reads nothing.
	made = parse[client.Session](t, w.wants("POST", "/sessions", of(repo, `,"without_definition":true`), 201, `"definition":null`))
	if _, req := w.launched(made.ID); req.Image != "" || len(req.Env)+len(req.Setup)+len(req.Services)+len(req.MCP) > 0 || req.Definition != nil {
		t.Errorf("%+v", req)
	}

	// Another user is asked, another repository, another content.
	bert := w.person("bert", "default", store.RoleAdmin)
	if status, _, body := w.ask("POST", Prefix+"/sessions", of(repo, ""), bert.present); status != http.StatusConflict || !strings.Contains(body, d.Hash) {
		t.Errorf("another user: %d %s", status, body)
	}
	w.wants("POST", "/sessions", `{"name":"a","source":{"type":"local_copy","local_path":"`+repo+`"}}`, 201, `"commit":""`) // the same content of the same repository
	w.bring(repo, ".volundr/session.yaml", broughtYAML+"# more\n")
	if later := w.asked(of(repo, trust), "is not the one that was answered to"); later.Hash == d.Hash {
		t.Error("another content has the same hash")
	}
	w.asked(of(repo, ""), "that you have not confirmed")
	w.asked(`{"name":"a","source":{"type":"local_copy","local_path":"`+repo+`"}}`, "that you have not confirmed")
	live := filepath.Join(w.dir, "live") // agents write there
	w.write("live/.volundr/session.yaml", broughtYAML)
	if os.Getuid() == 0 {
		if err := os.Chown(live, 1000, 1000); err != nil {
			t.Fatal(err)
		}
	}
	w.wants("POST", "/sessions", `{"name":"a","source":{"type":"local_mount","local_path":"`+live+`"}}`, 201, `"definition":null`)

	// What is gone cannot be confirmed.
	if err := os.RemoveAll(filepath.Join(repo, ".volundr")); err != nil {
		t.Fatal(err)
	}
	w.bring(repo)
	w.wants("POST", "/sessions", of(repo, trust), 422, "brings no session definition: leave trust_repository out")
	w.wants("POST", "/sessions", of(repo, ""), 201, `"definition":null`)

	deeds := parse[[]client.Deed](t, w.wants("GET", "/audit?act=definition.confirmed", "", 200, ""))
	if len(deeds) != 1 || deeds[0].Subject != repo || !strings.Contains(string(deeds[0].Detail), d.Hash) {
		t.Errorf("%+v", deeds)
	}
}

// What was confirmed is what runs: in the containers, after a restart, in a
// reforged session, whatever becomes of the repository or of the workspace.
func TestWhatWasConfirmedIsWhatRuns(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	trust := `,"trust_repository":"` + w.asked(of(repo, ""), "").Hash + `"`
	made := parse[client.Session](t, w.wants("POST", "/sessions", of(repo, trust), 201, ""))
	w.bring(repo, ".volundr/session.yaml", "image: evil/image:1\nsetup_scripts: [evil]\n", ".volundr/prompts/review.md", "Evil.", ".volundr/prompts/more.md", "Evil.")
	row, _ := w.launched(made.ID)
	again, err := serving(w.options).again(t.Context(), store.Chronicle{SessionID: row.ID, Config: row.Request}, client.Reforge{})
	reforged := row
	if err == nil {
		reforged.Request, err = json.Marshal(again)
	}
	if err != nil {
		t.Fatal(err)
	}
	row.Run, reforged.Run = 1, 1
	restarted := row
	restarted.Run = 2
	for when, s := range map[string]store.Session{"at first": row, "after a restart": restarted, "reforged": reforged} {
		spec, err := w.options.Launch.Spec(t.Context(), s, "image")
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		var config wire.Config
		if err := json.Unmarshal([]byte(spec.Parts[0].Env[wire.EnvConfig]), &config); err != nil {
			t.Fatal(err)
		}
		for _, p := range spec.Parts[1:4] {
			if p.Image != "acme/go:1" || p.Env["A"] != "theirs" {
				t.Errorf("%s: %s has the image %s, A=%s", when, p.Name, p.Image, p.Env["A"])
			}
		}
		if spec.Parts[0].Image != "" || spec.Parts[0].Env["A"] != "" {
			t.Errorf("%s: the broker has %+v", when, spec.Parts[0])
		}
		want := []any{[]string{"npm ci"}, []wire.Service{{Name: "db", Port: 5432}}, []wire.MCPServer{{Name: "docs", Type: "stdio", Command: "npx", Args: []string{"-y", "docs"}}},
			"postgres:17", runtime.NetworkOpen}
		if diff := cmp.Diff(want, []any{config.Setup, config.Services, config.Agent.MCP, spec.Parts[4].Image, spec.Network}); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	if _, _, body := w.ask("GET", "/s/"+made.ID+"/prompts", ""); !strings.Contains(body, `"name":"review","content":"Read the diff.\n","scope":"repository"`) || strings.Contains(body, "Evil") {
		t.Errorf("offered in its chat: %s", body)
	}
	other := parse[client.Session](t, w.wants("POST", "/sessions", `{"name":"b"}`, 201, ""))
	if _, _, body := w.ask("GET", "/s/"+other.ID+"/prompts", ""); body != "[]\n" {
		t.Errorf("offered in another's chat: %s", body)
	}
	w.wants("GET", "/prompts", "", 200, "[]")
}

// What lies over it: the configuration directory, template, preset, and what is
// typed; each alone is more than what a repository says.
func TestADefinitionLiesBelowEverything(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	trust := `,"trust_repository":"` + w.asked(of(repo, ""), "").Hash + `"`
	w.write("templates/t.yaml", "image: template\nenv: {A: template}\n")
	for how, c := range map[string]struct{ session, body, image, env string }{
		"nothing":                {"", trust, "acme/go:1", "theirs"},
		"the session definition": {"image: mine\nenv: {A: mine}\n", trust, "mine", "mine"},
		"a template":             {"", trust + `,"template_name":"t"`, "template", "template"},
		"what is typed":          {"image: mine\n", trust + `,"template_name":"t","image":"typed","env":{"A":"typed"}`, "typed", "typed"},
	} {
		w.write("session.yaml", c.session)
		w.options.Templates = template.New(w.dir) // not what it read a moment ago
		w.serve()
		made := parse[client.Session](t, w.wants("POST", "/sessions", of(repo, c.body), 201, ""))
		if _, req := w.launched(made.ID); req.Image != c.image || req.Env["A"] != c.env || req.Env["B"] != "theirs" || req.Setup[0] != "npm ci" {
			t.Errorf("%s: %+v", how, req)
		}
	}
}

// One that cannot be used is told, with its lines, and is never used: neither
// when it is said so, nor when it could be used before.
func TestADefinitionThatCannotBeUsed(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	for yaml, want := range map[string]string{
		"image: x\nnetwork: none\n": ".volundr/session.yaml:2: network does not count in a repository: what a session reaches is yours to say",
		"image: [\n":                ".volundr/session.yaml:1: ",
		strings.Repeat("#", 40_000): ".volundr/session.yaml: is larger than 32 KiB",
	} {
		w.bring(repo, ".volundr/session.yaml", yaml)
		d := w.asked(of(repo, ""), "cannot be used: ")
		if len(d.Problems) != 1 || !strings.HasPrefix(d.Problems[0], want) {
			t.Errorf("%q", d.Problems)
		}
		w.asked(of(repo, `,"trust_repository":"`+d.Hash+`"`), "Mend it there, or create the session with without_definition.")
		if _, err := w.db.Trust(t.Context(), local, repo, d.Hash, true); err != nil { // by another version
			t.Fatal(err)
		}
		w.asked(of(repo, ""), "cannot be used: ")
	}
	w.wants("POST", "/sessions", of(repo, `,"without_definition":true`), 201, "")
	// What only together cannot be is told too.
	w.bring(repo, ".volundr/session.yaml", "services: [{name: db, image: a, memory: 3Gi}]\n")
	trust := `,"trust_repository":"` + w.asked(of(repo, ""), "").Hash + `"`
	w.wants("POST", "/sessions", of(repo, trust+`,"resource_config":{"memory":"3Gi"}`), 422, "The services leave less than 1Gi")
}

// One that cannot be read keeps nobody from a session: who asked is told, and can
// go without it this once.
func TestADefinitionThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	repo := w.repository()
	crowd := []string{}
	for i := range 1001 {
		crowd = append(crowd, fmt.Sprintf(".volundr/%d", i), "x")
	}
	w.bring(repo, crowd...)
	text := w.wants("POST", "/sessions", of(repo, ""), http.StatusConflict, "could not be read: the folder .volundr holds more than 1000 things")
	if !strings.Contains(text, client.CodeUnconfirmed) || !strings.Contains(text, `"hash":""`) {
		t.Error(text)
	}
	w.wants("POST", "/sessions", of(repo, `,"without_definition":true`), 201, `"definition":null`)
	status, _, body := w.post("/sessions/new", url.Values{"name": {"b"}, "source": {"git"}, "repo": {repo}})
	if page := tagless(body); status != http.StatusConflict || !strings.Contains(page, "could not be read") || !strings.Contains(page, "holds more than 1000 things") || strings.Contains(page, "Use it") {
		t.Fatalf("%d %s", status, page)
	}
	form := standing(body)
	form.Set("without_definition", regexp.MustCompile(`name="without_definition" value="([^"]+)"`).FindStringSubmatch(body)[1])
	if row, req := w.made(w.post("/sessions/new", form)); row.Name != "b" || req.Definition != nil {
		t.Errorf("%+v", req)
	}
	if kept, err := w.db.Trusts(t.Context(), local); err != nil || len(kept) > 0 {
		t.Errorf("remembered: %+v %v", kept, err)
	}
}

// Many at once confirm once, and each gets what was confirmed.
func TestManySessionsConfirmADefinitionAtOnce(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	trust := `,"trust_repository":"` + w.asked(of(repo, ""), "").Hash + `"`
	hash := regexp.MustCompile(`[0-9a-f]{64}`).FindString(trust)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			s, err := w.client.Create(t.Context(), client.SessionCreate{Name: "a", Source: &client.Source{Type: "git", Repo: repo}, TrustRepository: hash})
			if err != nil || s.Definition == nil {
				t.Errorf("%+v %v", s, err)
			}
		})
	}
	all.Wait()
	if kept, err := w.db.Trusts(t.Context(), local); err != nil || len(kept) != 1 || !kept[0].Used {
		t.Errorf("%+v %v", kept, err)
	}
	if text := w.wants("GET", "/audit", "", 200, ""); strings.Count(text, "definition.confirmed") != 1 {
		t.Error(text)
	}
}

// The page of a new session shows a definition in full, with what it is asked
// for still there; so does what begins a session at once. What was said is
// remembered.
func TestTheFormAsksForADefinition(t *testing.T) {
	w := newWorld(t)
	repo := w.brings()
	w.write("templates/billing.yaml", "model: m1\nsource: {repo: "+repo+"}\n")
	shown := func(status int, body string) url.Values {
		t.Helper()
		page := tagless(body)
		if status != http.StatusConflict || !strings.Contains(page, "setup_scripts: [npm ci]") || !strings.Contains(page, "Read the diff.") || !strings.Contains(page, "Use it") ||
			!strings.Contains(page, "Go without") {
			t.Fatalf("%d %s", status, page)
		}
		return standing(body)
	}
	status, _, body := w.post("/sessions/begin", url.Values{"template": {"billing"}})
	form := shown(status, body)
	if form.Get("model") != "m1" || form.Get("repo") != repo || form.Get("name") != "billing" {
		t.Errorf("what was asked for is gone: %v", form)
	}
	hash := definitionHash.FindStringSubmatch(body)[1]
	form.Set("view", "yaml")
	_, _, text := w.post("/sessions/new", form)
	status, _, body = w.post("/sessions/new", standing(text))
	asText := shown(status, body)
	asText.Set("trust_repository", hash)
	row, req := w.made(w.post("/sessions/new", asText))
	if req.Image != "acme/go:1" || row.Name != "billing" {
		t.Errorf("%+v", req)
	}
	if _, req := w.made(w.post("/sessions/begin", url.Values{"template": {"billing"}})); req.Image != "acme/go:1" {
		t.Errorf("%+v", req)
	}
	w.bring(repo, ".volundr/session.yaml", "image: other\n"+broughtYAML[len("image: acme/go:1\n"):])
	status, _, body = w.post("/sessions/begin", url.Values{"template": {"billing"}})
	form = shown(status, body)
	form.Set("decline_repository", definitionHash.FindStringSubmatch(body)[1])
	for range 2 { // remembered
		if _, req := w.made(w.post("/sessions/new", form)); req.Image != "" || req.Definition != nil {
			t.Errorf("%+v", req)
		}
		form.Del("decline_repository")
	}
	w.bring(repo, ".volundr/session.yaml", "network: none\n")
	status, _, body = w.post("/sessions/begin", url.Values{"template": {"billing"}})
	if page := tagless(body); status != http.StatusConflict || strings.Contains(page, "Use it") || !strings.Contains(page, "network does not count in a repository") || !strings.Contains(page, "Go without") {
		t.Errorf("%d %s", status, page)
	}
	for _, page := range []string{body} {
		if strings.Contains(page, "trust_repository") && strings.Contains(page, "with without_definition") {
			t.Error("a browser is told of the API")
		}
	}
}

var definitionHash = regexp.MustCompile(`name="(?:trust|decline)_repository" value="([0-9a-f]{64})"`)

package template

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/launch"
	"volundr/daemon/source"
)

// library is one of these files, by their paths.
func library(t *testing.T, files map[string]string) *Library {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return New(dir)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const whole1 = `# Everything that a template can say.
description: Billing, with its database
is_default: true
profile_name: large
agent: claude
model: claude-sonnet-4-6
mode: plan
source:
  type: git
  repo: https://github.com/acme/billing.git
  branch: main
  base_branch: main
setup_scripts:
  - npm ci
  - |
    set -x
    make db
files:
  - .env
  - {from: /home/ann/keys/app.env, to: app.env}
env:
  PORT: 8080
  DEBUG: true
  RATE: 1.10
  EMPTY: ""
network: none
time_to_live: 8h
image: acme/go:1
services:
  - {name: db, image: 'postgres:17', port: 5432, env: {POSTGRES_PASSWORD: 1234}, data: /var/lib/postgresql/data, memory: 1Gi}
resource_config: {cpu: 2, memory: 4Gi}
system_prompt: Be brief.
initial_prompt: |
  Look around.
credential_names: []
`

func TestATemplateSaysAllOfASession(t *testing.T) {
	files := []source.File{{From: ".env"}, {From: "/home/ann/keys/app.env", To: "app.env"}}
	if filepath.Separator != '/' {
		t.Fatal("paths of this test are those of Unix")
	}
	got, problems := Parse(Template, []byte(whole1))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := Definition{Description: "Billing, with its database", Default: true, Request: launch.Request{
		ProfileName: "large", Agent: "claude", Model: "claude-sonnet-4-6", Mode: "plan",
		Source: launch.Source{Type: "git", Repo: "https://github.com/acme/billing.git", Branch: "main", BaseBranch: "main"},
		Setup:  []string{"npm ci", "set -x\nmake db\n"}, Files: files,
		Env:     map[string]string{"PORT": "8080", "DEBUG": "true", "RATE": "1.10", "EMPTY": ""},
		Network: "none", TimeToLive: "8h", Image: "acme/go:1",
		Services:  []launch.Service{{Name: "db", Image: "postgres:17", Port: 5432, Env: map[string]string{"POSTGRES_PASSWORD": "1234"}, Data: "/var/lib/postgresql/data", Memory: "1Gi"}},
		Resources: map[string]any{"cpu": 2., "memory": "4Gi"}, SystemPrompt: "Be brief.", InitialPrompt: "Look around.\n",
		CredentialNames: []string{},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, err := YAML(got)
	if err != nil {
		t.Fatal(err)
	}
	again, problems := Parse(Template, text)
	got.CredentialNames = nil // says nothing
	if diff := cmp.Diff(got, again); diff != "" || len(problems) > 0 {
		t.Errorf("written and read again: %s %v\n%s", diff, problems, text)
	}
}

func TestWhatIsWrongIsToldWithItsLine(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		text string
		want string // problems, one a line
	}{
		{Template, "", ""},
		{Template, "# nothing yet\n", ""},
		{Template, "modell: x\n", `1: there is no key "modell" here: did you mean "model"?`},
		{Template, "agent: claude\nsource:\n  repoo: https://a/b\n  brnch: x\n", "4: there is no key \"brnch\" here: did you mean \"branch\"?\n3: there is no key \"repoo\" here: did you mean \"repo\"?"},
		{Template, "files:\n  - frm: x\n", "2: there is no key \"frm\" here: did you mean \"from\"?\n2: files.0: a file needs its name"},
		{Template, "services:\n  - name: db\n    image: postgres\n    port: 7421\n", "4: services.0.port: port 7421 is the session's own, or none at all: have the service listen on another"},
		{Template, "services:\n  - {name: a, image: x, port: 80}\n  - name: b\n    image: y\n    port: 80\n", "5: services.1.port: two services cannot both listen on port 80: the session has one network"},
		{Template, "services:\n  - {name: a, image: x, memory: 4Gi}\n", "2: services.0.memory: the services leave less than 1Gi of the session's memory: give the session more, or them less"},
		{Template, "services:\n  - {name: a, image: x, volumes: [/etc:/etc]}\n", `2: there is no key "volumes" here: there are command, data, env, image, memory, name, port, user`},
		{Template, "image: a b\n", `1: image: "a b" is no name of an image such as registry.example.com/team/image:1`},
		{Template, "source:\n  repo: https://a/b\n  additional_repos:\n    - repo: https://a/c\n      folder: web\n    - repo: https://a/d\n      foldr: x\n      folder: ../d\n",
			"7: there is no key \"foldr\" here: did you mean \"folder\"?\n8: source.additional_repos.1.folder: \"../d\" cannot be a folder of the workspace: use letters, digits, dots and dashes, as in web-app"},
		{Template, "repos: [https://a/b]\n", `1: there is no key "repos" here: several are written as source: {repo: URL, additional_repos: [{repo: URL}]}`},
		{Template, "repo: https://a/b\n", `1: there is no key "repo" here: a repository is written as source: {repo: URL}`},
		{Template, "template_name: other\n", `1: there is no key "template_name" here: a template is not made of another one`},
		{Profile, "profile_name: other\n", `1: there is no key "profile_name" here: there are agent, command, credential_names, description, env, env_secret_refs, files, image, initial_prompt, integration_ids, is_default, mcp_servers, mode, model, network, protected_branches, resource_config, runtime, services, setup_scripts, source, system_prompt, terminal_restricted, time_to_live`},
		{Template, "from: {chronicle: x}\n", `1: there is no key "from" here: it belongs to one session`},
		{Template, "\nagent: hal\n", `2: agent: there is no agent "hal": choose claude, codex or acp`},
		{Template, "env:\n  A: x\n  A B: y\n", `3: env: "A B" is not a name of an environment variable`},
		{Template, "env:\n  A: x\n  HOME: y\n", "3: env.HOME: HOME is set by Volundr itself: choose another name"},
		{Template, "env:\n  A: {b: c}\n", "1: env cannot be a mapping here"},
		{Template, "resource_config:\n  cpu: 2\n  memory: 1Mi\n", "3: resource_config.memory: memory is a number of bytes, or written as 4Gi; a session needs at least 1Gi"},
		{Template, "source:\n  repo: ext::sh\n", "2: source.repo: this is no address of a repository: use https://…, ssh://…, user@host:path or an absolute folder"},
		{Template, "source:\n  type: local_mount\n  paths:\n    - host_path: /a\n      mount_path: /etc\n", "5: source.paths.0.mount_path: a folder can appear below /workspace, /mnt, /srv, /opt, /data only"},
		{Template, "setup_scripts:\n  - make\n  - ''\n", "3: setup_scripts.1: a setup script cannot be empty"},
		{Template, "setup_scripts: make\n", "1: setup_scripts cannot be a text here"},
		{Template, "agent: hal\nnetwork: lan\n", "1: agent: there is no agent \"hal\": choose claude, codex or acp\n2: network: the network \"lan\" is not known: choose open or none"},
		{Template, "a: b: c\n", "1: mapping value is not allowed in this context"},
		{Template, "agent: [claude\n", "1: sequence end token ']' not found"},
		{Template, "agent: claude\nagent: codex\n", `2: mapping key "agent" already defined at [1:1]`},
		{Template, "- a\n- b\n", "1: this is not a list of keys with their values"},
		{Template, "agent: claude\n---\nagent: codex\n", "3: there is more than one document in it"},
		{Template, "env: &a\n  A: b\n", "1: anchors, aliases, tags and the like are not taken here: write the value itself"},
		{Template, "env: {<<: {A: b}}\n", "1: anchors, aliases, tags and the like are not taken here: write the value itself"},
		{Template, "env: !!set {A: b}\n", "1: anchors, aliases, tags and the like are not taken here: write the value itself"},
		{Template, "resource_config: {cpu: .inf}\n", "1: anchors, aliases, tags and the like are not taken here: write the value itself"},
		{Template, "env: " + strings.Repeat("[", 10_000), "0: values are nested deeper than 16"},
		{Template, strings.Repeat("#", 2<<20), "0: the text is larger than 1 MiB"},
	} {
		_, problems := Parse(c.kind, []byte(c.text))
		var got []string
		for _, p := range problems {
			p.File = "the file"
			got = append(got, strings.TrimPrefix(strings.Replace(p.String(), "the file: ", "the file:0: ", 1), "the file:"))
		}
		if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%.60q: %s", c.text, diff)
		}
	}
}

// The order in which the layers lie over each other, and what each leaves.
func TestResolve(t *testing.T) {
	files := map[string]string{
		"session.yaml":           "env: {LAYER: session, S: s}\nnetwork: none\n",
		"profiles/small.yaml":    "is_default: true\nresource_config: {cpu: 1, memory: 1Gi}\nenv: {LAYER: profile, P: small}\n",
		"profiles/large.yaml":    "resource_config: {cpu: 8}\nenv: {LAYER: profile, P: large}\n",
		"templates/billing.yaml": "profile_name: large\nsource: {repo: https://a/b, branch: main}\nsetup_scripts: [make]\nenv: {LAYER: template, T: t}\n",
		"templates/plain.yml":    "model: m\n",
		"templates/broken.yaml":  "modell: m\n",
	}
	l := library(t, files)
	env := func(layer string, more ...string) map[string]string {
		out := map[string]string{"LAYER": layer, "S": "s"}
		for _, kv := range more {
			k, v, _ := strings.Cut(kv, "=")
			out[k] = v
		}
		return out
	}
	repo := launch.Source{Type: "git", Repo: "https://a/b", Branch: "main"}
	topic := repo
	topic.Branch = "topic"
	for name, c := range map[string]struct {
		typed  launch.Request
		preset *launch.Request
		want   launch.Request
	}{
		"nothing": {launch.Request{}, nil, launch.Request{ProfileName: "small", Network: "none", Env: env("profile", "P=small"), Resources: map[string]any{"cpu": 1., "memory": "1Gi"}}},
		"a profile": {launch.Request{ProfileName: "large"}, nil,
			launch.Request{ProfileName: "large", Network: "none", Env: env("profile", "P=large"), Resources: map[string]any{"cpu": 8.}}},
		"a template and its profile": {launch.Request{TemplateName: "billing"}, nil,
			launch.Request{TemplateName: "billing", ProfileName: "large", Network: "none", Source: repo, Setup: []string{"make"}, Env: env("template", "P=large", "T=t"), Resources: map[string]any{"cpu": 8.}}},
		"a template, another profile": {launch.Request{TemplateName: "billing", ProfileName: "small"}, nil,
			launch.Request{TemplateName: "billing", ProfileName: "small", Network: "none", Source: repo, Setup: []string{"make"}, Env: env("template", "P=small", "T=t"), Resources: map[string]any{"cpu": 1., "memory": "1Gi"}}},
		"a preset over it": {launch.Request{TemplateName: "billing"}, &launch.Request{PresetID: "p", Env: map[string]string{"LAYER": "preset"}, Model: "pm"},
			launch.Request{TemplateName: "billing", ProfileName: "large", PresetID: "p", Model: "pm", Network: "none", Source: repo, Setup: []string{"make"}, Env: env("preset", "P=large", "T=t"), Resources: map[string]any{"cpu": 8.}}},
		"typed over all": {launch.Request{TemplateName: "billing", Network: "open", Model: "mine", Env: map[string]string{"LAYER": "typed"}, Source: launch.Source{Type: "git", Branch: "topic"}},
			&launch.Request{Model: "pm", Env: map[string]string{"LAYER": "preset"}},
			launch.Request{TemplateName: "billing", ProfileName: "large", Model: "mine", Network: "open", Source: topic, Setup: []string{"make"}, Env: env("typed", "P=large", "T=t"), Resources: map[string]any{"cpu": 8.}}},
		"blank": {launch.Request{TemplateName: "blank"}, nil,
			launch.Request{TemplateName: "blank", ProfileName: "small", Network: "none", Env: env("profile", "P=small"), Resources: map[string]any{"cpu": 1., "memory": "1Gi"}}},
	} {
		got, err := l.Resolve(c.typed, c.preset)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for want, typed := range map[string]launch.Request{
		`template_name There is no template "biling": did you mean "billing".`: {TemplateName: "biling"},
		`profile_name There is no profile "x": there are large, small.`:        {ProfileName: "x"},
		`template_name The template broken cannot be used (` + "`volundr templates lint` lists all that is wrong" + `): broken.yaml:1: there is no key "modell" here: did you mean "model"?`: {TemplateName: "broken"},
	} {
		_, err := l.Resolve(typed, nil)
		var field *launch.FieldError
		if !errors.As(err, &field) {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got := field.Loc[1] + " " + strings.ReplaceAll(field.Msg, filepath.Join(l.Dir(), "templates")+"/", ""); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnEditCountsFromTheNextLookOn(t *testing.T) {
	l := library(t, nil)
	if all, err := l.List(Template); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	path := filepath.Join(l.Dir(), "templates", "a.yaml")
	for _, model := range []string{"m1", "m2"} { // of one size, and within one tick
		write(t, path, "model: "+model+"\n")
		if e, err := l.Get(Template, "a"); err != nil || e.Model != model {
			t.Errorf("%s: %+v %v", model, e, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Get(Template, "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestSaveAndDelete(t *testing.T) {
	l := library(t, map[string]string{"templates/old.yml": "model: m\n"})
	def := Definition{Description: "d", Request: launch.Request{Model: "yes", Env: map[string]string{"A": "1", "B": "true", "C": "", "D": "a: b\n# c"}}}
	e, err := l.Save(Template, "new", def, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(def, e.Definition); diff != "" || e.Name != "new" {
		t.Error(diff)
	}
	if _, err := l.Save(Template, "new", def, false); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	if e, err := l.Save(Template, "old", def, true); err != nil || filepath.Base(e.File) != "old.yml" {
		t.Error(e, err)
	}
	var invalid *Invalid
	for _, bad := range []string{"../x", "a/b", "", ".hidden", "-x"} {
		if _, err := l.Save(Template, bad, def, true); !errors.As(err, &invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := l.Save(Template, "bad", Definition{Request: launch.Request{Agent: "hal"}}, true); !errors.As(err, &invalid) {
		t.Error(err)
	}
	if err := l.Delete(Template, "new"); err != nil {
		t.Error(err)
	}
	if err := l.Delete(Template, "new"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestLint(t *testing.T) {
	l := library(t, map[string]string{"session.yaml": "network: lan\n", "profiles/a.yaml": "is_default: true\n", "profiles/b.yaml": "is_default: true\n",
		"templates/t.yaml": "model: m\nprofile_name: c\n", "templates/t.yml": "model: m\n", "templates/.hidden.yaml": "x", "templates/readme.md": "x"})
	files, problems, err := l.Lint()
	if err != nil || files != 5 {
		t.Error(files, err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, strings.TrimPrefix(p.String(), l.Dir()+"/"))
	}
	want := []string{`session.yaml:1: network: the network "lan" is not known: choose open or none`, "profiles/b.yaml: there is another default profile: only one can be",
		`templates/t.yaml:2: there is no profile "c": did you mean "a"?`, `templates/t.yml: there is another template "t": t.yaml`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever stands in a file, reading it ends, tells lines that it has, and what
// is taken can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add(whole1)
	f.Add("a: &x [*x]\n")
	f.Add("env: {A: 0x10, B: ~, C: 1_000}\n")
	f.Add("model: \"a\\nb\"\nsystem_prompt: ' '\n")
	f.Fuzz(func(t *testing.T, text string) {
		def, problems := Parse(Template, []byte(text))
		for _, p := range problems {
			if p.Line < 0 || p.Line > strings.Count(text, "\n")+1+strings.Count(text, "\r") {
				t.Errorf("line %d of %q", p.Line, text)
			}
		}
		if len(problems) > 0 {
			return
		}
		out, err := YAML(def)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := Parse(Template, out)
		a, _ := json.Marshal(launch.Merge(def.Request))
		b, _ := json.Marshal(launch.Merge(again.Request))
		if len(problems) > 0 || string(a) != string(b) {
			t.Errorf("%q became %q: %v\n%s\n%s", text, out, problems, a, b)
		}
	})
}

package template

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/launch"
	"volundr/daemon/source"
)

// brings is what a repository with these files brings.
func brings(files ...string) *Repository {
	d := source.Definition{Commit: "c"}
	for i := 0; i < len(files); i += 2 {
		d.Files = append(d.Files, source.DefinitionFile{Name: files[i], Content: []byte(files[i+1])})
	}
	return OfRepository(d)
}

// problems of a session.yaml, a line each.
func problemsOf(yaml string) (out []string) {
	for _, p := range brings("session.yaml", yaml).Problems {
		out = append(out, strings.TrimPrefix(p.String(), ".volundr/session.yaml:"))
	}
	return out
}

func TestWhatARepositoryMaySay(t *testing.T) {
	r := brings("session.yaml", `# ours
image: acme/go:1
setup_scripts: [npm ci]
services:
  - {name: db, image: 'postgres:17', port: 5432, env: {POSTGRES_PASSWORD: dev}, data: /var/lib/postgresql/data, memory: 1Gi}
env: {LOG_LEVEL: debug, N: 1}
mcp_servers:
  - {name: docs, command: npx, args: [-y, docs], env: {A: b}}
  - {name: web, url: 'https://mcp.acme.io', headers: {X-Project: app}}
`, "prompts/review.md", "Read the diff.\r\nTwice. 👩‍💻👍🏽🏳️‍🌈1️⃣✔️é\n")
	want := launch.Request{
		Image: "acme/go:1", Setup: []string{"npm ci"}, Env: map[string]string{"LOG_LEVEL": "debug", "N": "1"},
		Services: []launch.Service{{Name: "db", Image: "postgres:17", Port: 5432, Env: map[string]string{"POSTGRES_PASSWORD": "dev"}, Data: "/var/lib/postgresql/data", Memory: "1Gi"}},
		MCP: []launch.MCPServer{{Name: "docs", Command: "npx", Args: []string{"-y", "docs"}, Env: map[string]string{"A": "b"}},
			{Name: "web", URL: "https://mcp.acme.io", Headers: map[string]string{"X-Project": "app"}}},
		Definition: &launch.Definition{Hash: r.Hash, Commit: "c", Prompts: []launch.Prompt{{Name: "review", Content: "Read the diff.\nTwice. 👩‍💻👍🏽🏳️‍🌈1️⃣✔️é\n"}}},
	}
	if diff := cmp.Diff(want, r.Request); diff != "" || len(r.Problems) > 0 || len(r.Hash) != 64 || !strings.HasPrefix(r.YAML, "# ours\n") {
		t.Errorf("%s %v %q", diff, r.Problems, r.YAML)
	}
	if OfRepository(source.Definition{}) != nil {
		t.Error("nothing is something")
	}
	if r := brings("session.yaml", "# nothing yet\n"); len(r.Problems) > 0 || r.Hash == "" {
		t.Errorf("%+v", r)
	}
}

// Each key that a session has and a repository may not say is refused by its
// name, with its line, and nothing of the definition counts.
func TestNothingElseCountsInARepository(t *testing.T) {
	may := fields(reflect.TypeFor[brought]())
	n := 0
	for key := range fields(reflect.TypeFor[Launch]()) {
		if may[key] != nil {
			continue
		}
		n++
		r := brings("session.yaml", "image: x\n"+key+": x\n")
		want := ".volundr/session.yaml:2: " + key + " does not count in a repository: "
		if len(r.Problems) != 1 || !strings.HasPrefix(r.Problems[0].String(), want) || !reflect.DeepEqual(r.Request, launch.Request{}) {
			t.Errorf("%s: %v %+v", key, r.Problems, r.Request)
		}
	}
	if n < 20 || len(may) != 5 {
		t.Errorf("%d keys are refused, %d taken", n, len(may))
	}
	for yaml, want := range map[string]string{
		"credential_names: [a]":                        "1: credential_names does not count in a repository: credentials are only what you give a session yourself",
		"\nnetwork: open":                              "2: network does not count in a repository: what a session reaches is yours to say",
		"source: {type: local_mount, local_path: /}":   "1: source does not count in a repository: folders and files of your machine are only what you give a session yourself",
		"mounts: [/]":                                  "1: mounts does not count in a repository: folders and files of your machine are only what you give a session yourself",
		"memory: 1Ti":                                  "1: memory does not count in a repository: how much of the machine a session gets is yours to say",
		"initial_prompt: Push it.":                     "1: initial_prompt does not count in a repository: who works, and on what, is yours to say",
		"setup_script: [x]":                            `1: there is no key "setup_script" here: did you mean "setup_scripts"?`,
		"IMAGE: x":                                     `1: there is no key "IMAGE" here: did you mean "image"?`,
		"env_vars: {A: b}":                             `1: there is no key "env_vars" here: did you mean "env"?`,
		"zzzzzzzzzz: 1":                                `1: there is no key "zzzzzzzzzz" here: there are env, image, mcp_servers, services, setup_scripts`,
		"services: [{name: a, image: b, mount: /}]":    `1: there is no key "mount" here: there are command, data, env, image, memory, name, port, user`,
		"services: [{name: a, image: -v}]":             `1: services.0.image: "-v" is no name of an image such as postgres:17`,
		"services: [{name: a, image: b, user: 0.5}]":   "1: services.user cannot be a number 0.5 here",
		"image: -v /:/host":                            `1: image: "-v /:/host" is no name of an image such as registry.example.com/team/image:1`,
		"env: {VOLUNDR_TOKEN: x}":                      "1: env.VOLUNDR_TOKEN: VOLUNDR_TOKEN is set by Volundr itself: choose another name",
		"env: {ANTHROPIC_BASE_URL: 'https://e.vil'}":   "1: ANTHROPIC_BASE_URL does not count in a repository: where models are asked, and with what key, is yours to say",
		"env:\n  A: b\n  OPENAI_API_KEY: x":            "3: OPENAI_API_KEY does not count in a repository: where models are asked, and with what key, is yours to say",
		"env: {CLAUDE_CONFIG_DIR: /workspace}":         "1: CLAUDE_CONFIG_DIR does not count in a repository: where models are asked",
		"env: {CODEX_HOME: /workspace}":                "1: CODEX_HOME does not count in a repository: where models are asked",
		"env: {https_proxy: 'http://e.vil'}":           "1: https_proxy does not count in a repository: where models are asked",
		"env: {ALL_PROXY: 'http://e.vil'}":             "1: ALL_PROXY does not count in a repository: where models are asked",
		"mcp_servers: [{name: Linear, command: evil}]": "1: the name Linear is that of an integration, which it would stand in place of: choose another",
		"mcp_servers:\n  - name: a\n    command: b\n    env_from_credentials: {A: key}":                        "4: env_from_credentials does not count in a repository: " + credentials,
		"mcp_servers:\n  - name: a\n    url: https://x.io\n    headers_from_credentials: {Authorization: key}": "4: headers_from_credentials does not count in a repository: " + credentials,
		"mcp_servers:\n  - name: a\n    command: b\n    env_from_credentials:":                                 "4: env_from_credentials does not count in a repository: " + credentials,
		"mcp_servers: [{name: a, command: b, Env_From_Credentials: {A: key}}]":                                 `1: there is no key "Env_From_Credentials" here: did you mean "env_from_credentials"?`,
		"image: x\nimage: y":       `2: mapping key "image" already defined`,
		"a: &x 1":                  "1: anchors, aliases, tags and the like are not taken here: write the value itself",
		"- image":                  "1: this is not a list of keys with their values",
		"image: a\n---\nimage: b":  "3: there is more than one document in it",
		"image: [":                 "1: ",
		"image: \xff":              "1: it is not a text in UTF-8",
		"image: a\x00":             "1: it holds the character U+0000, which cannot be seen",
		"a: 1\nimage: a\u202e":     "2: it holds the character U+202E, which cannot be seen",
		"env: {A: \"\U000E0041\"}": "1: it holds the character U+E0041, which cannot be seen",
		"image: a\rb":              "1: it holds the character U+000D, which cannot be seen",
		"a: x\u200d":               "1: it holds the character U+200D, which cannot be seen",
		"a: ❤\ufe0f\ufe0f":         "1: it holds the character U+FE0F, which cannot be seen",
		"a: x\ufe0f":               "1: it holds the character U+FE0F, which cannot be seen",
		"a: ❤\ufe02":               "1: it holds the character U+FE02, which cannot be seen",
		"a: \u180b":                "1: it holds the character U+180B, which cannot be seen",
		"a: \U000E0101":            "1: it holds the character U+E0101, which cannot be seen",
		"a: \u115f":                "1: it holds the character U+115F, which cannot be seen",
		"a: \u2028":                "1: it holds the character U+2028, which cannot be seen",
	} {
		if got := problemsOf(yaml); len(got) == 0 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%q: %q, want %q", yaml, got, want)
		}
	}
}

func TestPromptsOfARepositoryThatCannotBe(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"prompts/a b.md", "x", `.volundr/prompts: a prompt's file is called by letters, digits, dots, - and _, and "a b" is not`},
		{"prompts/-a.md", "x", `.volundr/prompts: a prompt's file is called by letters, digits, dots, - and _, and "-a" is not`},
		{"prompts/\x1b[2Ja.md", "x", `.volundr/prompts: a prompt's file is called by letters, digits, dots, - and _, and "\x1b[2Ja" is not`},
		{"prompts/a.md", " \n", ".volundr/prompts/a.md: there is no text in it"},
		{"prompts/a.md", "Look.\nh\u200bi", ".volundr/prompts/a.md:2: it holds the character U+200B, which cannot be seen"},
		{"prompts/a.md", "\x7fELF", ".volundr/prompts/a.md:1: it holds the character U+007F, which cannot be seen"},
	} {
		if r := brings(c.name, c.text); len(r.Problems) != 1 || r.Problems[0].String() != c.want || r.Request.Definition != nil {
			t.Errorf("%q: %v", c.name, r.Problems)
		}
	}
	r := OfRepository(source.Definition{Files: []source.DefinitionFile{{Name: "prompts/a.md", Content: []byte("x")}, {Name: ".volundr", Problem: "is a link"}}})
	if len(r.Problems) != 1 || r.Problems[0].String() != ".volundr: is a link" || r.Request.Definition != nil {
		t.Errorf("%+v", r)
	}
}

// The hash is another one for whatever is another.
func TestTheHashIsOfAllThatARepositoryBrings(t *testing.T) {
	seen := map[string]bool{}
	for _, files := range [][]string{
		{"session.yaml", "image: a"}, {"session.yaml", "image: b"}, {"session.yaml", "image: a "}, {"session.yaml", "image: a", "prompts/a.md", "x"},
		{"session.yaml", "image: a", "prompts/b.md", "x"}, {"session.yaml", "image: a", "prompts/a.md", "y"}, {"prompts/a.md", "x"},
		{"prompts/a.md", "x", "prompts/b.md", "y"}, {"prompts/a.md", "xprompts/b.mdy"},
	} {
		h := brings(files...).Hash
		if seen[h] {
			t.Errorf("%q has the hash of another", files)
		}
		if seen[h] = true; h != brings(files...).Hash {
			t.Errorf("%q has two", files)
		}
	}
}

// Bombs are refused, at once.
func TestBombsInARepository(t *testing.T) {
	const most = source.MaxDefinitionFile
	fill := func(s string) string { return strings.Repeat(s, most/len(s)) }
	for name, yaml := range map[string]string{
		"laughs":   "a: &a [x, x]\nb: &b [*a, *a]\nenv: {A: *b}\n",
		"brackets": fill("["), "braces": fill("{"), "both": fill("[{"), "closed": fill("[")[:most/2] + fill("]")[:most/2],
		"dashes": fill("- "), "questions": fill("? "), "dashes and questions": fill("- ? "), "deep": deep(300),
		"merges": "a: &a {x: 1}\n" + strings.Repeat("<<: *a\n", 5000),
		"keys":   manyKeys(most), "a long key": fill("k") + ": 1", "colons": fill("a:\n "), "quotes": fill(`"`), "apostrophes": fill("'"),
		"bars": fill("|\n"), "tags": fill("! "), "anchors": fill("& "), "comments": fill("# x\n") + "a: 1",
		"percents": fill("%\n"), "numbers": "image: " + fill("9"), "dashed lines": fill(strings.Repeat("- ", 450) + "\n"), "a list": fill("- a\n"), "commas": "[" + fill(","),
	} {
		began := time.Now()
		r := brings("session.yaml", yaml)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %s", name, took)
		}
		size := 0
		for _, p := range r.Problems {
			size += len(p.String())
		}
		if len(r.Problems) == 0 || len(r.Problems) > 31 || size > 100_000 {
			t.Errorf("%s: %d problems of %d bytes", name, len(r.Problems), size)
		}
	}
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%sa:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func manyKeys(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size-10; i++ {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

// Whatever a repository brings, reading it ends, tells lines that it has, and
// what is taken gives a session nothing of its user's.
func FuzzRepository(f *testing.F) {
	for _, seed := range []string{"image: a\n", "services: [{name: a, image: b}]", "env: {A: 1}", "mcp_servers: [{name: a, command: b, env_from_credentials: {A: b}}]",
		"credential_names: [a]", "a: &x [*x]\n", "network: open", "? a\n: b", "\"en\\x76\": {A: b}", "{image: a, IMAGE: b}"} {
		f.Add(seed, "Look.")
	}
	f.Fuzz(func(t *testing.T, yaml, prompt string) {
		if len(yaml)+len(prompt) > source.MaxDefinitionFile {
			return // is never read
		}
		r := brings("session.yaml", yaml, "prompts/a.md", prompt)
		for _, p := range r.Problems {
			if text := map[string]string{".volundr/session.yaml": yaml, ".volundr/prompts/a.md": prompt}[p.File]; p.Line < 0 || p.Line > strings.Count(text, "\n")+1+strings.Count(text, "\r") {
				t.Errorf("line %d of %q", p.Line, text)
			}
		}
		raw, err := json.Marshal(r.Request)
		if err != nil {
			t.Fatal(err)
		}
		var said map[string]json.RawMessage
		if err := json.Unmarshal(raw, &said); err != nil {
			t.Fatal(err)
		}
		for key, value := range said {
			if nothing := slices.Contains([]string{`""`, `{"type":""}`}, string(value)); !nothing && key != "definition" && fields(reflect.TypeFor[brought]())[key] == nil {
				t.Errorf("%q says %s of %s", yaml, value, key)
			}
		}
		for _, s := range r.Request.MCP {
			if len(s.EnvFrom)+len(s.HeadersFrom) > 0 {
				t.Errorf("%q gets credentials", yaml)
			}
		}
		if len(r.Problems) > 0 && r.Request.Definition != nil {
			t.Error("what cannot be used is used")
		}
	})
}

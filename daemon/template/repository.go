package template

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"volundr/daemon/launch"
	"volundr/daemon/source"
)

// Repository is what a repository brings for sessions of it, as a person reads
// and confirms it: all of it runs in the session and nowhere else.
type Repository struct {
	Hash   string // of all that was read
	Commit string // that it was read at; empty: a folder
	// YAML is session.yaml as it stands there, and Prompts are the messages, for
	// a person to read. What cannot be shown is not here but in Problems.
	YAML    string
	Prompts []launch.Prompt
	// Request is what it says of a session.
	Request launch.Request
	// Problems are why it cannot be used; with any none of it counts. Their files
	// are named from the repository on.
	Problems []Problem
}

// brought are the keys of a repository's session.yaml: what runs in the session
// and gives it nothing of its user's.
type brought struct {
	Image    string             `json:"image"`
	Services []launch.Service   `json:"services"`
	Setup    []string           `json:"setup_scripts"`
	Env      map[string]string  `json:"env"`
	MCP      []launch.MCPServer `json:"mcp_servers"`
}

// yours says why a key, or what somebody might write for one, does not count in
// a repository.
var yours = map[string]string{
	"credential_names": credentials, "env_secret_refs": credentials, "integration_ids": credentials, "credentials": credentials, "secrets": credentials, "integrations": credentials,
	"source": machine, "files": machine, "workspace_id": machine, "mounts": machine, "volumes": machine, "paths": machine, "local_path": machine, "host_path": machine,
	"resource_config": limits, "profile_name": limits, "resources": limits, "limits": limits, "cpu": limits, "memory": limits, "gpu": limits, "profile": limits,
	"time_to_live":       limits,
	"network":            "what a session reaches is yours to say",
	"runtime":            "where a session runs is yours to say",
	"protected_branches": "where a session may push is yours to say",
}

const (
	credentials = "credentials are only what you give a session yourself"
	machine     = "folders and files of your machine are only what you give a session yourself"
	limits      = "how much of the machine a session gets is yours to say"
)

// does not count, as a sentence.
func foreign(key string) string {
	return fmt.Sprintf("%s does not count in a repository: %s", key, cmp.Or(yours[key], "who works, and on what, is yours to say"))
}

// OfRepository reads what a repository brings; nil: nothing. The text is a
// stranger's.
func OfRepository(d source.Definition) *Repository {
	if len(d.Files) == 0 {
		return nil
	}
	r := &Repository{Commit: d.Commit}
	sum := sha256.New()
	for _, f := range d.Files {
		fmt.Fprintf(sum, "%d:%s,%d:%s,%d:%s,", len(f.Name), f.Name, len(f.Content), f.Content, len(f.Problem), f.Problem)
		at := f.Name
		if at != source.DefinitionFolder {
			at = path.Join(source.DefinitionFolder, at)
		}
		r.take(f, at)
	}
	r.Hash = hex.EncodeToString(sum.Sum(nil))
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.File, b.File), a.Line-b.Line) })
	r.bound()
	if len(r.Problems) == 0 {
		r.Request.Definition = &launch.Definition{Hash: r.Hash, Commit: r.Commit, Prompts: r.Prompts}
	} else {
		r.Request = launch.Request{}
	}
	return r
}

// bound leaves as many problems as somebody would read.
func (r *Repository) bound() {
	const most, longest = 30, 400
	if more := len(r.Problems) - most; more > 0 {
		r.Problems = append(r.Problems[:most], Problem{File: source.DefinitionFolder, Msg: fmt.Sprintf("and %d problems more", more)})
	}
	for i := range r.Problems {
		if said := []rune(r.Problems[i].Msg); len(said) > longest {
			r.Problems[i].Msg = string(said[:longest]) + "…"
		}
	}
}

// promptName is how a chat offers a prompt, and its file is called.
var promptName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// take reads one file.
func (r *Repository) take(f source.DefinitionFile, at string) {
	bad := func(line int, format string, args ...any) {
		r.Problems = append(r.Problems, Problem{File: at, Line: line, Msg: fmt.Sprintf(format, args...)})
	}
	prompt, isPrompt := strings.CutSuffix(f.Name, ".md")
	prompt = strings.TrimPrefix(prompt, "prompts/")
	if isPrompt && !promptName.MatchString(prompt) {
		at = path.Join(source.DefinitionFolder, "prompts")
		bad(0, "a prompt's file is called by letters, digits, dots, - and _, and %.110q is not", prompt)
		return
	}
	if f.Problem != "" {
		bad(0, "%s", f.Problem)
		return
	}
	if line, why := unreadable(f.Content); why != "" {
		bad(line, "%s", why)
		return
	}
	text := string(f.Content)
	switch {
	case isPrompt && strings.TrimSpace(text) == "":
		bad(0, "there is no text in it")
	case isPrompt:
		r.Prompts = append(r.Prompts, launch.Prompt{Name: prompt, Content: strings.ReplaceAll(text, "\r\n", "\n")})
	default:
		var problems []Problem
		r.YAML = text
		r.Request, problems = parseRepository(f.Content)
		for _, p := range problems {
			bad(p.Line, "%s", p.Msg)
		}
	}
}

// parseRepository reads a repository's session.yaml. Problems have no file.
func parseRepository(text []byte) (launch.Request, []Problem) {
	d := read(text)
	if len(d.problems) > 0 {
		return launch.Request{}, d.problems
	}
	known, all := fields(reflect.TypeFor[brought]()), fields(reflect.TypeFor[Launch]())
	for _, key := range slices.Sorted(maps.Keys(d.root)) {
		_, ours := all[key]
		switch {
		case known[key] != nil:
			d.unknown(d.root[key], known[key], []string{key}, nil)
		case ours || yours[key] != "":
			d.bad(d.line([]string{key}), "%s", foreign(key))
		default:
			d.bad(d.line([]string{key}), "there is no key %.100q here%s", key, nearest(key, slices.Sorted(maps.Keys(known))))
		}
	}
	servers, _ := d.root["mcp_servers"].([]any)
	for i, s := range servers {
		server, _ := s.(map[string]any)
		at := []string{"mcp_servers", fmt.Sprint(i)}
		for _, key := range []string{"env_from_credentials", "headers_from_credentials"} {
			if _, is := server[key]; is {
				d.bad(d.line(append(at, key)), "%s does not count in a repository: %s", key, credentials)
			}
		}
		if name, _ := server["name"].(string); launch.IsIntegration(name) {
			d.bad(d.line(append(at, "name")), "the name %s is that of an integration, which it would stand in place of: choose another", name)
		}
	}
	env, _ := d.root["env"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if launch.IsOfModels(name) {
			d.bad(d.line([]string{"env", name}), "%s does not count in a repository: where models are asked, and with what key, is yours to say", name)
		}
	}
	problems := d.problems
	d.problems = nil
	var b brought
	d.decode(&b)
	if problems = append(problems, d.problems...); len(d.problems) > 0 {
		return launch.Request{}, problems
	}
	r := launch.Request{Image: b.Image, Services: b.Services, Setup: b.Setup, Env: b.Env, MCP: b.MCP}
	for _, err := range launch.Problems(whole(r)) {
		problems = append(problems, d.place(err))
	}
	return r, problems
}

// nearest names what a word may have been meant to be, of the keys alone.
func nearest(word string, known []string) string {
	if _, hint := elsewhere[word]; hint {
		word = map[string]string{"env_vars": "env", "setup": "setup_scripts"}[word]
	}
	return meant(cmp.Or(word, "?"), known)
}

// unreadable finds what a person who reads a text would not see: it is not
// shown in full, whatever is done.
func unreadable(text []byte) (line int, why string) {
	line = 1
	before := '\n'
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		next, _ := utf8.DecodeRune(text[i+n:])
		switch {
		case c == utf8.RuneError && n == 1:
			return line, "it is not a text in UTF-8"
		case c == '\n':
			line++
		case c == '\t' || c == '\r' && next == '\n' || ofEmoji(before, c, next):
		case unseen(c):
			return line, fmt.Sprintf("it holds the character %U, which cannot be seen", c)
		}
		before = c
		i += n
	}
	return 0, ""
}

// unseen are characters that show nothing or turn around what others show.
func unseen(c rune) bool {
	return unicode.IsControl(c) || c == '\u2800' || // a pattern of no dots
		unicode.In(c, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// ofEmoji are those among them that join emojis and set their style: directly
// behind one, and no row of them.
func ofEmoji(before, c, next rune) bool {
	const joiner, style, keycap = '\u200d', '\ufe0f', '\u20e3'
	symbol := before > unicode.MaxASCII && unicode.In(before, unicode.So, unicode.Sm, unicode.Sk, unicode.Po)
	switch c {
	case joiner:
		return symbol || before == style
	case style:
		return symbol || next == keycap
	}
	return false
}

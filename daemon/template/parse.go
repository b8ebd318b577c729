package template

import (
	"errors"
	"reflect"
	"strings"

	"volundr/daemon/launch"
	"volundr/daemon/source"
)

// Parse reads a file's text. Problems have no file yet.
func Parse(kind Kind, text []byte) (def Definition, problems []Problem) {
	problems = parse(text, reflect.TypeFor[Definition](), refused[kind], &def, func() *launch.Request { return &def.Request })
	return def, problems
}

// parse reads a text into a value of type t, which holds a request.
func parse(text []byte, t reflect.Type, refused []string, into any, request func() *launch.Request) []Problem {
	d := read(text)
	if len(d.problems) == 0 {
		d.unknown(d.root, t, nil, refused)
	}
	unknown := d.problems
	d.problems = nil
	d.decode(into)
	problems := append(unknown, d.problems...)
	if len(d.problems) > 0 {
		return problems
	}
	r := request()
	r.Source = launch.Merge(*r).Source // its type, where that goes without saying
	for _, err := range launch.Problems(whole(*r)) {
		problems = append(problems, d.place(err))
	}
	return problems
}

// Check says what is wrong with a part of a request as such: a
// *launch.FieldError, or nil.
func Check(r launch.Request) error { return launch.Validate(whole(r)) }

// whole is a part of a request with what it leaves to others filled in, so that
// only what it says can be wrong.
func whole(r launch.Request) launch.Request {
	r = launch.Merge(launch.Request{Source: launch.Source{Type: source.Git}}, r)
	if r.Agent == "" {
		r.Agent = "claude"
		if len(r.Command) > 0 {
			r.Agent = "acp"
		}
	}
	return r
}

// place finds the line of what launch says is wrong.
func (d *document) place(err error) Problem {
	var field *launch.FieldError
	if !errors.As(err, &field) {
		return Problem{Msg: err.Error()}
	}
	path := make([]string, 0, len(field.Loc))
	for i, l := range field.Loc {
		tag := i == 2 && field.Loc[1] == "source" // the kind of a source is no key
		if l != "body" && !tag {
			path = append(path, l)
		}
	}
	at := d.line(path)
	if key, ok := field.Input.(string); ok && len(path) == 1 { // of a map
		at = d.line(append(path[:1:1], key))
	}
	msg := strings.TrimSuffix(field.Msg, ".")
	return Problem{Line: at, Msg: strings.Join(path, ".") + ": " + lower(msg)}
}

// lower makes a sentence a part of one, unless its first word is a name.
func lower(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] == ' ' || s[1] >= 'a' && s[1] <= 'z') {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

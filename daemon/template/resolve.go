package template

import (
	"errors"
	"fmt"
	"io/fs"

	"volundr/daemon/launch"
)

// Blank is the template that says nothing; a file of that name stands above it.
const Blank = "blank"

// Resolve makes a whole request of what somebody typed: session definition,
// profile, template, preset and what was typed, each over the one before. The
// names of what took part stay in it. preset may be nil. The error is a
// *launch.FieldError where a name is wrong or its file cannot be used.
func (l *Library) Resolve(typed launch.Request, preset *launch.Request) (launch.Request, error) {
	var layers []launch.Request // from the upper one down
	layers = append(layers, typed)
	if preset != nil {
		layers = append(layers, *preset)
	}
	named := func(value func(launch.Request) string) string {
		for _, r := range layers {
			if v := value(r); v != "" {
				return v
			}
		}
		return ""
	}
	if t := named(func(r launch.Request) string { return r.TemplateName }); t != "" {
		e, err := l.usable(Template, "template_name", t)
		if err != nil {
			return launch.Request{}, err
		}
		e.TemplateName = t
		layers = append(layers, e.Request)
	}
	profile := named(func(r launch.Request) string { return r.ProfileName })
	if profile == "" {
		all, err := l.List(Profile)
		if err != nil {
			return launch.Request{}, err
		}
		for _, e := range all {
			if e.Default {
				profile = e.Name
				break
			}
		}
	}
	if profile != "" {
		e, err := l.usable(Profile, "profile_name", profile)
		if err != nil {
			return launch.Request{}, err
		}
		e.ProfileName = profile
		layers = append(layers, e.Request)
	}
	base, err := l.List(Session)
	if err != nil {
		return launch.Request{}, err
	}
	for _, e := range base {
		if err := spoilt(e, "session_definition"); err != nil {
			return launch.Request{}, err
		}
		layers = append(layers, e.Request)
	}
	for i, j := 0, len(layers)-1; i < j; i, j = i+1, j-1 {
		layers[i], layers[j] = layers[j], layers[i]
	}
	return launch.Merge(layers...), nil
}

// Profile is what a profile says of a session. The error is a
// *launch.FieldError where there is none, or its file cannot be used.
func (l *Library) Profile(called string) (launch.Request, error) {
	e, err := l.usable(Profile, "profile_name", called)
	return e.Request, err
}

// usable gives one that a field names.
func (l *Library) usable(kind Kind, field, called string) (Entry, error) {
	e, err := l.Get(kind, called)
	switch {
	case errors.Is(err, fs.ErrNotExist) && kind == Template && called == Blank:
		return Entry{Kind: kind, Name: called}, nil
	case errors.Is(err, fs.ErrNotExist):
		return e, &launch.FieldError{Loc: []string{"body", field}, Type: "value_error", Input: called,
			Msg: fmt.Sprintf("There is no %s %q%s.", kind.one(), called, dot(l.near(kind, called)))}
	case err != nil:
		return e, err
	}
	return e, spoilt(e, field)
}

// dot leaves the full stop to the sentence.
func dot(s string) string {
	if n := len(s); n > 0 && s[n-1] == '?' {
		return s[:n-1]
	}
	return s
}

func spoilt(e Entry, field string) error {
	if len(e.Problems) == 0 {
		return nil
	}
	return &launch.FieldError{Loc: []string{"body", field}, Type: "value_error", Input: e.Name,
		Msg: fmt.Sprintf("The %s %s cannot be used (`volundr templates lint` lists all that is wrong): %s", e.Kind.one(), e.Name, e.Problems[0])}
}

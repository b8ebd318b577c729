// Package template keeps what sessions are begun from: templates, profiles and
// the session definition, as YAML files in the configuration directory. They
// are read when they are asked for, so that an edit counts from then on.
//
//	session.yaml          below every session
//	profiles/NAME.yaml    mostly resources; one may be the default
//	templates/NAME.yaml   a whole session; it may name its profile
//
// The keys are those of a launch request, so that a session's YAML is a
// template's.
package template

import (
	"fmt"

	"volundr/daemon/launch"
)

// Kind says what a file is.
type Kind string

// The kinds, and the folders of the first two.
const (
	Template Kind = "templates"
	Profile  Kind = "profiles"
	Session  Kind = "session"
)

// one is what a single one is called.
func (k Kind) one() string {
	return map[Kind]string{Template: "template", Profile: "profile", Session: "session definition"}[k]
}

// Definition is what a file says.
type Definition struct {
	Description string `json:"description,omitempty"`
	Default     bool   `json:"is_default,omitempty"`
	launch.Request
}

// refused are keys of a request that stand in no file: what belongs to one
// session, and what only Volundr sets.
var refused = map[Kind][]string{
	Template: {"template_name", "preset_id", "workspace_id", "issue_id", "issue_url", "from", "definition"},
	Profile:  {"template_name", "profile_name", "preset_id", "workspace_id", "issue_id", "issue_url", "from", "definition"},
	Session:  {"is_default", "template_name", "profile_name", "preset_id", "workspace_id", "issue_id", "issue_url", "from", "definition"},
}

// Entry is one file as it was read.
type Entry struct {
	Kind Kind
	Name string
	File string
	Definition
	// Problems are what is wrong with it; with any it cannot be used.
	Problems []Problem
}

// Problem is a line that cannot be.
type Problem struct {
	File string
	Line int // from 1; 0: the whole file
	Msg  string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Msg
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Msg)
}

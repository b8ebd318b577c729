package template

import (
	"reflect"

	"volundr/daemon/launch"
)

// Launch is a session as it is asked for, in YAML: a template with a name.
type Launch struct {
	Name string `json:"name,omitempty"`
	launch.Request
}

// ParseLaunch reads one. Problems have no file.
func ParseLaunch(text []byte) (l Launch, problems []Problem) {
	problems = parse(text, reflect.TypeFor[Launch](), []string{"from", "definition"}, &l, func() *launch.Request { return &l.Request })
	return l, problems
}

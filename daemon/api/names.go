package api

import (
	"regexp"
	"strings"
)

var sessionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkName trims a session's name and says what is wrong with it, in the
// contract's order and words. Names need not be unique.
func checkName(name string) (string, error) {
	given := name
	name = strings.TrimSpace(name)
	msg := ""
	switch {
	case name == "":
		msg = "Session name cannot be empty"
	case len(name) > 63:
		msg = "Session name must be 63 characters or fewer"
	case name != strings.ToLower(name):
		msg = "Session name must be lowercase — uppercase characters are not allowed"
	case strings.Contains(name, " "):
		msg = "Session name cannot contain spaces — use hyphens instead"
	case strings.HasPrefix(name, "-"):
		msg = "Session name cannot start with a hyphen"
	case strings.HasSuffix(name, "-"):
		msg = "Session name cannot end with a hyphen"
	case !sessionName.MatchString(name):
		msg = "Session name may only contain lowercase letters, digits and hyphens"
	default:
		return name, nil
	}
	return "", invalid(fieldError{
		Type: "value_error", Loc: []any{"body", "name"}, Msg: "Value error, " + msg,
		Input: given, Ctx: map[string]any{"error": map[string]any{}},
	})
}

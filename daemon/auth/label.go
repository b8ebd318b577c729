package auth

import (
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Surface is what of a session is shown in a frame.
type Surface string

// Surfaces of a session.
const (
	Editor   Surface = "editor"
	Terminal Surface = "terminal"
	Preview  Surface = "preview"
)

// A label is the one DNS label that names a surface:
//
//	<surface>--<session>--<token>
//	editor--<26>--<26>     term--<26>--<26>     p3000--<26>--<26>
//
// A DNS label has 63 characters at most, so the session's uuid and the token
// (128 bits each) stand in lower-case base32 without padding: 62 in all at the
// longest. A preview is named by its port, at least three digits, for a label
// with "--" in its third and fourth place means something else in DNS. There
// is exactly one spelling of each.
type label struct {
	surface Surface
	port    int // previews only
	session string
	token   string
}

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func (l label) String() string {
	id, err := uuid.Parse(l.session)
	if err != nil {
		return ""
	}
	return l.prefix() + "--" + base32Lower.EncodeToString(id[:]) + "--" + l.token
}

func (l label) prefix() string {
	switch l.surface {
	case Editor:
		return "editor"
	case Terminal:
		return "term"
	case Preview:
		return fmt.Sprintf("p%03d", l.port)
	}
	return ""
}

// valid reports whether a label can be made of these.
func (l label) valid() error {
	if id, err := uuid.Parse(l.session); err != nil || id.String() != l.session {
		return fmt.Errorf("session %q is not a uuid", l.session)
	}
	switch {
	case l.surface == Editor || l.surface == Terminal:
		if l.port != 0 {
			return fmt.Errorf("surface %s has no port to choose", l.surface)
		}
	case l.surface != Preview:
		return fmt.Errorf("no surface %q", l.surface)
	case l.port < 1 || l.port > 65535:
		return fmt.Errorf("no port %d", l.port)
	}
	return nil
}

// parseLabel reads a label in its one spelling.
func parseLabel(s string) (label, bool) {
	parts := strings.Split(s, "--")
	if len(s) > 63 || len(parts) != 3 {
		return label{}, false
	}
	l := label{token: parts[2]}
	switch parts[0] {
	case "editor":
		l.surface = Editor
	case "term":
		l.surface = Terminal
	default:
		digits, ok := strings.CutPrefix(parts[0], "p")
		port, err := strconv.ParseUint(digits, 10, 16)
		if !ok || err != nil {
			return label{}, false
		}
		l.surface, l.port = Preview, int(port)
	}
	raw, err := base32Lower.DecodeString(parts[1])
	if err != nil || len(raw) != 16 {
		return label{}, false
	}
	l.session = uuid.UUID(raw).String()
	token, err := base32Lower.DecodeString(l.token)
	if err != nil || len(token) != 16 || base32Lower.EncodeToString(token) != l.token {
		return label{}, false
	}
	return l, l.valid() == nil && l.String() == s
}

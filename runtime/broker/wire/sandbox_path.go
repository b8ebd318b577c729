package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrPath is what SandboxPath's errors wrap.
var ErrPath = errors.New("bad path")

// Longest path and name that a file system takes, in bytes.
const (
	maxPath = 4095 - len("/workspace/")
	maxName = 255
)

// SandboxPath cleans a path of a file in a sandbox: relative to the workspace,
// "." and empty components dropped. It refuses what is absolute, climbs with
// "..", is empty or only dots, holds a NUL or is too long. What else a file
// system takes is a name: a line break, a backslash, a leading dot.
func SandboxPath(p string) (string, error) {
	bad := func(why string) (string, error) {
		shown := p
		if len(shown) > 80 {
			shown = shown[:80] + "…"
		}
		return "", fmt.Errorf("%w %q: it %s", ErrPath, shown, why)
	}
	switch {
	case p == "":
		return bad("is empty")
	case strings.HasPrefix(p, "/"):
		return bad("is absolute; paths are relative to the workspace")
	case strings.ContainsRune(p, 0):
		return bad("holds a NUL")
	case !utf8.ValidString(p):
		return bad("is not UTF-8")
	}
	var kept []string
	for name := range strings.SplitSeq(p, "/") {
		switch {
		case name == "" || name == ".":
		case name == "..":
			return bad(`climbs with ".."`)
		case len(name) > maxName:
			return bad("has a name of more than 255 bytes")
		default:
			kept = append(kept, name)
		}
	}
	clean := strings.Join(kept, "/")
	switch {
	case clean == "":
		return bad("names no file")
	case len(clean) > maxPath:
		return bad("is too long")
	}
	return clean, nil
}

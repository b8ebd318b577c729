package sandbox

import (
	"crypto/sha256"
	_ "embed"
	"path/filepath"
	"strings"

	"volundr/runtime/broker/wire"
)

// lastLine runs a program and shows the value of its last line; it is given to
// the interpreter as text.
//
//go:embed last_line.py
var lastLine string

// program is the name of the user's program in the workspace.
const program = "__main__.py"

// python gives the argv that runs a program which lies in the workspace.
func python(workspace string, p wire.Python) []string {
	file := filepath.Join(workspace, program)
	if !p.LastLine {
		return []string{"python3", file}
	}
	return []string{"python3", "-c", lastLine, file}
}

// layProgram writes the user's program, which is no product of it.
func (s *Sandbox) layProgram(code string) error {
	if err := s.put(program, 0o644, strings.NewReader(code)); err != nil {
		return err
	}
	info, err := s.root.Stat(program)
	if err == nil {
		s.note(program, info, sha256.Sum256([]byte(code)))
	}
	return err
}

// Package files is what a person sees of a session's files, and does with them:
// list, download, upload, make folders, delete. All of it happens inside the
// session, as the agent's user: the daemon follows no path where an agent
// writes. What comes back is an agent's word and is checked before it is
// believed.
package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"volundr/runtime/broker/wire"
)

// Errors that callers tell apart. Their texts are sentences for people.
var (
	ErrPath     = errors.New("A path is relative to the workspace or to home, without a part that is \"..\".")
	ErrTop      = errors.New("The workspace itself, or home itself, cannot be deleted. Name what lies in it.")
	ErrOutside  = errors.New("This path leads out of the folder that was asked for, by a link. Use the terminal to reach what lies there.")
	ErrNotFound = errors.New("There is nothing at this path. List the folder to see what there is.")
	ErrDenied   = errors.New("The agent's user may not do this. Change the rights in the terminal, then try again.")
	ErrKind     = errors.New("This is not a file. Name a file: a folder goes one file at a time.")
	ErrFolder   = errors.New("There is a folder of this name already. Delete it first, or choose another name.")
	ErrExists   = errors.New("There is something at this path already. Choose another name.")
	ErrName     = errors.New("A file needs a name without a slash.")
	ErrMoved    = errors.New("The file changed while it was on its way. Try again.")
	ErrFull     = errors.New("The session's disk is full: delete something there, then try again.")
	ErrTooLarge = errors.New("More than 100 MB or 1,000 files at once: send them in parts, or fetch them from inside the session.")
	ErrRefused  = errors.New("The session could not do it")
)

// Root is the folder that paths begin in.
type Root string

const (
	Workspace Root = "workspace"
	Home      Root = "home" // of the agent's user
)

// folders are the roots, by where they lie in a session.
var folders = map[Root]string{Workspace: "/workspace", Home: "/home/volundr"}

// Known reports whether there is such a root.
func (r Root) Known() bool { return folders[r] != "" }

// Place is a path in a session.
type Place struct {
	Session string // id
	Root    Root
	Path    string // below the root; empty: the root itself
}

// Run runs a command in a session; link.Links.RunCommand is one.
type Run func(ctx context.Context, id string, cmd wire.Command) (wire.RunResult, error)

// Files asks sessions through run.
type Files struct{ run Run }

// New gives files that are asked for through run.
func New(run Run) *Files { return &Files{run} }

const (
	maxUpload = 100 << 20 // bytes of all files of an upload
	maxFiles  = 1000      // of an upload
	piece     = 2 << 20   // bytes that travel at once, either way
	maxList   = 8 << 20   // bytes that a session may say of a folder
	patience  = 60_000    // ms that a step may take
)

// exit codes of the scripts.
const (
	notFound = iota + 3
	outside
	denied
	kind
	folder
	exists
	moved
)

var meanings = map[int]error{notFound: ErrNotFound, outside: ErrOutside, denied: ErrDenied, kind: ErrKind, folder: ErrFolder, exists: ErrExists, moved: ErrMoved}

// preamble makes of $1 the root. inside makes of a path below it ($2; $1 is an
// option of realpath) $at, where it really is, and ends what leads out. A name may
// end in a newline, so an x keeps it.
const preamble = `export LC_ALL=C
root=$(realpath -e -- "$1") || exit 3
inside() {
  at=$(realpath "$1" -- "$root/$2" && printf x) || exit 3
  at=${at%?x}
  case $at/ in "$root"/*) ;; *) exit 4 ;; esac
}
path=$2
shift 2
`

// script runs a shell script for p, with more arguments, and gives what it printed.
func (f *Files) script(ctx context.Context, p Place, body string, stdin []byte, limit int, args ...string) (out []byte, cut bool, err error) {
	if !p.Root.Known() || !clean(p.Path) {
		return nil, false, ErrPath
	}
	argv := append([]string{"sh", "-c", preamble + body, "sh", folders[p.Root], p.Path}, args...)
	res, err := f.run(ctx, p.Session, wire.Command{Argv: argv, Stdin: stdin, TimeoutMS: patience, Limit: limit})
	switch {
	case err != nil:
		return nil, false, err
	case res.TimedOut:
		return nil, false, fmt.Errorf("%w: it took longer than %d s. Try again when the session is less busy.", ErrRefused, patience/1000)
	case meanings[res.Exit] != nil:
		return nil, false, meanings[res.Exit]
	case res.Exit != 0:
		return nil, false, complaint(res.Stderr)
	}
	return res.Stdout, res.Truncated, nil
}

// complaint is what a program inside had to say.
func complaint(stderr []byte) error {
	switch {
	case bytes.Contains(stderr, []byte("No space left on device")), bytes.Contains(stderr, []byte("quota exceeded")):
		return ErrFull
	case bytes.Contains(stderr, []byte("Permission denied")), bytes.Contains(stderr, []byte("Read-only file system")):
		return ErrDenied
	}
	lines := strings.Split(strings.TrimSpace(string(stderr)), "\n")
	last := lines[len(lines)-1]
	return fmt.Errorf("%w: %s", ErrRefused, strings.ToValidUTF8(last[:min(len(last), 500)], "�"))
}

// Clean gives a client's path as a Place has it. ErrPath when it leads anywhere
// else than down.
func Clean(p string) (string, error) {
	if strings.HasPrefix(p, "/") || strings.ContainsRune(p, 0) || len(p) >= 4096 {
		return "", ErrPath
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return "", ErrPath
		}
	}
	if p = path.Clean(p); p == "." {
		p = ""
	}
	return p, nil
}

func clean(p string) bool {
	c, err := Clean(p)
	return err == nil && c == p
}

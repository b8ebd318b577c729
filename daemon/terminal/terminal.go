// Package terminal is what a session's terminals are to programs: tmux sessions
// in it, that are listed, begun, joined and ended by commands in the terminal's
// container, and what they find in their home. Nothing of them is kept outside.
// What comes back is an agent's word and is checked before it is believed.
package terminal

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"volundr/runtime"
)

// Errors that callers tell apart. Their texts are sentences for people.
var (
	ErrNotFound = errors.New("not found") // the contract's words
	ErrCLI      = errors.New("a terminal does not run this")
	ErrShell    = errors.New("this is no shell of terminals")
	ErrAbsent   = errors.New("the image lacks it")
	ErrName     = errors.New("this cannot be the name")
	ErrTaken    = errors.New("the name is taken")
	ErrFolder   = errors.New("a folder has the name")
	ErrTooLarge = errors.New("it is too large")
	ErrSlow     = errors.New("The session's terminal did not answer. Try again.")
	ErrRefused  = errors.New("the session could not do it")
)

// told is an error that people read as it is, and programs by its kind.
type told struct {
	text string
	kind error
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.kind }

// Main is the terminal that the browser shows.
const Main = "main"

// Exec runs a command in a session; runtime.Runtime.Exec is one.
type Exec func(ctx context.Context, id string, o runtime.ExecOptions) (exit int, err error)

// Terminals are those of one session.
type Terminals struct {
	session string // id
	exec    Exec
}

// Of gives those of a session that runs.
func Of(session string, exec Exec) Terminals { return Terminals{session, exec} }

const (
	patience = 30 * time.Second // that a command may take
	maxSaid  = 256 << 10        // bytes that are heard of what it prints
)

// run runs a script in the container of the terminal, and gives what it printed.
func (t Terminals) run(ctx context.Context, script string, stdin io.Reader, args ...string) (string, int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out bounded
	exit, err := t.exec(ctx, t.session, runtime.ExecOptions{Part: runtime.PartTerminal, Dir: runtime.PathWorkspace,
		Command: shell(script, args...), Stdin: stdin, Stdout: &out})
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrSlow
	}
	return out.String(), exit, err
}

func shell(script string, args ...string) []string {
	return append([]string{"sh", "-c", script, "terminal"}, args...)
}

// bounded keeps the beginning of what is written.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	b.Builder.Write(p[:min(len(p), max(0, maxSaid-b.Len()))])
	return len(p), nil
}

// named reports whether a tmux session may have this name, for us. What means
// something else to tmux, or shows nothing, is left out.
func named(name string) bool {
	return name != "" && len(name) <= 128 && utf8.ValidString(name) && strings.Trim(name, " ") == name &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -_+@", r)
		})
}

// Terminal is one of them.
type Terminal struct {
	Name  string
	Label string // for people
	CLI   string // what it runs: Shell, or one that Spawn knows
}

// A terminal is a tmux session. What we know of one beyond its name are options
// of it, so that nothing is kept here.
const list = `tmux list-sessions -F '#{session_name}	#{@volundr_cli}	#{@volundr_label}' 2>/dev/null`

// List gives those that are there; tmux tells whether it runs at all.
func (t Terminals) List(ctx context.Context) (all []Terminal, tmux bool, err error) {
	out, exit, err := t.run(ctx, list, nil)
	return listed(out), exit == 0 && err == nil, err
}

// listed reads what list printed.
func listed(out string) (all []Terminal) {
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(f) != 3 || !named(f[0]) {
			continue
		}
		if clis[f[1]] == nil {
			f[1] = Shell
		}
		if !named(f[2]) {
			f[2] = f[0]
		}
		all = append(all, Terminal{Name: f[0], Label: f[2], CLI: f[1]})
	}
	return all
}

// Has reports whether there is a terminal of this name.
func (t Terminals) Has(ctx context.Context, name string) (bool, error) {
	if !named(name) {
		return false, nil
	}
	_, exit, err := t.run(ctx, `tmux has-session -t "=$1" 2>/dev/null`, nil, name)
	return exit == 0, err
}

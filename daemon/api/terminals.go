package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/runtime"
)

// A terminal is a tmux session. What we know of one beyond its name are options
// of it, so that nothing is kept here.
const (
	listTerminals = `tmux list-sessions -F '#{session_name}	#{@volundr_cli}	#{@volundr_label}' 2>/dev/null`

	// A name that is taken is 3, unless it is ours to choose: $1 and the next number.
	spawnTerminal = `unset ` + runtime.EnvExec + `
name=$2 n=1
if [ -z "$name" ]; then
	while name=$1-$n; tmux has-session -t "=$name" 2>/dev/null; do n=$((n+1)); done
elif tmux has-session -t "=$name" 2>/dev/null; then exit 3
fi
cli=$1 label=${3:-$name}
shift 3
tmux new-session -d -s "$name" "$@" || exit 1
tmux set-option -t "=$name:" @volundr_cli "$cli" && tmux set-option -t "=$name:" @volundr_label "$label" && printf %s "$name"`

	killTerminal = `tmux has-session -t "=$1" 2>/dev/null || exit 3; tmux kill-session -t "=$1"`
)

// clis are what a terminal may run, and the command of each.
var clis = map[string][]string{
	"bash": {"bash", "-l"}, "zsh": {"zsh", "-l"}, "claude": {"claude"}, "codex": {"codex"},
}

const shellCLI = "shell" // whichever is preferred

type terminalView struct {
	TerminalID string `json:"terminalId"`
	Label      string `json:"label"`
	CLIType    string `json:"cli_type"`
	Status     string `json:"status,omitempty"` // running: one that ended is not there
}

type terminalList struct {
	Sessions []terminalView `json:"sessions"`
	Tmux     bool           `json:"tmux"` // whether there are any
}

type terminalSpawn struct {
	CLIType string `json:"cli_type,omitempty"` // shell, if absent; bash, zsh, claude or codex
	Name    string `json:"name,omitempty"`
	Label   string `json:"label,omitempty"`
}

type terminalKill struct {
	TerminalID string `json:"terminalId"`
}

type terminalMode struct {
	Restricted bool `json:"restricted"`
}

type terminalKilled struct {
	OK bool `json:"ok"`
}

// run runs a script in the container of the terminal, and gives what it printed,
// bounded.
func (t terminal) run(ctx context.Context, script string, stdin io.Reader, args ...string) (string, int, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var out bounded
	exit, err := t.rt.Exec(ctx, t.row.ID, runtime.ExecOptions{Part: runtime.PartTerminal, Dir: runtime.PathWorkspace,
		Command: append([]string{"sh", "-c", script, "terminal"}, args...), Stdin: stdin, Stdout: &out})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fail(http.StatusGatewayTimeout, "The terminal of session %s did not answer. Try again.", t.row.Name)
	}
	return out.String(), exit, err
}

// bounded keeps the beginning of what is written.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	b.Builder.Write(p[:min(len(p), max(0, 256<<10-b.Len()))])
	return len(p), nil
}

// isTerminal reports whether a tmux session may have this name, for us. What
// means something else to tmux, or shows nothing, is left out.
func isTerminal(name string) bool {
	return name != "" && len(name) <= 128 && utf8.ValidString(name) && strings.Trim(name, " ") == name &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -_+@", r)
		})
}

// has reports whether there is such a terminal.
func (t terminal) has(ctx context.Context, name string) (bool, error) {
	if !isTerminal(name) {
		return false, nil
	}
	_, exit, err := t.run(ctx, `tmux has-session -t "=$1" 2>/dev/null`, nil, name)
	return exit == 0, err
}

func (s *server) listTerminals(c echo.Context) error {
	t, done, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer done()
	out, exit, err := t.run(c.Request().Context(), listTerminals, nil)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, terminalList{Sessions: terminalsIn(out), Tmux: exit == 0})
}

// terminalsIn reads what listTerminals printed: the session's word.
func terminalsIn(out string) []terminalView {
	list := []terminalView{}
	for line := range strings.Lines(out) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(f) != 3 || !isTerminal(f[0]) {
			continue
		}
		if clis[f[1]] == nil {
			f[1] = shellCLI
		}
		if !isTerminal(f[2]) {
			f[2] = f[0]
		}
		list = append(list, terminalView{TerminalID: f[0], Label: f[2], CLIType: f[1], Status: "running"})
	}
	return list
}

func (s *server) spawnTerminal(c echo.Context) error {
	t, done, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer done()
	in := terminalSpawn{CLIType: shellCLI}
	if err := decode(c, &in); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if in.CLIType == "" || in.CLIType == shellCLI {
		if in.CLIType, err = t.preferred(ctx); err != nil {
			return err
		}
	}
	command := clis[in.CLIType]
	if command == nil {
		return fail(http.StatusBadRequest, "A terminal runs no %q: cli_type is shell, bash, zsh, claude or codex.", in.CLIType)
	}
	in.Name = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '-'
	}, strings.TrimSpace(in.Name))
	if in.Name != "" && !isTerminal(in.Name) {
		return fail(http.StatusBadRequest, "The name of a terminal has at most 128 bytes.")
	}
	if !isTerminal(in.Label) {
		in.Label = ""
	}
	name, exit, err := t.run(ctx, spawnTerminal, nil, append([]string{in.CLIType, in.Name, in.Label}, command...)...)
	switch {
	case err != nil:
		return err
	case exit == 3:
		return fail(http.StatusConflict, "Session '%s' already exists", in.Name)
	case exit != 0 || !isTerminal(name):
		return fail(http.StatusBadGateway, "The session began no terminal. Try again.")
	}
	if in.Label == "" {
		in.Label = name
	}
	return c.JSON(http.StatusOK, terminalView{TerminalID: name, Label: in.Label, CLIType: in.CLIType})
}

func (s *server) killTerminal(c echo.Context) error {
	t, end, err := s.terminal(c)
	if err != nil {
		return err
	}
	defer end()
	var in terminalKill
	if err := decode(c, &in); err != nil {
		return err
	}
	exit := 3
	if isTerminal(in.TerminalID) {
		if _, exit, err = t.run(c.Request().Context(), killTerminal, nil, in.TerminalID); err != nil {
			return err
		}
	}
	switch exit {
	case 0:
		return c.JSON(http.StatusOK, terminalKilled{OK: true})
	case 3:
		return fail(http.StatusNotFound, "not found")
	}
	return fail(http.StatusBadGateway, "The session did not end the terminal. Try again.")
}

// terminalMode tells what the session was launched with.
func (s *server) terminalMode(c echo.Context) error {
	now, err := s.modeOf(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, now)
}

func (s *server) modeOf(c echo.Context) (terminalMode, error) {
	row, err := s.session(c)
	if err != nil {
		return terminalMode{}, err
	}
	var r launch.Request
	if len(row.Request) > 0 {
		if err := json.Unmarshal(row.Request, &r); err != nil {
			return terminalMode{}, fmt.Errorf("request of session %s: %w", row.ID, err)
		}
	}
	return terminalMode{Restricted: r.TermRestricted}, nil
}

func (s *server) setTerminalMode(c echo.Context) error {
	now, err := s.modeOf(c)
	if err != nil {
		return err
	}
	var in struct {
		Restricted *bool `json:"restricted"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	switch {
	case in.Restricted == nil:
		return fail(http.StatusBadRequest, "restricted is required: true or false.")
	case *in.Restricted != now.Restricted:
		return fail(http.StatusConflict, "What a terminal may do is settled when its session is created, and a restricted one does not exist in this version. Keep a session to itself with the network none instead.")
	}
	return c.JSON(http.StatusOK, now)
}

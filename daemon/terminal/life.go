package terminal

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"

	"volundr/runtime"
)

// Shell stands for the shell that is preferred.
const Shell = "shell"

// clis are what a terminal may run, and the command of each.
var clis = map[string][]string{
	"bash": {"bash", "-l"}, "zsh": {"zsh", "-l"}, "claude": {"claude"}, "codex": {"codex"},
}

// A name that is taken is 3, unless it is ours to choose: $1 and the next number.
// What is begun does not belong to the command that begins it.
const spawn = `unset ` + runtime.EnvExec + `
cli=$1 name=$2 label=$3 n=1
shift 3
until tmux new-session -d -s "${name:-$cli-$n}" "$@"; do
	tmux has-session -t "=${name:-$cli-$n}" || exit 1
	[ -z "$name" ] || exit 3
	n=$((n+1))
done 2>/dev/null
name=${name:-$cli-$n}
tmux set-option -t "=$name:" @volundr_cli "$cli" && tmux set-option -t "=$name:" @volundr_label "${label:-$name}" && printf %s "$name"`

// Spawn begins one that runs cli: Shell (or nothing), bash, zsh, claude or codex.
// Its name is made of name, or found where that is empty. ErrCLI, ErrName,
// ErrTaken, ErrRefused.
func (t Terminals) Spawn(ctx context.Context, cli, name, label string) (made Terminal, err error) {
	if cli == "" || cli == Shell {
		if cli, err = t.Preferred(ctx); err != nil {
			return made, err
		}
	}
	command := clis[cli]
	if command == nil {
		return made, told{fmt.Sprintf("A terminal runs no %q: cli_type is shell, bash, zsh, claude or codex.", cli), ErrCLI}
	}
	name = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '-'
	}, strings.TrimSpace(name))
	if name != "" && !named(name) {
		return made, told{"The name of a terminal has at most 128 bytes.", ErrName}
	}
	if !named(label) {
		label = ""
	}
	said, exit, err := t.run(ctx, spawn, nil, append([]string{cli, name, label}, command...)...)
	switch {
	case err != nil:
		return made, err
	case exit == 3:
		return made, told{fmt.Sprintf("Session '%s' already exists", name), ErrTaken} // the contract's words
	case exit != 0 || !named(said):
		return made, told{"The session began no terminal. Try again.", ErrRefused}
	}
	if label == "" {
		label = said
	}
	return Terminal{Name: said, Label: label, CLI: cli}, nil
}

const kill = `tmux has-session -t "=$1" 2>/dev/null || exit 3; tmux kill-session -t "=$1"`

// Kill ends one, with what runs in it. ErrNotFound, ErrRefused.
func (t Terminals) Kill(ctx context.Context, name string) error {
	if !named(name) {
		return ErrNotFound
	}
	_, exit, err := t.run(ctx, kill, nil, name)
	switch {
	case err != nil:
		return err
	case exit == 3:
		return ErrNotFound
	case exit != 0:
		return told{"The session did not end the terminal. Try again.", ErrRefused}
	}
	return nil
}

// join attaches to a tmux session; the main one is begun where nobody was there
// yet. Its server outlives who began it.
const join = `if [ "$1" = ` + Main + ` ]; then
	(unset ` + runtime.EnvExec + `; tmux has-session -t "=$1" || tmux new-session -d -s "$1") >/dev/null 2>&1
fi
exec tmux attach-session -t "=$1"`

// Join takes part in one until it ends, keys do, or ctx does, and gives its exit
// code. Sizes are columns and rows.
func (t Terminals) Join(ctx context.Context, name string, keys io.Reader, printed io.Writer, sizes <-chan [2]uint) (exit int, err error) {
	return t.exec(ctx, t.session, runtime.ExecOptions{
		Part: runtime.PartTerminal, Command: shell(join, name), Dir: runtime.PathWorkspace,
		Env:   []string{"TERM=xterm-256color"},
		Stdin: keys, Stdout: printed, TTY: true, Resize: sizes,
	})
}

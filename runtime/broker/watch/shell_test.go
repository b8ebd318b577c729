package watch

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

const hooks = "../../../assets/image/session/files/etc/volundr/shell."

// terminal is a shell in a pseudo-terminal, as a person has one.
type terminal struct {
	t    *testing.T
	tty  *os.File
	home string
	mu   sync.Mutex
	out  bytes.Buffer
	at   int // how much was shown when something was typed last
	mark mark
	seen []wire.ShellCommand
}

func newTerminal(t *testing.T, env []string, rc string, argv []string) *terminal {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_SHELLS") == "1" {
			t.Fatal(err)
		}
		t.Skip("layer not run: there is no " + argv[0])
	}
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(tty.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	end, err := os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, tty: tty, home: t.TempDir()}
	hook, err := filepath.Abs(hooks + argv[0])
	if err == nil {
		err = os.Mkdir(filepath.Join(x.home, ".volundr"), 0o700)
	}
	for _, name := range []string{".rc", ".zshrc"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(x.home, name), []byte("PS1='ready> '\n. "+hook+"\n"+rc), 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = x.home
	cmd.Env = append([]string{"HOME=" + x.home, "PATH=" + os.Getenv("PATH"), "TERM=xterm", "PS1=ready> ", "LC_ALL=C.UTF-8", "VOLUNDR_PART=terminal"}, env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = end, end, end
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 4096)
		for {
			n, err := tty.Read(b)
			x.mu.Lock()
			x.out.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		tty.Close()
		<-done
		if t.Failed() {
			t.Logf("the terminal showed:\n%q", x.shown()[max(0, len(x.shown())-1500):])
		}
	})
	return x
}

func (x *terminal) shown() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.out.String()
}

func (x *terminal) typed(s string) {
	x.t.Helper()
	x.at = len(x.shown())
	if _, err := x.tty.WriteString(s); err != nil {
		x.t.Fatal(err)
	}
}

func (x *terminal) until(what string, ok func() bool) {
	x.t.Helper()
	for late := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(late) {
			x.t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// prompted waits until the shell reads again, and not only the terminal: a
// prompt that was shown before something was typed does not count.
func (x *terminal) prompted() {
	x.t.Helper()
	x.until("a prompt", func() bool {
		out := x.shown()[x.at:]
		return strings.LastIndex(out, "ready> ") > strings.LastIndex(out, "\n")
	})
}

// told waits for the next command that the shell told of.
func (x *terminal) told() wire.ShellCommand {
	x.t.Helper()
	x.until("a command", func() bool {
		x.seen = append(x.seen, commands(filepath.Join(x.home, ".volundr"), &x.mark, time.Now())...)
		return len(x.seen) > 0
	})
	c := x.seen[0]
	x.seen = x.seen[1:]
	return c
}

// integration is where the session image has it.
const integration = "/opt/code-server/node_modules/code-server/lib/vscode/out/vs/workbench/contrib/terminal/common/scripts/shellIntegration-bash.sh"

type shell struct {
	name, rc string
	least    int    // version of bash
	needs    string // a file
	env      []string
	argv     []string
}

func (s shell) possible() bool {
	if s.least > 0 && exec.Command("bash", "-c", fmt.Sprintf("((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= %d))", s.least)).Run() != nil {
		return false
	}
	_, err := os.Stat(s.needs)
	return s.needs == "" || err == nil
}

var shells = []shell{
	{name: "bash", argv: []string{"bash", "--noprofile", "--rcfile", ".rc", "-i"}},
	{name: "bash with a prompt of its own", least: 503, rc: "PROMPT_COMMAND='true'\nHISTCONTROL=ignoreboth\n", argv: []string{"bash", "--noprofile", "--rcfile", ".rc", "-i"}},
	// What VS Code does to a bash: a trap, and the first of PROMPT_COMMAND.
	{name: "bash in VS Code", env: []string{"TERM_PROGRAM=vscode"}, rc: `
__vsc_idle=0
__vsc_preexec() { if [ $__vsc_idle = 1 ]; then __vsc_idle=0; [[ $BASH_COMMAND == __vsc_prompt* ]] || printf 'began:%s;' "$BASH_COMMAND"; fi; }
trap __vsc_preexec DEBUG
__vsc_original_prompt_command=${PROMPT_COMMAND:-}
__vsc_status() { return $1; }
__vsc_prompt_cmd_original() { local s=$? cmd; __vsc_status $s; for cmd in "${__vsc_original_prompt_command[@]}"; do eval "$cmd"; done; printf 'ended:%s;' $s; __vsc_idle=1; }
PROMPT_COMMAND=__vsc_prompt_cmd_original
`, argv: []string{"bash", "--noprofile", "--rcfile", ".rc", "-i"}},
	{name: "bash with the integration of code-server", needs: integration, env: []string{"TERM_PROGRAM=vscode"}, rc: ". " + integration + "\n",
		argv: []string{"bash", "--noprofile", "--rcfile", ".rc", "-i"}},
	{name: "zsh", env: []string{"ZDOTDIR=."}, argv: []string{"zsh", "-i", "-o", "interactive_comments"}},
	{name: "zsh in VS Code", env: []string{"ZDOTDIR=.", "TERM_PROGRAM=vscode"}, rc: `
autoload -Uz add-zsh-hook
__vsc_precmd() { printf 'ended:%s;' $? }
__vsc_preexec() { printf 'began:%s;' "$1" }
add-zsh-hook precmd __vsc_precmd
add-zsh-hook preexec __vsc_preexec
`, argv: []string{"zsh", "-i"}},
}

func TestShellsTellOfCommands(t *testing.T) {
	for _, c := range shells {
		if !c.possible() {
			continue // but in the session image: TestShellsOfTheImage of package broker
		}
		t.Run(c.name, func(t *testing.T) {
			shell := c.argv[0]
			x := newTerminal(t, c.env, c.rc, c.argv)
			where := "terminal"
			if len(c.env) > 0 && strings.Contains(strings.Join(c.env, " "), "vscode") {
				where = "editor"
			}
			check := func(line, command, dir string, exit int) wire.ShellCommand {
				t.Helper()
				if line != "" {
					x.prompted()
					x.typed(line)
				}
				got := x.told()
				if got.Command != command || got.Dir != dir || got.Exit != exit || got.Shell != shell || got.Where != where {
					t.Errorf("%q is told as %+v", line, got)
				}
				if now := time.Now().UnixMilli(); got.StartedAt > now || got.EndedAt > now || got.StartedAt < now-20_000 {
					t.Errorf("%q at %d to %d, now %d", line, got.StartedAt, got.EndedAt, now)
				}
				return got
			}
			check("true\r", "true", x.home, 0)
			check("false\r", "false", x.home, 1)
			check("false\r", "false", x.home, 1) // again
			check("mkdir 'a b'; cd 'a b'\r", "mkdir 'a b'; cd 'a b'", x.home, 0)
			check("(exit 7)\r", "(exit 7)", x.home+"/a b", 7)
			check("cd ..\r", "cd ..", x.home+"/a b", 0)
			if took := check("sleep 0.3\r", "sleep 0.3", x.home, 0); took.EndedAt-took.StartedAt < 300 || took.EndedAt-took.StartedAt > 3000 {
				t.Errorf("sleep took %d ms", took.EndedAt-took.StartedAt)
			}
			check("sleep 60 &\r", "sleep 60 &", x.home, 0)
			check("kill %1\r", "kill %1", x.home, 0)
			check(`echo "ü \"q\" \\ $((1+1))" '&'`+"\r", `echo "ü \"q\" \\ $((1+1))" '&'`, x.home, 0)
			check("echo 'a\x16\x01b\x16\x1b[31m'\r", "echo 'a\ufffdb\ufffd[31m'", x.home, 0)
			x.prompted()
			x.typed("sleep 61\r")
			x.until("sleep", func() bool { return running("sleep\x0061") })
			x.typed("\x03")
			check("", "sleep 61", x.home, 130)
			x.typed("\r\r") // nothing was run
			x.prompted()
			x.typed("for i in 1 2; do\r echo $i\rdone\r")
			if got := x.told(); !strings.HasPrefix(got.Command, "for i in 1 2; do") || !strings.HasSuffix(got.Command, "done") || !strings.Contains(got.Command, "echo $i") {
				t.Errorf("a loop is told as %q", got.Command)
			}
			long := "true " + strings.Repeat("x", 3000)
			check(long+"\r", long, x.home, 0)
			if where == "editor" {
				began, ended := "began:", "ended:7;"
				if c.needs != "" {
					began, ended = "\x1b]633;E;", "\x1b]633;D;130\a"
				}
				if out := x.shown(); !strings.Contains(out, began+"false;") || strings.Contains(out, began+"__volundr") || !strings.Contains(out, ended) {
					t.Errorf("the editor's integration was disturbed: %q", out[:min(len(out), 3000)])
				}
			}
		})
	}
}

// What is kept out of the history is not told, nor what the agent's shells run.
func TestShellsKeepSecrets(t *testing.T) {
	for _, c := range []struct{ shell, rc string }{{"bash", "HISTCONTROL=ignoreboth\n"}, {"zsh", "setopt hist_ignore_space\n"}} {
		t.Run(c.shell, func(t *testing.T) {
			argv := []string{"bash", "--noprofile", "--rcfile", ".rc", "-i"}
			if c.shell == "zsh" {
				argv = []string{"zsh", "-i"}
			}
			x := newTerminal(t, []string{"ZDOTDIR=."}, c.rc, argv)
			for _, line := range []string{"true 1", " true hidden", "true 2", "true 2", "  true 2"} {
				x.prompted()
				x.typed(line + "\r")
			}
			x.prompted()
			x.typed("true end\r")
			var got []string
			for len(got) == 0 || got[len(got)-1] != "true end" {
				got = append(got, x.told().Command)
			}
			if strings.Join(got, ",") != "true 1,true 2,true 2,true end" {
				t.Errorf("told %q", got)
			}
			agent := newTerminal(t, []string{"ZDOTDIR=.", "VOLUNDR_PART=agent"}, "", argv)
			agent.prompted()
			agent.typed("touch done\r")
			agent.until("the command", func() bool { _, err := os.Stat(filepath.Join(agent.home, "done")); return err == nil })
			agent.typed("exit\r")
			agent.until("the end", func() bool { return strings.Contains(agent.shown(), "exit") })
			if list := commands(filepath.Join(agent.home, ".volundr"), &agent.mark, time.Now()); len(list) > 0 {
				t.Errorf("the agent's shell told %+v", list)
			}
		})
	}
}

func running(args string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range all {
		if b, err := os.ReadFile(p); err == nil && strings.HasPrefix(string(b), args) {
			return true
		}
	}
	return false
}

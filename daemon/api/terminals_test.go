package api

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"volundr/daemon/terminal"
	"volundr/runtime"
	"volundr/store"
)

// home is a session's home on this machine, with a tmux of its own.
type home struct {
	w    *world
	dir  string
	base string
	x    who
}

func (w *world) home() home {
	w.t.Helper()
	for _, name := range []string{"tmux", "bash", "zsh"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("VOLUNDR_REQUIRE_SHELLS") == "1" {
				w.t.Fatal(err)
			}
			w.t.Skip("layer not run: there is no " + name)
		}
	}
	dir, err := os.MkdirTemp("", "home") // a socket's path is short
	if err != nil {
		w.t.Fatal(err)
	}
	here := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "TMUX=") })
	here = append(here, "HOME="+dir, "TMUX_TMPDIR="+dir, runtime.EnvExec+"=mark")
	run := func(ctx context.Context, o runtime.ExecOptions) (int, error) {
		cmd := exec.CommandContext(ctx, o.Command[0], o.Command[1:]...)
		cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout = dir, here, o.Stdin, o.Stdout
		err := cmd.Run()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode(), nil
		}
		return 0, err
	}
	w.t.Cleanup(func() {
		_, _ = run(context.Background(), runtime.ExecOptions{Command: []string{"tmux", "kill-server"}})
		os.RemoveAll(dir)
	})
	w.rt.OnExec(func(ctx context.Context, _ string, o runtime.ExecOptions) (int, error) {
		if o.Part != runtime.PartTerminal {
			w.t.Errorf("it is run in the %s", o.Part)
		}
		return run(ctx, o)
	})
	x := w.person("local", "default", store.RoleAdmin)
	return home{w, dir, "/s/" + w.running(x) + "/terminal/api/terminal", x}
}

// wants asks a route; the answer is this JSON, in which "*" is anything.
func (h home) wants(method, path, body string, status int, want string) string {
	h.w.t.Helper()
	got, _, text := h.w.ask(method, h.base+path, body)
	if why := fits(want, text); got != status || why != "" {
		h.w.t.Errorf("%s %s %.80s: %d %s: %s", method, path, body, got, text, why)
	}
	return text
}

func TestTerminalsAreBegunListedAndEnded(t *testing.T) {
	w := newWorld(t)
	h := w.home()
	h.wants("GET", "/sessions", "", 200, `{"sessions":[],"tmux":false}`)
	h.wants("POST", "/spawn", `{"cli_type":"bash"}`, 200, `{"terminalId":"bash-1","label":"bash-1","cli_type":"bash"}`)
	h.wants("POST", "/spawn", `{"cli_type":"bash"}`, 200, `{"terminalId":"bash-2","label":"bash-2","cli_type":"bash"}`)
	h.wants("POST", "/spawn", `{"name":"my work;","label":"My work","cli_type":"zsh"}`, 200, `{"terminalId":"my-work-","label":"My work","cli_type":"zsh"}`)
	h.wants("POST", "/spawn", `{"name":"my work;"}`, 409, `{"error":"Session 'my-work-' already exists","detail":"*"}`)
	h.wants("POST", "/spawn", `{"cli_type":"fish"}`, 400, `{"error":"A terminal runs no \"fish\": *","detail":"*"}`)
	h.wants("POST", "/spawn", `{"cli_type":7}`, 422, `{"error":"The body is not the JSON object that this route takes; Input should be a valid string"}`)
	h.wants("GET", "/sessions", "", 200, `{"tmux":true,"sessions":[
		{"terminalId":"bash-1","label":"bash-1","cli_type":"bash","status":"running"},
		{"terminalId":"bash-2","label":"bash-2","cli_type":"bash","status":"running"},
		{"terminalId":"my-work-","label":"My work","cli_type":"zsh","status":"running"}]}`)
	h.wants("POST", "/kill", `{"terminalId":"bash-1"}`, 200, `{"ok":true}`)
	for _, gone := range []string{`{"terminalId":"bash-1"}`, `{"terminalId":"bash"}`, `{"terminalId":"bash-2;"}`, `{"terminalId":""}`, ""} {
		h.wants("POST", "/kill", gone, 404, `{"error":"not found","detail":"not found"}`)
	}
	h.wants("GET", "/sessions", "", 200, `{"tmux":true,"sessions":[{"terminalId":"bash-2"},{"terminalId":"my-work-"}]}`)

	marked, err := exec.Command("sh", "-c", `for p in $(pgrep -x 'tmux: server|tmux'); do tr '\0' '\n' < /proc/$p/environ | grep -qx "TMUX_TMPDIR=$1" && tr '\0' '\n' < /proc/$p/environ | grep '^VOLUNDR_EXEC'; done; true`, "sh", h.dir).Output()
	if err != nil || len(marked) > 0 { // they would end with the request
		t.Errorf("terminals belong to who began them: %s %v", marked, err)
	}
}

// TestTerminalsBegunAtOnceAreAllThere: none is refused for the name that we gave
// to another.
func TestTerminalsBegunAtOnceAreAllThere(t *testing.T) {
	w := newWorld(t)
	h := w.home()
	const many = 8
	var begun sync.WaitGroup
	for range many {
		begun.Go(func() {
			h.wants("POST", "/spawn", `{"cli_type":"bash"}`, 200, `{"terminalId":"bash-*","label":"bash-*","cli_type":"bash"}`)
		})
	}
	begun.Wait()
	if got := h.wants("GET", "/sessions", "", 200, `{"tmux":true}`); strings.Count(got, `"terminalId":"bash-`) != many {
		t.Errorf("of %d there are %s", many, got)
	}
}

func TestTheShellThatTerminalsBeginWith(t *testing.T) {
	w := newWorld(t)
	h := w.home()
	conf := filepath.Join(h.dir, ".tmux.conf")
	if err := os.WriteFile(conf, []byte("set -g mouse on"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zsh", "bash", "zsh"} {
		h.wants("POST", "/preferences", `{"default_shell":"`+name+`"}`, 200, `{"default_shell":"`+name+`"}`)
		h.wants("GET", "/preferences", "", 200, `{"default_shell":"`+name+`"}`)
		h.wants("POST", "/spawn", `{}`, 200, `{"terminalId":"`+name+`-*","cli_type":"`+name+`"}`)
	}
	h.wants("POST", "/preferences", `{"default_shell":"fish"}`, 400, `{"error":"Invalid shell: fish. Must be bash or zsh."}`)
	zsh, err := exec.LookPath("zsh")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(conf)
	if want := "set -g mouse on\nset -g default-shell " + zsh + " # chosen in Volundr\n"; err != nil || string(text) != want {
		t.Errorf("%s %v", text, err)
	}
}

func TestDotfilesOfAHome(t *testing.T) {
	w := newWorld(t)
	h := w.home()
	const put, ok = `{"filename":".vimrc","content":"set nu\n# ü"}`, `{"ok":true,"filename":".vimrc"}`
	h.wants("GET", "/dotfiles", "", 200, `{"homeDir":"/home/volundr"}`)
	h.wants("POST", "/dotfiles", put, 200, ok)
	read := func() string {
		b, err := os.ReadFile(filepath.Join(h.dir, ".vimrc"))
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	if read() != "set nu\n# ü" {
		t.Errorf("%q", read())
	}
	list := parse[dotfileList](t, h.wants("GET", "/dotfiles", "", 200, `{}`))
	for _, f := range list.Dotfiles {
		if want := f.Name == ".vimrc"; f.Exists != want || f.Size > 0 != want {
			t.Errorf("%+v", f)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(h.dir, ".config"), 0o700), os.Rename(filepath.Join(h.dir, ".vimrc"), filepath.Join(h.dir, "kept")),
		os.Chmod(filepath.Join(h.dir, "kept"), 0o600), os.Symlink("kept", filepath.Join(h.dir, ".vimrc"))); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x\n", terminal.MaxDotfile/2)
	body, _ := json.Marshal(dotfileIn{".vimrc", long})
	h.wants("POST", "/dotfiles", string(body), 200, ok)
	if at, err := os.Stat(filepath.Join(h.dir, "kept")); err != nil || at.Mode() != 0o600 || read() != long {
		t.Errorf("a link is not followed, or its file has other rights: %v %v", at.Mode(), err)
	}
	body, _ = json.Marshal(dotfileIn{".vimrc", long + "x"})
	h.wants("POST", "/dotfiles", string(body), 413, `{"error":"A dot file has at most 256 KiB, and nothing was written."}`)
	h.wants("POST", "/dotfiles", `{"filename":".config","content":""}`, 409, `{"error":".config is a folder in this home: choose another name."}`)
	h.wants("POST", "/dotfiles", `{}`, 400, `{"error":"filename is required"}`)
	for _, name := range []string{"../x", ".", "..", ".a/b", "bashrc", ".a\\nb", "/etc/passwd"} {
		h.wants("POST", "/dotfiles", `{"filename":"`+name+`","content":"x"}`, 400, `{"error":"*"}`)
	}
	h.wants("DELETE", "/dotfiles/.a%2Fb", "", 400, `{"error":"*"}`)
	h.wants("DELETE", "/dotfiles/.config", "", 404, `{"error":"not found"}`)
	h.wants("DELETE", "/dotfiles/.vimrc", "", 200, ok)
	h.wants("DELETE", "/dotfiles/.vimrc", "", 404, `{"error":"not found"}`)
	left, err := filepath.Glob(filepath.Join(h.dir, ".*"))
	if err != nil || strings.Contains(strings.Join(left, " "), ".vimrc") {
		t.Errorf("left: %v %v", left, err)
	}
}

// A terminal is as its session was created.
func TestTheModeOfTerminals(t *testing.T) {
	w := newWorld(t)
	h := home{w: w, base: "/s/" + w.created("idle").ID + "/terminal/api/terminal"}
	h.wants("GET", "/mode", "", 200, `{"restricted":false}`)
	h.wants("POST", "/mode", `{"restricted":false}`, 200, `{"restricted":false}`)
	h.wants("POST", "/mode", `{"restricted":true}`, 409, `{"error":"What a terminal may do is settled when its session is created, *"}`)
	h.wants("POST", "/mode", `{}`, 400, `{"error":"restricted is required: true or false."}`)
	h.wants("GET", "/sessions", "", 409, `{"error":"Session idle is created, a shell needs it running. *"}`)
}

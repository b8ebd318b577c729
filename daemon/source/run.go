package source

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// kept are the git variables of the daemon's environment that reach git:
// how to log in and whom to trust. All others could point it elsewhere.
var kept = []string{"GIT_SSH=", "GIT_SSH_COMMAND=", "GIT_SSH_VARIANT=", "GIT_SSL_", "GIT_PROXY_", "GIT_CONFIG_GLOBAL=",
	"GIT_CONFIG_SYSTEM=", "GIT_CONFIG_NOSYSTEM=", "GIT_EXEC_PATH="}

// command is the host's git in a directory of ours: no prompts, no hooks, and
// none of its background work. It ends, children included, with ctx.
func (s *Sources) command(ctx context.Context, r Remote, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false",
		"-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.askPass=true"}, append(r.login(), args...)...)...)
	cmd.Dir = s.Dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") || slices.ContainsFunc(kept, func(k string) bool { return strings.HasPrefix(v, k) }) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, r.loginEnv()...), s.guestEnv(r)...)
	cmd.Env = append(cmd.Env, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS_REQUIRE=never", "LC_ALL=C",
		"GIT_ALLOW_PROTOCOL="+r.protocols())
	alone(cmd)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run gives what git prints. Its error is a *gitError.
func (s *Sources) run(ctx context.Context, r Remote, args ...string) (string, error) {
	var out strings.Builder
	cmd := s.command(ctx, r, args...)
	cmd.Stdout = &limited{w: &out, left: 64 << 20}
	err := s.finish(ctx, cmd, r)
	return out.String(), err
}

// finish runs a command and turns what it complains about into an error.
func (s *Sources) finish(ctx context.Context, cmd *exec.Cmd, r Remote) error {
	said := &tail{max: 4096}
	cmd.Stderr = said
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("git: %w", context.Cause(ctx))
	}
	return &gitError{remote: r, said: said.String(), err: err}
}

// gitError is a failed git command, with the end of what it said.
type gitError struct {
	remote Remote
	said   string
	err    error
}

func (e *gitError) Unwrap() error { return e.err }

// Error says for people why the repository cannot be used, and what to do.
func (e *gitError) Error() string {
	has := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(e.said), t) })
	}
	repo := e.remote.Repo
	switch {
	case has("no space left", "disk quota"):
		return "The disk is full: free some space where Volundr's data lies and try again."
	case has("dubious ownership"):
		return fmt.Sprintf("The repository %s belongs to another user: allow it with `git config --global --add safe.directory '%s'`.", repo, e.remote.Local)
	case has("could not resolve host", "connection refused", "connection timed out", "network is unreachable", "no route to host", "failed to connect"):
		return fmt.Sprintf("The repository %s could not be reached: check the address and your network.", repo)
	case has("host key verification failed"):
		return fmt.Sprintf("The host of %s is not known to ssh: run `git ls-remote %s` once in a terminal and accept its key.", repo, repo)
	case has("certificate"):
		return fmt.Sprintf("The certificate of %s is not trusted by git: set http.sslCAInfo in git's configuration.", repo)
	case has("not found", "authentication failed", "could not read username", "could not read password", "permission denied", "access denied",
		"does not appear to be a git repository", "does not exist", "no such file", "terminal prompts disabled", "403"):
		return fmt.Sprintf("The repository %s was not found or needs a login; check the address, and that `git ls-remote %s` works in a terminal.", repo, repo)
	}
	return fmt.Sprintf("Git could not use the repository %s: %s", repo, strings.TrimPrefix(e.last(), "fatal: "))
}

func (e *gitError) last() string {
	lines := strings.FieldsFunc(e.said, func(c rune) bool { return c == '\n' || c == '\r' })
	if len(lines) == 0 {
		return e.err.Error()
	}
	return lines[len(lines)-1]
}

// tail keeps the end of what is written.
type tail struct {
	buf []byte
	max int
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.max; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.buf) }

// limited fails when too much is written.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, fmt.Errorf("git printed too much")
	}
	return l.w.Write(p)
}

package watch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// git runs git in a repository that an agent can write: no configuration but
// the repository's own, no hooks, no monitor, no network, no locks that are
// not needed.
type git struct {
	dir  string   // where it runs
	env  []string // further environment
	home string   // whose global excludes count, as they do for git
}

const gitTimeout = 2 * time.Minute

func (g git) run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	fixed := []string{"--no-pager"}
	for _, c := range []string{
		"core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "core.splitIndex=false",
		"core.excludesFile=" + filepath.Join(g.home, ".config", "git", "ignore"), "core.attributesFile=/dev/null",
		"core.fsync=none", "core.looseCompression=1", "pack.compression=1", "core.quotePath=false",
		"protocol.allow=never", "safe.directory=*", "log.showSignature=false", "submodule.recurse=false", "advice.addEmbeddedRepo=false",
	} {
		fixed = append(fixed, "-c", c)
	}
	cmd := exec.CommandContext(ctx, "git", append(fixed, args...)...)
	cmd.Dir = g.dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1", "GIT_OPTIONAL_LOCKS=0",
		"GIT_TERMINAL_PROMPT=0", "GIT_LITERAL_PATHSPECS=1", "GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1", "GIT_DISCOVERY_ACROSS_FILESYSTEM=0",
	}, g.env...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.WaitDelay = time.Second
	out, fail := &bounded{limit: 256 << 20}, &bounded{limit: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, fail
	err := cmd.Run()
	if err == nil && out.over {
		err = fmt.Errorf("its output is too long")
	}
	if err != nil {
		err = fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(fail.String()))
	}
	return out.Bytes(), err
}

// bounded keeps the first bytes written to it.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.limit-b.Len())
	b.Buffer.Write(p[:n])
	b.over = b.over || n < len(p)
	return len(p), nil
}

// fields splits what git ended with NUL.
func fields(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// joined is the input of a git command that reads paths ended with NUL.
func joined(paths []string) []byte {
	var b bytes.Buffer
	for _, p := range paths {
		b.WriteString(p)
		b.WriteByte(0)
	}
	return b.Bytes()
}

// place is where a repository keeps what git knows of it.
type place struct {
	dir    string // .git, or what a .git file names
	common string // where objects and refs are; the same but for a linked worktree
}

// findPlace looks for the repository of a folder. What does not look like one
// is none.
func findPlace(dir string) (place, bool) {
	at := filepath.Join(dir, ".git")
	st, err := os.Lstat(at)
	if err != nil {
		return place{}, false
	}
	if st.Mode().IsRegular() && st.Size() < maxPath {
		b, err := os.ReadFile(at)
		to, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
		if err != nil || !ok {
			return place{}, false
		}
		if at = to; !filepath.IsAbs(at) {
			at = filepath.Join(dir, at)
		}
	}
	p := place{dir: at, common: at}
	if b, err := os.ReadFile(filepath.Join(at, "commondir")); err == nil && len(b) < maxPath {
		if p.common = strings.TrimSpace(string(b)); !filepath.IsAbs(p.common) {
			p.common = filepath.Join(at, p.common)
		}
	}
	if _, err := os.Lstat(filepath.Join(p.dir, "HEAD")); err != nil {
		return place{}, false
	}
	if st, err := os.Stat(filepath.Join(p.common, "objects")); err != nil || !st.IsDir() {
		return place{}, false
	}
	return p, true
}

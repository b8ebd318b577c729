package pack

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

const nonblock = syscall.O_NONBLOCK

// ask learns from git what it ignores in the repository whose folder is at.
func (w *walker) ask(at string) error {
	out, err := w.git(at, nil, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
	if err != nil {
		return err
	}
	// git names a folder both when it is ignored and when all in it is. The
	// second kind stays, and so does a broken repository in it.
	var folders bytes.Buffer
	for name := range bytes.SplitSeq(out, []byte{0}) {
		dir, isDir := bytes.CutSuffix(name, []byte("/"))
		if len(name) > 0 {
			w.ignored[path.Join(at, string(dir))] = true
		}
		if isDir {
			folders.Write(dir)
			folders.WriteString("/\x00")
			w.hollow[path.Join(at, string(dir))] = true
		}
	}
	if folders.Len() == 0 {
		return nil
	}
	out, err = w.git(at, &folders, "check-ignore", "-z", "--stdin")
	if err != nil && len(out) > 0 { // it fails when none is
		return err
	}
	for name := range bytes.SplitSeq(out, []byte{0}) {
		delete(w.hollow, path.Join(at, string(bytes.TrimSuffix(name, []byte("/")))))
	}
	return nil
}

// git runs git on the repository whose folder is at. The repository is named,
// so that a broken one is not taken for a part of the one around it; nothing
// that it configures is run.
func (w *walker) git(at string, in io.Reader, args ...string) ([]byte, error) {
	dir := filepath.Join(w.tree.Dir, filepath.FromSlash(at))
	cmd := exec.CommandContext(w.ctx, "git", append([]string{"--git-dir=" + filepath.Join(dir, ".git"), "--work-tree=" + dir,
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false", "-c", "core.bare=false"}, args...)...)
	cmd.Dir, cmd.Stdin = dir, in
	cmd.Env = []string{"GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	var out, fail bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fail
	err := cmd.Run()
	if err != nil {
		said, _, _ := strings.Cut(strings.TrimSpace(fail.String()), "\n")
		err = fmt.Errorf("%w: %.200s", err, said)
	}
	return out.Bytes(), err
}

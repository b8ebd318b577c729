package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"volundr/store"
)

func (s *Sources) mirror(r Remote) string { return filepath.Join(s.Dir, r.place()+".git") }

// refresh brings the mirror to what the remote has now, and makes it first when
// there is none. The caller holds the lock.
func (s *Sources) refresh(ctx context.Context, r Remote) error {
	dir := s.mirror(r)
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); errors.Is(err, fs.ErrNotExist) {
		if _, err := s.run(ctx, r, "init", "--quiet", "--bare", "--template=", "--", dir); err != nil {
			return err
		}
	}
	if err := s.used(r); err != nil {
		return err
	}
	// A lock file of a git that was killed with us would stay for ever.
	for _, left := range []string{"packed-refs.lock", "HEAD.lock", "config.lock", "shallow.lock"} {
		if err := os.Remove(filepath.Join(dir, left)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	args := append([]string{"--git-dir=" + dir, "fetch", "--quiet", "--prune", "--force", "--no-write-fetch-head", "--no-recurse-submodules",
		"--update-shallow", "--no-auto-maintenance"}, r.fetchPack()...)
	if _, err := s.run(ctx, r, append(args, "--", r.URL, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")...); err != nil {
		return err
	}
	listed, err := s.list(ctx, r, "HEAD")
	if err != nil || listed.head == "" {
		return err
	}
	_, err = s.run(ctx, r, "--git-dir="+dir, "symbolic-ref", "HEAD", listed.head)
	return err
}

// fetchPack keeps the configuration of a local repository, which a session may
// have written, from running anything of its own.
func (r Remote) fetchPack() []string {
	if r.Local == "" {
		return nil
	}
	return []string{"--upload-pack=git -c core.hooksPath=" + os.DevNull + " -c core.fsmonitor=false upload-pack"}
}

// refs is an answer of ls-remote.
type refs struct {
	head string            // what HEAD names; empty: nothing
	oid  map[string]string // by ref
}

// list asks the remote for some refs.
func (s *Sources) list(ctx context.Context, r Remote, names ...string) (refs, error) {
	args := append([]string{"ls-remote", "--symref"}, r.fetchPack()...)
	out, err := s.run(ctx, r, append(append(args, "--", r.URL), names...)...)
	if err != nil {
		return refs{}, err
	}
	l := refs{oid: map[string]string{}}
	for line := range strings.Lines(out) {
		left, ref, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if target, sym := strings.CutPrefix(left, "ref: "); ok && sym && ref == "HEAD" {
			l.head = target
		} else if ok && !sym {
			l.oid[ref] = left
		}
	}
	return l, nil
}

// Check says, before a session is made, whether its repository can be used: it
// answers, and has the branch, or the base to make it from. An empty branch is
// the repository's own choice. The error is a *CheckError.
func (s *Sources) Check(ctx context.Context, p store.Principal, repo, branch, base string) error {
	for field, name := range map[string]string{"branch": branch, "base_branch": base} {
		if name != "" && !ValidBranch(name) {
			return &CheckError{field, fmt.Sprintf("%q is not a name that git takes for a branch.", name)}
		}
	}
	names := []string{"HEAD"}
	for _, name := range []string{branch, base} {
		if name != "" {
			names = append(names, "refs/heads/"+name)
		}
	}
	l, _, err := s.askAs(ctx, p, repo, names...)
	switch {
	case err != nil:
		return err
	case branch == "" || l.oid["refs/heads/"+branch] != "":
		return nil
	case base == "" && len(l.oid) == 0: // an empty repository: its first branch
		return nil
	case base == "":
		return &CheckError{"branch", fmt.Sprintf("The repository %s has no branch %s; name a base branch to create it from.", repo, branch)}
	case l.oid["refs/heads/"+base] == "":
		return &CheckError{"base_branch", fmt.Sprintf("The repository %s has neither the branch %s nor the base branch %s.", repo, branch, base)}
	}
	return nil
}

// askAs asks a repository, as p uses it, for some refs. The error is a
// *CheckError.
func (s *Sources) askAs(ctx context.Context, p store.Principal, repo string, names ...string) (refs, Remote, error) {
	r, err := s.parse(ctx, p, repo)
	if err != nil {
		return refs{}, r, err
	}
	l, err := s.ask(ctx, r, names...)
	return l, r, err
}

// ask does so within 30 s.
func (s *Sources) ask(ctx context.Context, r Remote, names ...string) (refs, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("it did not answer within 30 s"))
	defer cancel()
	l, err := s.list(ctx, r, names...)
	var said *gitError
	switch {
	case errors.As(err, &said):
		return l, &CheckError{"repo", said.Error()}
	case err != nil:
		return l, &CheckError{"repo", fmt.Sprintf("The repository %s could not be asked: %s.", r.Repo, err)}
	}
	return l, nil
}

// Identity is the name and the address that the user's git commits with; empty
// where git knows none.
func (s *Sources) Identity(ctx context.Context) (name, email string) {
	get := func(key string) string {
		out, err := s.run(ctx, Remote{}, "config", "--get", key)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(out)
	}
	return get("user.name"), get("user.email")
}

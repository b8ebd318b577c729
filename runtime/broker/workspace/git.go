package workspace

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"volundr/runtime/broker/wire"
)

// git fills a fresh tree from the remote.
type git struct {
	at     Places
	source wire.Source
}

// each is the workspace's repositories one by one.
func (g git) each() []git {
	first := g
	first.source.Additional = nil
	all := []git{first}
	for _, c := range g.source.Additional {
		all = append(all, git{g.at, wire.Source{Folder: c.Folder, Remote: c.Remote, URL: c.URL, Branch: c.Branch, Base: c.Base}})
	}
	return all
}

func (g git) outside() string { return g.at.Outside + g.source.Remote }

// run runs git and returns its output; the error holds what git said last.
func (g git) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	var out, fail bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fail
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("git %s: %s", args[0], said(fail.String(), err))
	}
	return strings.TrimSpace(out.String()), err
}

// said is the last thing that git complained about.
func said(stderr string, err error) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	for _, prefix := range []string{"fatal: ", "error: ", "remote: "} {
		for i := len(lines) - 1; i >= 0; i-- {
			if s, ok := strings.CutPrefix(strings.TrimSpace(lines[i]), prefix); ok && s != "" {
				return strings.TrimSuffix(s, ".")
			}
		}
	}
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return err.Error()
}

// configure sets what must hold at every start, fresh workspace or not.
func (g git) configure(ctx context.Context) error {
	set := func(key, value string) error {
		if value == "" {
			return nil
		}
		if old, err := g.run(ctx, g.at.Home, "config", "--global", "--get", key); err == nil && old != "" {
			return nil // of the session's own
		}
		_, err := g.run(ctx, g.at.Home, "config", "--global", key, value)
		return err
	}
	err := set("user.name", g.source.UserName)
	if err == nil {
		err = set("user.email", g.source.UserEmail)
	}
	if err == nil && g.source.Remote != "" { // a session's own branch is new: plain `git push` makes it
		err = set("push.autoSetupRemote", "true")
	}
	had := map[string]bool{}
	for _, one := range g.each() {
		s, how := one.source, "--replace-all"
		if err != nil || s.Remote == "" || s.URL == "" || had[s.Remote+" "+s.URL] {
			continue
		}
		if had[s.Remote] { // one repository, by another way to write its address
			how = "--add"
		}
		had[s.Remote], had[s.Remote+" "+s.URL] = true, true
		_, err = g.run(ctx, g.at.Home, "config", "--global", how, "url."+one.outside()+".insteadOf", s.URL)
	}
	if err != nil {
		return fmt.Errorf("The git configuration of the session cannot be written (%w). Check the disk and the owner of the home volume.", err)
	}
	return nil
}

// fill makes the tree in dir, all of its repositories or nothing.
func (g git) fill(ctx context.Context, dir string, say func(string)) error {
	for _, one := range g.each() {
		if err := one.check(ctx, filepath.Join(dir, one.source.Folder), say); err != nil {
			return err
		}
	}
	return nil
}

// check checks one repository out in dir.
func (g git) check(ctx context.Context, dir string, say func(string)) error {
	if g.source.Archive {
		say("Copying the folder")
		if err := g.unpack(ctx, dir); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
			return nil // a plain folder
		}
	} else {
		say("Cloning " + g.name())
		if _, err := g.run(ctx, g.at.Home, "clone", "--no-checkout", "--origin", "origin", "--", g.outside(), dir); err != nil {
			return fmt.Errorf("%s could not be cloned (%w). Check the address and your access to it.", g.name(), err)
		}
	}
	if err := g.origin(ctx, dir); err != nil {
		return err
	}
	return g.branch(ctx, dir, say)
}

// origins makes the real addresses those of the remotes, in a tree that another
// session left: of the repositories that it still has.
func (g git) origins(ctx context.Context, dir string) error {
	for _, one := range g.each() {
		in := filepath.Join(dir, one.source.Folder)
		if _, err := os.Stat(filepath.Join(in, ".git")); err != nil {
			continue
		}
		if err := one.origin(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// origin makes the real address the remote's, for people and for a push from
// elsewhere.
func (g git) origin(ctx context.Context, dir string) error {
	if g.source.URL == "" {
		return nil
	}
	verb := "set-url"
	if now, err := g.run(ctx, dir, "config", "--local", "--get", "remote.origin.url"); err != nil {
		verb = "add"
	} else if now == g.source.URL {
		return nil
	}
	if _, err := g.run(ctx, dir, "remote", verb, "origin", g.source.URL); err != nil {
		return fmt.Errorf("The remote of the workspace could not be set (%w).", err)
	}
	return nil
}

func (g git) name() string {
	if g.source.URL != "" && g.source.Folder != "" {
		return g.source.URL + " (in " + g.source.Folder + ")"
	}
	if g.source.URL != "" {
		return g.source.URL
	}
	return "the repository"
}

// branch checks the wanted branch out and creates it from base when the remote
// has none of that name.
func (g git) branch(ctx context.Context, dir string, say func(string)) error {
	has := func(ref string) bool {
		_, err := g.run(ctx, dir, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
		return err == nil
	}
	do := func(args ...string) error {
		if _, err := g.run(ctx, dir, args...); err != nil {
			return fmt.Errorf("The branch could not be checked out (%w).", err)
		}
		return nil
	}
	want, base := g.source.Branch, g.source.Base
	current, _ := g.run(ctx, dir, "symbolic-ref", "--short", "HEAD")
	empty := !has("HEAD") && !g.anyRemote(ctx, dir)
	if !g.source.Archive || (want != "" && want != current) {
		say("Checking out " + g.name())
	}
	switch {
	case g.source.Archive && (want == "" || want == current):
		return nil // with the work that was not committed
	case empty && want == "":
		return nil
	case empty:
		return do("symbolic-ref", "HEAD", "refs/heads/"+want)
	case want == "":
		return do("checkout", "--quiet")
	case has("refs/heads/"+want) && g.source.Archive:
		return do("checkout", "--quiet", want)
	case has("refs/remotes/origin/" + want):
		return do("checkout", "--quiet", "-B", want, "--track", "origin/"+want)
	case base == "":
		return fmt.Errorf("There is no branch %q in %s. Name one that exists, or a base branch to create it from.", want, g.name())
	case has("refs/remotes/origin/" + base):
		return do("checkout", "--quiet", "--no-track", "-b", want, "origin/"+base)
	case g.source.Archive && has("refs/heads/"+base):
		return do("checkout", "--quiet", "-b", want, base)
	default:
		return fmt.Errorf("There is neither a branch %q nor a base branch %q in %s. Name a base branch that exists.", want, base, g.name())
	}
}

func (g git) anyRemote(ctx context.Context, dir string) bool {
	out, err := g.run(ctx, dir, "for-each-ref", "--count=1", "refs/remotes", "refs/heads")
	return err == nil && out != ""
}

package watch

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"volundr/runtime/broker/wire"
)

// maxDescribed is how many commits of one moment are looked into; of those
// beyond, the reflog's words are told.
const maxDescribed = 100

// events makes events of movements, with what the commits hold.
func (p place) events(ctx context.Context, g git, repo string, moves []movement) []wire.Git {
	var all []wire.Git
	var fresh []string // branches that were pushed for the first time, from the end
	branch := p.branch()
	// Which branch was worked on is known backwards from the one that is now.
	for i := len(moves) - 1; i >= 0; i-- {
		e, ok := moves[i].event()
		if e.Action == "branch" && e.From == "HEAD" {
			e.From = origin(moves, i, branch)
		}
		if moves[i].log == "HEAD" {
			switch {
			case e.Action == "checkout" && e.Branch == "":
				e.Branch = branch
			case e.Action == "checkout":
				if branch = e.From; objectName(branch) {
					branch = "" // HEAD stood on a commit
				}
			case e.Branch == "":
				e.Branch = branch
			}
		}
		if e.Action == "push" && ok && len(all) < maxDescribed {
			if strings.Trim(moves[i].old, "0") == "" {
				fresh = append(fresh, e.Remote+"/"+e.Branch)
			}
			e.Commits = pushed(ctx, g, moves[i], e.Remote, fresh)
		}
		if ok {
			e.Repo = repo
			all = append(all, e)
		}
	}
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	for i := range all {
		if i < maxDescribed && all[i].Action != "checkout" && all[i].Action != "branch" {
			describe(ctx, g, &all[i])
		}
		for _, s := range []*string{&all[i].Subject, &all[i].Author, &all[i].Branch, &all[i].From, &all[i].Remote} {
			*s = clip(*s, maxText)
		}
	}
	return all
}

// origin is what the branch of a movement was made from at HEAD, which stood on
// that branch, or on none: its name if it is certain, else the commit.
func origin(moves []movement, i int, branch string) string {
	at, short := "", moves[i].new[:7]
	for j := i + 1; j < len(moves) && at == ""; j++ {
		if moves[j].log == "HEAD" {
			at = moves[j].old
		}
	}
	for j := i - 1; j >= 0 && at == ""; j-- {
		if moves[j].log == "HEAD" {
			at = moves[j].new
		}
	}
	if branch == "" || at != "" && at != moves[i].new {
		return short // the order of what happens within a second is not known
	}
	return branch
}

// pushed counts the commits that a push gave a remote. Of a branch that it did
// not have they are those that none of its others held; fresh are the branches
// that it did not have before, this push's the last.
func pushed(ctx context.Context, g git, m movement, remote string, fresh []string) *int {
	args := []string{"rev-list", "--count", "--max-count=100000", m.new}
	if strings.Trim(m.old, "0") != "" {
		args = append(args, "^"+m.old)
	} else {
		args = append(args, "--not")
		for _, branch := range fresh {
			args = append(args, "--exclude="+branch)
		}
		args = append(args, "--remotes="+remote)
	}
	out, err := g.run(ctx, nil, args...)
	n, bad := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || bad != nil {
		return nil
	}
	return &n
}

// branch is what HEAD stands on; empty: on a commit.
func (p place) branch() string {
	b, err := os.ReadFile(filepath.Join(p.dir, "HEAD"))
	if err != nil || len(b) > maxPath {
		return ""
	}
	ref, _ := strings.CutPrefix(strings.TrimSpace(string(b)), "ref: ")
	name, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return ""
	}
	return name
}

// describe adds subject, author and, for a commit, its files.
func describe(ctx context.Context, g git, e *wire.Git) {
	out, err := g.run(ctx, nil, "log", "-1", "--no-show-signature", "--no-notes", "--no-mailmap", "--format=%an%x00%s", "-s", e.Hash)
	if err != nil {
		return
	}
	author, subject, ok := strings.Cut(strings.TrimRight(string(out), "\n"), "\x00")
	if !ok {
		return
	}
	e.Author, e.Subject = author, subject
	if e.Action != "commit" {
		return
	}
	out, err = g.run(ctx, nil, "diff-tree", "--root", "--no-commit-id", "-r", "-z", "--raw", "--numstat", "-M", "-l400",
		"--no-ext-diff", "--no-textconv", "--ignore-submodules=all", e.Hash)
	if err != nil {
		return
	}
	changes, err := parseDiff(out)
	if err != nil {
		return
	}
	for _, c := range changes {
		e.Ins, e.Del = e.Ins+c.Ins, e.Del+c.Del
		if len(e.Files) < maxNames {
			e.Files = append(e.Files, clip(c.Path, maxPath))
		}
	}
}

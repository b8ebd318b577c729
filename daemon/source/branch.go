package source

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"volundr/store"
)

// standardPrefix is that of a session's branch where nothing else is set.
const standardPrefix = "volundr/session"

// MaxProtected bounds the patterns of a launch request.
const MaxProtected = 50

var pattern = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9._/*-]{0,254}$`)

// ValidPattern reports whether p may name branches that are protected: a name,
// in which * stands for any text.
func ValidPattern(p string) bool { return pattern.MatchString(p) }

// protected are the patterns of the configuration and of a launch request, in
// lower case: a folder's file system may not tell the cases apart.
func (s *Sources) protected(o origin) (all []string) {
	for _, p := range slices.Concat(s.Protected, o.Protected[:min(len(o.Protected), MaxProtected)]) {
		if ValidPattern(p) {
			all = append(all, strings.ToLower(p))
		}
	}
	return all
}

// protects reports whether a session may not push to a branch of its remote.
func (s *Sources) protects(o origin, branch string) bool {
	return slices.ContainsFunc(s.protected(o), func(p string) bool { return matches(p, strings.ToLower(branch)) })
}

// matches is the shell's case, as the hook uses it: * passes slashes too.
func matches(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	for i := len(first); i <= len(name); i++ {
		if matches(rest, name[i:]) {
			return true
		}
	}
	return false
}

// OwnBranch gives the branch that a session called name gets of its own, and
// the one it is made from: base, or the remote's default. One of that name that
// the remote has already is somebody's work, and the next free one is taken.
// So is one of those that are taken, by another checkout of the session.
// Nothing is given for a repository without commits, whose first branch is the
// user's to name, or when sessions get none. The error is a *CheckError.
func (s *Sources) OwnBranch(ctx context.Context, p store.Principal, repo, name, base string, taken ...string) (branch, from string, err error) {
	if s.BranchPrefix == "" {
		return "", "", nil
	}
	own := path.Join(s.BranchPrefix, name)
	l, r, err := s.askAs(ctx, p, repo, "HEAD", "refs/heads/"+own+"*", "refs/heads/"+base)
	if err != nil {
		return "", "", err
	}
	switch {
	case base != "" && !ValidBranch(base):
		return "", "", &CheckError{"base_branch", fmt.Sprintf("%q is not a name that git takes for a branch.", base)}
	case base != "" && l.oid["refs/heads/"+base] == "":
		return "", "", &CheckError{"base_branch", fmt.Sprintf("The repository %s has no branch %s.", r.Repo, base)}
	case base == "":
		if base = strings.TrimPrefix(l.head, "refs/heads/"); l.oid["HEAD"] == "" || base == "" || base == l.head {
			return "", "", nil
		}
	}
	branch = own
	for n := 2; l.oid["refs/heads/"+branch] != "" || slices.Contains(taken, branch); n++ {
		branch = fmt.Sprintf("%s-%d", own, n)
	}
	return branch, base, nil
}

// ownOf is the branch that a session called name would have of its own.
func (s *Sources) ownOf(name string) string {
	return path.Join(cmp.Or(s.BranchPrefix, standardPrefix), name)
}

// ownIn is the branch that a session has of its own in a checkout: what OwnBranch
// gave it, which may have a number, for without that it is somebody else's.
func (s *Sources) ownIn(row store.Session, c Checkout) string {
	if s.Owned(row.Name, c.Branch, c.Base) {
		return c.Branch
	}
	return s.ownOf(row.Name)
}

// Owned reports whether a branch, with the one it was made from, is what OwnBranch
// gave a session called name, which may have had another name then.
func (s *Sources) Owned(name, branch, base string) bool {
	if rest, ok := strings.CutPrefix(branch, s.ownOf(name)); ok && (rest == "" || numbered.MatchString(rest)) {
		return true
	}
	return base != "" && strings.HasPrefix(branch, s.ownOf("")+"/")
}

var numbered = regexp.MustCompile(`^-[0-9]+$`)

// Work is what a session may push, and where to.
type Work struct {
	Repo string // its remote, as the launch request names it
	Own  string // the branch that the session has of its own, or would have
	// Branch and Base that the launch request names; empty: none.
	Branch, Base string
	// Folder of the workspace that it lies in; empty: it is the workspace itself.
	Folder string

	s *Sources
	r Remote
	o origin
}

// Work gives that of a session in one of its Checkouts' folders, "" being the
// first or only one; store.ErrNotFound when there is no remote for that.
func (s *Sources) Work(ctx context.Context, session, folder string) (Work, error) {
	o, err := s.origin(ctx, session)
	if err != nil {
		return Work{}, err
	}
	c, err := o.at(folder)
	if err != nil {
		return Work{}, err
	}
	r, err := s.remote(ctx, o, c)
	if err != nil {
		return Work{}, err
	}
	return Work{Repo: r.Repo, Own: s.ownIn(o.row, c), Branch: c.Branch, Base: c.Base, Folder: c.Folder, s: s, r: r, o: o}, nil
}

// Protects reports whether the session may not push to a branch.
func (w Work) Protects(branch string) bool { return w.s.protects(w.o, branch) }

// At asks the remote which commit a branch is at; empty: it has no such branch.
// The error is a *CheckError.
func (w Work) At(ctx context.Context, branch string) (commit string, err error) {
	l, err := w.s.ask(ctx, w.r, "refs/heads/"+branch)
	return l.oid["refs/heads/"+branch], err
}

// Branches gives the names of a repository's branches, the default one first.
// The error is a *CheckError.
func (s *Sources) Branches(ctx context.Context, p store.Principal, repo string) (names []string, err error) {
	l, _, err := s.askAs(ctx, p, repo, "HEAD", "refs/heads/*")
	if err != nil {
		return nil, err
	}
	names = []string{}
	for ref := range l.oid {
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok && ref != l.head {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if name, ok := strings.CutPrefix(l.head, "refs/heads/"); ok && l.oid[l.head] != "" {
		names = slices.Insert(names, 0, name)
	}
	return names, nil
}

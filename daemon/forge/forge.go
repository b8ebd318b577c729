// Package forge speaks to the hosts of repositories that take pull requests:
// GitHub and GitLab, by their REST APIs, with a token that never leaves the
// daemon. What a forge answers is shown to people and decides nothing here.
package forge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"volundr/store"
)

// PullRequest is a pull request of GitHub, or a merge request of GitLab.
type PullRequest struct {
	Number      int
	Title       string
	URL         string
	State       string // open, merged, closed
	Source      string // branch
	Target      string // branch
	Head        string // commit of the source branch
	Description string
	Mergeable   *bool // nil: the forge does not know yet
	Draft       bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Check is one thing that a forge runs on a commit.
type Check struct {
	Name   string
	Status string // Passing, Failing, Pending
	URL    string
}

// Statuses of checks, and of all of them together. Unknown: there are none.
const (
	Passing = "passed"
	Failing = "failed"
	Pending = "running"
	Unknown = "unknown"
)

// Together is the status of all checks.
func Together(checks []Check) string {
	all := Unknown
	for _, c := range checks {
		switch {
		case c.Status == Failing:
			return Failing
		case c.Status == Pending || all == Unknown:
			all = c.Status
		}
	}
	return all
}

// Proposal is a pull request to be made.
type Proposal struct {
	Title  string
	Body   string // markdown
	Source string // branch, pushed already
	Target string // branch; empty: the repository's default
}

// api is one repository at its forge.
type api interface {
	create(ctx context.Context, n Proposal) (PullRequest, error)
	get(ctx context.Context, number int) (PullRequest, error)
	// list gives those of a state ("open", "closed", "merged", "all"), the newest
	// first; of one source branch unless that is empty.
	list(ctx context.Context, state, source string) ([]PullRequest, error)
	checks(ctx context.Context, commit string) ([]Check, error)
	merge(ctx context.Context, number int, method string) error
	standard(ctx context.Context) (branch string, err error)
}

// Kinds of errors.
var (
	// ErrNoForge: the repository lies at no forge that is known.
	ErrNoForge = errors.New("no forge")
	// ErrNoToken: there is no token for the forge.
	ErrNoToken = errors.New("no token")
	// ErrRefused: the forge said no to the token or its rights.
	ErrRefused = errors.New("the forge refused")
	// ErrNotFound: there is no such pull request.
	ErrNotFound = errors.New("no such pull request")
	// ErrExists: the branch has one already.
	ErrExists = errors.New("there is one already")
	// ErrUnavailable: the forge did not answer, or not as it should.
	ErrUnavailable = errors.New("the forge did not answer")
	// ErrConflict: what is asked for cannot be done now.
	ErrConflict = errors.New("not now")
)

// sentence is an error that people read as it is, and programs by its kind.
type sentence struct {
	text string
	kind error
}

func (e *sentence) Error() string { return e.text }
func (e *sentence) Unwrap() error { return e.kind }

func said(kind error, format string, args ...any) error {
	return &sentence{fmt.Sprintf(format, args...), kind}
}

// limit bounds one question, answered in parts or not.
const limit = 20 * time.Second

// Repository is one repository at its forge, asked in somebody's name.
type Repository struct {
	Place
	api api
}

// Open gives a repository by its address, to be asked with p's token.
func (f *Forges) Open(ctx context.Context, p store.Principal, repo string) (*Repository, error) {
	at, err := f.Of(repo)
	if err != nil {
		return nil, err
	}
	token, err := f.token(ctx, p, at)
	if err != nil {
		return nil, err
	}
	r := &Repository{Place: at}
	c := caller{at: at, token: token, http: f.http}
	if at.Kind == GitLab {
		r.api = gitLab{c}
	} else {
		r.api = gitHub{c}
	}
	return r, nil
}

// Create makes a pull request. Where the branch has an open one the error is
// ErrExists, and that one is given.
func (r *Repository) Create(ctx context.Context, n Proposal) (PullRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if open, err := r.api.list(ctx, "open", n.Source); err != nil {
		return PullRequest{}, err
	} else if len(open) > 0 {
		return open[0], said(ErrExists, "The branch %s has a pull request already: %s", n.Source, open[0].URL)
	}
	if n.Target == "" {
		var err error
		if n.Target, err = r.api.standard(ctx); err != nil {
			return PullRequest{}, err
		}
	}
	if n.Target == n.Source {
		return PullRequest{}, said(ErrConflict, "A pull request leads from one branch to another, and both are %s here: push to a branch of the session first.", n.Source)
	}
	return r.api.create(ctx, n)
}

// Get gives one by its number.
func (r *Repository) Get(ctx context.Context, number int) (PullRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.api.get(ctx, number)
}

// List gives those of a state: open, closed, merged, all.
func (r *Repository) List(ctx context.Context, state string) ([]PullRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.api.list(ctx, state, "")
}

// OfBranch gives the newest of a branch, an open one before all others, with
// what the list leaves out; ErrNotFound.
func (r *Repository) OfBranch(ctx context.Context, branch string) (PullRequest, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all, err := r.api.list(ctx, "all", branch)
	if err != nil {
		return PullRequest{}, err
	}
	if len(all) == 0 {
		return PullRequest{}, said(ErrNotFound, "The branch %s has no pull request.", branch)
	}
	best := all[0]
	for _, pr := range all {
		if pr.State == "open" {
			best = pr
			break
		}
	}
	return r.api.get(ctx, best.Number)
}

// Checks gives what runs on a commit.
func (r *Repository) Checks(ctx context.Context, commit string) ([]Check, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.api.checks(ctx, commit)
}

// Merge merges one: "squash", "merge", "rebase".
func (r *Repository) Merge(ctx context.Context, number int, method string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.api.merge(ctx, number, method)
}

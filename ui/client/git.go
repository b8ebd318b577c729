package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Standing is GET /sessions/{id}/branch: where a session's work stands.
type Standing struct {
	Folder    string `json:"repo"`      // the repository's, in the workspace; empty: the workspace itself
	Branch    string `json:"branch"`    // that is checked out; empty: none
	Commit    string `json:"commit"`    // empty: there is none yet
	Title     string `json:"title"`     // first line of the last commit
	Pushed    string `json:"pushed"`    // commit of the remote's branch, as far as the session knows; empty: it has none
	Ahead     int    `json:"ahead"`     // commits that the remote's branch lacks
	Protected bool   `json:"protected"` // the branch is not pushed to from sessions
	Own       string `json:"own"`       // the branch that the session would have of its own
	Repo      string `json:"repo_url"`  // the remote; empty: there is none
	Forge     string `json:"forge"`     // github, gitlab; empty: it takes no pull requests that we know of
}

// Branches gives the names of a repository's branches, the default one first.
func (c *Client) Branches(ctx context.Context, repo string) ([]string, error) {
	return one[[]string](c, ctx, http.MethodGet, "/repos/branches?repo_url="+url.QueryEscape(repo), nil)
}

// Push is the body of POST /sessions/{id}/push.
type Push struct {
	Branch string `json:"branch,omitempty"` // empty: that which is checked out
}

// Pushed is its answer.
type Pushed struct {
	Folder  string `json:"repo"` // the repository's, in the workspace; empty: the workspace itself
	Branch  string `json:"branch"`
	Commit  string `json:"commit"`
	Commits int    `json:"commits"` // that were new to the remote
	Repo    string `json:"repo_url"`
	Detail  string `json:"detail"` // a sentence
}

// Statuses of checks, of one and of all together.
const (
	ChecksPassed  = "passed"
	ChecksFailed  = "failed"
	ChecksRunning = "running"
	ChecksUnknown = "unknown" // there are none
)

// PullRequest is the contract's.
type PullRequest struct {
	Number       int        `json:"number"`
	Title        string     `json:"title"`
	URL          string     `json:"url"`
	RepoURL      string     `json:"repo_url"`
	Provider     string     `json:"provider"` // github, gitlab
	SourceBranch string     `json:"source_branch"`
	TargetBranch string     `json:"target_branch"`
	Status       string     `json:"status"` // open, merged, closed
	Description  *string    `json:"description"`
	CIStatus     *string    `json:"ci_status"` // Checks…
	ReviewStatus *string    `json:"review_status"`
	CreatedAt    *time.Time `json:"created_at"`
	UpdatedAt    *time.Time `json:"updated_at"`
}

// PullRequestCreate is the body of POST /repos/prs. What is left out comes from
// the session and its chronicle.
type PullRequestCreate struct {
	SessionID    string `json:"session_id"`
	Title        string `json:"title,omitempty"`
	TargetBranch string `json:"target_branch,omitempty"`
	Body         string `json:"body,omitempty"`          // ours
	SourceBranch string `json:"source_branch,omitempty"` // ours
	Repo         string `json:"repo,omitempty"`          // ours: folder of the repository, where there are several; empty: the first
}

// SessionPR is GET /sessions/{id}/pr, null where there is none.
type SessionPR struct {
	Number    int     `json:"number"`
	URL       string  `json:"url"`
	State     string  `json:"state"` // open, merged, closed
	Mergeable *bool   `json:"mergeable"`
	Checks    []Check `json:"checks"`

	Title    string `json:"title"`     // ours
	Source   string `json:"source"`    // ours
	Target   string `json:"target"`    // ours
	CIStatus string `json:"ci_status"` // ours: of all checks
}

// Check is one thing that runs on a pull request's commit.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // Checks…
	URL    string `json:"url"`    // ours
}

// Pitch is GET /sessions/{id}/pr/text: what a pull request would say.
type Pitch struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

// Standing gives where a session's work stands; repo is a folder below the
// workspace, or empty.
func (c *Client) Standing(ctx context.Context, id, repo string) (Standing, error) {
	return one[Standing](c, ctx, http.MethodGet, "/sessions/"+id+"/branch?"+url.Values{"repo": {repo}}.Encode(), nil)
}

// Push pushes what a session has committed.
func (c *Client) Push(ctx context.Context, id, repo, branch string) (Pushed, error) {
	return one[Pushed](c, ctx, http.MethodPost, "/sessions/"+id+"/push?"+url.Values{"repo": {repo}}.Encode(), Push{Branch: branch})
}

// SessionPR gives the pull request of a session's branch; nil: it has none.
func (c *Client) SessionPR(ctx context.Context, id, repo string) (*SessionPR, error) {
	return one[*SessionPR](c, ctx, http.MethodGet, "/sessions/"+id+"/pr?"+url.Values{"repo": {repo}}.Encode(), nil)
}

// Pitch gives what a pull request of a session would say.
func (c *Client) Pitch(ctx context.Context, id, repo string) (Pitch, error) {
	return one[Pitch](c, ctx, http.MethodGet, "/sessions/"+id+"/pr/text?"+url.Values{"repo": {repo}}.Encode(), nil)
}

// OpenPR opens a pull request.
func (c *Client) OpenPR(ctx context.Context, in PullRequestCreate) (PullRequest, error) {
	return one[PullRequest](c, ctx, http.MethodPost, "/repos/prs", in)
}

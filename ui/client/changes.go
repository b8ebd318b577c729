package client

import (
	"context"
	"net/http"
	"net/url"
)

// Bases of a comparison.
const (
	BaseSession       = "session"        // the commit at which the session began
	BaseLastCommit    = "last-commit"    // HEAD
	BaseDefaultBranch = "default-branch" // where the work left the remote's default branch
)

// Changes is GET /sessions/{id}/changes: what differs in the workspace.
type Changes struct {
	Repo    string        `json:"repo"`    // folder in the workspace; empty: the workspace itself
	Branch  string        `json:"branch"`  // empty: none is checked out
	Base    string        `json:"base"`    // Base…
	Against string        `json:"against"` // the base for people
	Commit  string        `json:"commit"`  // that is compared with; empty: there is none, all is new
	Files   []ChangedFile `json:"files"`
	More    int           `json:"more,omitempty"`  // files beyond those listed
	Repos   []string      `json:"repos,omitempty"` // instead of files: the repositories below
	Note    string        `json:"note,omitempty"`  // instead of files: why there are none
}

// Repository is one of GET /sessions/{id}/repositories. The figures are those of
// a session that runs.
type Repository struct {
	Folder  string `json:"repo"`          // in the workspace; empty: the workspace itself
	URL     string `json:"repo_url"`      // its remote; empty: it was made in the session, and is not pushed by us
	Branch  string `json:"branch"`        // that is checked out, or that the session is to have
	Base    string `json:"base_branch"`   // that the session's branch is made from; empty: none, or not known
	Files   int    `json:"changed_files"` // that differ from the base
	Ahead   int    `json:"ahead"`         // commits that the remote's branch lacks
	Counted bool   `json:"figures_known"` // false: the session does not run, or did not say
}

// ChangedFile is one file of Changes.
type ChangedFile struct {
	Path      string `json:"path"`
	From      string `json:"from,omitempty"` // renamed: its path before
	Status    string `json:"status"`         // added, modified, deleted, renamed
	Ins       int    `json:"additions"`
	Del       int    `json:"deletions"`
	Binary    bool   `json:"binary,omitempty"`
	Staged    bool   `json:"staged"`
	Unstaged  bool   `json:"unstaged"`
	Untracked bool   `json:"untracked,omitempty"`
}

// FileDiff is GET /chronicles/{session_id}/diff: the contract's shape.
type FileDiff struct {
	FilePath string     `json:"filePath"`
	Hunks    []DiffHunk `json:"hunks"`
	From     string     `json:"from,omitempty"`
	Status   string     `json:"status,omitempty"`
	Note     string     `json:"note,omitempty"` // why there are no hunks
	Text     string     `json:"-"`              // as git wrote it
}

// DiffHunk is a stretch of changed lines.
type DiffHunk struct {
	OldStart int        `json:"oldStart"`
	OldCount int        `json:"oldCount"`
	NewStart int        `json:"newStart"`
	NewCount int        `json:"newCount"`
	Section  string     `json:"section,omitempty"`
	Lines    []DiffLine `json:"lines"`
}

// DiffLine is one line of a hunk.
type DiffLine struct {
	Type    string `json:"type"` // add, remove, context
	Content string `json:"content"`
	OldLine int    `json:"oldLine,omitempty"`
	NewLine int    `json:"newLine,omitempty"`
}

// Comment is what a person says about a line of a change, until it is sent.
type Comment struct {
	ID   string `json:"id"`
	Repo string `json:"repo"`
	Path string `json:"path"`
	Side string `json:"side"` // old, new
	Line int    `json:"line"`
	Text string `json:"text"` // of the line when it was commented
	Body string `json:"body"`
}

// Unified is GET /sessions/{id}/diff.
type Unified struct {
	Path string `json:"path"`
	Diff string `json:"diff"` // unified text
}

// Changes gives what changed in a session's workspace since base.
func (c *Client) Changes(ctx context.Context, id, base, repo string) (Changes, error) {
	q := url.Values{"base": {base}, "repo": {repo}}
	return one[Changes](c, ctx, http.MethodGet, "/sessions/"+id+"/changes?"+q.Encode(), nil)
}

// Repositories gives those of a session, in the order in which it names them, and
// then those that were made in it.
func (c *Client) Repositories(ctx context.Context, id, base string) ([]Repository, error) {
	return one[[]Repository](c, ctx, http.MethodGet, "/sessions/"+id+"/repositories?"+url.Values{"base": {base}}.Encode(), nil)
}

// Commit commits what is staged in a repository of a session, or with all
// everything that changed in it.
func (c *Client) Commit(ctx context.Context, id, repo, message string, all bool) (CommitName, error) {
	return one[CommitName](c, ctx, http.MethodPost, "/sessions/"+id+"/changes/commit?"+url.Values{"repo": {repo}}.Encode(),
		map[string]any{"message": message, "all": all})
}

// CommitName is a commit by its names.
type CommitName struct {
	Hash      string `json:"hash"`
	ShortHash string `json:"short_hash"`
	Message   string `json:"message"` // its first line
}

// Diff gives the unified diff of one file of Changes.
func (c *Client) Diff(ctx context.Context, id, base, repo string, f ChangedFile) (Unified, error) {
	q := url.Values{"base": {base}, "repo": {repo}, "path": {f.Path}, "from": {f.From}}
	return one[Unified](c, ctx, http.MethodGet, "/sessions/"+id+"/diff?"+q.Encode(), nil)
}

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

// Diff gives the unified diff of one file of Changes.
func (c *Client) Diff(ctx context.Context, id, base, repo string, f ChangedFile) (Unified, error) {
	q := url.Values{"base": {base}, "repo": {repo}, "path": {f.Path}, "from": {f.From}}
	return one[Unified](c, ctx, http.MethodGet, "/sessions/"+id+"/diff?"+q.Encode(), nil)
}

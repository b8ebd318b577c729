// Package changes shows what a session changed in its workspace, and does what
// a person decides about it: stage, commit, discard. Git runs inside the
// session, as the agent's user; what it answers is an agent's word and is
// checked before it is believed.
package changes

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"volundr/runtime/broker/wire"
)

// Errors that callers tell apart. Their texts are sentences for people.
var (
	ErrNoRepository = errors.New("This folder of the workspace is not a git repository, so there is nothing to compare with. Run `git init` in it, or choose another.")
	ErrNoBase       = errors.New("The default branch of the remote is not known here. Compare with the last commit, or fetch the remote in the session.")
	ErrPath         = errors.New("A path lies in the workspace, without a part that is \"..\".")
	ErrRefused      = errors.New("git refused")
	ErrSlow         = fmt.Errorf("%w: it took too long", ErrRefused)
)

// Base names what the workspace is compared with.
type Base string

const (
	Session       Base = "session"        // the commit at which the session began
	LastCommit    Base = "last-commit"    // HEAD
	DefaultBranch Base = "default-branch" // where the work left the remote's default branch
)

// Bases are all of them, in the order in which they are offered.
var Bases = []Base{Session, LastCommit, DefaultBranch}

// Place is a repository in a session's workspace and what it is compared with.
type Place struct {
	Session string // id
	Repo    string // folder in the workspace; empty: the workspace itself
	Base    Base
	Commit  string // of the base Session, where it is known
}

// File is one changed file.
type File struct {
	Path   string
	From   string // renamed: its path before
	Status string // added, modified, deleted, renamed
	Ins    int    // lines; 0 of a binary file
	Del    int
	Binary bool
	// Of the work that is not committed:
	Staged    bool // all or part of it stands in the index
	Unstaged  bool // all or part of it does not
	Untracked bool
}

// List is what changed, and since what.
type List struct {
	Branch  string // empty: no branch is checked out
	Head    string // commit; empty: there is none yet
	Base    string // commit that is compared with; empty: nothing, all is new
	Against string // the base for people: "main", "the last commit"
	Files   []File
	More    int // files beyond those listed
	Repos   []string
}

// Run runs a command in a session; link.Links.RunCommand is one.
type Run func(ctx context.Context, id string, cmd wire.Command) (wire.RunResult, error)

// Changes asks sessions through run.
type Changes struct{ run Run }

// New gives changes that are asked for through run.
func New(run Run) *Changes { return &Changes{run} }

// maxFiles bounds a list, and maxOutput what git may answer, in bytes.
const (
	maxFiles  = 3000
	maxOutput = 8 << 20
	patience  = 20_000 // ms that git may take
)

// exit codes of the scripts.
const (
	noFolder     = 3
	noRepository = 4
	noBase       = 5
)

// preamble goes to the repository $1. A repository above the workspace or a
// link out of it is none of ours.
const preamble = `cd -- "/workspace/$1" 2>/dev/null || exit 3
top=$(git rev-parse --show-toplevel 2>/dev/null) && [ "$top" = "$(pwd -P)" ] || exit 4
export GIT_OPTIONAL_LOCKS=0 LC_ALL=C
set -- "$2" "$3" "$4" "$5"
`

// hardened keeps a repository's configuration from running programs when all
// that is wanted is to look.
var hardened = []string{"GIT_CONFIG_COUNT=2",
	"GIT_CONFIG_KEY_0=core.fsmonitor", "GIT_CONFIG_VALUE_0=false",
	"GIT_CONFIG_KEY_1=diff.external", "GIT_CONFIG_VALUE_1=",
	"GIT_TERMINAL_PROMPT=0"}

// script runs a shell script in the repository of p.
func (c *Changes) script(ctx context.Context, p Place, body string, stdin []byte, args ...string) (wire.RunResult, error) {
	return c.scriptWith(ctx, p, nil, patience, body, stdin, args...)
}

// scriptWith does so with more variables, and for so many milliseconds at most.
func (c *Changes) scriptWith(ctx context.Context, p Place, env []string, ms int, body string, stdin []byte, args ...string) (wire.RunResult, error) {
	if p.Repo != "" && !clean(p.Repo) {
		return wire.RunResult{}, ErrPath
	}
	argv := append([]string{"sh", "-c", preamble + body, "sh", p.Repo}, args...)
	res, err := c.run(ctx, p.Session, wire.Command{Argv: argv, Env: append(hardened[:len(hardened):len(hardened)], env...), Stdin: stdin, TimeoutMS: ms, Limit: maxOutput})
	switch {
	case err != nil:
		return res, err
	case res.TimedOut:
		return res, fmt.Errorf("%w, more than %d s. Try again when the session is less busy.", ErrSlow, ms/1000)
	case res.Exit == noFolder, res.Exit == noRepository:
		return res, ErrNoRepository
	case res.Exit == noBase:
		return res, ErrNoBase
	case res.Exit != 0:
		return res, fmt.Errorf("%w: %s", ErrRefused, said(res.Stderr))
	}
	return res, nil
}

// said is the last that git complained about, as one line.
func said(stderr []byte) string {
	lines := strings.Split(strings.TrimSpace(string(stderr)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		for _, p := range []string{"fatal: ", "error: "} {
			if s, ok := strings.CutPrefix(lines[i], p); ok {
				return bounded(s)
			}
		}
	}
	return bounded(lines[len(lines)-1])
}

func bounded(s string) string { return strings.ToValidUTF8(s[:min(len(s), 500)], "�") }

// clean reports whether a path stays in the folder that it is meant in.
func clean(p string) bool {
	return p != "" && !strings.HasPrefix(p, "/") && !strings.ContainsRune(p, 0) && path.Clean(p) == p && p != ".." && !strings.HasPrefix(p, "../") && len(p) < 4096
}

func cleanAll(paths []string) error {
	if len(paths) == 0 {
		return ErrPath
	}
	for _, p := range paths {
		if !clean(p) || p == "." {
			return ErrPath
		}
	}
	return nil
}

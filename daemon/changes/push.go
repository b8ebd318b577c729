package changes

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"volundr/runtime/broker/wire"
)

// Errors of a push that callers tell apart.
var (
	ErrNoCommit  = errors.New("There is no commit to push yet. Commit something first.")
	ErrNoBranch  = errors.New("No branch is checked out, so it is not clear where to push to. Name a branch.")
	ErrProtected = errors.New("the branch is protected")
	ErrBehind    = errors.New("the remote has commits that are not here")
	ErrLogin     = errors.New("the remote did not let the daemon's git in")
)

// Standing is where the work of a repository stands.
type Standing struct {
	Branch string // empty: none is checked out
	Head   string // commit; empty: there is none yet
	Pushed string // commit of the remote's branch, as far as is known here; empty: it has none
	Ahead  int    // commits that the remote's branch lacks
	Title  string // first line of the last commit
}

// told is an error that people read as it is, and programs by its kind.
type told struct {
	text string
	kind error
}

func (e *told) Error() string { return e.text }
func (e *told) Unwrap() error { return e.kind }

func tell(kind error, format string, args ...any) error {
	return &told{fmt.Sprintf(format, args...), kind}
}

var branchName = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?*\[\\-][^\x00-\x20\x7f~^:?*\[\\]{0,254}$`)

// ahead counts the commits a of HEAD, which is h on the branch b, that the
// remote's branch u lacks.
const ahead = `b=$(git symbolic-ref -q --short HEAD)
h=$(git rev-parse -q --verify HEAD)
u=$(git rev-parse -q --verify "refs/remotes/origin/$b")
if [ -z "$h" ]; then a=0; elif [ -n "$u" ]; then a=$(git rev-list --count "$u..HEAD"); else a=$(git rev-list --count HEAD --not --remotes=origin); fi
`

// Standing asks where the work stands.
func (c *Changes) Standing(ctx context.Context, p Place) (s Standing, err error) {
	const body = ahead + `printf '%s\n%s\n%s\n%s\n' "$b" "$h" "$u" "$a"
[ -z "$h" ] || git log -1 --format=%s
`
	res, err := c.script(ctx, p, body, nil)
	if err != nil {
		return s, err
	}
	lines := strings.SplitN(string(res.Stdout)+"\n\n\n\n\n", "\n", 6)
	s = Standing{Branch: lines[0], Head: lines[1], Pushed: lines[2], Title: bounded(strings.TrimSpace(lines[4]))}
	s.Ahead, err = strconv.Atoi(lines[3])
	for _, hash := range []string{s.Head, s.Pushed} {
		if err != nil || s.Ahead < 0 || hash != "" && !commit.MatchString(hash) || s.Branch != "" && !branchName.MatchString(s.Branch) {
			return Standing{}, errOdd
		}
	}
	return s, nil
}

// pushing is how long a push may take, in milliseconds.
const pushing = 180_000

// Push has the session's git push what is committed to a branch of its remote;
// empty: that which is checked out. The way there is the daemon's, which looks
// at every push; whether it arrived is asked of the remote, not of the session.
func (c *Changes) Push(ctx context.Context, p Place, branch string) (Standing, error) {
	s, err := c.Standing(ctx, p)
	if err != nil {
		return s, err
	}
	if branch == "" {
		branch = s.Branch
	}
	switch {
	case s.Head == "":
		return s, ErrNoCommit
	case branch == "":
		return s, ErrNoBranch
	case !branchName.MatchString(branch):
		return s, tell(ErrRefused, "%q is not a name that git takes for a branch.", branch)
	}
	s.Branch = branch
	res, err := c.scriptWith(ctx, p, nil, pushing, `git push --porcelain -u origin "HEAD:refs/heads/$1"`, nil, branch)
	if errors.Is(err, ErrRefused) && !res.TimedOut {
		return s, notPushed(branch, res)
	}
	return s, err
}

// notPushed says why a push did not go through, in a sentence.
func notPushed(branch string, res wire.RunResult) error {
	var words []string
	for line := range strings.Lines(string(res.Stderr)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "remote: "); ok && strings.TrimSpace(text) != "" {
			words = append(words, strings.TrimSpace(text))
		}
	}
	all := strings.ToLower(string(res.Stdout) + string(res.Stderr))
	has := func(texts ...string) bool {
		for _, t := range texts {
			if strings.Contains(all, t) {
				return true
			}
		}
		return false
	}
	switch {
	case has("is protected: push to"):
		return tell(ErrProtected, "The branch %s is protected, and sessions do not push to it. Push to a branch of the session, and open a pull request.", branch)
	case has("non-fast-forward", "fetch first", "stale info"):
		return tell(ErrBehind, "The branch %s of the remote has commits that this session lacks. Ask the agent to run `git pull --rebase origin %s`, or do it in the terminal, then push again.", branch, branch)
	case has("protected branch hook declined", "gh006", "not allowed to push"):
		return tell(ErrProtected, "The remote protects the branch %s (%s). Push to a branch of the session, and open a pull request.", branch, last(words))
	case has("authentication failed", "could not read username", "could not read password", "permission denied", "needs a login", "error: 403", "error: 401", "permission to "):
		return tell(ErrLogin, "The remote did not let the daemon's git push (%s). Log in with git on the daemon's machine so that `git push` works there, or store a token that may write with `volundr credentials set`.", last(words))
	case has("'origin' does not appear", "no such remote"):
		return tell(ErrRefused, "The repository has no remote called origin to push to.")
	case len(words) > 0:
		return tell(ErrRefused, "The remote did not take the push: %s", bounded(strings.Join(words[max(0, len(words)-5):], " ")))
	}
	return tell(ErrRefused, "The push failed: %s.", strings.TrimSuffix(said(res.Stderr), "."))
}

func last(words []string) string {
	for i := len(words) - 1; i >= 0; i-- {
		if !strings.HasPrefix(words[i], "error: failed to push") && !strings.HasPrefix(words[i], "hint:") {
			return strings.TrimSuffix(bounded(words[i]), ".")
		}
	}
	return "it gave no reason"
}

package changes

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// literal has git read paths from its input, as they are.
const literal = ` --pathspec-from-file=- --pathspec-file-nul`

// Stage puts files into the index as they lie.
func (c *Changes) Stage(ctx context.Context, p Place, paths []string) error {
	return c.onPaths(ctx, p, `GIT_LITERAL_PATHSPECS=1 git add -A`+literal, paths)
}

// Unstage takes files out of the index; they stay as they lie.
func (c *Changes) Unstage(ctx context.Context, p Place, paths []string) error {
	return c.onPaths(ctx, p, `GIT_LITERAL_PATHSPECS=1 git reset -q`+literal, paths)
}

// Discard puts a file back as it was at the last commit, which for a new one is
// not at all. from is its path before a rename, or empty. What it held is kept
// as an object of the repository until git collects it: kept names it.
func (c *Changes) Discard(ctx context.Context, p Place, path, from string) (kept string, err error) {
	if from == "" {
		from = path
	}
	if err := cleanAll([]string{path, from}); err != nil {
		return "", err
	}
	const body = `export GIT_LITERAL_PATHSPECS=1
if [ -f "./$1" ] && [ ! -L "./$1" ]; then git hash-object -w --no-filters "./$1" || exit 1; fi
for f in "$1" "$2"; do
  if git rev-parse -q --verify "HEAD:$f" >/dev/null; then git checkout -q HEAD -- "$f" || exit 1
  else git rm -q -r -f --cached --ignore-unmatch -- "$f" && rm -f -- "./$f" || exit 1; fi
done
`
	res, err := c.script(ctx, p, body, nil, path, from)
	if err != nil {
		return "", err
	}
	if kept = strings.TrimSpace(string(res.Stdout)); kept != "" && !commit.MatchString(kept) {
		return "", errOdd
	}
	return kept, nil
}

// ErrMessage: a commit without words.
var ErrMessage = errors.New("A commit needs a message.")

// Author is who a commit is by; empty: whoever the session's git says.
type Author struct{ Name, Email string }

// env names the author above all that a repository's configuration says.
func (a Author) env() (out []string) {
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		if a.Name != "" {
			out = append(out, "GIT_"+who+"_NAME="+a.Name)
		}
		if a.Email != "" {
			out = append(out, "GIT_"+who+"_EMAIL="+a.Email)
		}
	}
	return out
}

// Commit commits what is staged, or with all everything that changed, and gives
// the commit's hash. It is by who asks for it, whatever the session says.
func (c *Changes) Commit(ctx context.Context, p Place, by Author, message string, all bool) (hash string, err error) {
	if strings.TrimSpace(message) == "" {
		return "", ErrMessage
	}
	body := `git commit -q --cleanup=strip -F - 1>&2 || { git diff --cached --quiet && echo 'error: nothing is staged' >&2; exit 1; }
git rev-parse HEAD
`
	if all {
		body = "git add -A || exit 1\n" + body
	}
	res, err := c.scriptWith(ctx, p, by.env(), patience, body, []byte(message))
	if errors.Is(err, ErrRefused) && strings.Contains(string(res.Stderr), "tell me who you are") {
		return "", tell(ErrRefused, "git does not know whose commit this would be. Tell it where the daemon runs, by `git config --global user.name` and `git config --global user.email`, then commit again; or for this session alone, by the same in its terminal.")
	}
	if err != nil {
		return "", err
	}
	if hash = strings.TrimSpace(string(res.Stdout)); !commit.MatchString(hash) {
		return "", errOdd
	}
	return hash, nil
}

// Commits gives the commits since a time or all (the contract's `since`), the
// newest first, a hundred at most.
func (c *Changes) Commits(ctx context.Context, p Place, since string) (list []Commit, err error) {
	const body = `git rev-parse -q --verify HEAD >/dev/null || exit 0
git log -z -n 100 --format='%H %s' ${1:+"--since=$1"} HEAD --
`
	res, err := c.script(ctx, p, body, nil, since)
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(strings.TrimRight(string(res.Stdout), "\x00\n"), "\x00") {
		hash, subject, _ := strings.Cut(line, " ")
		if line == "" {
			continue
		}
		if !commit.MatchString(hash) {
			return nil, errOdd
		}
		list = append(list, Commit{hash, bounded(subject)})
	}
	return list, nil
}

// Commit is a commit's hash and first line.
type Commit struct{ Hash, Subject string }

func (c *Changes) onPaths(ctx context.Context, p Place, body string, paths []string) error {
	if err := cleanAll(paths); err != nil {
		return err
	}
	_, err := c.script(ctx, p, body, []byte(strings.Join(paths, "\x00")))
	if err != nil {
		return fmt.Errorf("%s: %w", paths[0], err)
	}
	return nil
}

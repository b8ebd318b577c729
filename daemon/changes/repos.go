package changes

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"volundr/runtime/broker/wire"
)

// Repo is a repository of a workspace, and how much of it changed.
type Repo struct {
	Folder string
	Branch string // empty: none is checked out
	Files  int    // that differ from the base
	Ahead  int    // commits that its remote lacks
	// Counted: the figures are known.
	Counted bool
}

// maxCounted is how many repositories are looked into; the others are named.
const maxCounted = 20

// survey prints, for each repository of which folder and commit are given after
// the base $1, its place in the list and the figures. What keeps one from being
// counted is told when that one is looked at.
const survey = `export GIT_OPTIONAL_LOCKS=0 LC_ALL=C
kind=$1 n=0
shift
while [ $# -gt 0 ]; do
(cd -- "/workspace/$1" 2>/dev/null || exit 3
top=$(git rev-parse --show-toplevel 2>/dev/null) && [ "$top" = "$(pwd -P)" ] || exit 4
set -- "$kind" "$2"
` + resolve + index + `f=$(GIT_INDEX_FILE=$i/index git diff --name-only -z -M --no-ext-diff "$tree" -- | tr -cd '\000' | wc -c)
` + ahead + `printf '%s\0%s\0%s\0%s\0' "$n" "$((f))" "$a" "$b")
n=$((n+1))
shift 2
done
exit 0
`

// Repos looks into the repositories of a session's workspace: those in the
// folders that are asked for, in this order, and then those that it finds. began
// gives the commits at which the session began, as far as they are known. The
// remote is not asked for anything.
func (c *Changes) Repos(ctx context.Context, session string, base Base, folders []string, began map[string]string) ([]Repo, error) {
	all := slices.Clone(folders)
	for _, f := range c.nested(ctx, session) {
		if !slices.Contains(folders, f) {
			all = append(all, f)
		}
	}
	repos := make([]Repo, len(all))
	args := []string{}
	for i, f := range all {
		repos[i].Folder = f
		if i < maxCounted {
			args = append(args, f, commitOr(began[f]))
		}
	}
	argv := append([]string{"sh", "-c", strings.Replace(survey, askRemote, ":", 1), "sh", cmp.Or(string(base), string(LastCommit))}, args...)
	res, err := c.run(ctx, session, wire.Command{Argv: argv, Env: hardened, TimeoutMS: patience, Limit: maxOutput})
	if err != nil {
		return nil, err
	}
	fields := strings.Split(string(res.Stdout), "\x00")
	for ; len(fields) > 4; fields = fields[4:] { // an empty one follows the last
		i, err := strconv.Atoi(fields[0])
		if err != nil || i < 0 || i >= len(repos) {
			return nil, errOdd
		}
		files, bad := strconv.Atoi(fields[1])
		n, odd := strconv.Atoi(fields[2])
		if bad != nil || odd != nil || files < 0 || n < 0 {
			return nil, errOdd
		}
		repos[i].Branch, repos[i].Files, repos[i].Ahead, repos[i].Counted = bounded(fields[3]), files, n, true
	}
	return repos, nil
}

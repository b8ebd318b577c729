package changes

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"volundr/runtime/broker/wire"
)

// resolve finds what base $1 stands for, with the commit $2 for the session's
// own. Where that is not known its history here begins what came from elsewhere,
// and what was begun in the session began with nothing. Without a commit there,
// the empty tree is compared with.
const resolve = `head=$(git rev-parse -q --verify 'HEAD^{commit}')
empty=$(git hash-object -t tree /dev/null)
base= against=
case $1 in
last-commit) base=$head against='the last commit' ;;
session) against='the start of the session'
  base=$(git rev-parse -q --verify "$2^{commit}") || {
    base=$(git reflog show --format='%H %gs' HEAD 2>/dev/null | tail -n 1)
    case $base in *' commit (initial): '*) base= ;; esac
    base=${base%% *}
  } ;;
default-branch)
  d=$(git symbolic-ref -q --short refs/remotes/origin/HEAD)
  if [ -z "$d" ]; then ` + askRemote + `; d=$(git symbolic-ref -q --short refs/remotes/origin/HEAD); fi
  if [ -z "$d" ]; then for b in main master; do git rev-parse -q --verify "refs/heads/$b" >/dev/null && d=$b && break; done; fi
  [ -n "$d" ] && base=$(git merge-base "$d" HEAD 2>/dev/null) || exit 5
  against=$d ;;
esac
tree=${base:-$empty}
`

// askRemote learns the remote's default branch from it, which may take a while.
const askRemote = `timeout 8 git remote set-head origin --auto >/dev/null 2>&1`

// index lets git see untracked files without touching the repository: a copy of
// its index in which they are announced. What git stores for that goes elsewhere
// too: the workspace's disk may be full. The copy is as old as what it is of: git
// looks twice at files that are younger than its index.
const index = `i=$(mktemp -d) && trap 'rm -rf "$i"' EXIT || exit 1
cp -p "$(git rev-parse --git-path index)" "$i/index" 2>/dev/null
GIT_INDEX_FILE=$i/index GIT_OBJECT_DIRECTORY=$i GIT_ALTERNATE_OBJECT_DIRECTORIES=$(git rev-parse --git-path objects) git add -A -N . 2>/dev/null
`

const list = resolve + index + `printf '%s\0' "$(git symbolic-ref -q --short HEAD)" "$head" "$base" "$against"
GIT_INDEX_FILE=$i/index git diff --raw --numstat -z -M --no-ext-diff --no-textconv --abbrev=40 "$tree" -- || exit 1
printf '\0==\0'
git status --porcelain=v2 -z --untracked-files=all
`

// List gives what changed in p. ErrNoRepository comes with Repos, the
// repositories that the workspace holds instead.
func (c *Changes) List(ctx context.Context, p Place) (List, error) {
	res, err := c.script(ctx, p, list, nil, string(p.Base), commitOr(p.Commit))
	if errors.Is(err, ErrNoRepository) && p.Repo == "" {
		return List{Repos: c.nested(ctx, p.Session)}, err
	}
	if err != nil {
		return List{}, err
	}
	return readList(string(res.Stdout), res.Truncated)
}

const nested = `cd /workspace && find . -mindepth 2 -maxdepth 4 \( -name node_modules -o -name .venv \) -prune -o -name .git -printf '%h\0' | head -c 65536`

// nested names the repositories below the workspace; none when it does not say.
func (c *Changes) nested(ctx context.Context, id string) (repos []string) {
	res, err := c.run(ctx, id, wire.Command{Argv: []string{"sh", "-c", nested}, TimeoutMS: patience, Limit: 128 << 10})
	if err != nil || res.Exit != 0 {
		return nil
	}
	for r := range strings.SplitSeq(string(res.Stdout), "\x00") {
		if r = strings.TrimPrefix(r, "./"); clean(r) && len(repos) < 100 {
			repos = append(repos, r)
		}
	}
	slices.Sort(repos)
	return repos
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// commitOr gives a commit's hash, or a name that no commit has.
func commitOr(hash string) string {
	if commit.MatchString(hash) {
		return hash
	}
	return "none"
}

var errOdd = errors.New("The session's git answered in a way that is not understood. Look at the repository in the terminal.")

// readList reads what the script of List printed.
func readList(out string, cut bool) (l List, err error) {
	head, states, found := strings.Cut(out, "\x00==\x00")
	fields := strings.SplitN(head, "\x00", 5)
	if len(fields) < 4 || !found && !cut {
		return l, errOdd
	}
	l = List{Branch: bounded(fields[0]), Head: fields[1], Base: fields[2], Against: bounded(fields[3])}
	for _, h := range []string{l.Head, l.Base} {
		if h != "" && !commit.MatchString(h) {
			return List{}, errOdd
		}
	}
	if len(fields) == 5 {
		if l.Files, err = readDiff(strings.Split(strings.TrimSuffix(fields[4], "\x00"), "\x00"), cut); err != nil {
			return List{}, err
		}
	}
	marks := readStates(strings.Split(states, "\x00"))
	for i := range l.Files {
		f := &l.Files[i]
		m := marks[f.Path]
		f.Staged, f.Unstaged, f.Untracked = m.Staged, m.Unstaged, m.Untracked
	}
	if l.More = len(l.Files) - maxFiles; l.More > 0 {
		l.Files = l.Files[:maxFiles]
	}
	l.More = max(l.More, 0)
	return l, nil
}

var statuses = map[byte]string{'A': "added", 'M': "modified", 'T': "modified", 'D': "deleted", 'R': "renamed", 'C': "added"}

// readDiff reads `git diff --raw --numstat -z`: first a raw record per file,
// then its numbers.
func readDiff(parts []string, cut bool) (files []File, err error) {
	at := map[string]int{}
	take := func() (s string, ok bool) {
		if len(parts) == 0 {
			return "", false
		}
		s, parts = parts[0], parts[1:]
		return s, true
	}
	for len(parts) > 0 {
		s, _ := take()
		switch {
		case s == "":
		case s[0] == ':':
			f := strings.Fields(s)
			if len(f) != 5 || statuses[f[4][0]] == "" {
				return nil, errOdd
			}
			file := File{Status: statuses[f[4][0]]}
			if f[4][0] == 'R' || f[4][0] == 'C' {
				file.From, _ = take()
			}
			var ok bool
			if file.Path, ok = take(); !ok {
				return files, oddUnless(cut)
			}
			if !clean(file.Path) || file.From != "" && !clean(file.From) {
				return nil, errOdd
			}
			if f[4][0] == 'C' {
				file.From = ""
			}
			at[file.Path] = len(files)
			files = append(files, file)
		default:
			n := strings.SplitN(s, "\t", 3)
			if len(n) != 3 {
				return files, oddUnless(cut)
			}
			name, ok := n[2], true
			if name == "" { // a rename: both names follow
				take()
				name, ok = take()
			}
			i, known := at[name]
			if !ok || !known {
				return files, oddUnless(cut)
			}
			f := &files[i]
			f.Binary = n[0] == "-"
			f.Ins, _ = strconv.Atoi(n[0]) // "-" of a binary file is 0
			f.Del, _ = strconv.Atoi(n[1])
		}
	}
	return files, nil
}

func oddUnless(cut bool) error {
	if cut {
		return nil
	}
	return errOdd
}

// readStates reads `git status --porcelain=v2 -z` as far as it goes.
func readStates(parts []string) map[string]File {
	marks := map[string]File{}
	for i := 0; i < len(parts); i++ {
		kind, rest, _ := strings.Cut(parts[i], " ")
		fields := map[string]int{"1": 8, "2": 9, "u": 10}[kind]
		switch {
		case kind == "?":
			marks[rest] = File{Untracked: true, Unstaged: true}
		case fields > 0:
			f := strings.SplitN(rest, " ", fields)
			if len(f) == fields && len(f[0]) == 2 {
				marks[f[fields-1]] = File{Staged: f[0][0] != '.' && kind != "u", Unstaged: f[0][1] != '.'}
			}
			if kind == "2" {
				i++ // the path before
			}
		}
	}
	return marks
}

package link

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"volundr/runtime/broker/wire"
)

var objectID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// goodFiles keeps the changes whose path lies in the workspace; those left out
// are counted.
func goodFiles(v *wire.Files) bool {
	kept := []wire.FileChange{}
	v.More = count(v.More)
	for _, c := range v.Changes {
		if !goodPath(&c.Path) || len(kept) == maxChanges {
			v.More++
			continue
		}
		if !goodPath(&c.From) {
			c.From = ""
		}
		oneOf(&c.Action, "modified", "created", "deleted", "renamed")
		c.Ins, c.Del = count(c.Ins), count(c.Del)
		kept = append(kept, c)
	}
	v.Changes, v.More = kept, count(v.More)
	return true
}

var gitActions = []string{"commit", "branch", "checkout", "merge", "rebase", "reset", "push"}

func goodGit(v *wire.Git) bool {
	if !slices.Contains(gitActions, v.Action) || (v.Hash != "" && !objectID.MatchString(v.Hash)) {
		return false
	}
	if !goodPath(&v.Repo) {
		v.Repo = ""
	}
	for _, s := range []*string{&v.Subject, &v.Author, &v.Branch, &v.From, &v.Remote} {
		*s = plain(*s, maxName)
	}
	var files []string
	for _, f := range first(v.Files) {
		if goodPath(&f) {
			files = append(files, f)
		}
	}
	v.Files, v.Ins, v.Del = files, count(v.Ins), count(v.Del)
	if v.Commits != nil {
		*v.Commits = count(*v.Commits)
	}
	return true
}

func goodCommand(v *wire.ShellCommand) bool {
	v.Command, v.Dir = cut(v.Command, maxCommand), plain(v.Dir, maxPath)
	v.Exit = max(-1, min(v.Exit, 255))
	v.StartedAt = max(0, min(v.StartedAt, maxTime))
	v.EndedAt = max(v.StartedAt, min(v.EndedAt, maxTime))
	oneOf(&v.Shell, "", "bash", "zsh")
	oneOf(&v.Where, "", "terminal", "editor", "agent")
	return v.Command != ""
}

func goodCheckpoint(v *wire.Checkpoint) bool {
	v.Took, v.Files, v.Error = max(0, min(v.Took, maxTime)), count(v.Files), cut(v.Error, maxNote)
	return goodID(v.Prompt) && (goodID(v.ID) || v.ID == "" && v.Error != "")
}

// goodPath reports whether a path leads to something within the workspace, and
// makes it fit to be shown.
func goodPath(path *string) bool {
	*path = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, *path)
	return fs.ValidPath(*path) && *path != "." && len(*path) <= maxPath
}

func count(n int) int { return max(0, min(n, maxLines)) }

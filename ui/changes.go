package ui

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"

	"volundr/ui/client"
)

// ChangesPane is what changed in a session's workspace, file by file.
type ChangesPane struct {
	Session  client.Session
	Changes  client.Changes
	Split    bool // both sides beside each other
	Comments []client.Comment
	Open     *FilePane // the file that the address names, shown at once
	// Repos are the session's repositories, where the workspace is none itself.
	Repos []client.Repository
	// Work is where the branch stands; nil: it is not known.
	Work *client.Standing
}

// FilePane is the change of one file.
type FilePane struct {
	Diff     client.FileDiff
	Repo     string
	Split    bool
	Comments []client.Comment // of this file
	Looks    bool             // who reads it comments on nothing
}

// Span is a piece of a line with its highlighting class.
type Span struct{ Class, Text string }

// ChangeRow is one line of the unified view, or a gap (Op '@').
type ChangeRow struct {
	Op       string // "+", "-", " ", "@"
	Old, New int
	Spans    []Span
	Text     string
	Comments []client.Comment
}

// SplitRow is one line of the view with both sides; a side may be missing.
type SplitRow struct {
	Gap         bool
	Text        string // of a gap
	Left, Right *ChangeRow
}

// highlighted bounds what is coloured: lines of a file, and bytes of a line.
const (
	highlightedLines = 8000
	highlightedLine  = 1000
)

// Rows are the lines of the file's change. Comments stand at their lines as far
// as those are still what was commented; Stale gives the others.
func (p FilePane) Rows() (rows []ChangeRow, stale []client.Comment) {
	lexer := lexerFor(p.Diff)
	left := append([]client.Comment(nil), p.Comments...)
	for _, h := range p.Diff.Hunks {
		if h.NewStart > 1 || h.OldStart > 1 {
			rows = append(rows, ChangeRow{Op: "@", Text: h.Section})
		}
		olds, news := colours(lexer, h)
		for _, l := range h.Lines {
			row := ChangeRow{Op: op(l.Type), Old: l.OldLine, New: l.NewLine, Text: l.Content, Spans: []Span{{"", l.Content}}}
			if s := news[l.NewLine]; l.NewLine > 0 && s != nil {
				row.Spans = s
			} else if s := olds[l.OldLine]; l.NewLine == 0 && s != nil {
				row.Spans = s
			}
			row.Comments, left = commented(left, l)
			rows = append(rows, row)
		}
	}
	return rows, left
}

// commented takes the comments on a line out of the list.
func commented(list []client.Comment, l client.DiffLine) (here, rest []client.Comment) {
	for _, c := range list {
		at := l.NewLine
		if c.Side == "old" {
			at = l.OldLine
		}
		if at == c.Line && at > 0 && c.Text == l.Content {
			here = append(here, c)
		} else {
			rest = append(rest, c)
		}
	}
	return here, rest
}

func op(kind string) string {
	switch kind {
	case "add":
		return "+"
	case "remove":
		return "-"
	}
	return " "
}

// SplitRows puts what was beside what is.
func SplitRows(rows []ChangeRow) (out []SplitRow) {
	for i := 0; i < len(rows); i++ {
		r := rows[i]
		switch r.Op {
		case "@":
			out = append(out, SplitRow{Gap: true, Text: r.Text})
		case " ":
			out = append(out, SplitRow{Left: &rows[i], Right: &rows[i]})
		default:
			j := i
			for j < len(rows) && rows[j].Op == "-" {
				j++
			}
			k := j
			for k < len(rows) && rows[k].Op == "+" {
				k++
			}
			for n := range max(j-i, k-j) {
				var row SplitRow
				if i+n < j {
					row.Left = &rows[i+n]
				}
				if j+n < k {
					row.Right = &rows[j+n]
				}
				out = append(out, row)
			}
			i = k - 1
		}
	}
	return out
}

func lexerFor(d client.FileDiff) chroma.Lexer {
	lines := 0
	for _, h := range d.Hunks {
		lines += len(h.Lines)
	}
	if lines > highlightedLines {
		return nil
	}
	return lexers.Match(path.Base(d.FilePath))
}

// colours highlights both sides of a hunk, by line number.
func colours(lexer chroma.Lexer, h client.DiffHunk) (olds, news map[int][]Span) {
	if lexer == nil {
		return nil, nil
	}
	var was, is []string
	for _, l := range h.Lines {
		if len(l.Content) > highlightedLine {
			return nil, nil
		}
		if l.OldLine > 0 {
			was = append(was, l.Content)
		}
		if l.NewLine > 0 {
			is = append(is, l.Content)
		}
	}
	return side(lexer, was, h.OldStart), side(lexer, is, h.NewStart)
}

func side(lexer chroma.Lexer, lines []string, first int) map[int][]Span {
	if len(lines) == 0 {
		return nil
	}
	tokens, err := chroma.Tokenise(chroma.Coalesce(lexer), nil, strings.Join(lines, "\n")+"\n")
	if err != nil {
		return nil
	}
	out := map[int][]Span{}
	for i, line := range chroma.SplitTokensIntoLines(tokens) {
		var spans []Span
		for _, t := range line {
			if text := strings.TrimSuffix(t.Value, "\n"); text != "" {
				spans = append(spans, Span{class(t.Type), text})
			}
		}
		if i < len(lines) && joined(spans) == lines[i] {
			out[first+i] = spans
		}
	}
	return out
}

// joined guards against a lexer that changes what it reads.
func joined(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

func class(t chroma.TokenType) string {
	for ; t != 0; t = t.Parent() {
		if c := chroma.StandardTypes[t]; c != "" {
			return c
		}
		if t == t.Parent() {
			break
		}
	}
	return ""
}

// key changes whenever a file's line in the list does.
func (p ChangesPane) key(f client.ChangedFile) string {
	return fmt.Sprintf("%s %d %d %t %t", f.Status, f.Ins, f.Del, f.Staged, f.Unstaged)
}

func (p ChangesPane) id(f client.ChangedFile) string {
	sum := sha256.Sum256([]byte(p.Changes.Repo + "\x00" + f.Path))
	return "change-" + hex.EncodeToString(sum[:8])
}

func (p ChangesPane) query(f client.ChangedFile) string {
	q := url.Values{"base": {p.Changes.Base}, "repo": {p.Changes.Repo}, "path": {f.Path}}
	if f.From != "" {
		q.Set("from", f.From)
	}
	if p.Split {
		q.Set("view", "split")
	}
	return "/sessions/" + p.Session.ID + "/changes/file?" + q.Encode()
}

// self is the pane's address with one thing changed.
func (p ChangesPane) self(name, value string) string {
	q := url.Values{}
	set := map[string]string{"base": p.Changes.Base, "repo": p.Changes.Repo, "view": ""}
	if p.Split {
		set["view"] = "split"
	}
	set[name] = value
	for k, v := range set {
		if v != "" {
			q.Set(k, v)
		}
	}
	return "/sessions/" + p.Session.ID + "/diffs?" + q.Encode()
}

func (p ChangesPane) totals() (ins, del, staged int) {
	for _, f := range p.Changes.Files {
		ins, del = ins+f.Ins, del+f.Del
		if f.Staged {
			staged++
		}
	}
	return ins, del, staged
}

// changed is how many files of a repository are told of in the switch; of the one
// that is shown it is what the list says.
func (p ChangesPane) changed(r client.Repository) int {
	if r.Folder == p.Changes.Repo && p.Changes.Note == "" {
		return len(p.Changes.Files) + p.Changes.More
	}
	return r.Files
}

// folderName is a folder of the workspace for people.
func folderName(folder string) string {
	if folder == "" {
		return "the workspace"
	}
	return folder
}

// repoTitle says where a repository comes from.
func repoTitle(r client.Repository) string {
	if r.URL == "" {
		return "Made in the session"
	}
	return "From " + r.URL
}

func (p ChangesPane) comments(f client.ChangedFile) (n int) {
	for _, c := range p.Comments {
		if c.Path == f.Path && c.Repo == p.Changes.Repo {
			n++
		}
	}
	return n
}

var baseNames = []struct{ ID, Name string }{
	{client.BaseSession, "Start of the session"}, {client.BaseLastCommit, "Last commit"}, {client.BaseDefaultBranch, "Default branch"},
}

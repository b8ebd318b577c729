package changes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// Diff is what changed in one file.
type Diff struct {
	File
	Hunks []Hunk
	Text  string // as git wrote it
	Note  string // why there are no hunks, for people
}

// Hunk is one stretch of changed lines with some around them.
type Hunk struct {
	OldStart, OldCount, NewStart, NewCount int
	Section                                string // the function or heading it lies in
	Lines                                  []Line
}

// Line is one line of a hunk, without its end. Old and New number it on either
// side, from 1; 0 where it is not.
type Line struct {
	Op       byte // '+', '-' or ' '
	Text     string
	Old, New int
}

const diff = resolve + index + `GIT_INDEX_FILE=$i/index git diff -M --no-ext-diff --no-textconv --no-color --src-prefix=a/ --dst-prefix=b/ "-U$5" "$tree" -- ":(top,literal)$3" ":(top,literal)$4"
`

// Diff compares one file, which was called from before where it is not empty,
// with context lines around each change.
func (c *Changes) Diff(ctx context.Context, p Place, path, from string, context int) (Diff, error) {
	if from == "" {
		from = path
	}
	if err := cleanAll([]string{path, from}); err != nil {
		return Diff{}, err
	}
	body := strings.Replace(diff, "$5", strconv.Itoa(context), 1)
	res, err := c.script(ctx, p, body, nil, string(p.Base), commitOr(p.Commit), path, from)
	if err != nil {
		return Diff{}, err
	}
	d := Diff{File: File{Path: path}, Text: strings.ToValidUTF8(string(res.Stdout), "�")}
	if res.Truncated {
		d.Note = fmt.Sprintf("The change is larger than %d MiB: look at it in the editor.", maxOutput>>20)
		return d, nil
	}
	return d, d.read(res.Stdout)
}

func (d *Diff) read(out []byte) error {
	files, _, err := gitdiff.Parse(bytes.NewReader(out))
	if err != nil {
		return errors.Join(errOdd, err)
	}
	if len(files) == 0 {
		d.Note = "Nothing is different any more."
		return nil
	}
	f := files[len(files)-1]
	switch {
	case f.IsNew:
		d.Status = "added"
	case f.IsDelete:
		d.Status = "deleted"
	case f.IsRename:
		d.Status, d.From = "renamed", f.OldName
	default:
		d.Status = "modified"
	}
	switch {
	case f.IsBinary:
		d.Binary, d.Note = true, "A binary file."
	case len(f.TextFragments) == 0 && f.OldMode != f.NewMode && f.NewMode != 0 && !f.IsNew:
		d.Note = fmt.Sprintf("Its mode changed from %o to %o.", f.OldMode.Perm(), f.NewMode.Perm())
	case len(f.TextFragments) == 0 && d.From != "":
		d.Note = "It was renamed and not changed."
	case len(f.TextFragments) == 0:
		d.Note = "An empty file."
	}
	for _, t := range f.TextFragments {
		h := Hunk{OldStart: int(t.OldPosition), OldCount: int(t.OldLines), NewStart: int(t.NewPosition), NewCount: int(t.NewLines), Section: bounded(t.Comment)}
		from, to := h.OldStart, h.NewStart
		for _, l := range t.Lines {
			line := Line{Op: ' ', Text: strings.ToValidUTF8(strings.TrimRight(l.Line, "\r\n"), "�")}
			if l.Op != gitdiff.OpAdd {
				line.Old = from
				from++
			}
			if l.Op != gitdiff.OpDelete {
				line.New = to
				to++
			}
			switch l.Op {
			case gitdiff.OpAdd:
				line.Op = '+'
				d.Ins++
			case gitdiff.OpDelete:
				line.Op = '-'
				d.Del++
			}
			h.Lines = append(h.Lines, line)
		}
		d.Hunks = append(d.Hunks, h)
	}
	return nil
}

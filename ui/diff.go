package ui

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"volundr/ui/client"
)

// maxDiff bounds the two sides of a diff, and diffLines what is shown of it.
const (
	maxDiff   = 512 << 10
	diffLines = 400
)

// Diff is a change of one file, ready to be shown.
type Diff struct {
	Path     string
	New      bool // the file did not exist
	Ins, Del int
	Rows     []DiffRow
	Omitted  int    // rows left out
	Note     string // instead of rows
}

// DiffRow is one line of a diff; Op is "+", "-", " " or "@" for a gap.
type DiffRow struct {
	Op   string
	No   int // line number, of the new file but for "-"
	Text string
}

// DiffOf compares the two sides of a tool's diff.
func DiffOf(c client.Content) Diff {
	d := Diff{Path: shortPath(c.Path), New: c.Old == ""}
	if len(c.Old)+len(c.New) > maxDiff {
		d.Note = "Too long to compare here: open the file in the editor."
		return d
	}
	u, err := udiff.ToUnifiedDiff("", "", c.Old, udiff.Lines(c.Old, c.New), udiff.DefaultContextLines)
	if err != nil {
		d.Note = "These two versions cannot be compared."
		return d
	}
	for i, h := range u.Hunks {
		if i > 0 {
			d.Rows = append(d.Rows, DiffRow{Op: "@"})
		}
		from, to := h.FromLine, h.ToLine
		for _, l := range h.Lines {
			row := DiffRow{Op: " ", No: to, Text: strings.TrimSuffix(l.Content, "\n")}
			switch l.Kind {
			case udiff.Insert:
				row.Op = "+"
				d.Ins++
				to++
			case udiff.Delete:
				row.Op, row.No = "-", from
				d.Del++
				from++
			default:
				from++
				to++
			}
			d.Rows = append(d.Rows, row)
		}
	}
	if d.Omitted = len(d.Rows) - diffLines; d.Omitted > 0 {
		d.Rows = d.Rows[:diffLines]
	} else {
		d.Omitted = 0
	}
	return d
}

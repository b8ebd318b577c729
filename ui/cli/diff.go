package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

// diff shows what a session changed, as a list or as git would.
func (a *app) diff() *cobra.Command {
	var base, repo string
	var stat, asJSON bool
	c := a.named("diff SESSION [FILE…]", "Show what a session changed", -1, func(c *cobra.Command, cl *client.Client, s client.Session, files []string) error {
		ch, err := cl.Changes(c.Context(), s.ID, base, repo)
		if err != nil {
			return err
		}
		if len(files) > 0 {
			ch.Files = slices.DeleteFunc(ch.Files, func(f client.ChangedFile) bool { return !slices.Contains(files, f.Path) })
		}
		switch {
		case asJSON:
			return printJSON(c, ch)
		case len(ch.Repos) > 0:
			return fmt.Errorf("%s\n  --repo %s", ch.Note, clean(strings.Join(ch.Repos, "\n  --repo ")))
		case ch.Note != "":
			return errors.New(ch.Note)
		case len(ch.Files) == 0:
			fmt.Fprintf(c.OutOrStdout(), "Nothing is different from %s.\n", ch.Against)
			return nil
		case stat:
			table(c, "CHANGE | + | - | FILE", rowsOf(ch.Files))
			return nil
		}
		colour := term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""
		for _, f := range ch.Files {
			u, err := cl.Diff(c.Context(), s.ID, base, repo, f)
			if err != nil {
				return err
			}
			fmt.Fprint(c.OutOrStdout(), painted(clean(u.Diff), colour))
		}
		return nil
	})
	c.Flags().StringVar(&base, "base", client.BaseSession, "compare with session (its start), last-commit or default-branch")
	c.Flags().StringVar(&repo, "repo", "", "repository below the workspace, when the workspace is none itself")
	c.Flags().BoolVar(&stat, "stat", false, "list the files only")
	jsonFlag(c, &asJSON)
	return c
}

func rowsOf(files []client.ChangedFile) (rows [][]string) {
	for _, f := range files {
		name := f.Path
		if f.From != "" {
			name = f.From + " → " + f.Path
		}
		rows = append(rows, []string{f.Status, fmt.Sprint(f.Ins), fmt.Sprint(f.Del), name})
	}
	return rows
}

// painted colours a unified diff as git does.
func painted(diff string, colour bool) string {
	if !colour {
		return diff
	}
	var b strings.Builder
	for line := range strings.Lines(diff) {
		text := strings.TrimSuffix(line, "\n")
		var style ansi.Style
		switch {
		case strings.HasPrefix(text, "diff "), strings.HasPrefix(text, "+++ "), strings.HasPrefix(text, "--- "):
			style = style.Bold()
		case strings.HasPrefix(text, "@@"):
			style = style.ForegroundColor(ansi.Cyan)
		case strings.HasPrefix(text, "+"):
			style = style.ForegroundColor(ansi.Green)
		case strings.HasPrefix(text, "-"):
			style = style.ForegroundColor(ansi.Red)
		}
		b.WriteString(style.Styled(text) + "\n")
	}
	return b.String()
}

package cli

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

// diff shows what a session changed, as a list or as git would; of one that has
// several repositories, each under its name.
func (a *app) diff() *cobra.Command {
	var base, repo string
	var stat, asJSON bool
	c := a.named("diff SESSION [FILE…]", "Show what a session changed", -1, func(c *cobra.Command, cl *client.Client, s client.Session, files []string) error {
		var several []client.Repository
		if repo == "" {
			var err error
			if several, err = folders(c.Context(), cl, s); err != nil {
				return err
			}
		}
		if len(several) == 0 {
			several = []client.Repository{{Folder: repo}}
		}
		all := []client.Changes{}
		for _, r := range several {
			ch, err := cl.Changes(c.Context(), s.ID, base, r.Folder)
			if no := (*client.Error)(nil); len(several) > 1 && s.Status == client.Running && errors.As(err, &no) {
				ch, err = client.Changes{Repo: r.Folder, Base: base, Files: []client.ChangedFile{}, Note: no.Error()}, nil // the others are shown
			}
			if err != nil {
				return err
			}
			if len(files) > 0 {
				ch.Files = slices.DeleteFunc(ch.Files, func(f client.ChangedFile) bool {
					return !slices.Contains(files, f.Path) && !slices.Contains(files, path.Join(r.Folder, f.Path))
				})
			}
			all = append(all, ch)
		}
		switch {
		case asJSON && (repo != "" || all[0].Repo == ""):
			return printJSON(c, all[0])
		case asJSON:
			return printJSON(c, all)
		case repo != "" || all[0].Repo == "":
			return differs(c, cl, s, all[0], stat)
		}
		failed := false
		for i, ch := range all {
			if i > 0 {
				fmt.Fprintln(c.OutOrStdout())
			}
			fmt.Fprintf(c.OutOrStdout(), "%s:\n", clean(ch.Repo))
			if err := differs(c, cl, s, ch, stat); err != nil {
				fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", clean(ch.Repo), clean(err.Error()))
				failed = true
			}
		}
		if failed {
			return exit(1)
		}
		return nil
	})
	c.Flags().StringVar(&base, "base", client.BaseSession, "compare with session (its start), last-commit or default-branch")
	a.repoFlag(c, &repo, "each of them")
	c.Flags().BoolVar(&stat, "stat", false, "list the files only")
	jsonFlag(c, &asJSON)
	return c
}

// differs prints what changed in one repository.
func differs(c *cobra.Command, cl *client.Client, s client.Session, ch client.Changes, stat bool) error {
	switch {
	case len(ch.Repos) > 0:
		return fmt.Errorf("%s\n  --repo %s", clean(ch.Note), clean(strings.Join(ch.Repos, "\n  --repo ")))
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
		u, err := cl.Diff(c.Context(), s.ID, ch.Base, ch.Repo, f)
		if err != nil {
			return err
		}
		fmt.Fprint(c.OutOrStdout(), painted(clean(u.Diff), colour))
	}
	return nil
}

// commit commits in a session, in the name of who runs it.
func (a *app) commit() *cobra.Command {
	var message, repo string
	var all, asJSON bool
	c := a.named("commit SESSION", "Commit what changed in a session, in your name", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		if repo == "" {
			several, err := folders(c.Context(), cl, s)
			if err != nil {
				return err
			}
			if len(several) > 1 {
				return which(s, several)
			}
		}
		done, err := cl.Commit(c.Context(), s.ID, repo, message, all)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, done)
		}
		fmt.Fprintf(c.OutOrStdout(), "Committed %s %s\n", clean(done.ShortHash), clean(done.Message))
		return nil
	})
	c.Flags().StringVarP(&message, "message", "m", "", "what the commit says")
	c.Flags().BoolVarP(&all, "all", "a", false, "everything that changed, new files too (default: what is staged)")
	a.repoFlag(c, &repo, "the only one")
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

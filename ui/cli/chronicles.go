package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) chronicles() *cobra.Command {
	c := &cobra.Command{Use: "chronicles", Aliases: []string{"chronicle"}, Short: "Read what sessions did, and go on from there"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listChronicles(), a.showChronicle(), a.searchChronicles(), a.exportChronicle(), a.reforge())
	return c
}

func (a *app) listChronicles() *cobra.Command {
	var asJSON bool
	var o client.ChronicleOptions
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List chronicles, newest first", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Chronicles(c.Context(), o)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(c, all)
			case len(all) == 0:
				fmt.Fprintln(c.OutOrStdout(), "No chronicles. Every run of a session leaves one.")
				return nil
			}
			var rows [][]string
			for _, t := range all {
				rows = append(rows, []string{t.Name, t.Project, fmt.Sprint(t.Run), t.Status, age(time.Since(t.StartedAt)), age(time.Duration(t.WallSeconds) * time.Second),
					fmt.Sprint(t.TokenUsage), brief(client.Deref(t.Summary), 60), t.ID[:min(8, len(t.ID))]})
			}
			table(c, "SESSION | PROJECT | RUN | STATUS | AGE | LASTED | TOKENS | SUMMARY | ID", rows)
			return nil
		}}
	narrowed(c, &o)
	jsonFlag(c, &asJSON)
	return c
}

// tale is a command on one chronicle: its id, the start of it, or a session,
// which stands for its last run.
func (a *app) tale(use, short string, run func(c *cobra.Command, cl *client.Client, t client.Chronicle) error) *cobra.Command {
	return &cobra.Command{Use: use + " CHRONICLE | SESSION", Short: short, Args: takes(1, 1), ValidArgsFunction: a.completeNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := chronicleOf(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			return run(c, cl, t)
		}}
}

func chronicleOf(ctx context.Context, cl *client.Client, what string) (client.Chronicle, error) {
	s, missing := find(ctx, cl, what)
	if missing == nil {
		return cl.SessionChronicle(ctx, s.ID)
	}
	if uuid.Validate(what) == nil {
		return cl.Chronicle(ctx, what)
	}
	all, err := cl.Chronicles(ctx, client.ChronicleOptions{Limit: 200})
	if err != nil {
		return client.Chronicle{}, err
	}
	var hits []client.Chronicle
	for _, t := range all {
		if len(what) >= 4 && strings.HasPrefix(t.ID, what) || t.Name == what {
			hits = append(hits, t)
		}
	}
	switch {
	case len(hits) == 0:
		return client.Chronicle{}, fmt.Errorf("no session or chronicle is called %q: `volundr chronicles list` shows them", what)
	case len(hits) > 1 && hits[0].SessionID != nil && hits[1].SessionID != nil && *hits[0].SessionID != *hits[1].SessionID:
		return client.Chronicle{}, fmt.Errorf("%d chronicles fit %q, give the id of one: `volundr chronicles list` shows them", len(hits), what)
	}
	return hits[0], nil
}

func (a *app) showChronicle() *cobra.Command {
	var asJSON, whole bool
	c := a.tale("show", "Tell what happened in a run", func(c *cobra.Command, cl *client.Client, t client.Chronicle) error {
		tl, err := cl.Timeline(c.Context(), t.ID)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, map[string]any{"chronicle": t, "timeline": tl})
		}
		tell(c.OutOrStdout(), t, tl, whole)
		return nil
	})
	c.Flags().BoolVar(&whole, "timeline", false, "with the whole timeline")
	jsonFlag(c, &asJSON)
	return c
}

// costs is what a run cost, as far as prices are known.
func costs(t client.Chronicle) string {
	known, unknown := fmt.Sprintf("$%.2f", client.Deref(t.Cost)), strings.Join(t.Unpriced(), ", ")
	switch {
	case unknown == "":
		return known
	case t.Cost == nil:
		return "not known: there is no price for " + unknown
	}
	return known + ", without " + unknown + ", whose price is not known"
}

// tell prints a chronicle for people.
func tell(out io.Writer, t client.Chronicle, tl client.Timeline, whole bool) {
	ended := ". " + t.Reason
	switch {
	case t.Status == "draft":
		ended = " so far."
	case !strings.HasSuffix(t.Reason, "."): // a word: stopped
		ended = ", " + t.Reason + "."
	}
	fmt.Fprintf(out, "%s, run %d, %s, %s%s\n\n", clean(t.Name), t.Run, t.StartedAt.Local().Format("2 Jan 2006 15:04"),
		age(time.Duration(t.WallSeconds)*time.Second), clean(ended))
	if s := client.Deref(t.Summary); s != "" {
		fmt.Fprintf(out, "%s\n\n", clean(s))
	}
	for i, k := range t.KeyChanges {
		if i == 0 {
			fmt.Fprintln(out, "Key changes:")
		}
		fmt.Fprintf(out, "  - %s\n", clean(k))
	}
	if s := client.Deref(t.UnfinishedWork); s != "" {
		fmt.Fprintf(out, "\nLeft to do:\n  %s\n", strings.ReplaceAll(clean(s), "\n", "\n  "))
	}
	rows := [][]string{{"Repository", t.Repo}, {"Branch", t.Branch}, {"Began at", t.BaseCommit}, {"Ended at", t.FinalCommit}}
	if len(t.Repositories) > 0 {
		rows = nil
	}
	for _, r := range t.Repositories {
		rows = append(rows, []string{"Repository", r.Folder + ": " + r.Repo}, []string{"  Branch", r.Branch}, []string{"  Began at", r.BaseCommit}, []string{"  Ended at", r.FinalCommit})
	}
	rows = append(rows, [][]string{{"Tokens", fmt.Sprint(t.TokenUsage)}, {"Cost", costs(t)}, {"Tags", strings.Join(t.Tags, ", ")}, {"Words by", t.Author}, {"Id", t.ID}}...)
	if p := client.Deref(t.ParentChronicleID); p != "" {
		rows = append(rows, []string{"Continues", p})
	}
	for _, x := range tl.Commits {
		line := x.Hash + " " + x.Msg
		if x.Repo != "" {
			line += " in " + x.Repo
		}
		rows = append(rows, []string{"Commit", line})
	}
	for _, f := range tl.Files {
		name, status := f.Path, map[string]string{"new": "new", "mod": "changed", "del": "deleted"}[f.Status]
		if f.From != "" {
			name, status = f.From+" -> "+name, "renamed"
		}
		rows = append(rows, []string{"File", fmt.Sprintf("%s +%d -%d %s", status, f.Ins, f.Del, name)})
	}
	fmt.Fprintln(out)
	columns(out, slices.DeleteFunc(rows, func(r []string) bool { return r[1] == "" }))
	if !whole {
		return
	}
	fmt.Fprintln(out)
	columns(out, eventLines(tl.Events))
}

func (a *app) searchChronicles() *cobra.Command {
	var asJSON bool
	var o client.ChronicleOptions
	c := &cobra.Command{Use: "search WORD…", Short: "Find words in messages, commands, file names and summaries", Args: takes(1, -1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hits, err := cl.SearchChronicles(c.Context(), strings.Join(args, " "), o)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(c, hits)
			case len(hits) == 0:
				fmt.Fprintln(c.OutOrStdout(), "Nothing was found. Every word must be there; the last may be the beginning of one.")
				return exit(1)
			}
			var rows [][]string
			for _, h := range hits {
				where, text := "summary", ""
				if h.Event != nil {
					where = fmt.Sprintf("%s %d:%02d", h.Event.Type, h.Event.T/60, h.Event.T%60)
				}
				for _, p := range h.Snippet {
					text += p.Text
				}
				rows = append(rows, []string{h.Chronicle.Name, h.Chronicle.Project, where, brief(text, 90), h.Chronicle.ID[:min(8, len(h.Chronicle.ID))]})
			}
			table(c, "SESSION | PROJECT | WHERE | FOUND | ID", rows)
			return nil
		}}
	narrowed(c, &o)
	jsonFlag(c, &asJSON)
	return c
}

// narrowed gives a command the flags that choose among chronicles.
func narrowed(c *cobra.Command, o *client.ChronicleOptions) {
	f := c.Flags()
	f.StringVar(&o.Project, "project", "", "only of this project")
	f.StringVar(&o.Repo, "repo", "", "only of this repository")
	f.StringVar(&o.Model, "model", "", "only with this model")
	f.StringVar(&o.Tags, "tags", "", "only with all of these tags, commas between")
	f.IntVar(&o.Limit, "limit", 50, "how many at most, up to 200")
}

func (a *app) exportChronicle() *cobra.Command {
	var format, file string
	c := a.tale("export", "Write a whole chronicle as Markdown or JSON", func(c *cobra.Command, cl *client.Client, t client.Chronicle) error {
		if file == "" {
			out := c.OutOrStdout()
			if format == "md" {
				var b strings.Builder
				if err := cl.Export(c.Context(), t.ID, format, &b); err != nil {
					return err
				}
				_, err := io.WriteString(out, clean(b.String()))
				return err
			}
			return cl.Export(c.Context(), t.ID, format, out)
		}
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		err = cl.Export(c.Context(), t.ID, format, f)
		if closed := f.Close(); err == nil {
			err = closed
		}
		return err
	})
	c.Flags().StringVar(&format, "format", "md", "md or json")
	choices(c, "format", "md", "json")
	c.Flags().StringVarP(&file, "output", "o", "", "write to this file, which must not exist")
	return c
}

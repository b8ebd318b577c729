package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) reforge() *cobra.Command {
	var r client.Reforge
	var asJSON, wait bool
	c := &cobra.Command{
		Use: "reforge CHRONICLE | SESSION", Short: "Start a session that goes on where a run ended",
		Long: "Start a session whose workspace is as a run left it. The same agent goes on with its own\n" +
			"conversation; another one is told what was done. A session stands for its last run.",
		Args: takes(1, 1), ValidArgsFunction: a.completeNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			from, err := chronicleOf(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			s, err := cl.Reforge(c.Context(), from.ID, r)
			if err == nil && wait {
				s, err = await(c, cl, s.ID, !asJSON)
			}
			if err != nil {
				return err
			}
			return said(c, s, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&r.Agent, "agent", "", "claude, codex or acp; as before unless set")
	f.StringVar(&r.Name, "name", "", "name of the new session")
	f.StringVar(&r.Model, "model", "", "model of the new session")
	f.StringVar(&r.Checkpoint, "checkpoint", "", "go on from here instead of the end (see volundr sessions checkpoints)")
	f.StringVar(&r.Runtime, "on", "", "where it runs: docker or kubernetes (default: where it ran)")
	f.BoolVar(&wait, "wait", false, "wait until it runs")
	choices(c, "on", "docker", "kubernetes")
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) checkpoints() *cobra.Command {
	var asJSON bool
	c := a.named("checkpoints SESSION", "List the states that a session can go back to", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		points, err := cl.Checkpoints(c.Context(), s.ID)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, points)
		}
		if len(points) == 0 {
			fmt.Fprintln(c.OutOrStdout(), "There is none yet: one is recorded before every message.")
		}
		for _, p := range points {
			fmt.Fprintf(c.OutOrStdout(), "%s  %s  before: %s\n", clean(p.ID), p.At.Local().Format("2006-01-02 15:04"), clean(brief(p.Text, 60)))
		}
		return nil
	})
	jsonFlag(c, &asJSON)
	return c
}

// brief is the first line of a text, cut.
func brief(text string, n int) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

func (a *app) rewind() *cobra.Command {
	var yes bool
	c := a.named("rewind SESSION CHECKPOINT", "Take a session's files and conversation back to a checkpoint", 2, func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error {
		if len(rest) == 0 {
			return fmt.Errorf("name a checkpoint: `volundr sessions checkpoints %s` lists them", s.Name)
		}
		if !yes {
			loss, err := cl.CheckpointLoss(c.Context(), s.ID, rest[0])
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			for _, ch := range loss.Changes {
				fmt.Fprintf(out, "  %-8s  %s\n", clean(ch.Action), clean(ch.Path))
			}
			if loss.More > 0 {
				fmt.Fprintf(out, "  and %d more\n", loss.More)
			}
			what := "No file changes."
			if n := len(loss.Changes) + loss.More; n == 1 {
				what = "1 file changes."
			} else if n > 1 {
				what = fmt.Sprintf("%d files change.", n)
			}
			sure, err := sure(c, fmt.Sprintf("Take session %s back? %s What was said since is forgotten by the agent.", s.Name, what),
				"going back changes files")
			if err != nil {
				return err
			}
			if !sure {
				fmt.Fprintln(out, "Nothing was changed.")
				return exit(1)
			}
		}
		if err := cl.Rewind(c.Context(), s.ID, rest[0]); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "Session %s is back at the checkpoint.\n", s.Name)
		return nil
	})
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

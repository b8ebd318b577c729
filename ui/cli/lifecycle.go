package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

// await follows a session until it runs or fails, saying what goes on.
func await(c *cobra.Command, cl *client.Client, id string, tell bool) (client.Session, error) {
	said := ""
	for {
		s, err := cl.Get(c.Context(), id)
		if err != nil {
			return s, err
		}
		if at := now(s); tell && at != said {
			fmt.Fprintln(c.OutOrStdout(), clean(at))
			said = at
		}
		switch s.Status {
		case client.Running:
			return s, nil
		case client.Failed:
			return s, fmt.Errorf("session %s failed: %s", s.Name, s.Failure.Reason)
		case client.Stopped, client.Archived:
			return s, fmt.Errorf("session %s is %s", s.Name, s.Status)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-c.Context().Done():
			return s, c.Context().Err()
		}
	}
}

// now is a session's state and what goes on in it.
func now(s client.Session) string {
	if s.Doing != "" {
		return s.Status + ": " + s.Doing
	}
	return s.Status
}

func (a *app) start() *cobra.Command {
	var asJSON, wait bool
	var profile string
	c := a.named("start SESSION", "Start a stopped or failed session", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		var err error
		if under := s.Status == client.Starting || s.Status == client.Provisioning || s.Status == client.Running; !under || !wait {
			if profile != "" {
				s, err = cl.StartWith(c.Context(), s.ID, profile)
			} else {
				s, err = cl.Start(c.Context(), s.ID)
			}
		}
		if err == nil && wait {
			s, err = await(c, cl, s.ID, !asJSON)
		}
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, s)
		}
		if !wait {
			fmt.Fprintf(c.OutOrStdout(), "Session %s is starting.\n", s.Name)
		}
		return nil
	})
	c.Flags().StringVar(&profile, "profile", "", "profile to lay over the session, from this start on")
	c.Flags().BoolVar(&wait, "wait", false, "wait until it runs")
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) stop() *cobra.Command {
	var asJSON, hurry bool
	c := a.named("stop SESSION", "Stop a session; its workspace is kept", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		stop := cl.Stop
		if hurry {
			stop = cl.StopNow
		}
		s, err := stop(c.Context(), s.ID)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, s)
		}
		fmt.Fprintf(c.OutOrStdout(), "Session %s is %s.\n", s.Name, clean(now(s)))
		return nil
	})
	jsonFlag(c, &asJSON)
	c.Flags().BoolVar(&hurry, "now", false, "do not ask the agent for a last summary")
	return c
}

func (a *app) extend() *cobra.Command {
	var asJSON bool
	c := a.named("extend SESSION DURATION", "Let a session with a time to live run that much longer, as in 2h; none: until it is stopped", 2, func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error {
		if len(rest) == 0 {
			return errors.New("how much longer is missing: `volundr sessions extend SESSION 2h`, or `none`: until it is stopped")
		}
		var err error
		if rest[0] == "none" {
			s, err = cl.SetTimeToLive(c.Context(), s.ID, "none")
		} else {
			s, err = cl.Extend(c.Context(), s.ID, rest[0])
		}
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, s)
		}
		if s.StopsAt == nil {
			fmt.Fprintf(c.OutOrStdout(), "Session %s runs until it is stopped.\n", clean(s.Name))
			return nil
		}
		fmt.Fprintf(c.OutOrStdout(), "Session %s stops at %s, in %s.\n", clean(s.Name), s.StopsAt.Local().Format(time.DateTime), age(time.Until(*s.StopsAt)))
		return nil
	})
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) delete() *cobra.Command {
	var yes bool
	var cleanup []string
	c := a.named("delete SESSION", "Delete a session with its workspace; its chronicles stay", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		if !yes {
			var loss client.Loss
			if err := cl.Do(c.Context(), "GET", "/sessions/"+s.ID+"/loss", nil, &loss); err != nil {
				return err
			}
			sure, err := sure(c, fmt.Sprintf("Delete session %s with its workspace? %s", s.Name, lossWords(loss)),
				fmt.Sprintf("deleting %s takes its workspace away", s.Name))
			if err != nil {
				return err
			}
			if !sure {
				fmt.Fprintln(c.OutOrStdout(), "Nothing was deleted.")
				return exit(1)
			}
		}
		freed, err := cl.Remove(c.Context(), s.ID, cleanup)
		if err != nil {
			return err
		}
		if left, err := cl.Get(c.Context(), s.ID); err == nil {
			fmt.Fprintf(c.OutOrStdout(), "Session %s will be deleted, it is %s.\n", s.Name, clean(now(left)))
			return nil
		} else if !client.NotFound(err) {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "Session %s is deleted.%s\n", s.Name, freedWords(freed))
		return nil
	})
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().StringSliceVar(&cleanup, "cleanup", nil, "delete more: workspace_storage (the snapshots of its chronicles), chronicles")
	return c
}

// sure asks a person; where there is none, what is refused says why.
func sure(c *cobra.Command, question, refused string) (bool, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false, fmt.Errorf("%s: say --yes to do it without being asked", refused)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s [y/N] ", clean(question))
	answer, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	return strings.EqualFold(strings.TrimSpace(answer), "y"), nil
}

// freedWords say what a deletion freed of archives and snapshots.
func freedWords(bytes int64) string {
	switch {
	case bytes <= 0:
		return ""
	case bytes < 1<<20:
		return fmt.Sprintf(" %d KiB of archives and snapshots are free.", max(1, bytes>>10))
	}
	return fmt.Sprintf(" %d MiB of archives and snapshots are free.", bytes>>20)
}

// lossWords says what would be lost, in one sentence.
func lossWords(l client.Loss) string {
	if !l.Known {
		return l.Reason
	}
	var parts []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	if l.Repository {
		add(l.Files, "uncommitted file", "uncommitted files")
	} else {
		add(l.Files, "file", "files")
	}
	add(len(l.Branches), "unpushed branch", "unpushed branches")
	add(l.Stashes, "stash", "stashes")
	if len(parts) == 0 {
		return "Everything in it is pushed."
	}
	return "This would be lost: " + strings.Join(parts, ", ") + "."
}

func (a *app) sessionLogs() *cobra.Command {
	var asJSON bool
	var lines int
	c := a.named("logs SESSION", "Show what a session's parts printed", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		logs, err := cl.Logs(c.Context(), s.ID, lines)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, logs)
		}
		for _, l := range logs.Lines {
			at := l.Time
			if t, err := time.Parse(time.RFC3339Nano, at); err == nil {
				at = t.Local().Format("2006-01-02 15:04:05.000") // of one width
			}
			fmt.Fprintf(c.OutOrStdout(), "%s %-8s %s\n", clean(at), clean(l.Logger), clean(l.Message))
		}
		return nil
	})
	c.Flags().IntVarP(&lines, "lines", "n", 100, "how many of the last lines (1–2000)")
	jsonFlag(c, &asJSON)
	return c
}

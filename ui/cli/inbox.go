package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// inbox lists what needs a person; its commands settle one of them.
func (a *app) inbox() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "inbox", Short: "What waits for you: permissions, questions, stalls, failures",
		Long: "Lists what waits for you in all sessions, the longest waiting first.\n" +
			"Answer a permission or a question by its session and the number of an answer:\n" +
			"\n  volundr inbox answer fix-login 1",
	}
	c.Args, _ = subcommands(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cl, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		needs, err := cl.Inbox(c.Context())
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, needs)
		}
		if len(needs) == 0 {
			fmt.Fprintln(c.OutOrStdout(), "Nothing waits for you.")
		}
		for _, n := range needs {
			showNeed(c, n)
		}
		return nil
	}
	jsonFlag(c, &asJSON)
	c.AddCommand(a.inboxAnswer())
	return c
}

// showNeed prints a need with what settles it.
func showNeed(c *cobra.Command, n client.Need) {
	w := c.OutOrStdout()
	oneLine := strings.ReplaceAll(clean(n.Text), "\n", " ")
	if n.Until != nil {
		oneLine += ", in " + age(time.Until(*n.Until))
	}
	fmt.Fprintf(w, "%s  %s, %s: %s\n", clean(n.Session), n.Kind, age(time.Since(n.At)), oneLine)
	if n.Detail != "" {
		for l := range strings.SplitSeq(clean(n.Detail), "\n") {
			fmt.Fprintln(w, "  | "+l)
		}
	}
	if n.Cut {
		fmt.Fprintln(w, "  | (there is more: read it in the browser, `volundr open`)")
	}
	for i, o := range n.Options {
		name := o.Name
		if name == "" {
			name = o.ID
		}
		fmt.Fprintf(w, "  %d  %s\n", i+1, strings.ReplaceAll(clean(name), "\n", " "))
	}
	switch n.Kind {
	case client.NeedFailure:
		fmt.Fprintf(w, "  Start it again with `volundr sessions start %s`.\n", clean(n.Session))
	case client.NeedTime:
		fmt.Fprintf(w, "  Let it run longer with `volundr sessions extend %s 2h`, or let it stop.\n", clean(n.Session))
	case client.NeedStall:
		fmt.Fprintf(w, "  Stop its turn with `volundr inbox answer %s stop`, or wait.\n", clean(n.Session))
	}
}

// inboxAnswer settles the oldest need of a session that has such an answer.
func (a *app) inboxAnswer() *cobra.Command {
	return a.named("answer SESSION ANSWER", "Answer a session's oldest question by an answer's number, or `stop` a stalled turn", 2,
		func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error {
			if len(rest) == 0 {
				return errors.New("an argument is missing: `volundr inbox answer SESSION ANSWER`, and `volundr inbox` shows the answers")
			}
			needs, err := cl.Inbox(c.Context())
			if err != nil {
				return err
			}
			for _, n := range needs {
				switch {
				case n.SessionID != s.ID:
				case n.Kind == client.NeedStall && rest[0] == "stop":
					if err := cl.Cancel(c.Context(), s.ID); err != nil {
						return err
					}
					fmt.Fprintf(c.OutOrStdout(), "The turn of %s is stopped.\n", s.Name)
					return nil
				case n.Question != "":
					o, err := chosen(n, rest[0])
					if err != nil {
						return err
					}
					if err := cl.Answer(c.Context(), s.ID, client.Answer{ID: n.Question, Option: o.ID}); err != nil {
						return err
					}
					fmt.Fprintf(c.OutOrStdout(), "Answered %s with %s: %s\n", s.Name, clean(o.Name), clean(n.Text))
					return nil
				}
			}
			return fmt.Errorf("session %s waits for no such answer: `volundr inbox` shows what waits", s.Name)
		})
}

// chosen is the option that was given by its number. What is not shown in full
// can only be refused.
func chosen(n client.Need, given string) (client.Option, error) {
	i, err := strconv.Atoi(given)
	if err != nil || i < 1 || i > len(n.Options) {
		return client.Option{}, fmt.Errorf("give a number from 1 to %d: `volundr inbox` shows the answers", len(n.Options))
	}
	o := n.Options[i-1]
	if n.Cut && o.Allows() {
		return o, errors.New("what it would do is too long to be shown here in full, so it can only be refused here: read it in the browser, with `volundr open`")
	}
	return o, nil
}

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) archive() *cobra.Command {
	var all, asJSON bool
	one := a.named("archive SESSION", "Pack a session away; its record stays, and it can be restored", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		s, err := cl.Archive(c.Context(), s.ID)
		if err != nil {
			return err
		}
		return said(c, s, asJSON)
	})
	c := &cobra.Command{Use: "archive SESSION | --all-stopped", Short: one.Short, ValidArgsFunction: a.completeNames,
		Args: func(c *cobra.Command, args []string) error {
			if all && len(args) == 0 {
				return nil
			}
			if all {
				return errors.New("name one session or say --all-stopped, not both")
			}
			return one.Args(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if !all {
				return one.RunE(c, args)
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			ids, err := cl.ArchiveStopped(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, ids)
			}
			switch len(ids) {
			case 0:
				fmt.Fprintln(c.OutOrStdout(), "No session is stopped.")
			case 1:
				fmt.Fprintln(c.OutOrStdout(), "1 session is being archived.")
			default:
				fmt.Fprintf(c.OutOrStdout(), "%d sessions are being archived.\n", len(ids))
			}
			return nil
		}}
	c.Flags().BoolVar(&all, "all-stopped", false, "archive all stopped sessions")
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) restore() *cobra.Command {
	var asJSON bool
	c := a.named("restore SESSION", "Bring an archived session back", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		s, err := cl.Restore(c.Context(), s.ID)
		if err != nil {
			return err
		}
		return said(c, s, asJSON)
	})
	jsonFlag(c, &asJSON)
	return c
}

// said shows what became of a session.
func said(c *cobra.Command, s client.Session, asJSON bool) error {
	if asJSON {
		return printJSON(c, s)
	}
	fmt.Fprintf(c.OutOrStdout(), "Session %s is %s.\n", s.Name, clean(now(s)))
	return nil
}

package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) trusts() *cobra.Command {
	c := &cobra.Command{Use: "trusts", Short: "What you said to the session definitions of repositories"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listTrusts(), a.forgetTrust())
	return c
}

func (a *app) listTrusts() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the session definitions that you confirmed or left out", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Trusts(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "You were asked of no repository's session definition yet.")
				return nil
			}
			var rows [][]string
			for _, t := range all {
				what := "used"
				if !t.Used {
					what = "left out"
				}
				rows = append(rows, []string{t.Repository, what, age(time.Since(t.CreatedAt)) + " ago", t.Hash[:min(12, len(t.Hash))], t.ID[:min(8, len(t.ID))]})
			}
			table(c, "REPOSITORY | DEFINITION | SAID | CONTENT | ID", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) forgetTrust() *cobra.Command {
	return &cobra.Command{
		Use: "forget ID | REPOSITORY", Aliases: []string{"delete", "rm"}, Short: "Be asked again", Args: takes(1, 1),
		Long: "Forget what you said to one session definition, by the start of its id, or to all of a repository, so that you\nare asked again. Sessions that there are stay as they are.",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Trusts(c.Context())
			if err != nil {
				return err
			}
			var found []client.Trust
			byID := 0
			for _, t := range all {
				if t.Repository == args[0] {
					found = append(found, t)
				} else if args[0] != "" && strings.HasPrefix(t.ID, args[0]) {
					found = append(found, t)
					byID++
				}
			}
			switch {
			case len(found) == 0:
				return fmt.Errorf("nothing is known of %q: `volundr trusts list` shows what there is", args[0])
			case byID > 1:
				return fmt.Errorf("%d ids begin with %q: give more of it", byID, args[0])
			}
			for _, t := range found {
				if err := cl.ForgetTrust(c.Context(), t.ID); err != nil {
					return err
				}
			}
			fmt.Fprintf(c.OutOrStdout(), "You will be asked again of %s.\n", clean(found[0].Repository))
			return nil
		},
	}
}

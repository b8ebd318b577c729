package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) audit() *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "What was done by whom: logins, tokens, permissions, credentials, pushes, deletes"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listAudit(), a.verifyAudit(), a.exportAudit())
	return c
}

func (a *app) listAudit() *cobra.Command {
	var act, user string
	var limit int
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "Show the last records, the newest first", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connectIn(c)
			if err != nil {
				return err
			}
			all, err := cl.Deeds(c.Context(), act, user, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "There is no such record.")
				return nil
			}
			var rows [][]string
			for _, d := range all {
				rows = append(rows, []string{fmt.Sprint(d.N), d.At.Local().Format("2006-01-02 15:04:05"), d.Who(), d.By, d.Act, brief(d.About(), 60)})
			}
			table(c, "N | AT | USER | BY | ACT | WHAT", rows)
			return nil
		},
	}
	a.tenantFlag(c, &a.tenant, "whose records, if they are not yours")
	c.Flags().StringVar(&act, "act", "", "only this act, as in token.made")
	c.Flags().StringVar(&user, "user", "", "only by this user")
	c.Flags().IntVar(&limit, "limit", 50, "how many at most, up to 1000")
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) verifyAudit() *cobra.Command {
	var asJSON bool
	var kept string
	c := &cobra.Command{
		Use: "verify", Short: "Look whether a record was changed, taken out or put in", Args: takes(0, 0),
		Long: "Reads the whole chain: each record holds the hash of the one before it. Whoever can write the database file\ncould make a whole new chain, or cut off its end: keep the hash that this prints elsewhere, and give it to\n--kept the next time. Records that somebody adds at the end in the same way cannot be told from ours.",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			chain, err := cl.VerifyAudit(c.Context(), kept)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(c, chain); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(c.OutOrStdout(), "%d records are as they were written. The last one's hash is %s\n", chain.Records, clean(chain.Head))
			}
			if chain.Broken != "" {
				return errors.New(chain.Broken + " Somebody wrote in the database file: compare it with a backup")
			}
			return nil
		},
	}
	c.Flags().StringVar(&kept, "kept", "", "a hash that an earlier verify printed, which must be in the chain")
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) exportAudit() *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Print all records with their hashes, a line of JSON each", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			return cl.ExportAudit(c.Context(), c.OutOrStdout())
		},
	}
}

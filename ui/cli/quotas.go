package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) userQuota() *cobra.Command {
	var asJSON bool
	var texts [6]string
	c := &cobra.Command{
		Use: "quota [NAME|@each|@all]", Short: "Show how much users may have, and set it", Args: takes(0, 1), ValidArgsFunction: a.completeUsers,
		Long: "Shows what users have, and of how much; with flags it sets that. @each is every user without a quota of their\n" +
			"own, @all is everybody together. What would lead beyond sessions, storage, CPU or memory is refused. Where no tokens\n" +
			"or money of today (in UTC) are left, agents pause, and go on when the quota is raised or the day is over.",
		Example: "  volundr users quota ann --sessions 5 --memory 16Gi --tokens 2M\n  volundr users quota @all --cost 50\n  volundr users quota ann --tokens none",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connectIn(c)
			if err != nil {
				return err
			}
			var change client.QuotaChange
			sets := false
			for i, field := range client.QuotaFields {
				if !c.Flags().Changed(field) {
					continue
				}
				if err := change.Set(field, texts[i]); err != nil {
					return err
				}
				sets = true
			}
			if sets && len(args) == 0 {
				return fmt.Errorf("say whose: a user, %s or %s", client.EachUser, client.AllUsers)
			}
			all, err := quotas(c, cl, args, a.tenant)
			if sets {
				var q client.Quota
				q, err = cl.SetQuota(c.Context(), args[0], change)
				all = []whose{{args[0], q}}
			}
			if err != nil {
				return err
			}
			if asJSON {
				out := map[string]client.Quota{}
				for _, w := range all {
					out[w.who] = w.Quota
				}
				return printJSON(c, out)
			}
			var rows [][]string
			for _, w := range all {
				row := []string{w.who}
				for _, field := range client.QuotaFields {
					row = append(row, orDash(w.Line(field)))
				}
				rows = append(rows, row)
			}
			table(c, "WHO | "+strings.ToUpper(strings.Join(client.QuotaFields, " | ")), rows)
			return nil
		},
	}
	for i, about := range []string{"sessions that are not archived", "cores of what runs", "memory of what runs, as in 16Gi", "bytes of archives, snapshots and files, as in 50Gi",
		"tokens a day, as in 2M", "US dollars a day"} {
		c.Flags().StringVar(&texts[i], client.QuotaFields[i], "", about+"; none for no limit")
	}
	jsonFlag(c, &asJSON)
	return c
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type whose struct {
	who string
	client.Quota
}

// quotas are those of who is named, or of all users.
func quotas(c *cobra.Command, cl *client.Client, named []string, tenant string) (out []whose, err error) {
	if len(named) == 0 {
		users, err := cl.Users(c.Context())
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			named = append(named, u.DisplayName)
		}
		named = append(named, client.EachUser, client.AllUsers)
		if tenant != "" {
			named = append(named, client.WholeTenant)
		}
	}
	for _, name := range named {
		q, err := cl.Quota(c.Context(), name)
		if err != nil {
			return nil, err
		}
		out = append(out, whose{name, q})
	}
	return out, nil
}

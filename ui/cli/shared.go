package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) shareCredential() *cobra.Command {
	var inSessions bool
	c := &cobra.Command{
		Use: "share NAME", Short: "Let everybody use a credential of yours (admins)", Args: takes(1, 1),
		Long: "Lets every user of the tenant use a credential of yours where they have none of its name: for models, git and pull\n" +
			"requests, so that nobody sees its value. With --in-sessions their sessions can name it too: who has one can read it\n" +
			"there. Given again, it changes that, or puts the value of your own of this name in the place of the shared one.",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			k, err := cl.ShareCredential(c.Context(), args[0], inSessions)
			if err != nil {
				return err
			}
			how := "for models, git and pull requests"
			if k.InSessions {
				how = "in their sessions too, where it can be read"
			}
			fmt.Fprintf(c.OutOrStdout(), "Everybody can use %s now, %s.\n", clean(k.Name), how)
			return nil
		},
	}
	c.Flags().BoolVar(&inSessions, "in-sessions", false, "give it to sessions that name it")
	return c
}

func (a *app) unshareCredential() *cobra.Command {
	return &cobra.Command{
		Use: "unshare NAME", Short: "Take a shared credential back: it is yours alone then (admins)", Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if err := cl.UnshareCredential(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is yours alone now.\n", clean(args[0]))
			return nil
		},
	}
}

func (a *app) sharePreset() *cobra.Command {
	c := &cobra.Command{Use: "share PRESET", Short: "Let everybody begin with a preset of yours (admins)"}
	return a.ofPreset(c, "Everybody can begin with %s now.\n", func(ctx context.Context, cl *client.Client, id string) error {
		_, err := cl.SharePreset(ctx, id)
		return err
	})
}

func (a *app) unsharePreset() *cobra.Command {
	c := &cobra.Command{Use: "unshare PRESET", Short: "Take a shared preset back: it is yours alone then (admins)"}
	return a.ofPreset(c, "%s is yours alone now.\n", func(ctx context.Context, cl *client.Client, id string) error {
		_, err := cl.UnsharePreset(ctx, id)
		return err
	})
}

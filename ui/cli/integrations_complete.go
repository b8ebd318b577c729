package cli

import (
	"context"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// completeFrom gives names that the daemon knows to the shell.
func (a *app) completeFrom(c *cobra.Command, args []string, names func(context.Context, *client.Client) ([]cobra.Completion, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	cl, err := a.connect(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	out, err := names(ctx, cl)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeServices(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeFrom(c, args, func(ctx context.Context, cl *client.Client) (out []cobra.Completion, err error) {
		all, err := cl.Services(ctx)
		for _, s := range all {
			out = append(out, cobra.CompletionWithDesc(s.Slug, s.Description))
		}
		return out, err
	})
}

func (a *app) completeConnected(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return a.completeFrom(c, args, func(ctx context.Context, cl *client.Client) (out []cobra.Completion, err error) {
		all, err := cl.Integrations(ctx)
		for _, i := range all {
			out = append(out, cobra.CompletionWithDesc(i.Slug, "with the key "+i.CredentialName))
		}
		return out, err
	})
}

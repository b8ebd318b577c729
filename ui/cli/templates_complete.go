package cli

import (
	"context"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// completeOf gives the names of templates or profiles to the shell.
func (a *app) completeOf(c *cobra.Command, args int, list func(*client.Client, context.Context) ([]client.Template, error)) ([]cobra.Completion, cobra.ShellCompDirective) {
	if args > 0 {
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
	all, err := list(cl, ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	out := make([]cobra.Completion, 0, len(all))
	for _, t := range all {
		out = append(out, cobra.CompletionWithDesc(t.Name, t.Description))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// repoFlag gives a command on a session the flag that names one of its
// repositories.
func (a *app) repoFlag(c *cobra.Command, repo *string, without string) {
	c.Flags().StringVar(repo, "repo", "", "folder of the repository in the workspace, where there are several (default: "+without+")")
	if err := c.RegisterFlagCompletionFunc("repo", a.completeFolders); err != nil {
		panic(err) // the flag is of two lines above
	}
}

// completeFolders are those of the session's repositories.
func (a *app) completeFolders(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return cobra.AppendActiveHelp(nil, "Name the session first: its repositories are offered then."), cobra.ShellCompDirectiveNoFileComp
	}
	name := args[:1]
	return complete(a, c, nil, func(cl *client.Client, ctx context.Context) ([]client.Repository, error) {
		s, err := find(ctx, cl, name[0])
		if err != nil {
			return nil, err
		}
		return folders(ctx, cl, s)
	}, func(r client.Repository) cobra.Completion {
		if r.URL == "" {
			return cobra.CompletionWithDesc(r.Folder, "made in the session")
		}
		return cobra.CompletionWithDesc(r.Folder, r.URL)
	})
}

// folders are the repositories of a session whose workspace is none itself.
func folders(ctx context.Context, cl *client.Client, s client.Session) ([]client.Repository, error) {
	all, err := cl.Repositories(ctx, s.ID, client.BaseSession)
	if err != nil || len(all) == 0 || all[0].Folder == "" {
		return nil, err
	}
	return all, nil
}

// pushable are those of them that have a remote of ours; none where a session has
// but one.
func pushable(ctx context.Context, cl *client.Client, s client.Session) (ours []client.Repository, err error) {
	all, err := folders(ctx, cl, s)
	for _, r := range all {
		if r.URL != "" {
			ours = append(ours, r)
		}
	}
	if len(ours) < 2 {
		return nil, err
	}
	return ours, err
}

// ended ends a command that said of each repository what became of it, and failed
// in some of them.
func ended(c *cobra.Command, said any, asJSON, failed bool) error {
	if asJSON {
		if err := printJSON(c, said); err != nil {
			return err
		}
	}
	if failed {
		return exit(1)
	}
	return nil
}

// which asks for one of a session's repositories.
func which(s client.Session, all []client.Repository) error {
	var names []string
	for _, r := range all {
		names = append(names, "--repo "+clean(r.Folder))
	}
	return fmt.Errorf("session %s has several repositories: name one of them\n  %s", clean(s.Name), strings.Join(names, "\n  "))
}

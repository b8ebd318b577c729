package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// push sends what a session committed to its remote, by the daemon's git; of
// several repositories, of each that has something to push.
func (a *app) push() *cobra.Command {
	var branch, repo string
	var asJSON bool
	c := a.named("push SESSION", "Push what a session committed to its remote", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		if repo == "" && s.Status == client.Running {
			several, err := pushable(c.Context(), cl, s)
			if err != nil {
				return err
			}
			if len(several) > 0 {
				return pushEach(c, cl, s, several, branch, asJSON)
			}
		}
		done, err := cl.Push(c.Context(), s.ID, repo, branch)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, done)
		}
		fmt.Fprintln(c.OutOrStdout(), clean(done.Detail))
		fmt.Fprint(c.OutOrStdout(), afterPush(s, done))
		return nil
	})
	c.Flags().StringVar(&branch, "branch", "", "branch of the remote to push to (default: the one that is checked out)")
	a.repoFlag(c, &repo, "each that has commits to push")
	jsonFlag(c, &asJSON)
	return c
}

// afterPush is the line with the next step; none where the remote is a folder.
func afterPush(s client.Session, done client.Pushed) string {
	if filepath.IsAbs(done.Repo) {
		return ""
	}
	flag := ""
	if done.Folder != "" {
		flag = " --repo " + clean(done.Folder)
	}
	return fmt.Sprintf("Open a pull request: volundr sessions pr %s%s --create\n", clean(s.Name), flag)
}

// pushedOne is what became of the push of one of several repositories.
type pushedOne struct {
	Folder string         `json:"repo"`
	Pushed *client.Pushed `json:"pushed"`
	Error  string         `json:"error,omitempty"`
}

// pushEach pushes those that have something to push, whatever becomes of the
// others, and says so of each.
func pushEach(c *cobra.Command, cl *client.Client, s client.Session, all []client.Repository, branch string, asJSON bool) error {
	said, failed := []pushedOne{}, false
	for _, r := range all {
		if r.Counted && r.Ahead == 0 {
			if !asJSON {
				fmt.Fprintf(c.OutOrStdout(), "%s: nothing to push.\n", clean(r.Folder))
			}
			continue
		}
		done, err := cl.Push(c.Context(), s.ID, r.Folder, branch)
		one := pushedOne{Folder: r.Folder, Pushed: &done}
		if err != nil {
			one.Pushed, one.Error, failed = nil, err.Error(), true
		}
		said = append(said, one)
		switch {
		case asJSON:
		case err != nil:
			fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", clean(r.Folder), clean(err.Error()))
		default:
			fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", clean(r.Folder), clean(done.Detail))
			if next := afterPush(s, done); next != "" {
				fmt.Fprint(c.OutOrStdout(), "  ", next)
			}
		}
	}
	return ended(c, said, asJSON, failed)
}

// pr shows the pull request of a session's branch with its checks, or opens
// one.
func (a *app) pr() *cobra.Command {
	var create, asJSON bool
	var in client.PullRequestCreate
	c := a.named("pr SESSION", "Show a session's pull request and its checks, or open one", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		several := []client.Repository{{Folder: in.Repo}}
		if in.Repo == "" {
			all, err := pushable(c.Context(), cl, s)
			if err != nil {
				return err
			}
			if len(all) > 0 && create {
				return which(s, all)
			}
			if len(all) > 0 {
				several = all
			}
		}
		if create {
			in.SessionID = s.ID
			made, err := cl.OpenPR(c.Context(), in)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, made)
			}
			fmt.Fprintf(c.OutOrStdout(), "#%d %s\n%s → %s\n%s\n", made.Number, clean(made.Title), clean(made.SourceBranch), clean(made.TargetBranch), clean(made.URL))
			return nil
		}
		if len(several) == 1 {
			is, err := cl.SessionPR(c.Context(), s.ID, in.Repo)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, is)
			}
			showPR(c, s, in.Repo, is)
			return nil
		}
		return eachPR(c, cl, s, several, asJSON)
	})
	c.Flags().BoolVar(&create, "create", false, "open a pull request")
	c.Flags().StringVar(&in.Title, "title", "", "its title (default: from the chronicle)")
	c.Flags().StringVar(&in.Body, "body", "", "its text (default: from the chronicle)")
	c.Flags().StringVar(&in.TargetBranch, "target", "", "branch to merge into (default: the session's base branch)")
	c.Flags().StringVar(&in.SourceBranch, "source", "", "branch to merge (default: the session's)")
	a.repoFlag(c, &in.Repo, "each of them")
	jsonFlag(c, &asJSON)
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		var set []string
		for _, name := range []string{"title", "body", "target", "source"} {
			if c.Flags().Changed(name) && !create {
				set = append(set, "--"+name)
			}
		}
		if len(set) > 0 {
			return fmt.Errorf("%s is for a pull request that is opened: add --create", strings.Join(set, " and "))
		}
		return nil
	}
	return c
}

// requestOf is the pull request of one of several repositories.
type requestOf struct {
	Folder string            `json:"repo"`
	PR     *client.SessionPR `json:"pr"` // null: it has none
	Error  string            `json:"error,omitempty"`
}

// eachPR shows the pull request of each of several repositories; one that is not
// known does not hide the others.
func eachPR(c *cobra.Command, cl *client.Client, s client.Session, all []client.Repository, asJSON bool) error {
	said, failed := []requestOf{}, false
	for i, r := range all {
		is, err := cl.SessionPR(c.Context(), s.ID, r.Folder)
		one := requestOf{Folder: r.Folder, PR: is}
		if err != nil {
			one.Error, failed = err.Error(), true
		}
		said = append(said, one)
		switch {
		case asJSON:
		case err != nil:
			fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", clean(r.Folder), clean(err.Error()))
		default:
			if i > 0 {
				fmt.Fprintln(c.OutOrStdout())
			}
			fmt.Fprintf(c.OutOrStdout(), "%s:\n", clean(r.Folder))
			showPR(c, s, r.Folder, is)
		}
	}
	return ended(c, said, asJSON, failed)
}

// showPR prints a pull request with its checks, or how to open one.
func showPR(c *cobra.Command, s client.Session, repo string, is *client.SessionPR) {
	if is == nil {
		flag := ""
		if repo != "" {
			flag = " --repo " + clean(repo)
		}
		fmt.Fprintf(c.OutOrStdout(), "The branch of %s has no pull request. Open one: volundr sessions pr %s%s --create\n", clean(s.Name), clean(s.Name), flag)
		return
	}
	fmt.Fprintf(c.OutOrStdout(), "#%d %s (%s)\n%s → %s\n%s\n", is.Number, clean(is.Title), clean(is.State), clean(is.Source), clean(is.Target), clean(is.URL))
	if is.Mergeable != nil && !*is.Mergeable && is.State == "open" {
		fmt.Fprintln(c.OutOrStdout(), "It cannot be merged as it is: it conflicts, or a rule of the repository forbids it.")
	}
	if len(is.Checks) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "No checks run on it.")
		return
	}
	rows := [][]string{}
	for _, check := range is.Checks {
		rows = append(rows, []string{check.Status, check.Name, check.URL})
	}
	table(c, "CHECK | NAME | ADDRESS", rows)
}

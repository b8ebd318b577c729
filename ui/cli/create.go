package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) create() *cobra.Command {
	var in client.SessionCreate
	var asJSON, wait bool
	var repo, branch, base, copyOf, mount string
	var env, files []string
	var cpu, memory string
	c := &cobra.Command{
		Use: "create NAME", Short: "Create a session and start it", Args: takes(1, 1),
		Example: "  volundr sessions create fix-login --repo https://github.com/me/app --prompt 'Fix the login test'\n" +
			"  volundr sessions create try-it --copy .          # a copy of this folder, uncommitted work included\n" +
			"  volundr sessions create pair --mount ~/src/app   # this folder itself",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			in.Name = args[0]
			if in.Source, err = sourceOf(repo, branch, base, copyOf, mount); err != nil {
				return err
			}
			if in.Env, err = pairs(env); err != nil {
				return err
			}
			in.Files = filesOf(files)
			for name, value := range map[string]string{"cpu": cpu, "memory": memory} {
				if value == "" {
					continue
				}
				if in.ResourceConfig == nil {
					in.ResourceConfig = map[string]any{}
				}
				in.ResourceConfig[name] = value
			}
			s, err := cl.Create(c.Context(), in)
			if err != nil {
				return err
			}
			if wait {
				if s, err = await(c, cl, s.ID, !asJSON); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(c, s)
			}
			if !wait {
				fmt.Fprintf(c.OutOrStdout(), "Session %s is starting (%s). Talk to it with `volundr sessions chat %s`.\n", s.Name, s.ID, s.Name)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&repo, "repo", "", "git repository to clone (URL or path)")
	f.StringVar(&branch, "branch", "", "branch to work on")
	f.StringVar(&base, "base", "", "branch to create it from, when it is missing")
	f.StringVar(&copyOf, "copy", "", "folder to copy, with its uncommitted work")
	f.StringVar(&mount, "mount", "", "folder to work in, live")
	f.StringVar(&in.Agent, "agent", "", "claude, codex, or acp with --command")
	f.StringSliceVar(&in.Command, "command", nil, "command of an ACP agent in the image")
	f.StringVar(&in.Model, "model", "", "model (default: the agent's)")
	f.StringVar(&in.Mode, "mode", "", "the agent's permission mode")
	f.StringVar(&in.InitialPrompt, "prompt", "", "first message to the agent")
	f.StringVar(&in.SystemPrompt, "system-prompt", "", "added to the agent's own system prompt")
	f.StringArrayVar(&env, "env", nil, "NAME=value for the session (again for more)")
	f.StringVar(&in.TemplateName, "template", "", "template to begin from (`volundr templates list`)")
	f.StringVar(&in.ProfileName, "profile", "", "profile, in place of the template's (`volundr templates list --profiles`)")
	f.StringArrayVar(&in.SetupScripts, "setup", nil, "script that runs in the session before its agent (again for more)")
	f.StringArrayVar(&files, "file", nil, "file of this machine for the workspace, FROM or FROM:TO (again for more)")
	f.StringVar(&cpu, "cpu", "", "CPU cores, as in 2 or 500m")
	f.StringVar(&memory, "memory", "", "memory, as in 4Gi")
	f.StringVar(&in.Network, "network", "", "open (default) or none")
	f.BoolVar(&wait, "wait", false, "wait until it runs, showing what goes on")
	jsonFlag(c, &asJSON)
	c.MarkFlagsMutuallyExclusive("repo", "copy", "mount")
	choices(c, "agent", "claude", "codex", "acp")
	for flag, list := range map[string]func(*client.Client, context.Context) ([]client.Template, error){
		"template": (*client.Client).Templates, "profile": (*client.Client).Profiles,
	} {
		err := c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.completeOf(c, 0, list)
		})
		if err != nil {
			panic(err) // there is no such flag
		}
	}
	choices(c, "network", "open", "none")
	for _, dir := range []string{"copy", "mount"} {
		_ = c.MarkFlagDirname(dir)
	}
	return c
}

func sourceOf(repo, branch, base, copyOf, mount string) (*client.Source, error) {
	switch {
	case copyOf != "":
		dir, err := filepath.Abs(copyOf)
		return &client.Source{Type: client.SourceCopy, LocalPath: dir}, err
	case mount != "":
		dir, err := filepath.Abs(mount)
		return &client.Source{Type: client.SourceMount, LocalPath: dir}, err
	}
	if st, err := os.Stat(repo); repo != "" && err == nil && st.IsDir() {
		dir, err := filepath.Abs(repo)
		if err != nil {
			return nil, err
		}
		repo = dir
	}
	return &client.Source{Type: client.SourceGit, Repo: repo, Branch: branch, BaseBranch: base}, nil
}

func pairs(env []string) (map[string]string, error) {
	out := map[string]string{}
	for _, e := range env {
		k, v, ok := strings.Cut(e, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("--env %q is not NAME=value", e)
		}
		out[k] = v
	}
	return out, nil
}

// filesOf reads FROM or FROM:TO.
func filesOf(list []string) (out []client.File) {
	for _, f := range list {
		from, to, _ := strings.Cut(f, ":")
		out = append(out, client.File{From: from, To: to})
	}
	return out
}

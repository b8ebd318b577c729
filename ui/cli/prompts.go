package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) prompts() *cobra.Command {
	c := &cobra.Command{Use: "prompts", Aliases: []string{"prompt"}, Short: "Messages that you keep, for / in a chat",
		Long: "Messages that you keep, to be put into a chat by / and the start of their name. One with --repo is offered in\n" +
			"sessions of that repository only."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listPrompts(), a.showPrompt(), a.addPrompt(), a.editPrompt(), a.deletePrompt())
	return c
}

// prompt finds one by its id or name.
func prompt(ctx context.Context, cl *client.Client, what string) (client.SavedPrompt, error) {
	all, err := cl.Prompts(ctx)
	if err != nil {
		return client.SavedPrompt{}, err
	}
	var hits []client.SavedPrompt
	for _, p := range all {
		if p.ID == what {
			return p, nil
		}
		if p.Name == what || len(what) >= 4 && strings.HasPrefix(p.ID, what) {
			hits = append(hits, p)
		}
	}
	switch len(hits) {
	case 0:
		return client.SavedPrompt{}, fmt.Errorf("no prompt is called %q: `volundr prompts list` shows them", what)
	case 1:
		return hits[0], nil
	}
	return client.SavedPrompt{}, fmt.Errorf("%d prompts are called %q: give the id of one (`volundr prompts list`)", len(hits), what)
}

func (a *app) listPrompts() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list [TEXT]", Aliases: []string{"ls"}, Short: "List prompts, or those that fit a text", Args: takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			var all []client.SavedPrompt
			if len(args) > 0 {
				all, err = cl.SearchPrompts(c.Context(), args[0])
			} else {
				all, err = cl.Prompts(c.Context())
			}
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No prompts. Keep one: volundr prompts add NAME 'What to say'")
				return nil
			}
			var rows [][]string
			for _, p := range all {
				repo := client.Deref(p.ProjectRepo)
				if repo == "" {
					repo = "every"
				}
				rows = append(rows, []string{p.Name, repo, brief(p.Content, 50), p.ID[:8]})
			}
			table(c, "NAME | PROJECT | SAYS | ID", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) showPrompt() *cobra.Command {
	return &cobra.Command{
		Use: "show PROMPT", Short: "Print what a prompt says", Args: takes(1, 1), ValidArgsFunction: a.completePrompts,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			p, err := prompt(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), strings.TrimSuffix(clean(p.Content), "\n"))
			return nil
		},
	}
}

// words are a prompt's text: arguments, a file, or standard input.
func words(c *cobra.Command, args []string, file string) (string, error) {
	text := strings.Join(args, " ")
	switch {
	case text != "" && file != "":
		return "", errors.New("the text is given as argument or as --file, not as both")
	case file != "":
		b, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		text = string(b)
	case text == "":
		b, err := io.ReadAll(io.LimitReader(c.InOrStdin(), 1<<20))
		if err != nil {
			return "", err
		}
		text = string(b)
	}
	if strings.TrimSpace(text) == "" {
		return "", errors.New("there is no text: give it as an argument, as --file, or on standard input")
	}
	return text, nil
}

func (a *app) addPrompt() *cobra.Command {
	var repo, file string
	var tags []string
	c := &cobra.Command{
		Use: "add NAME [TEXT…]", Short: "Keep a prompt", Args: takes(1, -1),
		Example: "  volundr prompts add review 'Read the diff of this branch as a strict reviewer'\n  volundr prompts add release --repo https://github.com/me/app --file release.md",
		RunE: func(c *cobra.Command, args []string) error {
			text, err := words(c, args[1:], file)
			if err != nil {
				return err
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			in := client.PromptSave{Name: &args[0], Content: &text, Tags: &tags}
			if repo != "" {
				in.ProjectRepo = &repo
			}
			p, err := cl.AddPrompt(c.Context(), in)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Kept %s. In a chat, / and the start of its name puts it in.\n", clean(p.Name))
			return nil
		},
	}
	c.Flags().StringVar(&repo, "repo", "", "only for sessions of this repository")
	c.Flags().StringVar(&file, "file", "", "file that holds the text")
	c.Flags().StringSliceVar(&tags, "tag", nil, "tag (again for more)")
	return c
}

func (a *app) editPrompt() *cobra.Command {
	var name, repo, file string
	c := &cobra.Command{
		Use: "edit PROMPT [TEXT…]", Short: "Change a prompt's name, project or text", Args: takes(1, -1), ValidArgsFunction: a.completePrompts,
		RunE: func(c *cobra.Command, args []string) error {
			var in client.PromptSave
			if name != "" {
				in.Name = &name
			}
			if c.Flags().Changed("repo") {
				scope := client.PromptProject
				if repo == "" {
					scope = client.PromptGlobal
				}
				in.ProjectRepo, in.Scope = &repo, &scope
			}
			if len(args) > 1 || file != "" || in == (client.PromptSave{}) {
				text, err := words(c, args[1:], file)
				if err != nil {
					return err
				}
				in.Content = &text
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			p, err := prompt(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			if p, err = cl.ChangePrompt(c.Context(), p.ID, in); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Changed %s.\n", clean(p.Name))
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "another name")
	c.Flags().StringVar(&repo, "repo", "", "only for sessions of this repository; empty: for all")
	c.Flags().StringVar(&file, "file", "", "file that holds the text")
	return c
}

func (a *app) deletePrompt() *cobra.Command {
	return &cobra.Command{
		Use: "delete PROMPT", Aliases: []string{"rm"}, Short: "Forget a prompt", Args: takes(1, 1), ValidArgsFunction: a.completePrompts,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			p, err := prompt(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			if err := cl.DeletePrompt(c.Context(), p.ID); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Forgot %s.\n", clean(p.Name))
			return nil
		},
	}
}

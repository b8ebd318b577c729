package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) templates() *cobra.Command {
	c := &cobra.Command{Use: "templates", Aliases: []string{"template"}, Short: "What sessions are begun from",
		Long: "Templates and profiles are YAML files in the configuration directory:\n\n" +
			"  session.yaml         below every session\n  profiles/NAME.yaml   mostly resources; one may be the default\n  templates/NAME.yaml  a whole session\n\n" +
			"Each lies over the one before, and what is typed over all of them. An edit counts for the next session."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listTemplates(), a.showTemplate(), a.lintTemplates())
	return c
}

func (a *app) listTemplates() *cobra.Command {
	var asJSON, profiles bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List templates", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			get := cl.Templates
			if profiles {
				get = cl.Profiles
			}
			all, err := get(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			var rows [][]string
			for _, t := range all {
				rows = append(rows, []string{t.Name, repoOf(t), t.ProfileName, about(t)})
			}
			if profiles && len(rows) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No profiles. `volundr templates --help` says where they are written.")
				return nil
			}
			table(c, "NAME | REPOSITORY | PROFILE | DESCRIPTION", rows)
			return nil
		},
	}
	c.Flags().BoolVar(&profiles, "profiles", false, "list profiles instead")
	jsonFlag(c, &asJSON)
	return c
}

func repoOf(t client.Template) string {
	if len(t.Repos) == 0 {
		return "-"
	}
	return short(t.Repos[0].URL)
}

// about says what a template is, or why it cannot be used.
func about(t client.Template) string {
	if len(t.Problems) > 0 {
		return "cannot be used: " + strings.TrimPrefix(t.Problems[0], filepath.Dir(t.File)+string(filepath.Separator))
	}
	if t.IsDefault {
		return strings.TrimSpace(t.Description + " (default)")
	}
	return t.Description
}

func (a *app) showTemplate() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show NAME", Short: "Show one template, as it would be written", Args: takes(1, 1),
		ValidArgsFunction: a.completeTemplates,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := cl.Template(c.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, t)
			}
			var request map[string]any
			if err := json.Unmarshal(t.Request, &request); err != nil {
				return err
			}
			delete(request, "name")
			w := c.OutOrStdout()
			for _, line := range append([]string{t.Description, t.File}, t.Problems...) {
				if line != "" {
					fmt.Fprintln(w, "# "+clean(line))
				}
			}
			if len(request) == 0 {
				return nil
			}
			text, err := yaml.MarshalWithOptions(request, yaml.UseLiteralStyleIfMultiline(true))
			if err != nil {
				return err
			}
			fmt.Fprint(w, clean(string(text)))
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// lintTemplates reads the files itself: no daemon need run.
func (a *app) lintTemplates() *cobra.Command {
	return &cobra.Command{
		Use: "lint", Short: "Say what is wrong with templates, profiles and session.yaml", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			files, problems, err := a.Lint(cfg)
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(c.OutOrStdout(), clean(p))
			}
			if len(problems) > 0 {
				return exit(1)
			}
			dir := filepath.Dir(cfg.Paths.Config)
			if files == 0 {
				fmt.Fprintf(c.OutOrStdout(), "There is nothing to look at in %s: write templates/NAME.yaml there.\n", dir)
				return nil
			}
			what := fmt.Sprintf("the %d files", files)
			if files == 1 {
				what = "the file"
			}
			fmt.Fprintf(c.OutOrStdout(), "Nothing is wrong with %s in %s.\n", what, dir)
			return nil
		},
	}
}

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) presets() *cobra.Command {
	c := &cobra.Command{Use: "presets", Aliases: []string{"preset"}, Short: "Sessions as you like to begin them",
		Long: "Sessions as you like to begin them, kept in the database for you alone, unless an admin shares one. A preset lies over the template, and what\n" +
			"is typed over both: `volundr sessions create NAME --preset PRESET`."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listPresets(), a.savePreset(), a.sharePreset(), a.unsharePreset(), a.deletePreset())
	return c
}

// preset finds one by its id or name.
func preset(ctx context.Context, cl *client.Client, what string) (client.Preset, error) {
	all, err := cl.Presets(ctx)
	if err != nil {
		return client.Preset{}, err
	}
	slices.SortStableFunc(all, func(a, b client.Preset) int { // one's own before a shared one
		return map[bool]int{true: 1}[a.Shared] - map[bool]int{true: 1}[b.Shared]
	})
	for _, p := range all {
		if p.Name == what || p.ID == what || len(what) >= 4 && strings.HasPrefix(p.ID, what) {
			return p, nil
		}
	}
	return client.Preset{}, fmt.Errorf("no preset is called %q: `volundr presets list` shows them", what)
}

// presetID is what a request names a preset by.
func presetID(ctx context.Context, cl *client.Client, what string) (string, error) {
	if what == "" || uuid.Validate(what) == nil {
		return what, nil
	}
	p, err := preset(ctx, cl, what)
	return p.ID, err
}

func (a *app) listPresets() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List presets", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Presets(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No presets. Keep one: volundr presets save NAME --model … (flags as of `volundr sessions create`)")
				return nil
			}
			var rows [][]string
			for _, p := range all {
				repo := "-"
				if p.Source != nil {
					repo = short(p.Source.Repo+p.Source.LocalPath) + beside(*p.Source)
				}
				about := p.Description
				if p.IsDefault {
					about = strings.TrimSpace(about + " (default)")
				}
				if p.Shared {
					about = strings.TrimSpace(about + " (shared)")
				}
				rows = append(rows, []string{p.Name, strings.TrimSpace(p.CLITool + " " + client.Deref(p.Model)), repo, about, p.ID[:8]})
			}
			table(c, "NAME | AGENT | REPOSITORY | DESCRIPTION | ID", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) savePreset() *cobra.Command {
	var w wishes
	var from, about string
	var isDefault bool
	c := &cobra.Command{
		Use: "save NAME", Short: "Keep a preset, said as `volundr sessions create` takes it", Args: takes(1, 1),
		Example: "  volundr presets save careful --mode plan --network none --memory 8Gi",
		RunE: func(c *cobra.Command, args []string) error {
			below, err := a.written(c, from, false)
			if err != nil {
				return err
			}
			typed, err := w.request()
			if err != nil {
				return err
			}
			in, err := over(below, typed)
			if err != nil {
				return err
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			in.Name = ""
			raw, err := json.Marshal(in)
			if err != nil {
				return err
			}
			p, err := cl.SavePreset(c.Context(), client.PresetSave{Name: &args[0], Description: &about, IsDefault: &isDefault, Request: raw})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Kept %s. Begin with it: `volundr sessions create NAME --preset %s`.\n", clean(p.Name), clean(p.Name))
			return nil
		},
	}
	w.flags(c)
	_ = c.Flags().MarkHidden("preset") // a preset is not made of another one
	c.Flags().StringVarP(&from, "from", "f", "", "YAML file that holds the session; - is standard input")
	c.Flags().StringVar(&about, "description", "", "what it is for")
	c.Flags().BoolVar(&isDefault, "default", false, "the first of its agent's in lists")
	return c
}

func (a *app) deletePreset() *cobra.Command {
	c := &cobra.Command{Use: "delete PRESET", Aliases: []string{"rm"}, Short: "Forget a preset; sessions made of it stay"}
	return a.ofPreset(c, "Forgot %s.\n", func(ctx context.Context, cl *client.Client, id string) error { return cl.DeletePreset(ctx, id) })
}

// ofPreset has a command do something with the preset of an id, and say so of its
// name.
func (a *app) ofPreset(c *cobra.Command, said string, do func(ctx context.Context, cl *client.Client, id string) error) *cobra.Command {
	c.Args, c.ValidArgsFunction = takes(1, 1), a.completePresets
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		p, err := preset(c.Context(), cl, args[0])
		if err == nil {
			err = do(c.Context(), cl, p.ID)
		}
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), said, clean(p.Name))
		}
		return err
	}
	return c
}

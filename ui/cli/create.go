package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) create() *cobra.Command {
	var w wishes
	var asJSON, wait bool
	var from string
	c := &cobra.Command{
		Use: "create [NAME]", Short: "Create a session and start it", Args: takes(0, 1),
		Long: "Create a session and start it. All of it can stand in a YAML file (--from), as the page of a new session shows\n" +
			"it, or come as JSON on standard input (--json without a name); flags lie over both.",
		Example: "  volundr sessions create fix-login --repo https://github.com/me/app --prompt 'Fix the login test'\n" +
			"  volundr sessions create try-it --copy .          # a copy of this folder, uncommitted work included\n" +
			"  volundr sessions create pair --mount ~/src/app   # this folder itself\n" +
			"  volundr sessions create again --from session.yaml\n" +
			"  volundr sessions create ci --repo https://github.com/me/app --trust-repository HASH   # as it was shown\n" +
			`  echo '{"name": "from-json", "model": "opus"}' | volundr sessions create --json`,
		RunE: func(c *cobra.Command, args []string) error {
			below, err := a.written(c, from, asJSON && len(args) == 0 && from == "")
			if err != nil {
				return err
			}
			typed, err := w.request()
			if err != nil {
				return err
			}
			if len(args) > 0 {
				typed.Name = args[0]
			}
			in, err := over(below, typed)
			if err != nil {
				return err
			}
			if in.Name == "" && len(args) == 0 {
				return fmt.Errorf("a session needs a name: `volundr sessions create NAME`")
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if in.PresetID, err = presetID(c.Context(), cl, in.PresetID); err != nil {
				return err
			}
			s, err := createTrusted(c, cl, in)
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
	w.flags(c)
	c.Flags().StringVarP(&from, "from", "f", "", "YAML file that holds the session; - is standard input")
	c.Flags().BoolVar(&wait, "wait", false, "wait until it runs, showing what goes on")
	jsonFlag(c, &asJSON)
	c.Flags().Lookup("json").Usage = "print JSON; without a name also read the session as JSON from standard input"
	a.completeCreate(c)
	return c
}

func (a *app) completeCreate(c *cobra.Command) {
	choices(c, "agent", "claude", "codex", "acp")
	choices(c, "network", "open", "none")
	choices(c, "on", "docker", "kubernetes")
	for flag, known := range map[string]cobra.CompletionFunc{"template": a.completeTemplates, "profile": a.completeProfiles, "preset": a.completePresets} {
		err := c.RegisterFlagCompletionFunc(flag, func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return known(c, nil, typed)
		})
		if err != nil {
			panic(err) // there is no such flag
		}
	}
	for _, flag := range []string{"branch", "base"} {
		if err := c.RegisterFlagCompletionFunc(flag, a.completeBranches); err != nil {
			panic(err)
		}
	}
	for _, dir := range []string{"copy", "mount"} {
		_ = c.MarkFlagDirname(dir)
	}
	_ = c.MarkFlagFilename("from", "yaml", "yml")
}

func pairs(flag string, list []string) (map[string]string, error) {
	var out map[string]string
	for _, e := range list {
		k, v, ok := strings.Cut(e, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("--%s %q is not NAME=value", flag, e)
		}
		if out == nil {
			out = map[string]string{}
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

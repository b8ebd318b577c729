package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// takes is the number of arguments of a command, told in a sentence that shows
// how it is called. most < 0: as many as there are.
func takes(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		_, names, _ := strings.Cut(c.Use, " ")
		usage := strings.TrimSpace(c.CommandPath() + " " + names)
		switch {
		case len(args) < least:
			return fmt.Errorf("an argument is missing: `%s`", usage)
		case most >= 0 && len(args) > most:
			return fmt.Errorf("%q is one argument too many: `%s`", args[most], usage)
		}
		return nil
	}
}

// subcommands make a command of commands: alone it shows its help, and a word
// that is none of them is an error.
func subcommands(c *cobra.Command) (cobra.PositionalArgs, func(*cobra.Command, []string) error) {
	c.SuggestionsMinimumDistance = 2
	return func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := ""
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				hint = fmt.Sprintf(" (did you mean %s?)", near[0])
			}
			return fmt.Errorf("there is no command %q%s: `%s --help` lists them", args[0], hint, c.CommandPath())
		}, func(c *cobra.Command, _ []string) error {
			return c.Help()
		}
}

// choices are what the shell completes a flag with.
func choices(c *cobra.Command, flag string, values ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

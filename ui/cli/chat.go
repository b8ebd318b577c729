package cli

import (
	"errors"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// chat sends one prompt and shows the answer as it comes; it ends with the
// turn. Without a prompt it reads one from standard input.
func (a *app) chat() *cobra.Command {
	var asJSON bool
	c := a.named("chat SESSION [PROMPT…]", "Send a prompt and stream the answer", -1, func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error {
		text := strings.Join(rest, " ")
		if text == "" {
			b, err := io.ReadAll(io.LimitReader(c.InOrStdin(), 4<<20))
			if err != nil {
				return err
			}
			text = strings.TrimSpace(string(b))
		}
		if text == "" {
			return errors.New("there is no prompt: give one as an argument or on standard input")
		}
		t := &talk{c: c, cl: cl, session: s, json: asJSON, prompt: uuid.NewString()}
		return t.run(c.Context(), text)
	})
	jsonFlag(c, &asJSON)
	c.Flags().Lookup("json").Usage = "print every entry of the turn as a line of JSON"
	return c
}

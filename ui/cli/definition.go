package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

// createTrusted creates a session. What its repository brings is shown in full
// and asked about first, as often as it changes meanwhile; where nobody can
// answer it is shown, and nothing is created.
func createTrusted(c *cobra.Command, cl *client.Client, in client.SessionCreate) (client.Session, error) {
	for {
		s, err := cl.Create(c.Context(), in)
		var no *client.Error
		if !errors.As(err, &no) || no.Definition == nil {
			return s, err
		}
		d := *no.Definition
		if d.Hash == "" {
			return s, fmt.Errorf("the session definition of %s could not be read, so nothing was created: %s: mend that or try again, or say --without-definition", d.Repository, d.Problems[0])
		}
		show(c.ErrOrStderr(), d)
		switch {
		case len(d.Problems) > 0:
			return s, fmt.Errorf("the session definition of %s cannot be used, so nothing was created: mend it there, or say --without-definition", d.Repository)
		case !term.IsTerminal(int(os.Stdin.Fd())):
			return s, fmt.Errorf("the session definition of %s is shown above and not confirmed, so nothing was created: say --trust-repository %s to use it, or --without-definition",
				d.Repository, d.Hash)
		}
		yes, err := sure(c, "Use it, now and whenever it is the same?", "")
		if err != nil {
			return s, err
		}
		if !yes {
			fmt.Fprintln(c.ErrOrStderr(), "Nothing was created. --without-definition creates the session without it.")
			return s, exit(1)
		}
		in.TrustRepository = d.Hash
	}
}

// show prints all that a repository brings. Its lines begin with a bar, so that
// none of them looks like one of ours.
func show(w io.Writer, d client.Definition) {
	from := ""
	if d.Commit != "" {
		from = " at " + d.Commit[:min(len(d.Commit), 12)]
	}
	fmt.Fprintf(w, "%s%s says in .volundr how sessions of it begin. All of it runs inside the session.\n", clean(d.Repository), clean(from))
	part := func(title, text string) {
		fmt.Fprintf(w, "\n── %s\n│ %s\n", clean(title), strings.ReplaceAll(strings.TrimSuffix(clean(text), "\n"), "\n", "\n│ "))
	}
	if d.YAML != "" {
		part("session.yaml", d.YAML)
	}
	for _, p := range d.Prompts {
		part("prompt /"+p.Name, p.Content)
	}
	if len(d.Problems) > 0 {
		part("It cannot be used", strings.Join(d.Problems, "\n"))
	}
	fmt.Fprintf(w, "── end, %s\n\n", clean(d.Hash))
}

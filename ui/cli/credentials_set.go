package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// maxSecret bounds what is read of one value, in bytes: more than the daemon
// takes.
const maxSecret = 1 << 20

// mainField is the value of a type that is asked for, or read from standard
// input, when no file gives it; "" where each value has to be named.
var mainField = map[string]string{
	"api_key": "api_key", "oauth_token": "access_token", "git_credential": "url", "ssh_key": "private_key", "tls_cert": "", "generic": "",
}

var credentialTypes = []string{"api_key", "oauth_token", "git_credential", "ssh_key", "tls_cert", "generic"}

// setCredential takes values from files, from the terminal without echo or from
// standard input, never from an argument: arguments stand in process lists.
func (a *app) setCredential() *cobra.Command {
	var kind string
	var from, keys []string
	c := &cobra.Command{
		Use: "set NAME", Short: "Store a credential; anthropic and openai are those of the models", Args: takes(1, 1),
		Example: "  volundr credentials set anthropic\n" +
			"  volundr credentials set anthropic --type oauth_token   # a Claude subscription token\n" +
			"  volundr credentials set github --type git_credential   # https://user:token@github.com\n" +
			"  volundr credentials set deploy --type ssh_key --from private_key=~/.ssh/id_ed25519\n" +
			"  volundr credentials set web --type tls_cert --from certificate=web.crt --from private_key=web.key\n" +
			"  volundr credentials set database --type generic --key user --key password",
		RunE: func(c *cobra.Command, args []string) error {
			main, known := mainField[kind]
			if !known {
				return fmt.Errorf("--type is %s or %s, not %q", strings.Join(credentialTypes[:5], ", "), credentialTypes[5], kind)
			}
			if len(keys) > 0 && kind != "generic" {
				return errors.New("--key is for the type generic; --from KEY=FILE is for the others")
			}
			data, err := readFiles(from)
			if err != nil {
				return err
			}
			if _, given := data[main]; main != "" && !given {
				keys = append(keys, main)
			}
			if len(keys)+len(data) == 0 {
				return fmt.Errorf("a credential of type %s needs its values: --from KEY=FILE%s", kind, map[bool]string{true: ", or --key NAME to type one"}[kind == "generic"])
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if err := askFor(c, args[0], keys, kind == "ssh_key", data); err != nil {
				return err
			}
			in := map[string]any{"name": args[0], "secret_type": kind, "data": data}
			if err := cl.Do(c.Context(), "POST", "/credentials", in, nil); err != nil {
				return err
			}
			if (args[0] == "anthropic" || args[0] == "openai") && (kind == "api_key" || kind == "oauth_token") {
				fmt.Fprintf(c.OutOrStdout(), "Stored %s. Sessions use it from their next request on.\n", args[0])
			} else {
				fmt.Fprintf(c.OutOrStdout(), "Stored %s. Give it to a session with `--credential %s`.\n", args[0], args[0])
			}
			return nil
		},
	}
	c.Flags().StringVar(&kind, "type", "api_key", strings.Join(credentialTypes, ", "))
	c.Flags().StringArrayVar(&from, "from", nil, "value out of a file, KEY=FILE (again for more)")
	c.Flags().StringArrayVar(&keys, "key", nil, "value of a generic credential, asked for by this name (again for more)")
	choices(c, "type", credentialTypes...)
	return c
}

func readFiles(from []string) (map[string]string, error) {
	data := map[string]string{}
	for _, f := range from {
		key, file, ok := strings.Cut(f, "=")
		if !ok || key == "" || file == "" {
			return nil, fmt.Errorf("--from %q is not KEY=FILE", f)
		}
		if rest, home := strings.CutPrefix(file, "~/"); home { // a shell does not, behind the =
			dir, err := os.UserHomeDir()
			if err != nil {
				return nil, err
			}
			file = dir + "/" + rest
		}
		in, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
		in.Close()
		switch {
		case err != nil:
			return nil, err
		case len(b) > maxSecret:
			return nil, fmt.Errorf("%s is larger than 1 MiB: that is no credential", file)
		}
		data[key] = string(b)
	}
	return data, nil
}

// askFor reads the values of keys: each from the terminal without echo, or from
// standard input, a line each; whole: one value is all that comes.
func askFor(c *cobra.Command, name string, keys []string, whole bool, data map[string]string) error {
	fd := int(os.Stdin.Fd())
	piped := bufio.NewReader(io.LimitReader(c.InOrStdin(), maxSecret))
	for i, key := range keys {
		if slices.Contains(keys[:i], key) {
			continue
		}
		var value string
		switch {
		case term.IsTerminal(fd) && whole:
			return fmt.Errorf("the key is more than a line: give its file with --from %s=FILE", key)
		case term.IsTerminal(fd):
			what := name
			if len(keys) > 1 {
				what = key + " of " + name
			}
			fmt.Fprintf(c.ErrOrStderr(), "Value of %s (not shown): ", what)
			b, err := term.ReadPassword(fd)
			fmt.Fprintln(c.ErrOrStderr())
			if err != nil {
				return err
			}
			value = string(b)
		case whole:
			b, err := io.ReadAll(piped)
			if err != nil {
				return err
			}
			value = string(b)
		default:
			value, _ = piped.ReadString('\n')
		}
		if value = strings.TrimSpace(value); value == "" {
			return errors.New("the value is empty, nothing was stored")
		}
		data[key] = value
	}
	return nil
}

// secret reads one value.
func secret(c *cobra.Command, name string) (string, error) {
	data := map[string]string{}
	err := askFor(c, name, []string{name}, false, data)
	return data[name], err
}

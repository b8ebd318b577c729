package cli

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// inside is the path below the workspace of a name that a person gave: relative
// to it, or absolute below it.
func inside(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "/workspace"), "/")
}

func (a *app) sandboxPut() *cobra.Command {
	c := a.inSandbox("put SANDBOX FILE [PATH]", "Copy a file into a sandbox's workspace", 2, 3, func(c *cobra.Command, cl *client.Client, id string, rest []string) error {
		to := path.Base(filepath.ToSlash(rest[0]))
		if len(rest) > 1 {
			if to = inside(rest[1]); to == "" || strings.HasSuffix(to, "/") {
				to += path.Base(filepath.ToSlash(rest[0]))
			}
		}
		if rest[0] == "-" {
			if len(rest) == 1 {
				return errors.New("what comes on standard input has no name: give the path to write it to")
			}
			return cl.PutSandboxFile(c.Context(), id, to, c.InOrStdin())
		}
		f, err := openFile(rest[0])
		if err != nil {
			return err
		}
		defer f.Close()
		return cl.PutSandboxFile(c.Context(), id, to, f)
	})
	c.Example = "  volundr sandbox put 3f2a data.csv            # to /workspace/data.csv\n  tar cz . | volundr sandbox put 3f2a - in.tgz"
	return c
}

// openFile opens a file of this machine that can be sent.
func openFile(name string) (*os.File, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%s is a folder: pack it, as in `tar cz -C %s . | volundr sandbox put SANDBOX - in.tgz`", name, name)
	}
	return os.Open(name)
}

func (a *app) sandboxGet() *cobra.Command {
	c := a.inSandbox("get SANDBOX PATH [FILE]", "Copy a file out of a sandbox's workspace", 2, 3, func(c *cobra.Command, cl *client.Client, id string, rest []string) error {
		from := inside(rest[0])
		to := path.Base(from)
		if len(rest) > 1 {
			to = rest[1]
		}
		if to == "-" {
			return cl.GetSandboxFile(c.Context(), id, from, printer(c.OutOrStdout()))
		}
		if st, err := os.Stat(to); err == nil && st.IsDir() {
			to = filepath.Join(to, path.Base(from))
		}
		// Whatever the sandbox sends, a file that was there is whole or untouched.
		part, err := os.CreateTemp(filepath.Dir(to), ".volundr-*")
		if err != nil {
			return err
		}
		defer os.Remove(part.Name())
		defer part.Close()
		if err := cl.GetSandboxFile(c.Context(), id, from, part); err != nil {
			return err
		}
		if err := part.Close(); err != nil {
			return err
		}
		return os.Rename(part.Name(), to)
	})
	c.Example = "  volundr sandbox get 3f2a out/plot.png        # to ./plot.png\n  volundr sandbox get 3f2a result.json - | jq ."
	return c
}

// stage uploads files of this machine, given as FILE or FILE:PATH.
func stage(c *cobra.Command, cl *client.Client, files []string) (staged []client.StagedFile, err error) {
	for _, spec := range files {
		name, to, ok := cutLast(spec, ":")
		if !ok || to == "" {
			to = path.Base(filepath.ToSlash(name))
		}
		f, err := openFile(name)
		if err != nil {
			return nil, err
		}
		up, err := cl.Upload(c.Context(), path.Base(filepath.ToSlash(name)), f)
		f.Close()
		if err != nil {
			return nil, err
		}
		staged = append(staged, client.StagedFile{Path: inside(to), FileID: up.ID})
	}
	return staged, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

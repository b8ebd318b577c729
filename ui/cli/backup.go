package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/daemon/config"
)

// Backups make, check and take back backups of the data directory. A nil
// passphrase makes one without keys.
type Backups interface {
	Create(ctx context.Context, cfg config.Config, file string, passphrase func() (string, error), out io.Writer) error
	Verify(ctx context.Context, cfg config.Config, file string, passphrase func() (string, error), out io.Writer) error
	Restore(ctx context.Context, cfg config.Config, file string, keepTokens bool, passphrase func() (string, error), out io.Writer) error
}

func (a *app) backup() *cobra.Command {
	c := &cobra.Command{Use: "backup", Short: "Keep the installation in a file, and get it back",
		Long: "Keep the installation in a file, and get it back: sessions, conversations, chronicles, archives, snapshots,\n" +
			"credentials, users, configuration and keys. What lies in sessions' volumes is not in it: those stay where they\n" +
			"are, and are found again. Archive a session to have its volumes in the backup."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.createBackup(), a.verifyBackup(), a.restoreBackup())
	return c
}

func (a *app) createBackup() *cobra.Command {
	var withoutKeys bool
	var file string
	c := &cobra.Command{
		Use: "create [FILE]", Short: "Write a backup; the daemon and its sessions may run", Args: takes(0, 1),
		Long: "Writes a backup of everything as it is at one moment; the daemon and its sessions may run meanwhile.\n" +
			"It holds the keys, the credentials' among them wherever it is kept, so all of it is encrypted with a passphrase:\n" +
			"from VOLUNDR_BACKUP_PASSPHRASE, from --passphrase-file, or asked for. Without the passphrase nobody opens it.\n" +
			"--without-keys writes one that is not encrypted: stored credentials, archives and snapshots then open only\n" +
			"where this installation's key still is.",
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			name := "volundr-" + time.Now().Format("20060102-150405") + ".tar"
			ask := passphrase(c, file, true)
			if withoutKeys {
				ask = nil
			} else {
				name += ".age"
			}
			if len(args) > 0 {
				name = args[0]
			}
			return a.Backups.Create(c.Context(), cfg, name, ask, c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&withoutKeys, "without-keys", false, "leave the keys and the token out, and do not encrypt")
	passphraseFlag(c, &file)
	c.MarkFlagsMutuallyExclusive("without-keys", "passphrase-file")
	return c
}

func (a *app) verifyBackup() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "verify FILE", Short: "Read a backup from end to end: checksums, database, and that nothing is missing", Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.Backups.Verify(c.Context(), cfg, args[0], passphrase(c, file, false), c.OutOrStdout())
		},
	}
	passphraseFlag(c, &file)
	return c
}

func (a *app) restoreBackup() *cobra.Command {
	var file string
	var keepTokens bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Make an unused data directory that of a backup", Args: takes(1, 1),
		Long: "Makes an unused data directory that of a backup, all of it or nothing: one that was cut off is begun anew by the\n" +
			"same command. Sessions find their volumes again where they are; of the others it says what is lost. A backup of an\n" +
			"older version is brought to this one's. Browsers are logged out and access tokens revoked, for which of them were\n" +
			"since the backup is not known; users, roles and what is shared are as they were.",
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.Backups.Restore(c.Context(), cfg, args[0], keepTokens, passphrase(c, file, false), c.OutOrStdout())
		},
	}
	passphraseFlag(c, &file)
	f := c.Flags()
	f.BoolVar(&keepTokens, "keep-tokens", false, "let access tokens count that the backup has")
	f.StringVar(&a.flags.Engine, "engine", "", "Docker engine to look for volumes on")
	return c
}

func passphraseFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "passphrase-file", "", "file whose first line is the passphrase")
}

// passphrase gives that of a backup, twice typed when it is a new one.
func passphrase(c *cobra.Command, file string, fresh bool) func() (string, error) {
	return func() (string, error) {
		if file != "" {
			text, err := os.ReadFile(file)
			line, _, _ := bytes.Cut(text, []byte("\n"))
			if line = bytes.TrimSuffix(line, []byte("\r")); err == nil && len(line) == 0 {
				err = fmt.Errorf("%s begins with an empty line: that is no passphrase", file)
			}
			return string(line), err
		}
		if text := os.Getenv("VOLUNDR_BACKUP_PASSPHRASE"); text != "" {
			return text, nil
		}
		text, err := secret(c, "the backup's passphrase")
		if err != nil || !fresh || !term.IsTerminal(int(os.Stdin.Fd())) {
			return text, err
		}
		again, err := secret(c, "the same again")
		if err == nil && again != text {
			err = errors.New("the two are not the same: nothing was written")
		}
		return text, err
	}
}

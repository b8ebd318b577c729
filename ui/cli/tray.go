package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/pkg/browser"
	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// Desk is what the tray stands on; see ui/tray.Options.
type Desk struct {
	Connect    func(context.Context) (*client.Client, error)
	Start      func(context.Context) error
	Browse     func(url string) error
	AtLogin    func() bool
	SetAtLogin func(bool) error
	Lock       string
	Log        *slog.Logger
}

// Launch is what a tray does as it begins; see ui/tray.Launch.
type Launch struct {
	Start bool
	Open  bool
}

func (a *app) tray() *cobra.Command {
	var l Launch
	c := &cobra.Command{
		Use: "tray", Short: "Show Volundr in the desktop's tray", Args: takes(0, 0),
		Long: "Shows an icon in the desktop's tray: whether agents work or wait for you, with a menu to answer, open\n" +
			"and stop, and a notification when an agent asks or a session fails. It stays until you quit it.",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			entry, err := a.entry()
			if err != nil {
				return err
			}
			return a.Tray(c.Context(), Desk{
				Connect: a.own,
				Start: func(ctx context.Context) error {
					_, err := a.launch(ctx, cfg, io.Discard)
					return err
				},
				Browse:  browse,
				AtLogin: entry.AtLogin, SetAtLogin: entry.SetAtLogin,
				Lock: filepath.Join(filepath.Dir(cfg.Paths.State), "tray.lock"),
				Log:  slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
			}, l)
		},
	}
	c.Flags().BoolVar(&l.Start, "start", false, "start the daemon if none runs")
	c.Flags().BoolVar(&l.Open, "open", false, "open the dashboard too")
	return c
}

// browse opens a URL in the person's browser, which may print what it likes.
func browse(url string) error {
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	if err := browser.OpenURL(url); err != nil {
		return fmt.Errorf("no browser could be started (%w): open %s yourself", err, url)
	}
	return nil
}

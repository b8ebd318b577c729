// Package tray is Volundr in the desktop's tray: an icon that tells whether
// agents work or wait for a person, a menu to act by, and a notification when
// an agent waits for an answer or a session fails. It knows only what any client
// of the API knows.
package tray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"volundr/ui/client"
)

// Options are what a tray stands on. All are required.
type Options struct {
	// Connect gives a client of the running daemon, or an error when none runs.
	Connect func(context.Context) (*client.Client, error)
	// Start starts the daemon.
	Start func(context.Context) error
	// Browse opens a URL in the person's browser.
	Browse func(url string) error
	// AtLogin reports whether the tray starts with the desktop, and SetAtLogin
	// changes it.
	AtLogin    func() bool
	SetAtLogin func(bool) error
	// Lock is a file: there is one tray for it.
	Lock string
	Log  *slog.Logger
}

// Launch is what a tray does as it begins.
type Launch struct {
	Start bool // the daemon, when none runs
	Open  bool // the dashboard, also when another tray is there already
}

// Run shows the tray until ctx ends or the person quits. A second tray ends at
// once, without an error.
func Run(ctx context.Context, o Options, l Launch) error {
	if err := supported(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.Lock), 0o700); err != nil {
		return err
	}
	lock := flock.New(o.Lock, flock.SetPermissions(0o600))
	first, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock %s: %w", o.Lock, err)
	}
	if l.Start {
		if _, err := o.Connect(ctx); err != nil {
			if err := o.Start(ctx); err != nil {
				o.Log.Warn("The daemon did not start", "error", err)
			}
		}
	}
	if l.Open {
		err = o.open(ctx, "/")
	}
	if !first {
		return err
	}
	defer lock.Unlock()
	if err != nil {
		o.Log.Warn("The dashboard was not opened", "error", err)
	}
	return o.run(ctx)
}

// open opens a page in a browser and logs it in: a person asked for it.
func (o Options) open(ctx context.Context, path string) error {
	cl, err := o.Connect(ctx)
	if err != nil {
		return err
	}
	link, err := cl.LoginLink(ctx)
	if err != nil {
		return err
	}
	return o.Browse(link + "?next=" + url.QueryEscape(path))
}

// do does what was clicked.
func (o Options) do(ctx context.Context, cl *client.Client, a act) error {
	if a.Verb == openPage {
		return o.open(ctx, a.Path)
	}
	if cl == nil {
		return errors.New("no daemon is running")
	}
	var err error
	switch a.Verb {
	case startSession:
		_, err = cl.Start(ctx, a.Session)
	case stopSession:
		_, err = cl.Stop(ctx, a.Session)
	case extendSession:
		_, err = cl.Extend(ctx, a.Session, "1h")
	case stopTurn:
		err = cl.Cancel(ctx, a.Session)
	case answerAsk:
		err = cl.Answer(ctx, a.Session, client.Answer{ID: a.Ask, Option: a.Option})
	}
	return err
}

//go:build cgo

package tray

import (
	"context"
	"os/exec"
	"time"

	"volundr/ui/client"
)

// notifier shows notices by the system's own script command; the texts are its
// arguments and no part of the script.
type notifier struct{ o Options }

func newNotifier(o Options) *notifier { return &notifier{o} }

func (n *notifier) send(t notice) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	const script = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
	if err := exec.CommandContext(ctx, "osascript", "-e", script, t.Title, t.Body).Run(); err != nil {
		n.o.Log.Warn("No notification was shown", "error", err)
	}
}

func (n *notifier) keep([]client.Need) {}

func (n *notifier) close() {}

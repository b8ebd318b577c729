package tray

import (
	"context"

	"git.sr.ht/~jackmordaunt/go-toast"

	"volundr/ui/client"
)

// notifier shows notices as toasts.
type notifier struct{ o Options }

func newNotifier(o Options) *notifier { return &notifier{o} }

func (n *notifier) send(t notice) {
	err := (&toast.Notification{AppID: "Volundr", Title: t.Title, Body: t.Body}).Push()
	if err != nil {
		n.o.Log.WarnContext(context.Background(), "No notification was shown", "error", err)
	}
}

func (n *notifier) keep([]client.Need) {}

func (n *notifier) close() {}

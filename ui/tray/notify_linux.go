package tray

import (
	"html"
	"slices"
	"sync"

	"github.com/esiqveland/notify"
	"github.com/godbus/dbus/v5"

	"volundr/ui/client"
)

// notifier shows notices by org.freedesktop.Notifications. Without such a
// service the icon alone tells.
type notifier struct {
	o   Options
	bus *dbus.Conn
	to  notify.Notifier

	mu   sync.Mutex
	open map[uint32]notice
}

func newNotifier(o Options) *notifier {
	n := &notifier{o: o, open: map[uint32]notice{}}
	bus, err := dbus.ConnectSessionBus()
	if err != nil {
		o.Log.Warn("There are no notifications", "error", err)
		return n
	}
	n.bus = bus
	to, err := notify.New(bus, notify.WithOnAction(n.clicked), notify.WithOnClosed(n.closed))
	if err != nil {
		o.Log.Warn("There are no notifications", "error", err)
		return n
	}
	n.to = to
	return n
}

func (n *notifier) send(t notice) {
	if n.to == nil {
		return
	}
	caps, err := n.to.GetCapabilities() // asked anew: the service may be another one by now
	if err != nil {
		n.o.Log.Warn("No notification was shown", "error", err)
		return
	}
	body := t.Body
	if slices.Contains(caps, "body-markup") {
		body = html.EscapeString(body)
	}
	note := notify.Notification{AppName: "Volundr", AppIcon: "volundr", Summary: t.Title, Body: body, ExpireTimeout: notify.ExpireTimeoutSetByNotificationServer}
	if slices.Contains(caps, "actions") {
		note.Actions = []notify.Action{notify.NewDefaultAction("Open")}
	}
	n.mu.Lock() // so that a click finds it
	defer n.mu.Unlock()
	id, err := n.to.SendNotification(note)
	if err != nil {
		n.o.Log.Warn("No notification was shown", "error", err)
		return
	}
	n.open[id] = t
}

// keep takes back the notices of what is settled.
func (n *notifier) keep(needs []client.Need) {
	n.mu.Lock()
	var gone []uint32
	for id, t := range n.open {
		if t.Need != "" && !slices.ContainsFunc(needs, func(x client.Need) bool { return x.ID == t.Need }) {
			gone = append(gone, id)
			delete(n.open, id)
		}
	}
	n.mu.Unlock()
	for _, id := range gone {
		_, _ = n.to.CloseNotification(id) // it may be closed already
	}
}

func (n *notifier) clicked(s *notify.ActionInvokedSignal) {
	n.mu.Lock()
	t, ok := n.open[s.ID]
	n.mu.Unlock()
	if !ok { // another program's
		return
	}
	if err := n.o.open(n.bus.Context(), t.Path); err != nil {
		n.o.Log.Warn("A notification's page was not opened", "error", err)
	}
}

func (n *notifier) closed(s *notify.NotificationClosedSignal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, s.ID)
}

func (n *notifier) close() {
	if n.to != nil {
		n.to.Close()
	}
	if n.bus != nil {
		n.bus.Close()
	}
}

package tray

import (
	"context"
	"fmt"
	"strings"

	"fyne.io/systray"
	"github.com/godbus/dbus/v5"

	"volundr/ui/mark"
)

func supported() error { return nil }

// prepare looks whether there is a desktop, and has the tray end with it.
func (o Options) prepare(quit func()) error {
	bus, err := dbus.SessionBus() // systray's too
	if err != nil {
		return fmt.Errorf("there is no desktop here that a tray could be on (no D-Bus session bus: %w): run `volundr tray` inside one", err)
	}
	context.AfterFunc(bus.Context(), quit)
	var there bool
	if err := bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.kde.StatusNotifierWatcher").Store(&there); err == nil && !there {
		o.Log.Warn("This desktop shows no tray icons now (no org.kde.StatusNotifierWatcher; GNOME needs its AppIndicator extension). The icon comes when it does.")
	}
	systray.SetTitle("Volundr")
	systray.SetIcon(icon(mark.Down))
	return nil
}

func drawn(s mark.State) []byte { return mark.PNG(s, 48) }

// escape keeps underscores from being taken for the mark of a key.
func escape(text string) string { return strings.ReplaceAll(text, "_", "__") }

package ui

import (
	"github.com/a-h/templ"

	"volundr/ui/client"
)

// SharePage shows who may look at a session, and lets others.
type SharePage struct {
	Shell
	Session client.Session
	Shares  []client.Share
	Done    string
	Name    string // the form's, where it was refused
	Problem string
}

func shareURL(s client.Session, act string) templ.SafeURL {
	return templ.SafeURL("/sessions/" + s.ID + "/" + act)
}

package tray

import "volundr/ui/client"

// notice is a desktop notification. Its texts are plain lines, shortened.
type notice struct {
	Need  string // id of what it tells of
	Title string
	Body  string
	Path  string // page that a click opens
}

// teller says which notices are due: one for each event, whatever becomes of the
// daemon meanwhile. What waited already when the tray began is shown by the icon
// and not told.
type teller struct {
	seen  map[string]bool
	begun bool
}

// maxSeen bounds what is remembered of needs that are settled.
const maxSeen = 1000

// due gives the notices of what is new.
func (t *teller) due(needs []client.Need) (out []notice) {
	if len(t.seen) > maxSeen {
		t.seen = nil
		for _, n := range needs {
			t.see(n.ID)
		}
	}
	for _, n := range needs {
		if !t.see(n.ID) || !t.begun {
			continue
		}
		title := ""
		switch n.Kind {
		case client.NeedPermission:
			title = n.Session + " asks for permission"
		case client.NeedQuestion:
			title = n.Session + " asks"
		case client.NeedFailure:
			title = n.Session + " failed"
		case client.NeedTime:
			title = n.Session + " stops soon"
		default:
			continue // a stall may end by itself: the icon shows it
		}
		out = append(out, notice{Need: n.ID, Title: short(title, maxLine), Body: short(needText(n), maxBody), Path: pageOf(n.SessionID)})
	}
	t.begun = true
	return out
}

// see reports whether an event is new.
func (t *teller) see(id string) bool {
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	known := t.seen[id]
	t.seen[id] = true
	return !known
}

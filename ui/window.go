package ui

import "volundr/ui/client"

// Shown is how many items a page has at first, and how many each "earlier"
// adds.
const Shown = 200

// Window is a part of a conversation as a page shows it.
type Window struct {
	Items []Item
	// Before is the number to ask earlier items before; 0: there are none.
	Before int64
	// Last is the number of the last entry in it.
	Last int64
}

// Page cuts the last items out of a list of entries, oldest first. older says
// that the list does not begin with the conversation: what held before it was
// given to t.Stand. The cut is made at the beginning of a turn where one is
// near, so that no block is shown in half.
func Page(t *Transcript, entries []client.Entry, older bool) Window {
	if older {
		all := entries
		entries = fromBoundary(entries)
		for _, e := range all[:len(all)-len(entries)] {
			t.Stand(e)
		}
	}
	for _, e := range entries {
		t.Apply(e)
	}
	w := Window{Items: t.Items(), Last: t.Last()}
	if len(entries) > 0 && older {
		w.Before = entries[0].N
	}
	if cut := len(w.Items) - Shown; cut > 0 {
		for i := cut; i < len(w.Items) && i < cut+Shown/2; i++ {
			if w.Items[i].Kind == KindPrompt {
				cut = i
				break
			}
		}
		w.Items = w.Items[cut:]
		w.Before = w.Items[0].First
	}
	return w
}

// Earlier is Page for what a page loads above the items that it has: prompts
// whose turn begins later stand there already.
func Earlier(t *Transcript, entries []client.Entry, older bool) Window {
	w := Page(t, entries, older)
	for len(w.Items) > 0 && w.Items[len(w.Items)-1].Queued {
		w.Items = w.Items[:len(w.Items)-1]
	}
	return w
}

// fromBoundary drops the entries before the first turn, or, in a turn that is
// longer than the list, before the first entry that no block continues in.
func fromBoundary(entries []client.Entry) []client.Entry {
	whole := -1
	for i, e := range entries[:len(entries)/2] {
		switch e.Type {
		case client.EntryPrompt, client.EntryTurnStart:
			return entries[i:]
		case client.EntryText, client.EntryThought:
		default:
			if whole < 0 {
				whole = i
			}
		}
	}
	return entries[max(whole, 0):]
}

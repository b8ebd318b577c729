package client

// burst is how many files change alike, one after the other, before they are told
// together.
const burst = 6

// Told are events of a timeline as they are read: files that change alike one
// after the other stand together, and an answer that its question tells is left
// out.
func Told(events []TimelineEvent) (groups [][]TimelineEvent) {
	settled := map[string]bool{} // turns whose questions say how they were answered
	for _, e := range events {
		if e.Kind == "permission" && e.Allowed != nil {
			settled[e.Turn] = true
		}
	}
	for i := 0; i < len(events); {
		n := alike(events[i:])
		switch {
		case events[i].Kind == "answer" && settled[events[i].Turn]:
		case n >= burst:
			groups = append(groups, events[i:i+n])
		default:
			n = 1
			groups = append(groups, events[i:i+1])
		}
		i += max(n, 1)
	}
	return groups
}

// alike counts the files at the beginning that changed in the same way.
func alike(events []TimelineEvent) int {
	for i, e := range events {
		if e.Type != "file" || e.Action == nil || e.From != "" || *e.Action != *events[0].Action {
			return i
		}
	}
	return len(events)
}

// Changed adds up the lines of files.
func Changed(files []TimelineEvent) (ins, del int) {
	for _, f := range files {
		ins, del = ins+Deref(f.Ins), del+Deref(f.Del)
	}
	return ins, del
}

package tray

import (
	"fmt"
	"strings"
	"unicode"

	"volundr/ui/client"
	"volundr/ui/mark"
)

// look is what is known of the daemon at a moment.
type look struct {
	Up       bool
	Sessions []client.Session // newest first, then older ones that run
	Cut      bool             // there are more
	Needs    []client.Need    // the longest waiting first
}

// state is what the icon tells.
func (l look) state() mark.State {
	switch {
	case !l.Up:
		return mark.Down
	case len(l.Needs) > 0:
		return mark.Needs
	case l.working() > 0:
		return mark.Working
	}
	return mark.Idle
}

func (l look) working() (n int) {
	for _, s := range l.Sessions {
		if a := s.Activity(); s.Status == client.Running && (a == client.Active || a == client.ToolExecuting) {
			n++
		}
	}
	return n
}

// words say the state in a line.
func (l look) words() string {
	if !l.Up {
		return "Volundr is not running"
	}
	var parts []string
	if n := len(l.Needs); n == 1 {
		parts = append(parts, "1 thing needs you")
	} else if n > 1 {
		parts = append(parts, fmt.Sprintf("%d things need you", n))
	}
	if n := l.working(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d working", n))
	}
	if len(parts) == 0 {
		return "Volundr is idle"
	}
	return strings.Join(parts, ", ")
}

// Menus and notifications are short.
const (
	maxLine    = 80  // characters of a menu's line
	maxBody    = 240 // of a notification's text
	mostNeeds  = 10  // in the menu
	mostShown  = 15  // sessions in the menu
	mostRead   = 100 // sessions of the list, beside those that run
	mostDetail = 8   // lines of what an agent asks about
)

// line is one entry of a menu; without Do it only tells something.
type line struct {
	Text string
	Do   act
	Sub  []line
}

// act is what a click does.
type act struct {
	Verb    verb
	Session string
	Ask     string // Answer: the question
	Option  string // Answer
	Path    string // Open
}

type verb int

const (
	tell verb = iota
	openPage
	stopSession
	startSession
	stopTurn
	extendSession
	answerAsk
)

// needLines are the submenu of what needs a person.
func needLines(l look) (out []line) {
	for _, n := range l.Needs[:min(len(l.Needs), mostNeeds)] {
		out = append(out, line{Text: short(n.Session+": "+needWords(n), maxLine), Sub: needSub(n)})
	}
	if more := len(l.Needs) - mostNeeds; more > 0 {
		out = append(out, line{Text: fmt.Sprintf("%d more…", more), Do: act{Verb: openPage, Path: "/"}})
	}
	return out
}

// needSub is what can be done about a need. What cannot be shown in full here
// can be refused, not allowed.
func needSub(n client.Need) (out []line) {
	open := line{Text: "Open", Do: act{Verb: openPage, Path: pageOf(n.SessionID)}}
	switch n.Kind {
	case client.NeedStall:
		return []line{open, {Text: "Stop the turn", Do: act{Verb: stopTurn, Session: n.SessionID}}}
	case client.NeedTime:
		return []line{open, {Text: "Extend by 1 h", Do: act{Verb: extendSession, Session: n.SessionID}}}
	case client.NeedFailure:
		return []line{open, {Text: "Start again", Do: act{Verb: startSession, Session: n.SessionID}}}
	}
	whole := !n.Cut && short(n.Text, maxLine) == n.Text
	var lines []string
	if n.Detail != "" {
		lines = strings.Split(n.Detail, "\n")
	}
	for i, l := range lines {
		if i == mostDetail {
			whole = false
			break
		}
		text := short(l, maxLine)
		whole = whole && text == l
		out = append(out, line{Text: text})
	}
	if !whole {
		out = append(out, line{Text: "There is more: open it to allow it."})
	}
	for _, o := range n.Options {
		if whole || !o.Allows() {
			name := o.Name
			if name == "" {
				name = o.ID
			}
			out = append(out, line{Text: short(name, maxLine), Do: act{Verb: answerAsk, Session: n.SessionID, Ask: n.Question, Option: o.ID}})
		}
	}
	return append(out, open)
}

func needWords(n client.Need) string {
	switch n.Kind {
	case client.NeedPermission:
		return "asks: " + n.Text
	case client.NeedFailure:
		return "failed: " + n.Text
	}
	return needText(n)
}

// needText is what waits, and until when it may, by the clock of the machine.
func needText(n client.Need) string {
	if n.Until != nil {
		return n.Text + ", at " + n.Until.Local().Format("15:04")
	}
	return n.Text
}

// sessionLines are the submenu of sessions: those that run first.
func sessionLines(l look) (out []line) {
	var run, rest []client.Session
	for _, s := range l.Sessions {
		if s.CanStop() || s.Status == client.Stopping {
			run = append(run, s)
		} else {
			rest = append(rest, s)
		}
	}
	all := append(run, rest...)
	for _, s := range all[:min(len(all), mostShown)] {
		sub := []line{{Text: "Open", Do: act{Verb: openPage, Path: pageOf(s.ID)}}}
		switch {
		case s.CanStop():
			sub = append(sub, line{Text: "Stop", Do: act{Verb: stopSession, Session: s.ID}})
		case s.CanStart():
			sub = append(sub, line{Text: "Start", Do: act{Verb: startSession, Session: s.ID}})
		}
		out = append(out, line{Text: short(s.Name+" · "+sessionWord(s), maxLine), Sub: sub})
	}
	if more := len(all) - mostShown; more > 0 {
		text := fmt.Sprintf("%d more…", more)
		if l.Cut {
			text = "More…"
		}
		out = append(out, line{Text: text, Do: act{Verb: openPage, Path: "/"}})
	}
	return out
}

func sessionWord(s client.Session) string {
	if s.Status != client.Running {
		return s.Status
	}
	switch s.Activity() {
	case client.Waiting:
		return "waits for you"
	case client.Active, client.ToolExecuting:
		return "working"
	}
	return "running"
}

func pageOf(session string) string { return "/sessions/" + session + "/chat" }

// short makes one plain line of at most n characters of what a session said.
func short(text string, n int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

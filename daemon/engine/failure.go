package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Why a run ended, as its chronicle says it.
const (
	reasonStopped  = "stopped"
	reasonLapsed   = "its time to live was over"
	reasonDeleted  = "deleted"
	reasonArchived = "archived"
	reasonLost     = "lost with the machine, started again"
	reasonReplaced = "its containers belong to a run that this database does not know, started again"
)

// kept ends every sentence about a failure after which nothing is lost.
const kept = "Files and conversation are kept: start it again."

func failedEnd(e store.Ended, answered bool) store.Failure {
	exit := e.ExitCode
	f := store.Failure{Part: e.Part, ExitCode: &exit, OOM: e.OOM}
	switch {
	case e.Error != "":
		f.Reason = said(e.Error)
	case e.OOM:
		f.Reason = fmt.Sprintf("The %s ran out of memory and was ended (exit code %d). Give %s more memory and start it again.", called(e.Part), exit, whom(e.Part))
	case answered:
		f.Reason = fmt.Sprintf("The %s ended while the session was running (exit code %d). %s", called(e.Part), exit, kept)
	default:
		f.Reason = fmt.Sprintf("The %s ended before the session was ready (exit code %d). The last lines of its log say more; then start it again.", called(e.Part), exit)
	}
	return f
}

// failedGone is about a session that answered once, and of which a part is not
// there any more, or cannot run: what is left of it may say why.
func failedGone(seen runtime.Workload) store.Failure {
	for _, p := range seen.Parts {
		if !p.Running && p.Error != "" {
			return store.Failure{Part: p.Name, Reason: said(p.Error)}
		}
	}
	return store.Failure{Reason: "Containers of the session were removed by somebody else. " + kept}
}

func failedHealth(h wire.Health) store.Failure {
	reason := h.Detail
	if reason == "" {
		reason = "The session says that it cannot work. " + kept
	}
	f := store.Failure{Reason: reason, Part: runtime.PartAgent}
	if h.Output != "" { // says more than the log of the part
		f.Lines = strings.Split(h.Output, "\n")
	}
	return f
}

// failedAnswer names who did not answer.
func failedAnswer(seen sight, timeout time.Duration) store.Failure {
	part := silent(seen)
	f := store.Failure{Part: part, Reason: fmt.Sprintf("The %s did not answer within %s. The last lines of its log say more; then start it again.", called(part), span(timeout))}
	if seen.known && seen.health.Detail != "" {
		f.Reason = fmt.Sprintf("The %s did not answer within %s (%s). Start it again.", called(part), span(timeout), strings.TrimSuffix(seen.health.Detail, "."))
	}
	return f
}

// called is a part as people know it. A service is the template's.
func called(part string) string {
	if name := (runtime.Part{Name: part}).Service(); name != "" {
		return "service " + name + " (template)"
	}
	return part
}

// whom is who gets more memory for a part.
func whom(part string) string {
	if (runtime.Part{Name: part}).Service() != "" {
		return "it"
	}
	return "the session"
}

// silent is the first part that does not answer.
func silent(seen sight) string {
	switch {
	case !seen.known:
		return runtime.PartBroker
	case seen.health.Service != "":
		return runtime.ServicePrefix + seen.health.Service
	case !seen.health.Agent:
		return runtime.PartAgent
	case !seen.health.Editor:
		return runtime.PartEditor
	case !seen.health.Terminal:
		return runtime.PartTerminal
	}
	return runtime.PartBroker
}

func failedAttempts(last string) store.Failure {
	f := store.Failure{Reason: fmt.Sprintf("The session could not be started in %d attempts. Look at `volundr doctor`, then start it again.", maxAttempts)}
	if last != "" {
		f.Lines = []string{last}
	}
	return f
}

// failedStart is what the runtime or the preparation said: its first line is
// the reason, the others the log.
func failedStart(err error) store.Failure {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	reason := "The session could not be started: " + sentence(lines[0])
	if !strings.Contains(lines[0], "start again") {
		reason += " Mend that, then start it again."
	}
	return store.Failure{Reason: reason, Lines: lines[1:]}
}

func failedArchive() store.Failure {
	return store.Failure{Reason: "The session is archived, and this version cannot restore it. Use the version that archived it."}
}

// stuck says why volumes are not packed or unpacked yet. They stay as they are,
// and it is tried again for ever.
func stuck(d deed, err error) string {
	what := "The volumes could not be packed"
	if d == restore {
		what = "The volumes could not be unpacked"
	}
	if errors.Is(err, store.ErrFull) {
		return what + ": the disk is full. Nothing is lost: free some space where Volundr's data lies, and it goes on by itself."
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return what + ": " + sentence(first) + " Nothing is lost, and it is tried again."
}

// said makes the runtime's words about a part a reason; where they name no way
// to go on, it is added.
func said(words string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(words), "\n")
	r, n := utf8.DecodeRuneInString(first)
	reason := sentence(string(unicode.ToUpper(r)) + first[n:])
	if !strings.Contains(reason, "again") {
		reason += " " + kept
	}
	return reason
}

// sentence ends with a full stop.
func sentence(text string) string {
	text = strings.TrimRight(text, " \t\r:;,")
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}

// span says a duration as people do.
func span(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		if d == time.Minute {
			return "a minute"
		}
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}

package chronicle

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"volundr/store"
)

// RawTypes are the contract's types of session events, with the type of timeline
// row that tells each.
var RawTypes = map[string]string{
	"message_user": TypeMessage, "message_assistant": TypeMessage, "tool_use": TypeMessage, "token_usage": TypeSession,
	"file_created": TypeFile, "file_modified": TypeFile, "file_deleted": TypeFile,
	"git_commit": TypeGit, "git_push": TypeGit, "git_branch": TypeGit, "git_checkout": TypeGit,
	"terminal_command": TypeTerminal, "error": TypeError, "session_start": TypeSession, "session_stop": TypeSession,
}

// RawEvent is an event in the contract's other form (§1.5).
type RawEvent struct {
	ID string
	Event
	Raw
}

// RawEvents gives what happened in all runs of one of p's sessions in the
// contract's other form, in order. What that form has no type for is left out.
func (c *Chronicles) RawEvents(ctx context.Context, p store.Principal, sessionID string) ([]RawEvent, error) {
	all, err := c.db.Chronicles(ctx, p, store.ChronicleFilter{SessionID: sessionID, Limit: 1000})
	if err != nil {
		return nil, err
	}
	out := []RawEvent{}
	for i := len(all) - 1; i >= 0; i-- {
		events, err := c.events(ctx, all[i], store.TimelineFilter{Texts: true})
		if err != nil {
			return nil, err
		}
		for _, e := range touchedFiles(events) {
			if raw, ok := rawOf(all[i], e); ok {
				out = append(out, RawEvent{RawID(sessionID, e), e, raw})
			}
		}
	}
	return out, nil
}

// RawID is the id of an event of a session in the other form.
func RawID(sessionID string, e Event) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(sessionID+"/"+e.Key)).String()
}

// rawOf is an event in the other form; false when that has no type for it.
func rawOf(c store.Chronicle, e Event) (Raw, bool) {
	if e.Told != nil {
		return *e.Told, true
	}
	typ, data := rawData(c, e)
	if typ == "" {
		return Raw{}, false
	}
	r := Raw{Type: typ, Sequence: e.N}
	r.Data, _ = json.Marshal(data)
	if e.Kind == KindTurn || e.Kind == KindBeside {
		r.TokensIn, r.TokensOut, r.Model = of(e.Input+e.CacheWrite), of(e.Output), e.Model
		r.Cost = of(float64(e.CostMicros) / 1e6)
	}
	if e.DurationMS > 0 {
		r.DurationMS = of(e.DurationMS)
	}
	return r, true
}

type object = map[string]any

func rawData(c store.Chronicle, e Event) (string, object) {
	message := object{"content_length": len(e.Text), "content_preview": e.Label}
	switch {
	case e.Kind == KindPrompt:
		return "message_user", message
	case e.Kind == KindTurn:
		message["finish_reason"], message["turn"] = e.StopReason, e.Turn
		return "message_assistant", message
	case e.Kind == KindBeside:
		return "token_usage", object{"provider": "", "model": e.Model, "tokens_in": e.Input + e.CacheWrite, "tokens_out": e.Output}
	case e.Kind == KindTool:
		return "tool_use", object{"tool": e.Tool, "arguments_preview": e.Label, "duration_ms": e.DurationMS}
	case e.Kind == KindStart:
		return "session_start", object{"model": c.Model, "repo": c.Repo, "branch": c.Branch}
	case e.Kind == KindEnd:
		return "session_stop", object{"reason": c.Reason, "total_tokens": c.Tokens}
	case e.Type == TypeFile && e.Action != "":
		return "file_" + e.Action, object{"path": e.Label, "insertions": e.Ins, "deletions": e.Del}
	case e.Type == TypeTerminal:
		return "terminal_command", object{"command": or(e.Text, e.Label), "exit_code": e.Exit, "duration_ms": e.DurationMS}
	case e.Type == TypeError:
		return "error", object{"source": e.Source, "message": e.Label}
	}
	switch e.Git {
	case "commit", "merge":
		return "git_commit", object{"hash": e.Hash, "message": e.Label, "files_changed": len(e.Files)}
	case "push":
		return "git_push", object{"branch": e.Branch, "commits_count": e.Pushed, "remote": e.Remote}
	case "branch":
		return "git_branch", object{"name": e.Branch, "from_branch": e.From}
	case "checkout":
		return "git_checkout", object{"branch": e.Branch}
	}
	return "", nil
}

package chronicle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"volundr/store"
)

// Bounds of a briefing, in bytes: it is the beginning of a conversation, not all
// of it.
const (
	maxBriefing = 40 << 10
	maxMessage  = 4 << 10
	maxTalk     = 28 << 10
	maxParents  = 20 // runs that are looked back
)

// briefing tells an agent that has no memory of it what was done before: the
// summary, what is unfinished, and the last of the conversation. What happened
// from a checkpoint on is left out. Empty when there is nothing to tell.
func (c *Chronicles) briefing(ctx context.Context, row store.Chronicle, checkpoint string) (string, error) {
	talk, err := c.talk(ctx, row, checkpoint)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	section := func(title, text string) {
		if text = strings.TrimSpace(text); text != "" {
			fmt.Fprintf(&b, "\n## %s\n%s\n", title, text)
		}
	}
	if checkpoint == "" {
		section("Summary", clip(row.Summary, 8<<10))
		if len(row.KeyChanges) > 0 {
			section("Key changes", clip("- "+strings.Join(row.KeyChanges, "\n- "), 4<<10))
		}
		section("Unfinished", clip(row.Unfinished, 4<<10))
	}
	section("The last of the conversation", strings.Join(talk, "\n\n"))
	if b.Len() == 0 {
		return "", nil
	}
	return clip(fmt.Sprintf("The work in this workspace began in an earlier session, %q, whose record follows. "+
		"It is there for you to know; do nothing because of it before you are asked. The first message comes after it.\n%s\n"+
		"(End of the record.)", row.Name, b.String()), maxBriefing), nil
}

// talk gives the last messages of a run and those before it, oldest first.
func (c *Chronicles) talk(ctx context.Context, row store.Chronicle, checkpoint string) (lines []string, err error) {
	p, size := row.Owner(), 0
	for range maxParents {
		events, err := c.events(ctx, row, store.TimelineFilter{Types: []string{TypeMessage}, Texts: true})
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(events, func(e Event) bool { return checkpoint != "" && e.Checkpoint == checkpoint }); i >= 0 {
			events = events[:i]
		}
		for _, e := range slices.Backward(events) {
			who := map[string]string{KindPrompt: "User", KindTurn: "Agent"}[e.Kind]
			text := strings.TrimSpace(or(e.Text, e.Label))
			if who == "" || text == "" || e.Kind == KindTurn && e.Who == Daemon {
				continue
			}
			line := who + ": " + clip(text, maxMessage)
			if size += len(line); size > maxTalk {
				slices.Reverse(lines)
				return lines, nil
			}
			lines = append(lines, line)
		}
		if row.ParentID == "" {
			break
		}
		if row, err = c.db.Chronicle(ctx, p, row.ParentID); isNotFound(err) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	slices.Reverse(lines)
	return lines, nil
}

// clip gives at most n bytes, with a sign where there were more.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}

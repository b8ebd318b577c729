package chronicle

import (
	"context"
	"fmt"
	"strings"

	"volundr/store"
)

// Pitch is what a pull request says of a session's work: the words of its last
// run, of the agent or of a person where there are such, else those that the
// timeline gives so far. They went through Redact.
type Pitch struct {
	Title string
	Body  string // markdown
}

// maxTitle is how many characters a title has at most.
const maxTitle = 100

// Pitch gives that of one of p's sessions.
func (c *Chronicles) Pitch(ctx context.Context, p store.Principal, session string) (Pitch, error) {
	row, err := c.Latest(ctx, p, session)
	if err != nil {
		return Pitch{}, err
	}
	events, err := c.events(ctx, row, store.TimelineFilter{Texts: true})
	if err != nil {
		return Pitch{}, err
	}
	if row.Summary == "" {
		row.Texts = ruled(row, events)
	}
	return pitch(row, events), nil
}

func pitch(row store.Chronicle, events []Event) Pitch {
	f := survey(events)
	title := row.Name
	switch {
	case row.Author != store.AuthorRule && sentenceOf(row.Summary) != "":
		title = sentenceOf(row.Summary)
	case len(f.Commits) == 1:
		title = f.Commits[0].Msg
	case len(f.prompts) > 0:
		title = label(or(f.prompts[0].Text, f.prompts[0].Label))
	}
	var b strings.Builder
	section := func(head, text string) {
		if text = strings.TrimSpace(text); text != "" {
			fmt.Fprintf(&b, "%s%s\n\n", head, text)
		}
	}
	section("", clip(row.Summary, 8<<10))
	if len(row.KeyChanges) > 0 {
		section("## Key changes\n\n", clip("- "+strings.Join(row.KeyChanges, "\n- "), 8<<10))
	}
	section("## Left to do\n\n", clip(row.Unfinished, 4<<10))
	section("", fmt.Sprintf("Made in the Volundr session `%s`.", row.Name))
	return Pitch{Title: plain(title, maxTitle), Body: strings.TrimSpace(b.String()) + "\n"}
}

// sentenceOf is the first sentence of a text, without its full stop.
func sentenceOf(text string) string {
	text = label(text)
	for at, r := range text {
		if r == '.' && (at+1 == len(text) || text[at+1] == ' ') {
			text = text[:at]
			break
		}
	}
	return text
}

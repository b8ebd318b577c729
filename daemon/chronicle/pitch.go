package chronicle

import (
	"context"
	"fmt"
	"slices"
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

// Pitch gives that of one of p's sessions; of one that has several
// repositories, that of the one in a folder.
func (c *Chronicles) Pitch(ctx context.Context, p store.Principal, session, folder string) (Pitch, error) {
	row, err := c.Latest(ctx, p, session)
	if err != nil {
		return Pitch{}, err
	}
	if folder != "" {
		return c.pitchOf(ctx, p, row, folder)
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
	section("", signed(row))
	return Pitch{Title: plain(title, maxTitle), Body: strings.TrimSpace(b.String()) + "\n"}
}

// maxRuns is how many runs of a session are looked at for commits.
const maxRuns = 50

// pitchOf is of one repository among several: of its commits, in whatever run
// they were made. The words of a run tell of the others too, and these may be
// nothing for those who read this one.
func (c *Chronicles) pitchOf(ctx context.Context, p store.Principal, last store.Chronicle, folder string) (Pitch, error) {
	runs, err := c.db.Chronicles(ctx, p, store.ChronicleFilter{SessionID: last.SessionID, Limit: maxRuns})
	if err != nil {
		return Pitch{}, err
	}
	var made []string // newest first
	for _, run := range runs {
		events, err := c.events(ctx, run, store.TimelineFilter{Types: []string{TypeGit}})
		if err != nil {
			return Pitch{}, err
		}
		for _, e := range slices.Backward(events) {
			if e.Repo == folder && e.Hash != "" && e.Git == "commit" {
				made = append(made, e.Label)
			}
		}
	}
	if len(made) == 0 {
		return Pitch{Title: plain(last.Name, maxTitle), Body: signed(last)}, nil
	}
	title, list := made[len(made)-1], "" // what it began with
	if len(made) > 1 {
		list = "## Key changes\n\n" + clip("- "+strings.Join(made[:min(len(made), maxListed)], "\n- "), 8<<10)
		if n := len(made) - maxListed; n > 0 {
			list += fmt.Sprintf("\n- and %s before", plural(n, "commit"))
		}
		list += "\n\n"
	}
	return Pitch{Title: plain(title, maxTitle), Body: list + signed(last)}, nil
}

// signed says where a pull request's work was done.
func signed(row store.Chronicle) string {
	return fmt.Sprintf("Made in the Volundr session `%s`.\n", row.Name)
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

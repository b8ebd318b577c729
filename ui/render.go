package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/a-h/templ"

	"volundr/ui/client"
)

// RenderItem gives an item as the HTML of one element, and the element's id.
func RenderItem(ctx context.Context, it Item) (id, html string, err error) {
	html, err = Render(ctx, ItemView(it))
	return it.ID, html, err
}

// Render gives a page or a fragment as HTML.
func Render(ctx context.Context, c templ.Component) (string, error) {
	var out bytes.Buffer
	err := c.Render(ctx, &out)
	return out.String(), err
}

// SessionEvent is the data of a `session` event of /events: the session's row
// and header, ready to be placed.
func SessionEvent(ctx context.Context, s client.Session, now time.Time) ([]byte, error) {
	row, err := Render(ctx, SessionRow(s, now))
	if err != nil {
		return nil, err
	}
	header, err := Render(ctx, SessionHeader(s, now))
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		ID     string `json:"id"`
		Row    string `json:"row"`
		Header string `json:"header"`
		Open   bool   `json:"open"` // prompts are taken
	}{s.ID, row, header, s.CanPrompt()})
}

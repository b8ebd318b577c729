package ui

import (
	"bytes"
	"context"

	"github.com/a-h/templ"
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

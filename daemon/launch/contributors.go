package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// contributor adds one piece of a spec.
type contributor struct {
	name string // for people, when it fails
	add  func(*Launcher, context.Context, *build) error
}

// contributors add their pieces in this order; of two values the later wins.
var contributors = []contributor{
	{"core", (*Launcher).core},
	{"template", (*Launcher).template},
	{"git", (*Launcher).git},
	{"integration", (*Launcher).integration},
	{"storage", (*Launcher).storage},
	{"gateway", (*Launcher).gateway},
	{"resource", (*Launcher).resource},
	{"isolation", (*Launcher).isolation},
	{"secret injection", (*Launcher).injection},
	{"secrets", (*Launcher).secrets},
}

// contribute runs contributors. When one fails its error names it, and what it
// and those before have left outside of the spec is taken back, the last first.
func (l *Launcher) contribute(ctx context.Context, b *build, list []contributor) error {
	for _, c := range list {
		err := c.add(l, ctx, b)
		if err == nil {
			continue
		}
		for _, undo := range slices.Backward(b.undo) {
			if err := undo(); err != nil {
				l.Log.Warn("What a launch had begun could not be taken back", "session", b.session.ID, "contributor", c.name, "error", err)
			}
		}
		var field *FieldError
		if errors.As(err, &field) { // a sentence, and whose it is
			said := *field
			said.Msg = fmt.Sprintf("%s (%s).", strings.TrimRight(field.Msg, "."), c.name)
			return &said
		}
		return fmt.Errorf("launch (%s): %w", c.name, err)
	}
	return nil
}

package tray

import (
	"strings"

	"volundr/ui/mark"
)

func supported() error { return nil }

func (o Options) prepare(func()) error { return nil }

func drawn(s mark.State) []byte { return mark.ICO(s, 16, 24, 32, 48) }

// escape keeps ampersands from being taken for the mark of a key.
func escape(text string) string { return strings.ReplaceAll(text, "&", "&&") }

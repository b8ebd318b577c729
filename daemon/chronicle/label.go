package chronicle

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLabel   = 160       // characters of a label
	maxCommand = 4 << 10   // bytes of a command's text
	maxText    = 64 << 10  // bytes of a message's text
	cutOff     = "\n[cut]" // behind a text that was longer
)

// label is the first line of a text that says anything, without the signs of
// markdown before it.
func label(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "```") {
			continue
		}
		line = strings.TrimSpace(strings.TrimLeft(line, "#>*- "))
		if line = plain(line, maxLabel); line != "" {
			return line
		}
	}
	return ""
}

// plain makes one line of at most n characters.
func plain(text string, n int) string {
	if len(text) > 8*n {
		text = text[:8*n]
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	r := []rune(text)
	return strings.TrimSpace(string(r[:n-1])) + "…"
}

// bounded gives at most n bytes of a text.
func bounded(text string, n int) string {
	if len(text) <= n {
		return text
	}
	n -= len(cutOff)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + cutOff
}

// inside is a path as it is called in the workspace.
func inside(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "/workspace/"), "./")
}

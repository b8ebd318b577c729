package link

import (
	"strings"
	"unicode"
)

// maxID is the longest id that a session may use, in bytes.
const maxID = 256

// goodID reports whether something the session named may stand in our paths,
// rows and pages.
func goodID(id string) bool {
	return id != "" && id != "." && id != ".." && len(id) <= maxID &&
		strings.IndexFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// plain makes one line of at most n characters of what a session said.
func plain(text string, n int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	return cut(text, n)
}

// visible drops what is not printed, but for line ends and tabs.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// cut gives the first n characters, with a sign where there were more.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	if r := []rune(text[:min(len(text), 4*n+4)]); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// shortLines makes at most 40 lines of what a session said, each like plain's.
func shortLines(text string) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	all = all[max(0, len(all)-40):]
	for i := range all {
		all[i] = plain(all[i], 500)
	}
	return strings.Join(all, "\n")
}

package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// snippetRunes is how much of a text a snippet shows, in characters.
const snippetRunes = 160

// snippet gives a piece of the text around the first of the words, with marks
// around all that stand in it. A text in which none is found as it is written
// (accents are not looked at in the search) begins at its beginning.
func snippet(text string, words []string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case string(r) == MarkStart || string(r) == MarkEnd || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	hits := hitsIn(text, words)
	from := 0
	if len(hits) > 0 {
		from = back(text, hits[0][0], snippetRunes/4)
	}
	to := forth(text, from, snippetRunes)
	var out strings.Builder
	if from > 0 {
		out.WriteString("…")
	}
	at := from
	for _, h := range hits {
		if h[0] < at || h[1] > to {
			continue
		}
		out.WriteString(text[at:h[0]] + MarkStart + text[h[0]:h[1]] + MarkEnd)
		at = h[1]
	}
	out.WriteString(text[at:to])
	if to < len(text) {
		out.WriteString("…")
	}
	return strings.TrimSpace(out.String())
}

// hitsIn gives where words begin that begin with one of words, as [from, to).
func hitsIn(text string, words []string) (hits [][2]int) {
	const most = 64
	before := ' '
	for at, r := range text {
		if isWord(r) && !isWord(before) {
			for _, w := range words {
				if n := prefixed(text[at:], w); n > 0 {
					hits = append(hits, [2]int{at, at + n})
					break
				}
			}
			if len(hits) == most {
				return hits
			}
		}
		before = r
	}
	return hits
}

// prefixed gives how many bytes of text are the word, whatever their case; 0 when
// it does not begin with it.
func prefixed(text, word string) (n int) {
	for _, w := range word {
		r, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 || unicode.ToLower(r) != unicode.ToLower(w) {
			return 0
		}
		n += size
	}
	return n
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// wordsOf are the words of a query.
func wordsOf(query string) []string {
	return strings.FieldsFunc(query, func(r rune) bool { return !isWord(r) })
}

// back and forth go so many characters from a place in the text, and on to the
// end of a word.
func back(text string, at, n int) int {
	for ; at > 0 && n > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	if i := strings.IndexByte(text[at:], ' '); at > 0 && i >= 0 && i < 20 {
		at += i + 1
	}
	return at
}

func forth(text string, at, n int) int {
	for ; at < len(text) && n > 0; n-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

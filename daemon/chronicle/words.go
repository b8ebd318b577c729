package chronicle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"

	"volundr/store"
)

// Bounds of what the agent may say of a run.
const (
	maxWords   = 32 << 10 // bytes of the whole answer
	maxSummary = 8 << 10
	maxChange  = 500 // bytes of one change
	maxChanges = 40
)

// parseWords reads the agent's answer to lastPrompt: one JSON object with exactly
// these fields, bare or in a code fence.
func parseWords(text string) (t store.Texts, err error) {
	if len(text) > maxWords {
		return t, errors.New("longer than a record should be")
	}
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "```"); ok {
		_, inner, _ = strings.Cut(inner, "\n")
		inner, ok = strings.CutSuffix(strings.TrimSpace(inner), "```")
		if !ok {
			return t, errors.New("a code fence without its end")
		}
		text = inner
	}
	var v struct {
		Summary    *string   `json:"summary"`
		KeyChanges *[]string `json:"key_changes"`
		Unfinished *string   `json:"unfinished_work"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return t, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return t, errors.New("more than one object")
	}
	if v.Summary == nil || v.KeyChanges == nil || strings.TrimSpace(*v.Summary) == "" {
		return t, errors.New("no summary")
	}
	t.Summary = prose(*v.Summary, maxSummary)
	t.KeyChanges = []string{}
	for _, k := range *v.KeyChanges {
		if k = prose(k, maxChange); k != "" && len(t.KeyChanges) < maxChanges {
			t.KeyChanges = append(t.KeyChanges, k)
		}
	}
	if v.Unfinished != nil {
		t.Unfinished = prose(*v.Unfinished, maxSummary)
	}
	return t, nil
}

// prose is text for people: no control characters but the ends of lines, at most
// n bytes.
func prose(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), ""))
	return bounded(strings.TrimSpace(text), n)
}

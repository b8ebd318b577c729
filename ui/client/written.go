package client

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// written reads the JSON of one thing, where people may write that in place of a
// line. what names it, with its article.
func written[T any](text, what string) (v T, err error) {
	in := json.NewDecoder(strings.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&v); err != nil {
		return v, fmt.Errorf("this is not the JSON of %s: %w", what, err)
	}
	if _, err := in.Token(); err != io.EOF {
		return v, fmt.Errorf("there is more than %s in %q", what, text)
	}
	return v, nil
}

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// fits says in what JSON that was answered differs from what is wanted: what
// stands in want must stand in got, a "*" in a text is anything, "*" alone is
// any value, and keys beside are the server's own.
func fits(want, got string) string {
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return "the case is not JSON: " + err.Error() + ": " + want
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return "the answer is not JSON: " + err.Error()
	}
	return unlike("", w, g)
}

func unlike(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", at, got)
		}
		for k, v := range w {
			value, ok := g[k]
			if !ok {
				return fmt.Sprintf("%s.%s is not there", at, k)
			}
			if diff := unlike(at+"."+k, v, value); diff != "" {
				return diff
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, want %v", at, got, want)
		}
		for i := range w {
			if diff := unlike(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); diff != "" {
				return diff
			}
		}
		return ""
	case string:
		if w == "*" {
			return ""
		}
		pattern := "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(w), `\*`, ".*") + "$"
		if g, ok := got.(string); ok && regexp.MustCompile(pattern).MatchString(g) {
			return ""
		}
	default:
		if want == got {
			return ""
		}
	}
	return fmt.Sprintf("%s is %v, want %v", at, got, want)
}

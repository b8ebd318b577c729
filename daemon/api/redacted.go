package api

import (
	"bytes"
	"encoding/json"
)

// redacted takes secrets out of a JSON value: of its texts as they are read, however
// they were written, of names, and of numbers. Nothing of one that is no JSON is left.
func redacted(raw json.RawMessage, clean func(string) string) json.RawMessage {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	var v any
	if in.Decode(&v) != nil {
		return json.RawMessage(`{}`)
	}
	out, _ := json.Marshal(redactedValue(v, clean)) // it was JSON: it cannot fail
	return out
}

func redactedValue(v any, clean func(string) string) any {
	switch v := v.(type) {
	case string:
		return clean(v)
	case json.Number:
		if text := clean(v.String()); text != v.String() {
			return text
		}
	case []any:
		for i := range v {
			v[i] = redactedValue(v[i], clean)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, one := range v {
			out[clean(k)] = redactedValue(one, clean)
		}
		return out
	}
	return v
}

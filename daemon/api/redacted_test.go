package api

import (
	"encoding/json"
	"strings"
	"testing"
)

// However a program writes a secret in JSON, it is not kept: escaped, as a name, or
// as a number, of which nothing that is JSON would be left.
func TestJSONIsRedactedOfWhatItSays(t *testing.T) {
	clean := strings.NewReplacer("pässwörd", "[redacted]", "1234567890", "[redacted]").Replace
	for raw, want := range map[string]string{
		`{"text":"p\u00e4ssw\u00f6rd"}`:                       `{"text":"[redacted]"}`,
		`{"a":[{"b":"it is \u0070ässwörd"}]}`:                 `{"a":[{"b":"it is [redacted]"}]}`,
		`{"pässwörd":true}`:                                   `{"[redacted]":true}`,
		`{"pin":1234567890,"n":0.10,"big":12345678901234567}`: `{"big":"[redacted]1234567","n":0.10,"pin":"[redacted]"}`,
		`{"none":null,"n":1.5e3,"t":"x"}`:                     `{"n":1.5e3,"none":null,"t":"x"}`,
		`{"cut":`:                                             `{}`,
	} {
		if got := string(redacted(json.RawMessage(raw), clean)); got != want {
			t.Errorf("%s became %s, want %s", raw, got, want)
		}
	}
}

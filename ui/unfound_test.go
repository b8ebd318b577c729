package ui

import (
	"strings"
	"testing"

	"volundr/ui/client"
)

// What is said where surfaces' names are not found fits the address that the page
// came from.
func TestNamesThatAreNotFound(t *testing.T) {
	for probe, want := range map[string]string{
		"http://probe-abcdefgh.localhost:7420/":            "names under <code>localhost</code>",
		"https://probe-abcdefgh.volundr-surfaces.example/": "<code>*.volundr-surfaces.example</code>",
		"https://probe-abcdefgh.volundr.example.com:8443/": "<code>*.volundr.example.com:8443</code>",
	} {
		html, err := Render(t.Context(), unfound(SessionPage{Session: client.Session{ID: "x"}, Probe: probe}))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(html, want) || strings.Contains(html, "localhost") != strings.HasPrefix(probe, "http://") {
			t.Errorf("%s: %s", probe, html)
		}
	}
}

package cli

import (
	"strings"
	"testing"
)

func TestTheTerminalIsNotAskedForItsSize(t *testing.T) {
	const said, want = "a\x1b[18t\x1b[14tb\x1b[1;18t\x1b[18\x1b[18tc", "a\x1b[14tb\x1b[1;18t\x1b[18c"
	for cut := range said {
		for next := cut; next < len(said); next++ {
			var out strings.Builder
			u := unasked{to: &out}
			for _, part := range []string{said[:cut], said[cut:next], said[next:]} {
				if n, err := u.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatal(n, err)
				}
			}
			if out.String() != want {
				t.Fatalf("cut at %d and %d: %q", cut, next, out.String())
			}
		}
	}
}

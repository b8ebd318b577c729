package sandbox

import (
	"strings"
	"testing"
)

// FuzzName: one id has one name, and nothing else is a name.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"", "code-session-", Name("5f0c2b1e-0000-4000-8000-0123456789ab"), "code-session-" + strings.Repeat("A", 32), "code-session-../../x", strings.Repeat("0", 32)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if id, ok := ID(name); ok && Name(id) != name {
			t.Errorf("%q is taken for %s, which is called %q", name, id, Name(id))
		}
	})
}

package runtime

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func FuzzSandboxID(f *testing.F) {
	for _, name := range []string{"", SandboxPrefix, SandboxName(uuid.Nil.String()), SandboxName(uuid.NewString()), strings.ToUpper(SandboxName(uuid.NewString())),
		SandboxPrefix + strings.Repeat("g", 32), SandboxPrefix + strings.Repeat("a", 31), SandboxPrefix + strings.Repeat("a", 33),
		SandboxPrefix + "../../../../../../../../../etc/pa", SandboxName(uuid.NewString()) + "\n"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id, ok := SandboxID(name)
		if !ok {
			if id != "" {
				t.Errorf("%q is no name, and of %q", name, id)
			}
			return
		}
		if _, err := uuid.Parse(id); err != nil || SandboxName(id) != name {
			t.Errorf("%q is %q, whose name is %q (%v)", name, id, SandboxName(id), err)
		}
	})
}

package runtime

import (
	"errors"
	"strings"
	"testing"
)

const mib = 1 << 20

func TestLimitsAreWhatOthersLeave(t *testing.T) {
	for name, tt := range map[string]struct {
		all         Resources
		broker      Part
		memory, cpu int64 // of the agent
		enough      bool
	}{
		"nothing named":            {Resources{}, Part{}, DefaultMemory, 0, true},
		"the workload's":           {Resources{Memory: 2048 * mib, CPU: 1500}, Part{}, 2048 * mib, 1500, true},
		"less what others have":    {Resources{Memory: 2048 * mib, CPU: 1500}, Part{Memory: 48 * mib, CPU: 500}, 2000 * mib, 1000, true},
		"no limit of CPU is none":  {Resources{Memory: 2048 * mib}, Part{CPU: 500}, 2048 * mib, 0, true},
		"of the default, the rest": {Resources{}, Part{Memory: 96 * mib}, DefaultMemory - 96*mib, 0, true},
		"no memory is left":        {Resources{Memory: 64 * mib}, Part{Memory: 60 * mib}, 4 * mib, 0, false},
		"no CPU is left":           {Resources{CPU: 500}, Part{CPU: 500}, DefaultMemory, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := Spec{Resources: tt.all, Parts: []Part{tt.broker, {Name: PartAgent}}}
			if memory, cpu := s.Limits(s.Parts[1]); memory != tt.memory || cpu != tt.cpu {
				t.Errorf("%d MiB, CPU %d; want %d, %d", memory/mib, cpu, tt.memory/mib, tt.cpu)
			}
			if err := s.enough(); (err == nil) != tt.enough || err != nil && !errors.Is(err, ErrInvalid) {
				t.Error(err)
			}
		})
	}
	s := Spec{Resources: Resources{Memory: 64 * mib}, Parts: []Part{{Memory: 32 * mib}, {Memory: 32 * mib}}}
	if err := s.enough(); err != nil {
		t.Errorf("the parts have all of it: %v", err)
	}
}

func TestHostname(t *testing.T) {
	for name, want := range map[string]string{
		"fix login": "fix-login", "API v2!": "api-v2", "": "session", "日本": "session", "-x-": "x",
		strings.Repeat("a", 39) + " b": strings.Repeat("a", 39),
	} {
		if got := (Spec{Name: name}).Hostname(); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

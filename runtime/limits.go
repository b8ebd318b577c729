package runtime

import (
	"fmt"
	"strings"
)

const (
	// DefaultMemory is a workload's where its spec names none, in bytes. The
	// editor needs about 1 GiB in use.
	DefaultMemory = 4 << 30
	// leastMemory is what a part cannot do without.
	leastMemory = 16 << 20
)

// Limits are a part's own memory in bytes and CPU in thousandths of a core (0: no
// limit), or else what the others leave of the workload's. No runtime has a limit
// over several containers: parts that name none may each use all that is left.
func (s Spec) Limits(p Part) (memory, cpu int64) {
	memory, cpu = s.Resources.Memory, s.Resources.CPU
	if memory == 0 {
		memory = DefaultMemory
	}
	for _, other := range s.Parts {
		memory -= other.Memory
		if s.Resources.CPU > 0 {
			cpu -= other.CPU
		}
	}
	if p.Memory > 0 {
		memory = p.Memory
	}
	if p.CPU > 0 {
		cpu = p.CPU
	}
	return memory, cpu
}

// enough says which part is left with nothing.
func (s Spec) enough() error {
	for _, p := range s.Parts {
		if memory, cpu := s.Limits(p); memory < leastMemory || s.Resources.CPU > 0 && cpu < 1 {
			return fmt.Errorf("%w: the other parts leave nothing of memory or CPU for %s: ask for more", ErrInvalid, p.Name)
		}
	}
	return nil
}

// Hostname is the workload's name for people as a host name: what a shell's
// prompt shows.
func (s Spec) Hostname() string {
	h := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, s.Name)
	if len(h) > 40 {
		h = h[:40]
	}
	if h = strings.Trim(h, "-"); h == "" {
		return "session"
	}
	return h
}

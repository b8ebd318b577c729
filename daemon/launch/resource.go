package launch

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"volundr/runtime"
)

// resource: bounds of the workload. What is not asked for is the runtime's
// default.
func (l *Launcher) resource(_ context.Context, b *build) (err error) {
	b.spec.Resources, err = resources(b.request.Resources)
	return err
}

const (
	leastMemory = 1 << 30 // an editor with a page open takes half of it
	leastCPU    = 100
)

// resources reads what the contract calls resource_config: cpu and memory as
// numbers or in Kubernetes' notation ("500m", "4Gi"), gpu as a number.
func resources(config map[string]any) (r runtime.Resources, err error) {
	for _, key := range slices.Sorted(maps.Keys(config)) {
		value := config[key]
		bad := func(msg string) error { return wrong(value, "value_error", msg, "resource_config", key) }
		if value == nil || value == "" {
			continue
		}
		switch key {
		case "memory":
			n, ok := quantity(value)
			if !ok || n < leastMemory || n > 1<<50 {
				return r, bad("Memory is a number of bytes, or written as 4Gi; a session needs at least 1Gi.")
			}
			r.Memory = int64(n)
		case "cpu":
			n, ok := quantity(value)
			if n *= 1000; !ok || n < leastCPU || n > 1e6 {
				return r, bad("CPU is a number of cores, or written as 500m; a session needs at least 100m.")
			}
			r.CPU = int64(math.Round(n))
		case "gpu":
			n, ok := quantity(value)
			if !ok || n < 0 || n > 64 || n != math.Trunc(n) {
				return r, bad("GPU is a whole number.")
			}
			r.GPU = int(n)
		case "gpu_type", "gpu_timeslice":
			return r, bad("Docker cannot choose the kind of a GPU or share one by time: ask for gpu alone.")
		default:
			return r, bad(fmt.Sprintf("The resource %q is not known: there are cpu, memory and gpu.", key))
		}
	}
	return r, nil
}

var (
	written = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$`)
	units   = map[string]float64{"": 1, "m": 1e-3, "k": 1e3, "kb": 1e3, "mb": 1e6, "g": 1e9, "gb": 1e9, "tb": 1e12,
		"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
)

func quantity(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsNaN(v)
	case int:
		return float64(v), true
	case string:
		m := written.FindStringSubmatch(strings.TrimSpace(v))
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseFloat(m[1], 64)
		unit, ok := units[strings.ToLower(m[2])]
		if m[2] == "M" {
			unit = 1e6
		}
		return n * unit, ok && err == nil
	}
	return 0, false
}

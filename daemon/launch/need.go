package launch

import (
	"cmp"
	"encoding/json"

	"volundr/runtime"
	"volundr/store"
)

// Need is how much CPU and memory a session of a stored request takes while it
// runs: what it asks for, or the runtime's default. What cannot be read takes
// the default; it does not start.
func Need(request json.RawMessage) store.Amounts {
	var r Request
	if json.Unmarshal(request, &r) != nil {
		return store.Amounts{Memory: runtime.DefaultMemory}
	}
	got, err := resources(r.Resources)
	if err != nil {
		return store.Amounts{Memory: runtime.DefaultMemory}
	}
	return store.Amounts{CPU: got.CPU, Memory: cmp.Or(got.Memory, runtime.DefaultMemory)}
}

package launch

import (
	"cmp"
	"encoding/json"
	"time"

	"volundr/runtime"
	"volundr/store"
)

// Need is how much CPU and memory a session of a stored request takes while it
// runs: what it asks for, or the runtime's default; and for how long that is.
// What cannot be read takes the default; it does not start.
func Need(request json.RawMessage) (store.Amounts, time.Duration) {
	var r Request
	if json.Unmarshal(request, &r) != nil {
		return store.Amounts{Memory: runtime.DefaultMemory}, 0
	}
	life, _ := Life(r.TimeToLive)
	got, err := resources(r.Resources)
	if err != nil {
		return store.Amounts{Memory: runtime.DefaultMemory}, life
	}
	return store.Amounts{CPU: got.CPU, Memory: cmp.Or(got.Memory, runtime.DefaultMemory)}, life
}

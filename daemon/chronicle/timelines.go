package chronicle

import (
	"slices"
	"sync"
)

// keptEvents bounds how many events are kept in memory, of all timelines.
const keptEvents = 20_000

// whole is all of a timeline without its texts, as it stood when so much was
// told. It is shared: nobody changes it.
type whole struct {
	id     string
	told   int64 // store.DB.Told
	events []Event
}

// timelines are those that were read whole last, the latest last: who shows one
// so asks for it again and again.
type timelines struct {
	mu  sync.Mutex
	all []whole
}

func (t *timelines) get(id string, told int64) (whole, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.all, func(w whole) bool { return w.id == id && w.told == told })
	if i < 0 {
		return whole{}, false
	}
	w := t.all[i]
	t.all = append(slices.Delete(t.all, i, i+1), w)
	return w, true
}

func (t *timelines) put(w whole) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.IndexFunc(t.all, func(o whole) bool { return o.id == w.id }); i >= 0 {
		if t.all[i].told > w.told {
			return // somebody read it later
		}
		t.all = slices.Delete(t.all, i, i+1)
	}
	t.all = append(t.all, w)
	events := 0
	for i, o := range slices.Backward(t.all) {
		if events += len(o.events); events > keptEvents {
			t.all = slices.Delete(t.all, 0, i+1)
			return
		}
	}
}

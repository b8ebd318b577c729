package conversation

import (
	"slices"
	"sync"
	"testing"

	"volundr/runtime/broker/meter"
	"volundr/runtime/broker/wire"
)

// tap is what the models answered, until it is asked for.
type tap struct {
	mu  sync.Mutex
	sum meter.Sum
}

func (p *tap) put(s meter.Sum) { p.mu.Lock(); defer p.mu.Unlock(); p.sum = s }

func (p *tap) take() meter.Sum {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sum
	p.sum = meter.Sum{}
	return s
}

// What the provider counted stands at a turn's end by model, what it refused makes
// an error of it, and what is spent beside turns is told by itself.
func TestWhatWasSpent(t *testing.T) {
	var p tap
	f := start(t, t.TempDir(), 0, func(o *Options) { o.Spent = p.take })
	f.prompt("warm", "say hello")
	f.end("warm")
	two := []wire.Spent{{Model: "small", Input: 5, Output: 1}, {Model: "large", Input: 100, Output: 20, CacheRead: 7, CacheWrite: 3}}
	one := []wire.Spent{{Model: "small", Input: 2}}

	p.put(meter.Sum{Models: one}) // a title, say
	f.prompt("p1", "ask")
	q := f.await("the question", of("p1", wire.EntryPermission))
	p.put(meter.Sum{Models: two, Main: "large"}) // while the turn is under way
	if err := f.c.Answer(t.Context(), data[wire.Permission](f, q).ID, "y"); err != nil {
		t.Fatal(err)
	}
	end := f.end("p1")
	if end.Model != "large" || end.Input != 105 || end.Output != 21 || end.CacheRead != 7 || end.CacheWrite != 3 || !slices.Equal(end.Models, two) || end.Error != "" {
		t.Errorf("the turn ended as %+v", end)
	}
	if got := data[[]wire.Spent](f, f.await("what was spent beside it", of("", wire.EntrySpent))); !slices.Equal(got, one) {
		t.Errorf("beside the turn: %+v", got)
	}

	f.prompt("p2", "ask")
	q = f.await("the question", of("p2", wire.EntryPermission))
	p.put(meter.Sum{Main: "large", Refused: "API error: 400 {}"})
	if err := f.c.Answer(t.Context(), data[wire.Permission](f, q).ID, "y"); err != nil {
		t.Fatal(err)
	}
	if end := f.end("p2"); end.StopReason != "error" || end.Error != "API error: 400 {}" || end.Model != "large" || end.Models != nil {
		t.Errorf("a refused turn ended as %+v", end)
	}

	f.prompt("p3", "ask")
	f.await("the question", of("p3", wire.EntryPermission))
	p.put(meter.Sum{Models: one, Refused: "API error: 400 {}"})
	if err := f.c.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end := f.end("p3"); end.StopReason != "cancelled" || end.Error != "" || end.Input != 2 {
		t.Errorf("a cancelled turn ended as %+v", end)
	}

	p.put(meter.Sum{Models: two})
	if err := f.c.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.await("what was spent at the end", func(e wire.Entry) bool {
		return e.Type == wire.EntrySpent && slices.Equal(data[[]wire.Spent](f, e), two)
	})
}

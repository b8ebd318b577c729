package chronicle

import (
	"testing"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

func TestCommandsStandWhereTheyBegan(t *testing.T) {
	heard := time.UnixMilli(1_000_000_000)
	for what, c := range map[string]struct {
		start, end time.Duration // before it was heard of
		want       time.Duration
	}{
		"heard of at once":      {2 * time.Second, 0, 2 * time.Second},
		"heard of with others":  {900 * time.Millisecond, 800 * time.Millisecond, 900 * time.Millisecond},
		"from a wrong clock":    {-time.Hour, -2 * time.Hour, time.Hour},
		"from the future":       {-time.Second, -3 * time.Second, 2 * time.Second},
		"heard of far too late": {time.Hour, time.Hour - time.Second, time.Second},
		"of a hundred years":    {876_000 * time.Hour, 0, maxLasts},
	} {
		v := wire.ShellCommand{StartedAt: heard.Add(-c.start).UnixMilli(), EndedAt: heard.Add(-c.end).UnixMilli()}
		if got := heard.Sub(began(store.Entry{At: heard}, v)); got != c.want {
			t.Errorf("%s: %s before it was heard of, want %s", what, got, c.want)
		}
	}
}

package conversation

import (
	"volundr/runtime/broker/meter"
	"volundr/runtime/broker/wire"
)

// metered puts what the provider counted in the place of what the agent told, if
// anything of the turn was counted.
func metered(end *wire.TurnEnd, sum meter.Sum) {
	if sum.Main != "" { // it may have refused, or said nothing
		end.Model = sum.Main
	}
	var all wire.Spent
	for _, m := range sum.Models {
		all.Add(m)
	}
	if all == (wire.Spent{}) {
		return
	}
	end.Models = sum.Models
	end.Input, end.Output, end.CacheRead, end.CacheWrite = all.Input, all.Output, all.CacheRead, all.CacheWrite
}

// beside writes down what was spent while no turn was under way, such as for a
// title.
func (c *Conversation) beside() {
	if c.turn != nil {
		return
	}
	if sum := c.o.Spent(); len(sum.Models) > 0 {
		c.add(wire.EntrySpent, sum.Models)
	}
}

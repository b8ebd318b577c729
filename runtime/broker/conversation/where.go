package conversation

import (
	"context"
	"time"
)

// whereTimeout bounds how long it is waited for the folders of commands; a turn
// ends without them.
const whereTimeout = 2 * time.Second

// askWhere has it looked up in which folder a command ran, for an agent whose
// protocol does not tell.
func (c *Conversation) askWhere(k *call) {
	if c.o.Where == nil || k.asked || k.tool.Kind != "execute" || k.tool.Dir != "" || !done(k.tool.Status) {
		return
	}
	k.asked = true
	t := c.turn
	if t.where = append(t.where, k); !t.looking {
		c.lookWhere(t)
	}
}

// lookWhere looks for all that were asked for, and then for those that came
// meanwhile.
func (c *Conversation) lookWhere(t *turn) {
	calls, session := t.where, c.lastSession
	ids := make([]string, len(calls))
	for i, k := range calls {
		ids[i] = k.tool.ID
	}
	t.where, t.looking = nil, true
	go func() { // bounded in time
		ctx, cancel := context.WithTimeout(context.Background(), whereTimeout)
		defer cancel()
		dirs := c.o.Where(ctx, session, ids)
		c.post(func() {
			t.looking = false
			if c.turn != t {
				return
			}
			for _, k := range calls {
				if dir := dirs[k.tool.ID]; dir != "" {
					k.tool.Dir = dir
					c.tell(k)
				}
			}
			if len(t.where) > 0 {
				c.lookWhere(t)
			}
			c.finish(t)
		})
	}()
}

package link

import (
	"context"
	"encoding/json"
	"math"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// consequences stores what follows from an entry beside the entry itself.
func (s *session) consequences(ctx context.Context, e store.Entry, local bool) error {
	switch e.Type {
	case wire.EntryTurnEnd:
		var end wire.TurnEnd
		if err := json.Unmarshal(e.Data, &end); err != nil {
			return err
		}
		return s.DB.RecordUsage(ctx, UsageOf(s.id, e, end, local))
	case wire.EntryMode:
		var v wire.Options
		if err := json.Unmarshal(e.Data, &v); err != nil {
			return err
		}
		name := v.Current
		for _, o := range v.Options {
			if o.ID == v.Current && o.Name != "" {
				name = o.Name
			}
		}
		if e.Run == s.run {
			return s.DB.SetMode(ctx, s.id, v.Current, name)
		}
	}
	return nil
}

// UsageOf is what a turn used, as the entry of its end says. Its cost is what the agent told, or what the table
// makes of its tokens.
func UsageOf(id string, e store.Entry, end wire.TurnEnd, local bool) store.Usage {
	u := store.Usage{
		SessionID: id, Run: e.Run, Turn: end.Prompt, At: e.At, Provider: "cloud", Model: end.Model,
		Input: end.Input, Output: end.Output, CacheRead: end.CacheRead, CacheWrite: end.CacheWrite, Messages: 1,
	}
	switch {
	case local:
		u.Provider = "local"
	case end.CostUSD > 0:
		u.CostMicros = int64(math.Round(end.CostUSD * 1e6))
	default:
		u.CostMicros = int64(math.Round(min(cost(end), maxCost) * 1e6))
	}
	return u
}

package link

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

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
		return s.record(ctx, UsageOf(s.id, e, end, local))
	case wire.EntrySpent:
		var spent []wire.Spent
		if err := json.Unmarshal(e.Data, &spent); err != nil {
			return err
		}
		return s.record(ctx, BesideOf(s.id, e, spent, local))
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

func (s *session) record(ctx context.Context, used []store.Usage) error {
	for _, u := range used {
		if err := s.DB.RecordUsage(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// UsageOf is what a turn used, as the entry of its end says: for each model of
// its own, first the one that the turn is told of. The cost is what the agent told, or what the table
// makes of the tokens.
func UsageOf(id string, e store.Entry, end wire.TurnEnd, local bool) []store.Usage {
	models := end.Models
	if len(models) == 0 {
		models = []wire.Spent{{Model: end.Model, Input: end.Input, Output: end.Output, CacheRead: end.CacheRead, CacheWrite: end.CacheWrite}}
	}
	models = slices.Clone(models)
	slices.SortStableFunc(models, func(a, b wire.Spent) int { return cmp.Compare(beside(a, end), beside(b, end)) })
	used := usageOf(id, e, end.Prompt, models, end.CostUSD, local)
	used[0].Messages = 1
	return used
}

// beside is 0 for the model that a turn is told of, and 1 for another: of a title
// that was asked for in it.
func beside(m wire.Spent, end wire.TurnEnd) int {
	if m.Model == end.Model {
		return 0
	}
	return 1
}

// BesideOf is what was used while no turn was under way.
func BesideOf(id string, e store.Entry, spent []wire.Spent, local bool) []store.Usage {
	return usageOf(id, e, fmt.Sprintf("beside-%d", e.Seq), spent, 0, local)
}

// Total adds up what was used.
func Total(used []store.Usage) (sum store.Usage) {
	for _, u := range used {
		sum.Input, sum.Output = sum.Input+u.Input, sum.Output+u.Output
		sum.CacheRead, sum.CacheWrite = sum.CacheRead+u.CacheRead, sum.CacheWrite+u.CacheWrite
		sum.CostMicros += u.CostMicros
	}
	return sum
}

// usageOf shares out what was told to have been the cost, if it was, as the
// table or else the tokens say.
func usageOf(id string, e store.Entry, turn string, models []wire.Spent, told float64, local bool) []store.Usage {
	used := make([]store.Usage, len(models))
	costs, tokens, sum, all := make([]float64, len(models)), make([]float64, len(models)), 0.0, 0.0
	known := true
	for i, m := range models {
		used[i] = store.Usage{SessionID: id, Run: e.Run, Turn: turn, At: e.At, Provider: "cloud", Model: m.Model,
			Input: m.Input, Output: m.Output, CacheRead: m.CacheRead, CacheWrite: m.CacheWrite}
		if i > 0 {
			used[i].Turn = fmt.Sprintf("%s+%d", turn, i)
		}
		if local {
			used[i].Provider = "local"
		}
		costs[i], tokens[i] = min(cost(m), maxCost), float64(m.Input+m.Output+m.CacheRead+m.CacheWrite)
		sum, all, known = sum+costs[i], all+tokens[i], known && (costs[i] > 0 || tokens[i] == 0)
	}
	left := told
	for i := range used {
		c := costs[i]
		switch {
		case told > 0 && i == len(used)-1:
			c = left
		case told > 0 && known && sum > 0:
			c = told * costs[i] / sum
		case told > 0 && all > 0:
			c = told * tokens[i] / all
		}
		if left -= c; !local {
			used[i].CostMicros = int64(math.Round(c * 1e6))
		}
	}
	return used
}

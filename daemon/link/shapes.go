package link

import (
	"encoding/json"
	"slices"

	"volundr/runtime/broker/wire"
)

// Bounds of what a session may say. More than these is cut, except ids.
const (
	maxName    = 500   // characters of a title or name
	maxNote    = 4000  // characters of a sentence for people
	maxOptions = 200   // options, steps, locations, contents of one entry
	maxTokens  = 100e6 // of a kind in one turn
	maxModels  = 20    // of one turn
	maxCost    = 1000  // US dollars of one turn
	maxChanges = 1000  // changed files of one entry
	maxPath    = 4096  // bytes of a path
	maxCommand = 4096  // characters of a command line
	maxLines   = 1e9   // added to or taken from a file, or files recorded
	maxTime    = 1e15  // unix ms
)

// shapes are the types that a journal may hold, each with what makes its data
// safe to store and show.
var shapes = map[string]func(json.RawMessage) (json.RawMessage, error){
	wire.EntryTurnStart: as(func(v *wire.TurnStart) bool { return goodID(v.Prompt) }),
	wire.EntryText:      as(goodText),
	wire.EntryThought:   as(goodText),
	wire.EntryTool:      as(goodTool),
	wire.EntryPlan: as(func(v *wire.Plan) bool {
		v.Steps = first(v.Steps)
		for i := range v.Steps {
			v.Steps[i].Text = cut(v.Steps[i].Text, maxNote)
			oneOf(&v.Steps[i].Status, "pending", "in_progress", "completed")
		}
		return true
	}),
	wire.EntryPermission: as(func(v *wire.Permission) bool {
		return goodID(v.ID) && goodTool(&v.Tool) && goodOptions(&v.Options)
	}),
	wire.EntryPermissionDone: as(func(v *wire.PermissionDone) bool {
		return goodID(v.ID) && (v.Option == "" || goodID(v.Option))
	}),
	wire.EntryTurnEnd: as(func(v *wire.TurnEnd) bool {
		for _, n := range []*int64{&v.Input, &v.Output, &v.CacheRead, &v.CacheWrite} {
			*n = max(0, min(*n, maxTokens))
		}
		v.CostUSD = max(0, min(v.CostUSD, maxCost))
		goodSpent(&v.Models)
		v.Model, v.Error, v.Detail = plain(v.Model, maxName), cut(v.Error, maxNote), cut(v.Detail, maxNote)
		if said := meaning(v.Error); said != "" {
			v.Error, v.Detail = said, v.Error
		}
		oneOf(&v.StopReason, "error", "end_turn", "cancelled", "max_tokens", "max_turn_requests", "refusal")
		return goodID(v.Prompt)
	}),
	wire.EntrySpent:    as(goodSpent),
	wire.EntryMode:     as(goodChoice),
	wire.EntryModel:    as(goodChoice),
	wire.EntryCommands: as(goodChoice),
	wire.EntryUsage: as(func(v *wire.Context) bool {
		v.Used, v.Size = max(0, min(v.Used, maxTokens)), max(0, min(v.Size, maxTokens))
		return true
	}),
	wire.EntryAgent: as(func(v *wire.AgentState) bool {
		v.Agent, v.Session, v.Detail = plain(v.Agent, maxName), plain(v.Session, maxName), cut(v.Detail, maxNote)
		return slices.Contains([]string{"starting", "ready", "resumed", "exited", "failed"}, v.State)
	}),
	wire.EntryStalled:    as(goodNote),
	wire.EntryError:      as(goodNote),
	wire.EntryNote:       as(goodNote),
	wire.EntryFiles:      as(goodFiles),
	wire.EntryGit:        as(goodGit),
	wire.EntryCommand:    as(goodCommand),
	wire.EntryCheckpoint: as(goodCheckpoint),
	wire.EntryRewound:    as(func(v *wire.Rewound) bool { return goodID(v.Checkpoint) && goodID(v.Prompt) }),
	wire.EntryPorts: as(func(v *[]wire.Port) bool {
		*v = slices.DeleteFunc(*v, func(p wire.Port) bool { return !goodPort(p) })
		*v = first(*v)
		for i := range *v {
			(*v)[i].Process = plain((*v)[i].Process, maxName)
		}
		return true
	}),
}

func goodSpent(v *[]wire.Spent) bool {
	*v = (*v)[:min(len(*v), maxModels)]
	for i := range *v {
		m := &(*v)[i]
		m.Model = plain(m.Model, maxName)
		for _, n := range []*int64{&m.Input, &m.Output, &m.CacheRead, &m.CacheWrite} {
			*n = max(0, min(*n, maxTokens))
		}
	}
	return len(*v) > 0
}

func goodText(v *wire.Text) bool {
	return goodID(v.Block) && (v.Replaces == "" || goodID(v.Replaces))
}

func goodTool(v *wire.Tool) bool {
	v.Title, v.Dir = cut(v.Title, maxNote), plain(v.Dir, maxPath)
	oneOf(&v.Kind, "other", "read", "edit", "delete", "move", "search", "execute", "think", "fetch")
	oneOf(&v.Status, "pending", "in_progress", "completed", "failed")
	v.StartedAt, v.EndedAt = max(0, v.StartedAt), max(0, v.EndedAt)
	v.Content, v.Locations = first(v.Content), first(v.Locations)
	for i := range v.Content {
		c := &v.Content[i]
		oneOf(&c.Type, "text", "diff", "image")
		if c.Body != "" && !hash.MatchString(c.Body) {
			return false
		}
		c.Size = max(0, c.Size)
	}
	return goodID(v.ID) && (v.InputBody == "" || hash.MatchString(v.InputBody))
}

func goodChoice(v *wire.Options) bool {
	return (v.Current == "" || goodID(v.Current)) && goodOptions(&v.Options)
}

func goodOptions(v *[]wire.Option) bool {
	*v = first(*v)
	for i := range *v {
		o := &(*v)[i]
		o.Name, o.Kind, o.Description = plain(o.Name, maxName), plain(o.Kind, maxName), cut(o.Description, maxNote)
		if !goodID(o.ID) {
			return false
		}
	}
	return true
}

func goodNote(v *wire.Note) bool {
	v.Source, v.Message = plain(v.Source, maxName), cut(v.Message, maxNote)
	return true
}

func goodPort(p wire.Port) bool { return p.Port > 0 && p.Port < 65536 && !wire.Reserved(p.Port) }

// oneOf makes what is not one of the words the first of them.
func oneOf(s *string, words ...string) {
	if !slices.Contains(words, *s) {
		*s = words[0]
	}
}

func first[T any](v []T) []T { return v[:min(len(v), maxOptions)] }

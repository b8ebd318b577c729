package chronicle

import (
	"encoding/json"
	"sync"
	"time"

	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// fold makes timeline rows of one session's entries, in their order. What it
// keeps in mind between entries follows from the entries alone, so that it can
// be made anew from those since the last turn began.
type fold struct {
	local bool                     // tokens cost nothing
	asked func(prompt string) said // what was asked; never believed from the journal
	clean func(string) string      // takes secrets out of a text

	mu    sync.Mutex // guards the rest
	epoch string
	seq   int64 // of the last entry
	run   int
	turn  *turn
	trail trail
	open  map[string]wire.Permission
	marks map[string]string // prompt → its checkpoint
	mode  string
	model string
	// chose is what a person chose last, by kind: that the agent follows is no news.
	chose map[string]string
}

// said is a prompt in words.
type said struct {
	text   string
	images int
	via    string // how it was given
}

// turn is the one under way.
type turn struct {
	id        string
	run       int
	began     time.Time
	automatic bool
	text      words
	tools     map[string]string // what was told of each
	denied    map[string]bool   // calls that a person did not allow
}

func newFold() *fold {
	return &fold{open: map[string]wire.Permission{}, marks: map[string]string{}, chose: map[string]string{}}
}

// add folds one entry and gives the rows that follow.
func (f *fold) add(e store.Entry) []store.TimelineEvent {
	if e.Run != f.run {
		f.run, f.turn, f.mode, f.model = e.Run, nil, "", ""
		clear(f.open)
		clear(f.chose)
	}
	if e.Source == "daemon" {
		f.note(e)
		return nil
	}
	f.seq = e.Seq
	tell := tellers[e.Type]
	if tell == nil {
		return nil
	}
	return tell(f, e)
}

// note keeps in mind what a person did.
func (f *fold) note(e store.Entry) {
	if e.Type == link.EntryMode || e.Type == link.EntryModel {
		if c, ok := data[wire.Choice](e); ok {
			f.chose[e.Type] = c.ID
		}
	}
}

type teller func(*fold, store.Entry) []store.TimelineEvent

// tellers say what the timeline tells of each type of journal entry. Types that
// are not here it is silent about.
var tellers map[string]teller

func init() { // the tellers refer to each other through fold
	tellers = map[string]teller{
		wire.EntryTurnStart:      (*fold).turnStart,
		wire.EntryText:           (*fold).said,
		wire.EntryTurnEnd:        (*fold).turnEnd,
		wire.EntrySpent:          (*fold).beside,
		wire.EntryTool:           (*fold).tool,
		wire.EntryPermission:     (*fold).permission,
		wire.EntryPermissionDone: (*fold).permissionDone,
		wire.EntryMode:           (*fold).modeIs,
		wire.EntryModel:          (*fold).modelIs,
		wire.EntryFiles:          (*fold).files,
		wire.EntryGit:            (*fold).git,
		wire.EntryCommand:        (*fold).command,
		wire.EntryCheckpoint:     (*fold).checkpoint,
		wire.EntryRewound:        (*fold).rewound,
		wire.EntryAgent:          (*fold).agent,
		wire.EntryStalled:        (*fold).stalled,
		wire.EntryError:          (*fold).failed,
		wire.EntryNote:           (*fold).noted,
	}
}

func data[T any](e store.Entry) (v T, ok bool) {
	return v, json.Unmarshal(e.Data, &v) == nil
}

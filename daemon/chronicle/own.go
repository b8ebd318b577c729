package chronicle

import (
	"fmt"
	"strings"

	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Own says what may be stored of an entry of the daemon's own and what the
// timeline tells of it; it is a store.Teller.
func (c *Chronicles) Own(of store.Principal, e store.Entry) (store.Entry, []store.TimelineEvent) {
	clean := c.Redact(of)
	cleaned(&e, clean)
	c.folds.note(e)
	if e.Run == 0 {
		return e, nil // told when the first run begins
	}
	at := func(typ, head string, d Data) (store.Entry, []store.TimelineEvent) {
		return e, []store.TimelineEvent{row(e.Run, fmt.Sprintf("d:%d", e.N), e.At, typ, plain(head, maxLabel), "", d)}
	}
	switch e.Type {
	case store.EntryPrompt:
		v, ok := data[store.PromptData](e)
		if !ok {
			return e, nil
		}
		return e, []store.TimelineEvent{promptRow(e.Run, v.ID, e.At, inWords(v.Blocks, v.Via), Data{Who: User}, clean)}
	case link.EntryAnswer:
		v, _ := data[link.Answer](e)
		return at(TypeMessage, answered(v.Option), Data{Kind: KindAnswer, Who: Person, Turn: e.Turn, Option: plain(v.Option, maxLabel)})
	case link.EntryStop:
		return at(TypeMessage, "Stopped the turn", Data{Kind: KindStop, Who: Person, Turn: e.Turn})
	case link.EntryMode:
		v, _ := data[wire.Choice](e)
		return at(TypeMessage, "Mode: "+v.ID, Data{Kind: KindMode, Who: Person, Option: v.ID})
	case link.EntryModel:
		v, _ := data[wire.Choice](e)
		return at(TypeMessage, "Model: "+v.ID, Data{Kind: KindModel, Who: Person, Option: v.ID})
	case wire.EntryError:
		v, _ := data[wire.Note](e)
		return at(TypeError, v.Message, Data{Source: Daemon, Turn: e.Turn})
	}
	return e, nil
}

// answered says what a person answered, for agents that name their options
// plainly.
func answered(option string) string {
	if option == "" {
		return "Answered: cancel"
	}
	return "Answered: " + strings.NewReplacer("_", " ", "-", " ").Replace(option)
}

package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"volundr/runtime/broker/wire"
)

// History is what a new run has to know of the runs before.
type History struct {
	Session string               // the ACP session, empty when none was opened
	Mode    string               // last mode and model, as the agent told them
	Model   string               //
	Prompts map[string]bool      // ids whose turn was started
	Open    string               // prompt of a turn without an end
	Asked   []string             // permission questions without an answer
	Tools   map[string]wire.Tool // tool calls of the open turn that have not ended
	Ports   []wire.Port
}

// Recall reads what the journal in dir says without opening it. A folder that
// holds none has no history.
func Recall(dir string) (History, error) {
	h := History{Prompts: map[string]bool{}, Tools: map[string]wire.Tool{}}
	firsts, err := segments(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	asked := map[string]bool{}
	for _, first := range firsts {
		if _, _, serr := scan(segmentPath(dir, first), first, func(line []byte) { h.take(line, asked) }); err == nil {
			err = serr
		}
	}
	return h, err
}

// recover reads the journal once: it finds the last number, cuts off what a
// power cut tore at the end, and collects History.
func (j *Journal) recover() error {
	h := History{Prompts: map[string]bool{}, Tools: map[string]wire.Tool{}}
	asked := map[string]bool{}
	firsts, err := segments(j.dir)
	if err != nil {
		return err
	}
	for i, first := range firsts {
		last, end, err := scan(segmentPath(j.dir, first), first, func(line []byte) { h.take(line, asked) })
		if err != nil {
			return err
		}
		j.durable = max(j.durable, last)
		if i == len(firsts)-1 {
			if err := j.reopen(first, end); err != nil {
				return err
			}
		}
	}
	for id := range asked {
		h.Asked = append(h.Asked, id)
	}
	j.history = h
	j.next = j.durable + 1
	return nil
}

// reopen goes on in the last segment, after its last valid line.
func (j *Journal) reopen(first, end int64) error {
	f, err := os.OpenFile(segmentPath(j.dir, first), os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(end); err != nil {
		f.Close()
		return err
	}
	j.out = writer{file: f, first: first, size: end}
	j.segment, j.length = first, end
	return nil
}

func scan(path string, first int64, take func(line []byte)) (last, end int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	l := newLines(f, first)
	for {
		_, line, err := l.next()
		if errors.Is(err, io.EOF) {
			return l.last, l.end, nil
		}
		if err != nil {
			return 0, 0, err
		}
		take(line)
	}
}

// told are the types that History is made of; all other lines, the most, are
// not decoded.
var told = [][]byte{
	[]byte(`"type":"turn_`), []byte(`"type":"agent"`), []byte(`"type":"permission`),
	[]byte(`"type":"mode"`), []byte(`"type":"model"`), []byte(`"type":"tool"`), []byte(`"type":"ports"`),
}

func (h *History) take(line []byte, asked map[string]bool) {
	head := line[:min(len(line), 512)]
	known := false
	for _, t := range told {
		known = known || bytes.Contains(head, t)
	}
	var e wire.Entry
	if !known || json.Unmarshal(line, &e) != nil {
		return
	}
	switch e.Type {
	case wire.EntryTurnStart:
		if t, ok := decode[wire.TurnStart](e); ok {
			h.Prompts[t.Prompt], h.Open = true, t.Prompt
			clear(h.Tools)
		}
	case wire.EntryTurnEnd:
		h.Open = ""
		clear(h.Tools)
	case wire.EntryAgent:
		if a, ok := decode[wire.AgentState](e); ok && a.Session != "" {
			h.Session = a.Session
		}
	case wire.EntryPermission:
		if p, ok := decode[wire.Permission](e); ok {
			asked[p.ID] = true
		}
	case wire.EntryPermissionDone:
		if p, ok := decode[wire.PermissionDone](e); ok {
			delete(asked, p.ID)
		}
	case wire.EntryMode:
		if o, ok := decode[wire.Options](e); ok {
			h.Mode = o.Current
		}
	case wire.EntryModel:
		if o, ok := decode[wire.Options](e); ok {
			h.Model = o.Current
		}
	case wire.EntryPorts:
		if p, ok := decode[[]wire.Port](e); ok {
			h.Ports = p
		}
	case wire.EntryTool:
		if t, ok := decode[wire.Tool](e); ok {
			if t.Status == "completed" || t.Status == "failed" {
				delete(h.Tools, t.ID)
			} else {
				h.Tools[t.ID] = t
			}
		}
	}
}

func decode[T any](e wire.Entry) (T, bool) {
	var v T
	return v, json.Unmarshal(e.Data, &v) == nil
}

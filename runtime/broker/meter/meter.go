// Package meter reads along what models answer an agent: which of them answered,
// the tokens that it counted, and whether its provider refused. An agent does not
// tell all of that, or tells it by names of its own.
package meter

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"volundr/runtime/broker/wire"
)

// Meter adds up the answers to one agent. The zero value is ready.
type Meter struct {
	mu      sync.Mutex
	spent   []wire.Spent
	main    string
	refused string
	done    bool // an answer came that asks for no tool
}

// Sum is what was counted.
type Sum struct {
	Models []wire.Spent // in the order in which they answered first
	Main   string       // the model of the last question that is none of the side, as it calls itself if it answered
	// Refused is what the provider said to the last question instead of an answer;
	// empty: it answered. Side questions are left out, and what was refused after
	// an answer that asks for no tool: that one ended the turn.
	Refused string
}

// Take gives what was counted since it was asked last.
func (m *Meter) Take() Sum {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Sum{m.spent, m.main, m.refused}
	m.spent, m.main, m.refused, m.done = nil, "", "", false
	return s
}

// Begin gives a reading of the answer to a request, or nil where there is nothing
// to be counted. body is the request's, as far as it is known.
func (m *Meter) Begin(r *http.Request, body []byte) *Reading {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/v1/messages") && !strings.HasSuffix(r.URL.Path, "/v1/responses") {
		return nil
	}
	var q struct {
		Model string
		Tools []json.RawMessage
	}
	// A side question, such as for a title, comes without tools. What cannot be
	// read is taken for the agent's work.
	err := json.Unmarshal(body, &q)
	x := &Reading{meter: m, side: err == nil && len(q.Tools) == 0, now: wire.Spent{Model: q.Model}}
	if !x.side {
		m.leads(q.Model)
	}
	return x
}

func (m *Meter) leads(model string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.main = model
}

func (m *Meter) add(v wire.Spent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.spent {
		if m.spent[i].Model == v.Model {
			m.spent[i].Add(v)
			return
		}
	}
	m.spent = append(m.spent, v)
}

// answered: the model said all that it would.
func (m *Meter) answered(tool bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused, m.done = "", m.done || !tool
}

func (m *Meter) refuse(said string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.done {
		m.refused = strings.ToValidUTF8(said, "")
	}
}

package meter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"volundr/runtime/broker/wire"
)

const (
	maxTold = 8 << 20 // bytes of an event, or of an answer that is no stream
	maxSaid = 2000    // bytes of a refusal that are kept
)

// Reading is one answer as it passes.
type Reading struct {
	meter *Meter
	side  bool
	line  []byte     // of a stream, so far
	long  bool       // the line is too long to be read
	now   wire.Spent // of this answer so far
	tool  bool       // it asks for one
}

// Along gives the rest of an answer's body, of which first was taken already, and
// counts what is read of it before it can be passed on. An answer that is no
// stream is read first.
func (x *Reading) Along(res *http.Response, first []byte) io.Reader {
	if res.StatusCode < 300 && strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		x.Write(first)
		return io.TeeReader(res.Body, x)
	}
	rest, err := io.ReadAll(io.LimitReader(res.Body, maxTold))
	body := append(bytes.Clone(first), rest...)
	switch {
	case err != nil || len(rest) == maxTold: // cut, or nothing of ours
	case res.StatusCode >= 300:
		x.refuse(fmt.Sprintf("API error: %d %s", res.StatusCode, bytes.TrimSpace(body[:min(len(body), maxSaid)])))
	default:
		x.tell(body)
		x.whole()
	}
	return io.MultiReader(bytes.NewReader(rest), res.Body)
}

// Write takes the next piece of a stream of events. It never fails: what it does
// not know it passes over.
func (x *Reading) Write(p []byte) (int, error) {
	for rest := p; ; {
		head, tail, whole := bytes.Cut(rest, []byte{'\n'})
		if x.long = x.long || len(x.line)+len(head) > maxTold; !x.long {
			x.line = append(x.line, head...)
		}
		if !whole {
			return len(p), nil
		}
		if data, ok := bytes.CutPrefix(x.line, []byte("data:")); ok && !x.long {
			x.tell(data)
		}
		x.line, x.long, rest = x.line[:0], false, tail
	}
}

// told is what is read of an event, or of a whole answer, of either protocol.
type told struct {
	Type string
	answer
	Message  *answer // message_start
	Response *answer // response.created and the like
	Block    part    `json:"content_block"`
	Item     part    // response.output_item.done
	Content  parts
	Output   parts
}

type answer struct {
	Model string
	Usage *usage
	Error *struct {
		Message string `json:"message"`
	}
}

type part struct{ Type string }

// parts are those of an answer. Some events have a text in their place.
type parts []part

func (p *parts) UnmarshalJSON(b []byte) error {
	var list []part
	if json.Unmarshal(b, &list) == nil {
		*p = list
	}
	return nil
}

// usage in the words of both providers. OpenAI's input holds what was cached,
// Anthropic's does not.
type usage struct {
	Input      *int64 `json:"input_tokens"`
	Output     *int64 `json:"output_tokens"`
	CacheRead  *int64 `json:"cache_read_input_tokens"`
	CacheWrite *int64 `json:"cache_creation_input_tokens"`
	Details    *struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"input_tokens_details"`
}

func (x *Reading) tell(data []byte) {
	var t told
	if json.Unmarshal(data, &t) != nil {
		return
	}
	for _, a := range []*answer{&t.answer, t.Message, t.Response} {
		if a != nil {
			x.count(*a)
		}
	}
	for _, p := range append(append(t.Content, t.Output...), t.Block, t.Item) {
		x.tool = x.tool || p.Type == "tool_use" || strings.HasSuffix(p.Type, "_call")
	}
	switch t.Type {
	case "message_stop", "response.completed", "response.incomplete":
		x.whole()
	}
}

// count adds what an answer has come to; its figures are sums.
func (x *Reading) count(a answer) {
	if a.Error != nil && a.Error.Message != "" {
		said, _ := json.Marshal(a.Error) // of nothing that could fail
		x.refuse("API error: " + string(said[:min(len(said), maxSaid)]))
	}
	if a.Model != "" {
		if x.now.Model = a.Model; !x.side {
			x.meter.leads(a.Model)
		}
	}
	u := a.Usage
	if u == nil {
		return
	}
	was := x.now
	for to, from := range map[*int64]*int64{&x.now.Input: u.Input, &x.now.Output: u.Output, &x.now.CacheRead: u.CacheRead, &x.now.CacheWrite: u.CacheWrite} {
		if from != nil && *from > 0 { // some events leave out, or set to zero, what was told before
			*to = *from
		}
	}
	if u.Details != nil {
		x.now.CacheRead = u.Details.Cached
		x.now.Input = max(0, x.now.Input-u.Details.Cached)
	}
	x.meter.add(wire.Spent{Model: x.now.Model, Input: x.now.Input - was.Input, Output: x.now.Output - was.Output,
		CacheRead: x.now.CacheRead - was.CacheRead, CacheWrite: x.now.CacheWrite - was.CacheWrite})
}

func (x *Reading) whole() {
	if !x.side {
		x.meter.answered(x.tool)
	}
}

func (x *Reading) refuse(said string) {
	if !x.side {
		x.meter.refuse(said)
	}
}

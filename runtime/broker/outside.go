package broker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"volundr/runtime/broker/meter"
	"volundr/runtime/broker/wire"
)

// outside is what the agent reaches of the world: the model and git routes of
// the daemon, by way of the link. While no daemon is connected new requests
// are held open. A request of which nothing reached the agent is asked again;
// one that is cut in the middle is reset.
type outside struct {
	links *links
	// cut is called when an answer was cut in the middle.
	cut func(path string)
	// hold is how long a request waits for a daemon.
	hold time.Duration
	// moved counts bytes that arrived: a sign of life for the stall timer.
	moved atomic.Int64
	// meter counts what models answer.
	meter meter.Meter
}

var reached = []string{wire.OutsideModels, wire.OutsideGit, wire.OutsideBlobs, wire.OutsideFiles, wire.OutsideSecrets, wire.OutsideMCP}

const (
	holdOutside = 5 * time.Minute
	// A body up to this size is kept, so that it can be sent again.
	replayable = 64 << 20
	askAgain   = 250 * time.Millisecond
)

func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !slices.ContainsFunc(reached, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
		http.Error(w, "Only models, git and the packs of this session are reached here.", http.StatusNotFound)
		return
	}
	body, err := keep(r.Body)
	if err != nil {
		http.Error(w, "The request broke off.", http.StatusBadRequest)
		return
	}
	reading := o.meter.Begin(r, body.head)
	ctx, cancel := context.WithTimeout(r.Context(), o.hold)
	defer cancel()
	for {
		if o.links.wait(ctx) != nil {
			break
		}
		res, first, err := o.ask(r, body)
		if err == nil {
			o.pass(w, r, res, first, reading)
			return
		}
		if body.rest != nil || tool(r) { // half of it may be spent, or have done something
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(askAgain):
		}
	}
	if r.Context().Err() == nil {
		http.Error(w, "The Volundr daemon of this session did not answer. Start it with `volundr up`.", http.StatusBadGateway)
	}
}

// tool reports whether a request is for an MCP server: what it asks for may be
// done once only, and an answer that is cut is no model's.
func tool(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, wire.OutsideMCP) }

// kept is a request body: the first part in memory, the rest, if it is larger
// than that, readable once.
type kept struct {
	head []byte
	rest io.Reader // nil: all of it is in head
}

func keep(body io.Reader) (kept, error) {
	b, err := io.ReadAll(io.LimitReader(body, replayable+1))
	if err != nil || len(b) <= replayable {
		return kept{head: b}, err
	}
	return kept{head: b, rest: body}, nil
}

// put makes it the body of a request.
func (k kept) put(req *http.Request) {
	switch {
	case k.rest != nil:
		req.Body = io.NopCloser(io.MultiReader(bytes.NewReader(k.head), k.rest))
	case len(k.head) == 0:
		req.Body, req.ContentLength = http.NoBody, 0
	default:
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(k.head)), int64(len(k.head))
	}
}

// ask sends the request and waits for the first piece of the answer's body, so
// that until then nothing has reached the agent.
func (o *outside) ask(r *http.Request, body kept) (*http.Response, []byte, error) {
	req := r.Clone(r.Context())
	req.RequestURI = ""
	req.URL.Scheme, req.URL.Host = "http", "volundr"
	for _, h := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		req.Header.Del(h)
	}
	body.put(req)
	res, err := o.links.rt.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	if tool(r) { // its stream may be silent for long, and open all the same
		return res, nil, nil
	}
	first := make([]byte, 32<<10)
	n, err := res.Body.Read(first)
	if n == 0 && err != nil && !errors.Is(err, io.EOF) {
		res.Body.Close()
		return nil, nil, err
	}
	return res, first[:n], nil
}

// pass hands the answer on as it comes. What is read of it is read before the
// agent has it, so that a turn's end finds it.
func (o *outside) pass(w http.ResponseWriter, r *http.Request, res *http.Response, first []byte, reading *meter.Reading) {
	defer res.Body.Close()
	var rest io.Reader = res.Body
	if reading != nil {
		rest = reading.Along(res, first)
	}
	h := w.Header()
	for k, v := range res.Header {
		h[k] = v
	}
	h.Del("Connection")
	h.Del("Transfer-Encoding")
	w.WriteHeader(res.StatusCode)
	flush := http.NewResponseController(w)
	buf := make([]byte, 32<<10)
	for p := first; ; {
		o.moved.Add(int64(len(p)))
		if _, err := w.Write(p); err != nil {
			return // the agent went away
		}
		flush.Flush()
		n, err := rest.Read(buf)
		p = buf[:n]
		if err == nil {
			continue
		}
		if n > 0 {
			w.Write(p)
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if r.Context().Err() == nil && !tool(r) {
			o.cut(r.URL.Path)
		}
		panic(http.ErrAbortHandler) // resets the connection: the agent must not take this for a whole answer
	}
}

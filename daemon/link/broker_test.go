package link

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/yamux"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// broker stands in for a session's: the real handshake, the real multiplexer
// and the routes of package wire, with a journal in memory. What it is asked
// against the rules fails the test.
type broker struct {
	t    *testing.T
	id   string
	key  ed25519.PublicKey
	addr string

	mu      sync.Mutex
	grown   chan struct{} // closed and replaced when the journal grows
	version int
	run     int
	epoch   string
	lines   []string // raw, as they go over the wire
	health  wire.Health
	link    *yamux.Session
	links   int // how many there were

	prompts  []wire.Prompt     // accepted, in order
	refuse   map[string]int    // status by prompt id
	answers  []string          // "permission=option", as they came
	open     map[string]bool   // permissions that wait
	did      []string          // cancel, mode, model, end
	bodies   map[string]string // by name
	command  wire.RunResult    // what commands give
	ports    []wire.Port       // listened on
	packs    map[string]string // what packing gives
	spoil    string            // what goes wrong with packs: cut, lie, say
	unpacked map[string]string // what was unpacked
	points   []wire.Checkpoint
	loss     wire.Files
	dropNext map[string]int // by route: take it, then cut the link before answering
}

func newBroker(t *testing.T, id string) *broker {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{
		t: t, id: id, key: pub, addr: l.Addr().String(), version: wire.Version, run: 1, epoch: "e1", grown: make(chan struct{}),
		refuse: map[string]int{}, open: map[string]bool{}, bodies: map[string]string{}, packs: map[string]string{}, unpacked: map[string]string{}, dropNext: map[string]int{},
		health: wire.Health{Agent: true, Editor: true, Terminal: true},
	}
	keys.Store(id, private)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); b.cut(); wg.Wait() })
	return b
}

func (b *broker) serve(raw net.Conn) {
	conn, _, err := wire.Server(raw, b.key, b.id, func(port int) error {
		if port != 0 {
			return fmt.Errorf("port %d", port)
		}
		return nil
	})
	if err != nil {
		return
	}
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	s, err := yamux.Server(conn, config)
	if err != nil {
		b.t.Error(err)
		return
	}
	b.mu.Lock()
	before := b.link
	b.mu.Unlock()
	if before != nil {
		select { // closed at the other end already; here that is known a moment later
		case <-before.CloseChan():
		case <-time.After(time.Second):
			b.t.Error("two links at once")
		}
	}
	b.mu.Lock()
	b.link = s
	b.links++
	b.mu.Unlock()
	srv := &http.Server{Handler: b.routes()}
	srv.Serve(s)
	s.Close()
	srv.Close()
}

// cut breaks the link, as a network does.
func (b *broker) cut() {
	b.mu.Lock()
	s := b.link
	b.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

// write appends an entry and gives its number.
func (b *broker) write(turn, typ string, data any) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	raw, err := json.Marshal(data)
	if err != nil {
		b.t.Fatal(err)
	}
	seq := int64(len(b.lines) + 1)
	line, err := json.Marshal(wire.Entry{Seq: seq, At: time.Now().UnixMilli(), Run: b.run, Turn: turn, Type: typ, Data: raw})
	if err != nil {
		b.t.Fatal(err)
	}
	b.grow(string(line))
	return seq
}

// raw appends a line as it is.
func (b *broker) raw(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grow(line)
}

func (b *broker) grow(line string) {
	b.lines = append(b.lines, line)
	close(b.grown)
	b.grown = make(chan struct{})
}

func (b *broker) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *broker) routes() http.Handler {
	mux := http.NewServeMux()
	on := func(route string, f func(w http.ResponseWriter, r *http.Request) (status int, v any)) {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			b.mu.Lock()
			status, v := f(w, r)
			drop := b.dropNext[route] > 0
			if drop {
				b.dropNext[route]--
			}
			b.mu.Unlock()
			if drop {
				b.cut()
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
			if v != nil {
				json.NewEncoder(w).Encode(v)
			}
		})
	}
	on(wire.PathHello, func(http.ResponseWriter, *http.Request) (int, any) {
		return 200, wire.Hello{Version: b.version, Session: b.id, Run: b.run, Epoch: b.epoch, Last: int64(len(b.lines))}
	})
	on(wire.PathHealth, func(http.ResponseWriter, *http.Request) (int, any) {
		if b.health.Ready() {
			return 200, b.health
		}
		return 503, b.health
	})
	mux.HandleFunc(wire.PathJournal, b.journal)
	on(wire.PathPrompt, func(_ http.ResponseWriter, r *http.Request) (int, any) {
		p := read[wire.Prompt](b.t, r)
		if status := b.refuse[p.ID]; status != 0 {
			return status, wire.Problem{Detail: "No."}
		}
		for _, have := range b.prompts {
			if have.ID == p.ID {
				return 200, nil
			}
		}
		b.prompts = append(b.prompts, p)
		return 202, nil
	})
	on(wire.PathPermission, func(_ http.ResponseWriter, r *http.Request) (int, any) {
		id := r.PathValue("id")
		b.answers = append(b.answers, id+"="+read[wire.Answer](b.t, r).Option)
		if !b.open[id] {
			return 404, wire.Problem{Detail: "It is not open."}
		}
		return 204, nil
	})
	for route, name := range map[string]string{wire.PathCancel: "cancel", wire.PathMode: "mode", wire.PathModel: "model", wire.PathEnd: "end"} {
		on(route, func(_ http.ResponseWriter, r *http.Request) (int, any) {
			if name == "mode" || name == "model" {
				name := name + " " + read[wire.Choice](b.t, r).ID
				b.did = append(b.did, name)
				return 204, nil
			}
			b.did = append(b.did, name)
			return 202, nil
		})
	}
	on(wire.PathRun, func(_ http.ResponseWriter, r *http.Request) (int, any) {
		read[wire.Command](b.t, r)
		return 200, b.command
	})
	on(wire.PathPorts, func(http.ResponseWriter, *http.Request) (int, any) { return 200, b.ports })
	mux.HandleFunc(wire.PathBody, func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		body, ok := b.bodies[r.PathValue("hash")]
		b.mu.Unlock()
		if !ok {
			w.WriteHeader(404)
		}
		io.WriteString(w, body)
	})
	b.packRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		b.t.Errorf("the link asked for %s %s", r.Method, r.URL)
		w.WriteHeader(404)
	})
	return mux
}

func (b *broker) journal(w http.ResponseWriter, r *http.Request) {
	at, err := strconv.Atoi(r.FormValue("after"))
	if err != nil || at < 0 {
		b.t.Errorf("after=%q", r.FormValue("after"))
	}
	for {
		b.mu.Lock()
		fresh, grown := []string(nil), b.grown
		if at < len(b.lines) {
			fresh = b.lines[at:]
		}
		b.mu.Unlock()
		if len(fresh) > 0 {
			at += len(fresh)
			if _, err := io.WriteString(w, strings.Join(fresh, "\n")+"\n"); err != nil {
				return
			}
		}
		http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-grown:
		}
	}
}

// ask sends a request to the outside, as the session's agent would.
func (b *broker) ask(ctx context.Context, path string) (*http.Response, error) {
	b.mu.Lock()
	s := b.link
	b.mu.Unlock()
	rt := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return s.Open() }}
	return rt.RoundTrip((&http.Request{Method: "GET", Header: http.Header{}, URL: &url.URL{Scheme: "http", Host: "x", Path: path}}).WithContext(ctx))
}

func read[T any](t *testing.T, r *http.Request) (v T) {
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		t.Errorf("%s: %v", r.URL, err)
	}
	return v
}

var keys sync.Map // by session id: the daemon's key

// brokers is a runtime of which only Dial is there.
type brokers struct {
	runtime.Runtime
	mu   sync.Mutex
	list []*broker
}

func (d *brokers) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.list {
		if b.id == id {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.addr)
			if err != nil {
				return nil, err
			}
			key, _ := keys.Load(id)
			return wire.Client(conn, key.(ed25519.PrivateKey), id, port)
		}
	}
	return nil, fmt.Errorf("dial %s: %w", id, runtime.ErrNotFound)
}

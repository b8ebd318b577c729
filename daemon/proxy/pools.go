package proxy

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// pools keep connections into sessions for reuse, one transport per session so
// that a session's can be closed when it stops.
type pools struct {
	dial func(ctx context.Context, session string, port int) (net.Conn, error)

	mu       sync.Mutex
	sessions map[string]*http.Transport
}

const readBuffer = 32 << 10 // of a connection into a session

func newPools(dial func(context.Context, string, int) (net.Conn, error)) *pools {
	return &pools{dial: dial, sessions: map[string]*http.Transport{}}
}

// RoundTrip sends a request into the session it is for.
func (p *pools) RoundTrip(r *http.Request) (*http.Response, error) {
	way := routeFrom(r.Context())
	t := p.of(way.Session)
	if r.Header.Get("Upgrade") != "" {
		return upgrade(t, r)
	}
	return fetch(t, r, way.rest)
}

func (p *pools) of(session string) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.sessions[session]
	if !ok {
		t = &http.Transport{
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				_, port, _ := net.SplitHostPort(addr)
				n, err := strconv.Atoi(port)
				if err != nil {
					return nil, err
				}
				return p.dial(ctx, session, n)
			},
			DisableCompression:     true, // what the browser asks for is passed on as it is
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			WriteBufferSize:        32 << 10,
			ReadBufferSize:         readBuffer,
		}
		p.sessions[session] = t
	}
	return t
}

func (p *pools) forget(session string) {
	p.mu.Lock()
	t, ok := p.sessions[session]
	delete(p.sessions, session)
	p.mu.Unlock()
	if ok {
		t.CloseIdleConnections()
	}
}

func (p *pools) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.sessions {
		t.CloseIdleConnections()
	}
	clear(p.sessions)
}

// buffers are shared by the copies of bodies. Large ones: with 64 KiB a large
// body took a fifth longer.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}}
}

func (b *buffers) Get() []byte    { return *b.pool.Get().(*[]byte) }
func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }

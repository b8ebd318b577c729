package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"volundr/runtime/docker"
)

// toll stands between a daemon and the engine and strikes at a call that it
// waits for: before the engine hears of it, or when the engine has done it and
// the daemon was not told.
type toll struct {
	socket    string // of an engine's
	versioned bool   // paths begin with the API's version: /v1.41

	mu     sync.Mutex
	is     func(*http.Request) bool // nil: it waits for none
	before bool
	strike func()
}

func newToll(t *testing.T) *toll {
	t.Helper()
	found, _, err := docker.Find(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	x := &toll{socket: filepath.Join(t.TempDir(), "engine.sock"), versioned: true}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(found.Host, "unix://"))
	}
	ln, err := net.Listen("unix", x.socket)
	if err != nil {
		t.Fatal(err)
	}
	x.serve(t, ln, &url.URL{Scheme: "http", Host: "engine"}, &http.Transport{DialContext: dial})
	return x
}

// tollTo stands before a server and gives its own address. Who knows it needs no
// credentials.
func tollTo(t *testing.T, server *url.URL, transport http.RoundTripper) (*toll, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &toll{}
	x.serve(t, ln, server, transport)
	return x, "http://" + ln.Addr().String()
}

func (x *toll) serve(t *testing.T, ln net.Listener, server *url.URL, transport http.RoundTripper) {
	to := httputil.NewSingleHostReverseProxy(server)
	to.Transport, to.FlushInterval = transport, -1
	to.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	to.ModifyResponse = func(r *http.Response) error {
		x.pass(r.Request, false)
		return nil
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x.pass(r, true) {
			w.WriteHeader(http.StatusBadGateway) // to nobody
			return
		}
		// The engine finishes what it heard, whoever hung up.
		to.ServeHTTP(w, r.WithContext(unhurried{r.Context()}))
	}))
	srv.Listener.Close()
	srv.Listener = ln
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
}

// unhurried is a context that keeps its values and never ends.
type unhurried struct{ context.Context }

func (unhurried) Done() <-chan struct{} { return nil }
func (unhurried) Err() error            { return nil }

// at has it strike once, at a call that begins and ends so.
func (x *toll) at(method, begins, ends string, before bool, strike func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.before, x.strike = before, strike
	x.is = func(r *http.Request) bool {
		path := strings.TrimPrefix(r.URL.Path, "/")
		if x.versioned {
			_, path, _ = strings.Cut(path, "/")
		}
		return r.Method == method && strings.HasPrefix(path, begins) && strings.HasSuffix(path, ends) && !r.URL.Query().Has("watch")
	}
}

// pass reports whether it struck.
func (x *toll) pass(r *http.Request, before bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.is == nil || x.before != before || !x.is(r) {
		return false
	}
	x.is = nil
	x.strike()
	return true
}

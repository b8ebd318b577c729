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
	socket string

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
	x := &toll{socket: filepath.Join(t.TempDir(), "engine.sock")}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(found.Host, "unix://"))
	}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	to.Transport, to.FlushInterval = &http.Transport{DialContext: dial}, -1
	to.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	to.ModifyResponse = func(r *http.Response) error {
		x.pass(r.Request, false)
		return nil
	}
	ln, err := net.Listen("unix", x.socket)
	if err != nil {
		t.Fatal(err)
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
	return x
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
		_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // v1.41
		return r.Method == method && strings.HasPrefix(path, begins) && strings.HasSuffix(path, ends)
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

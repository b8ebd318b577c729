//go:build linux

package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"volundr/daemon/auth"
	"volundr/daemon/proxy"
	"volundr/store"
	"volundr/store/storetest"
)

const session = "0b6f7c1e-4f4d-4c59-9d54-3f0a3a3b3c01"

// world is two daemons, a program in a session and another server, as one
// browser meets them. What arrives where is written down.
type world struct {
	t       *testing.T
	one     *daemon
	two     *daemon
	public  *pki // of a world of public addresses; nil: all is on this machine
	evil    *httptest.Server
	program *httptest.Server
	done    chan struct{}

	mu      sync.Mutex
	reports map[string]map[string]any
	knocked map[string]int      // status of attacks that reached a daemon's door, by origin and way
	broken  []string            // attacks that came through
	cookies map[string][]string // Cookie headers that the evil server and the program got
	origins map[string]string   // Origin headers of our own page's requests
	framed  bool
}

type daemon struct {
	auth   *auth.Auth
	server *httptest.Server
	origin string // of its UI
	cookie string // of logins there
}

func newWorld(t *testing.T, public *pki) *world {
	w := &world{
		t: t, public: public, done: make(chan struct{}), reports: map[string]map[string]any{}, knocked: map[string]int{},
		cookies: map[string][]string{}, origins: map[string]string{},
	}
	w.program = httptest.NewServer(http.HandlerFunc(w.inside))
	w.evil = httptest.NewUnstartedServer(http.HandlerFunc(w.other))
	w.start(w.evil)
	w.one, w.two = w.daemon("volundr.acme.test", ".volundr.acme.test"), w.daemon("volundr.two.test", ".two-surfaces.test")
	t.Cleanup(func() {
		for _, s := range []*httptest.Server{w.one.server, w.two.server, w.evil, w.program} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	return w
}

func (w *world) start(s *httptest.Server) {
	if w.public == nil {
		s.Start()
		return
	}
	s.TLS = w.public.config()
	s.StartTLS()
}

// daemon starts one. In a world of public addresses its names are these: one has
// its surfaces on the site of its UI, and the other server is of that site too.
func (w *world) daemon(name, suffix string) *daemon {
	dir := w.t.TempDir()
	db, err := store.Open(storetest.New(w.t, dir))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	d := &daemon{server: httptest.NewUnstartedServer(nil)}
	o := auth.Options{DB: db, Dir: dir, Listen: d.server.Listener.Addr().String(), Log: log}
	if w.public != nil {
		port := w.port(d.server)
		o.Public = &auth.Public{Origin: "https://" + name + port, Suffix: suffix + port}
	}
	if d.auth, err = auth.New(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
	installation, err := auth.Installation(w.t.Context(), db)
	if err != nil {
		w.t.Fatal(err)
	}
	if d.origin, d.cookie = d.auth.ControlOrigin(), "volundr-"+installation; w.public != nil {
		d.origin, d.cookie = d.auth.PublicOrigin(), "__Host-"+d.cookie
	}
	surfaces := proxy.New(proxy.Options{
		Surfaces: d.auth.Surfaces, Log: log,
		Dial: func(ctx context.Context, _ string, _ int) (net.Conn, error) {
			return net.Dial("tcp", w.program.Listener.Addr().String())
		},
	})
	guarded := d.auth.Guard(w.control(d))
	d.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if d.auth.KindOf(r) == auth.SurfaceHost {
			surfaces.ServeHTTP(rw, r)
			return
		}
		seen := &seen{ResponseWriter: rw}
		guarded.ServeHTTP(seen, r)
		w.knock(r, seen.status)
	})
	if w.public != nil {
		d.server.Config.Handler = d.auth.AtPublic(d.server.Config.Handler)
	}
	w.start(d.server)
	return d
}

// knock writes down an attack and how the guard answered it.
func (w *world) knock(r *http.Request, status int) {
	q := r.URL.Query()
	if q.Get("how") == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.knocked[q.Get("from")+" "+q.Get("how")] = status
}

// seen is an answer whose status is known afterwards.
type seen struct {
	http.ResponseWriter
	status int
}

func (s *seen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// control is the UI of a daemon, behind its guard.
func (w *world) control(d *daemon) http.Handler {
	mux := http.NewServeMux()
	page := func(rw http.ResponseWriter, r *http.Request) { html(rw, "/control.js") }
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /formed", page)
	mux.HandleFunc("GET /control.js", script(controlJS))
	mux.HandleFunc("GET /api/who", func(rw http.ResponseWriter, r *http.Request) {
		p, _ := auth.PrincipalFrom(r.Context())
		io.WriteString(rw, p.UserID)
	})
	mux.HandleFunc("GET /api/todo", func(rw http.ResponseWriter, r *http.Request) {
		todo := map[string]string{"evil": w.evilURL()}
		if d == w.two { // then on to the first daemon, by a link on this page
			link, err := w.one.auth.LoginLink(r.Context(), auth.Local)
			if err != nil {
				w.t.Error(err)
			}
			todo["next"] = link
		}
		json.NewEncoder(rw).Encode(todo)
	})
	mux.HandleFunc("POST /api/change", func(rw http.ResponseWriter, r *http.Request) { w.origin("fetch", r); io.WriteString(rw, "changed") })
	mux.HandleFunc("POST /api/form", func(rw http.ResponseWriter, r *http.Request) {
		w.origin("form", r)
		http.Redirect(rw, r, "/formed", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /report", w.report)
	mux.HandleFunc("GET /s/editor", func(rw http.ResponseWriter, r *http.Request) {
		d.auth.Surfaces.HandOff(rw, r, session, auth.Editor, 0, "/?control="+url.QueryEscape(d.origin)+"&cookie="+d.cookie)
	})
	mux.HandleFunc("/ws", func(rw http.ResponseWriter, r *http.Request) { w.through(r); echo(rw, r) })
	mux.HandleFunc("/api/attack", func(rw http.ResponseWriter, r *http.Request) { w.through(r); io.WriteString(rw, "SECRET") })
	mux.HandleFunc("GET /done", func(rw http.ResponseWriter, r *http.Request) { close(w.done) })
	return mux
}

// through writes down an attack that got past the guard.
func (w *world) through(r *http.Request) {
	if from := r.URL.Query().Get("from"); from != "" {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.broken = append(w.broken, fmt.Sprintf("%s %s, Origin %q, cookie %v", r.Method, r.URL, r.Header.Get("Origin"), r.Header.Get("Cookie") != ""))
	}
}

// inside is the program in the session.
func (w *world) inside(rw http.ResponseWriter, r *http.Request) {
	w.cookie("program", r)
	switch r.URL.Path {
	case "/":
		html(rw, "/surface.js")
	case "/surface.js":
		script(surfaceJS)(rw, r)
	case "/own":
		io.WriteString(rw, "own")
	case "/ws":
		echo(rw, r)
	case "/sw.js":
		script("self.addEventListener('fetch', () => {})")(rw, r)
	case "/nested":
		rw.Header().Set("X-Frame-Options", "SAMEORIGIN")
		html(rw, "/nested.js")
	case "/nested.js", "/framed.js":
		script("fetch('/seen?at=' + location.pathname.slice(1))")(rw, r)
	case "/framed":
		html(rw, "/framed.js")
	case "/seen":
		w.mu.Lock()
		w.framed = w.framed || r.URL.Query().Get("at") == "framed"
		w.mu.Unlock()
		if r.URL.Query().Get("at") == "nested" {
			w.put("nested", map[string]any{"ran": true})
		}
	case "/report":
		w.report(rw, r)
	}
}

// other is a server that has nothing to do with us, on localhost.
func (w *world) other(rw http.ResponseWriter, r *http.Request) {
	w.cookie("evil", r)
	switch r.URL.Path {
	case "/":
		html(rw, "/evil.js")
	case "/evil.js":
		script(evilJS)(rw, r)
	case "/report":
		w.report(rw, r)
	case "/todo":
		last := w.one.origin + "/?last=1"
		json.NewEncoder(rw).Encode(map[string]string{"control": w.one.origin, "next": w.two.origin + "/?last=1&then=" + url.QueryEscape(last)})
	}
}

func (w *world) evilURL() string {
	if w.public != nil {
		return "https://evil.acme.test" + w.port(w.evil) + "/"
	}
	return "http://localhost" + w.port(w.evil) + "/"
}

func (w *world) port(s *httptest.Server) string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return ":" + port
}

func (w *world) report(rw http.ResponseWriter, r *http.Request) {
	var value map[string]any
	json.NewDecoder(r.Body).Decode(&value)
	name := r.URL.Query().Get("name")
	if name == "last" && strings.HasSuffix(w.two.origin, "://"+r.Host) {
		name = "last of two"
	}
	w.put(name, value)
}

func (w *world) put(name string, value map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports[name] = value
}

func (w *world) origin(how string, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.origins[how] = r.Header.Get("Origin")
}

func (w *world) cookie(who string, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cookies[who] = append(w.cookies[who], r.Header.Get("Cookie"))
}

func html(rw http.ResponseWriter, src string) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(rw, "<!doctype html><meta charset=utf-8><title>test</title><body><script src=%q></script>", src)
}

func script(js string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		io.WriteString(rw, js)
	}
}

func echo(rw http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(rw, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		typ, data, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), typ, data) != nil {
			return
		}
	}
}

// Package proxy carries a session's surfaces to the browser: editor, terminal
// and previews, HTTP and WebSockets, each under an unguessable host name of its
// own, over connections into the session that no port of the host leads to.
package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"

	"volundr/daemon/auth"
	"volundr/runtime/broker/wire"
)

// Options is what New needs.
type Options struct {
	Surfaces *auth.Surfaces
	// Dial opens a connection to a port on a session's loopback. Its errors
	// wrap the sentinels of package runtime where one fits.
	Dial func(ctx context.Context, session string, port int) (net.Conn, error)
	// Use says that somebody is in a session until done is called, and wakes one
	// that is paused. Its errors are like Dial's. Nil: none is paused.
	Use func(ctx context.Context, session string) (done func(), err error)
	Log *slog.Logger
}

// Proxy is the handler of all surface hosts. The daemon's one listener sends
// it every request whose Host is auth.SurfaceHost.
type Proxy struct {
	surfaces *auth.Surfaces
	pools    *pools
	reverse  *httputil.ReverseProxy
	use      func(ctx context.Context, session string) (done func(), err error)
	log      *slog.Logger
}

// New gives the handler of all surface hosts.
func New(o Options) *Proxy {
	if o.Use == nil {
		o.Use = func(context.Context, string) (func(), error) { return func() {}, nil }
	}
	p := &Proxy{surfaces: o.Surfaces, pools: newPools(o.Dial), use: o.Use, log: o.Log}
	p.reverse = &httputil.ReverseProxy{
		Rewrite:        rewrite,
		ModifyResponse: p.answered,
		ErrorHandler:   p.failed,
		Transport:      p.pools,
		BufferPool:     newBuffers(),
		ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return p
}

// Forget closes what is open into a session that has stopped.
func (p *Proxy) Forget(session string) { p.pools.forget(session) }

// Close closes all connections that wait for reuse.
func (p *Proxy) Close() { p.pools.close() }

// route is one request's way: what it may open, and the port that means.
type route struct {
	auth.Grant
	port int
	rest *rest // of the answer: to be sent when its head was
}

type routeKey struct{}

func routeFrom(ctx context.Context) route { return ctx.Value(routeKey{}).(route) }

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	grant, err := p.surfaces.Resolve(r)
	if err != nil {
		p.unknown(w, r, err)
		return
	}
	if why := refused(r, grant.Origin); why != "" {
		p.answer(w, r, http.StatusForbidden, auth.Page{Title: "Refused", Detail: why})
		return
	}
	way := route{grant, portOf(grant), new(rest)}
	if grant.Surface == auth.Preview && wire.Reserved(way.port) {
		p.answer(w, r, http.StatusForbidden, auth.Page{
			Title:  "No preview",
			Detail: "Port " + strconv.Itoa(way.port) + " belongs to Volundr itself; a preview shows the ports of your own programs.",
		})
		return
	}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), routeKey{}, way))
	defer cancel()
	stop := context.AfterFunc(grant.Live, cancel) // revoked: cut, WebSockets too
	defer stop()
	r = r.WithContext(ctx)
	done, err := p.use(ctx, grant.Session)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	defer done()
	p.reverse.ServeHTTP(w, r)
	if way.rest.move(w) != nil {
		panic(http.ErrAbortHandler) // resets the connection: the browser must not take this for a whole answer
	}
}

// portOf is the port on the session's loopback that a surface stands for.
func portOf(g auth.Grant) int {
	switch g.Surface {
	case auth.Editor:
		return wire.EditorPort
	case auth.Terminal:
		return wire.TerminalPort
	}
	return g.Port
}

// refused says why a request cannot come from the surface's own page. A tab or
// a frame may be opened from elsewhere: its label is its right, and who may
// frame it stands in the answer.
func refused(r *http.Request, origin string) string {
	if auth.IsPageLoad(r) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && len(r.Header.Values("Origin")) == 0 {
		return ""
	}
	return auth.Forged(r, origin, true)
}

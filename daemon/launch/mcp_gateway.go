package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// maxToolRequest bounds what a session sends to an MCP server, in bytes.
const maxToolRequest = 32 << 20

var (
	// passed are the headers of the protocol that go on to an MCP server.
	passed = []string{"Accept", "Content-Type", "Last-Event-Id", "Mcp-Protocol-Version", "Mcp-Session-Id", "User-Agent"}
	// ownHeaders are those that no credential stands in: of the protocol and of
	// the connection.
	ownHeaders = append([]string{"Connection", "Content-Length", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}, passed...)
)

// ServeMCP serves wire.OutsideMCP: it passes a session's request on to the one
// MCP server that its stored launch request has under this name, with the
// headers that come from credentials. Where to is not the session's choice: not
// the address, and no path or parameter below it.
func (l *Launcher) ServeMCP(w http.ResponseWriter, r *http.Request) {
	row, err := l.DB.SystemSession(r.Context(), l.Session(r.Context()))
	var request Request
	if err == nil {
		err = json.Unmarshal(row.Request, &request)
	}
	name := strings.TrimPrefix(r.URL.EscapedPath(), wire.OutsideMCP)
	at := slices.IndexFunc(request.MCP, func(s MCPServer) bool { return s.Name == name && len(s.HeadersFrom) > 0 })
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && at < 0:
		http.Error(w, "This session has no such MCP server.", http.StatusNotFound)
		return
	case err != nil:
		l.Log.Error("The MCP servers of a session could not be read", "session", row.ID, "error", err)
		http.Error(w, "The daemon could not read the session. See its log.", http.StatusBadGateway)
		return
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodDelete}, r.Method):
		http.Error(w, "MCP has GET, POST and DELETE only.", http.StatusMethodNotAllowed)
		return
	}
	s := request.MCP[at]
	secret, err := l.toolHeaders(r.Context(), row, s)
	var field *FieldError
	if errors.As(err, &field) {
		http.Error(w, field.Msg, http.StatusBadGateway)
		return
	}
	to, bad := url.Parse(s.URL)
	if err = errors.Join(err, bad); err != nil {
		l.Log.Error("The credentials of an MCP server could not be used", "session", row.ID, "server", s.Name, "error", err)
		http.Error(w, "The daemon could not read the credentials of "+s.Name+". See its log.", http.StatusBadGateway)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxToolRequest)
	l.toolProxy(s, to, secret).ServeHTTP(w, r)
}

// toolHeaders are a server's headers with their values, whose use is noted.
func (l *Launcher) toolHeaders(ctx context.Context, row store.Session, s MCPServer) (map[string]string, error) {
	values, err := l.values(ctx, row.Owner(), s.Name, s.HeadersFrom, "mcp_servers")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, from := range s.HeadersFrom {
		name, _, _ := strings.Cut(from, ":")
		names = append(names, name)
	}
	out := maps.Clone(s.Headers)
	if out == nil {
		out = map[string]string{}
	}
	for header, value := range values {
		if value = strings.TrimSpace(value); strings.ContainsAny(value, "\r\n\x00") {
			return nil, wrong(nil, "value_error", fmt.Sprintf("The value for the header %s of %s has several lines, which no header has.", header, s.Name), "mcp_servers")
		}
		if strings.EqualFold(header, "Authorization") && !strings.Contains(value, " ") {
			value = "Bearer " + value
		}
		out[header] = value
	}
	return out, l.DB.AuditUse(ctx, row, names...)
}

var errToolRedirect = errors.New("it answered with a redirect, which is not followed")

func (l *Launcher) toolProxy(s MCPServer, to *url.URL, headers map[string]string) http.Handler {
	return &httputil.ReverseProxy{
		Transport: l.Tools, FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL, r.Out.Host, r.Out.Header = to, to.Host, http.Header{}
			for _, name := range passed {
				if v := r.In.Header.Values(name); len(v) > 0 {
					r.Out.Header[name] = v
				}
			}
			for name, value := range headers {
				r.Out.Header.Set(name, value)
			}
		},
		ModifyResponse: func(res *http.Response) error {
			if res.StatusCode >= 300 && res.StatusCode < 400 {
				return errToolRedirect
			}
			for _, name := range []string{"Set-Cookie", "Www-Authenticate"} { // the login is ours
				res.Header.Del(name)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				panic(http.ErrAbortHandler)
			}
			why := "it did not answer"
			if errors.Is(err, errToolRedirect) || errors.Is(err, errThisMachine) {
				why = err.Error()
			}
			l.Log.Warn("An MCP server could not be used", "server", s.Name, "host", to.Host, "error", why)
			http.Error(w, fmt.Sprintf("The MCP server %s (%s) could not be used: %s.", s.Name, to.Host, why), http.StatusBadGateway)
		},
	}
}

var errThisMachine = errors.New("it is on the daemon's own machine, which sessions do not reach")

// toolTransport never speaks to this machine or to what only it is told of: the
// address is looked at when it is dialled. A proxy of the system is one's own.
func toolTransport() http.RoundTripper {
	plain := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	careful := *plain
	careful.Control = func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if ip := to.Addr().Unmap(); err != nil || ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
			return errThisMachine
		}
		return nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression, t.ResponseHeaderTimeout = true, 10*time.Minute
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if p, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: "volundr.invalid"}}); err == nil && p != nil && p.Hostname() == host {
			return plain.DialContext(ctx, network, address)
		}
		return careful.DialContext(ctx, network, address)
	}
	return t
}

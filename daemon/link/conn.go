package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/net/netutil"

	"volundr/runtime/broker/wire"
)

// conn is one connection to a broker: our requests go out on streams of it, the
// session's come in on others.
type conn struct {
	mux    *yamux.Session
	client *http.Transport
	hello  wire.Hello
}

// maxStreams bounds how much a session may ask of the outside at once, and with
// 256 KiB a stream, how much memory it takes.
const maxStreams = 128

// open makes a connection of what Dial gave and takes the broker's hello.
func open(ctx context.Context, raw net.Conn) (*conn, error) {
	config := yamux.DefaultConfig()
	config.AcceptBacklog = maxStreams / 2
	config.KeepAliveInterval = 10 * time.Second
	config.StreamOpenTimeout = 15 * time.Second
	config.LogOutput = io.Discard
	mux, err := yamux.Client(raw, config)
	if err != nil {
		raw.Close()
		return nil, err
	}
	c := &conn{mux: mux, client: &http.Transport{
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return mux.Open() },
		DisableCompression:     true,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	if err := c.call(ctx, wire.PathHello, nil, &c.hello); err != nil {
		c.close()
		return nil, fmt.Errorf("hello: %w", err)
	}
	return c, nil
}

// close ends every stream and waits for the connection's own goroutines.
func (c *conn) close() {
	c.mux.Close()
	c.client.CloseIdleConnections()
}

// check says what is wrong with the one who answered, or nil.
func (c *conn) check(id string, run int) error {
	h := c.hello
	switch {
	case h.Version != wire.Version && h.Version != wire.Version-1:
		return &sentence{text: fmt.Sprintf("The session speaks protocol %d and this daemon %d. Stop the session and start it again.", h.Version, wire.Version)}
	case h.Session != id:
		return errors.New("another session answered")
	case h.Run != run:
		return fmt.Errorf("run %d answered, not run %d", h.Run, run)
	case h.Epoch == "" || len(h.Epoch) > maxID || h.Last < 0:
		return errors.New("the hello names no journal")
	}
	return nil
}

var outsides = []string{wire.OutsideModels, wire.OutsideGit, wire.OutsideBlobs, wire.OutsideFiles, wire.OutsideSecrets}

// serve answers what the session asks of the outside until the connection
// ends, and returns when every handler has.
func (c *conn) serve(ctx context.Context, id string, outside http.Handler, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(WithSession(ctx, id))
	defer cancel()
	var conns sync.WaitGroup
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slices.ContainsFunc(outsides, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
				http.Error(w, "Only models, git and packs are reached here.", http.StatusNotFound)
				return
			}
			outside.ServeHTTP(w, r)
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew: // said before Serve takes the next one
				conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				conns.Done()
			}
		},
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	context.AfterFunc(ctx, func() { c.mux.Close() })
	err := srv.Serve(netutil.LimitListener(c.mux, maxStreams))
	cancel()
	srv.Close()
	conns.Wait()
	return err
}

var errTooMuch = errors.New("the session answered with more than is allowed")

// exchange is one request to the broker. route is one of wire.Path…, values
// fill its {…} in order, already escaped. At most limit bytes of the answer are
// read, and given to take.
func (c *conn) exchange(ctx context.Context, route string, values []string, body any, limit int64, take func([]byte) error) error {
	res, err := c.send(ctx, route, "", values, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	switch {
	case err != nil:
		return c.failed(ctx, err)
	case res.StatusCode >= 300:
		return refuse(res.StatusCode, b)
	case int64(len(b)) > limit:
		return errTooMuch
	}
	return take(b)
}

// send makes the request and gives the answer unread.
func (c *conn) send(ctx context.Context, route, query string, values []string, body any) (*http.Response, error) {
	method, path, _ := strings.Cut(route, " ")
	for _, v := range values {
		head, rest, _ := strings.Cut(path, "{")
		_, rest, _ = strings.Cut(rest, "}")
		path = head + v + rest
	}
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://broker"+path+query, payload)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.client.RoundTrip(req)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	return res, nil
}

// failed tells a lost connection from a failure of the one request.
func (c *conn) failed(ctx context.Context, err error) error {
	if c.mux.IsClosed() && ctx.Err() == nil {
		return ErrNotConnected
	}
	return fmt.Errorf("ask the session: %w", err)
}

func refuse(status int, body []byte) error {
	var p wire.Problem
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		p.Detail = fmt.Sprintf("The session refused (%d).", status)
	}
	return &refusal{status, plain(p.Detail, 500)}
}

func decode(v any) func([]byte) error {
	return func(b []byte) error {
		if v == nil {
			return nil
		}
		if err := json.Unmarshal(b, v); err != nil {
			return fmt.Errorf("the session's answer: %w", err)
		}
		return nil
	}
}

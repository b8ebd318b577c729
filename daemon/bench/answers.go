package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/sync/errgroup"

	"volundr/runtime/broker/wire"
)

// between is the pause between two looks at a part that does not answer yet.
const between = 25 * time.Millisecond

// answers returns when editor, terminal and agent of the pod at ip answer.
func (f *floor) answers(ctx context.Context, ip string) error {
	dial := func(ctx context.Context, port int) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(ip, strconv.Itoa(wire.BrokerPort)))
		if err != nil {
			return nil, err
		}
		return wire.Client(conn, f.key, f.pod.session, port)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, port := range []int{wire.EditorPort, wire.TerminalPort} {
		pages := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, port) }}}
		g.Go(func() error {
			return poll(ctx, time.Minute, between, fmt.Sprintf("port %d answers", port), func() (bool, error) {
				res, err := pages.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
				if err != nil {
					return false, nil // not yet
				}
				res.Body.Close()
				return res.StatusCode < 400, nil
			})
		})
	}
	g.Go(func() error { return f.agentAnswers(ctx, dial) })
	return g.Wait()
}

// agentAnswers asks the broker, over a link as the daemon's, whether the
// agent's session is open, and meanwhile passes on what the agent asks its
// model.
func (f *floor) agentAnswers(ctx context.Context, dial func(context.Context, int) (net.Conn, error)) error {
	var conn net.Conn
	err := poll(ctx, time.Minute, between, "the broker answers", func() (ok bool, _ error) {
		var err error
		conn, err = dial(ctx, 0)
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	mux, err := yamux.Client(conn, nil)
	if err != nil {
		return err
	}
	defer mux.Close()
	to, err := url.Parse(f.model)
	if err != nil {
		return err
	}
	go http.Serve(mux, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { // ends with mux
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, wire.OutsideModels+"anthropic")
		r.SetURL(to)
	}})
	link := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return mux.Open() }}}
	_, path, _ := strings.Cut(wire.PathHealth, " ")
	return poll(ctx, time.Minute, between, "the agent answers", func() (bool, error) {
		res, err := link.Get("http://broker" + path)
		if err != nil {
			return false, err
		}
		defer res.Body.Close()
		var h wire.Health
		err = json.NewDecoder(res.Body).Decode(&h)
		return h.Agent, err
	})
}

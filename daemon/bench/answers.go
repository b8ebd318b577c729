package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/yamux"

	"volundr/runtime/broker/wire"
)

// between is the pause between two looks at what does not answer yet.
const between = 25 * time.Millisecond

// answers returns when agent, editor and terminal of the pod at ip answer, as
// its broker says. It asks over a link like the daemon's, and meanwhile passes
// on what the agent asks its model.
func (f *floor) answers(ctx context.Context, ip string) error {
	return f.answersOver(ctx, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(ip, strconv.Itoa(wire.BrokerPort)))
		if err != nil {
			return nil, err
		}
		return wire.Client(conn, f.key, f.pod.session, 0)
	})
}

// answersOver does so over a connection that dial makes.
func (f *floor) answersOver(ctx context.Context, dial func(context.Context) (net.Conn, error)) error {
	var conn net.Conn
	err := poll(ctx, time.Minute, between, "the broker answers", func() (ok bool, _ error) {
		var err error
		conn, err = dial(ctx)
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	conf := yamux.DefaultConfig()
	conf.LogOutput = io.Discard
	mux, err := yamux.Client(conn, conf)
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
	return poll(ctx, time.Minute, between, "every part answers", func() (bool, error) {
		res, err := link.Get("http://broker" + path)
		if err != nil {
			return false, err
		}
		defer res.Body.Close()
		var h wire.Health
		err = json.NewDecoder(res.Body).Decode(&h)
		return h.Ready(), err
	})
}

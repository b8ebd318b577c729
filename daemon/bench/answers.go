package main

import (
	"context"
	"encoding/json"
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
	var conn net.Conn
	err := poll(ctx, time.Minute, between, "the broker answers", func() (ok bool, _ error) {
		var err error
		var d net.Dialer
		if conn, err = d.DialContext(ctx, "tcp", net.JoinHostPort(ip, strconv.Itoa(wire.BrokerPort))); err == nil {
			conn, err = wire.Client(conn, f.key, f.pod.session, 0)
		}
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

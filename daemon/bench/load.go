package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

const (
	bodySize = 256 << 20 // bytes of one measurement of throughput
	piece    = 64 << 10  // bytes of a WebSocket message
	trips    = 300       // round trips of one measurement
)

// measure takes one of each over connections of its own.
func (w *way) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	t := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.addr)
	}}
	defer t.CloseIdleConnections()
	c := &http.Client{Transport: t}
	for _, do := range []func(context.Context, *http.Client) error{w.trips, w.body, w.socket} {
		if err := do(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (w *way) get(ctx context.Context, c *http.Client, path string) (n int64, err error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+w.host+path, nil)
	if err != nil {
		return 0, err
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return drain(res.Body)
}

// drain reads as browsers do, in larger pieces than io.Discard takes.
func drain(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, piece))
}

// trips are small requests on one connection, one after the other.
func (w *way) trips(ctx context.Context, c *http.Client) error {
	return eachTrip(&w.ask, func() error {
		_, err := w.get(ctx, c, "/")
		return err
	})
}

// eachTrip adds the median of many, of which the first few do not count.
func eachTrip(s *series, trip func() error) error {
	var each series
	for i := range trips + 10 {
		began := time.Now()
		if err := trip(); err != nil {
			return err
		}
		if i >= 10 {
			each.millis(time.Since(began))
		}
	}
	s.add(each.median())
	return nil
}

// body is one large answer.
func (w *way) body(ctx context.Context, c *http.Client) error {
	began := time.Now()
	n, err := w.get(ctx, c, "/body")
	if err == nil && n != bodySize {
		err = fmt.Errorf("%d bytes came", n)
	}
	w.http.rate(bodySize, time.Since(began))
	return err
}

// socket echoes small messages and then takes many large ones.
func (w *way) socket(ctx context.Context, c *http.Client) error {
	conn, _, err := websocket.Dial(ctx, "ws://"+w.host+"/socket", &websocket.DialOptions{
		HTTPClient: c, HTTPHeader: http.Header{"Origin": {"http://" + w.host}}})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	err = eachTrip(&w.echo, func() error {
		if err := conn.Write(ctx, websocket.MessageText, []byte("ping")); err != nil {
			return err
		}
		_, _, err := conn.Read(ctx)
		return err
	})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := conn.Write(ctx, websocket.MessageText, []byte(flood)); err != nil {
		return err
	}
	for got := int64(0); got < bodySize; {
		_, r, err := conn.Reader(ctx)
		if err != nil {
			return err
		}
		n, err := drain(r)
		if err != nil {
			return err
		}
		got += n
	}
	w.ws.rate(bodySize, time.Since(began))
	return nil
}

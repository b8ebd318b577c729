package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/tmaxmax/go-sse"
)

// Stream gives the events that follow the one with number after (0: from now
// on), in order and without gaps: a connection that breaks is opened again from
// the last event seen. It ends with the error that stopped it, which is ctx's
// when ctx ended. A daemon that is away for longer than 30 s stops it.
func (c *Client) Stream(ctx context.Context, after int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		const patience, most = 30 * time.Second, 2 * time.Second
		wait, lost := 100*time.Millisecond, time.Time{}
		for connected := false; ; {
			opened, goOn, err := c.stream(ctx, &after, yield)
			if !goOn {
				return
			}
			var answer *Error
			if ctx.Err() != nil {
				yield(Event{}, ctx.Err())
				return
			}
			if errors.As(err, &answer) && answer.Status < 500 {
				yield(Event{}, err)
				return
			}
			if opened {
				connected, wait, lost = true, 100*time.Millisecond, time.Time{}
			}
			if lost.IsZero() {
				lost = time.Now()
			}
			if !connected || time.Since(lost) > patience {
				yield(Event{}, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			wait = min(2*wait, most)
		}
	}
}

// stream reads one connection to its end. opened: the daemon answered; goOn:
// the caller wants more.
func (c *Client) stream(ctx context.Context, after *int64, yield func(Event, error) bool) (opened, goOn bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", c.URL+Base+"/sessions/stream", nil)
	if err != nil {
		return false, true, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if *after > 0 {
		req.Header.Set("Last-Event-ID", strconv.FormatInt(*after, 10))
	}
	res, err := c.do(req)
	if err != nil {
		return false, true, err
	}
	defer res.Body.Close()
	for e, err := range sse.Read(res.Body, &sse.ReadConfig{MaxEventSize: 4 << 20}) {
		if err != nil {
			return true, true, err
		}
		if n, err := strconv.ParseInt(e.LastEventID, 10, 64); err == nil {
			*after = n
		}
		if !yield(Event{*after, e.Type, json.RawMessage(e.Data)}, nil) {
			return true, false, nil
		}
	}
	return true, true, io.ErrUnexpectedEOF
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/ui/client"
)

const (
	manySessions = 10_000 // of one user
	manyStreams  = 500    // clients that follow the events
)

// many: what somebody waits for who has very many sessions, and how soon very
// many clients learn of a change.
func many(ctx context.Context, b *bench) (rows []row, err error) {
	p, err := b.install(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, p.remove(ctx)) }()
	if err := p.stop(); err != nil {
		return nil, err
	}
	b.say("storing %d sessions", manySessions)
	if err := fill(ctx, p, manySessions); err != nil {
		return nil, fmt.Errorf("store %d sessions: %w", manySessions, err)
	}
	if _, err := p.start(ctx); err != nil {
		return nil, err
	}
	all, err := p.api.List(ctx, client.ListOptions{})
	if err != nil || len(all) != manySessions {
		return nil, fmt.Errorf("%d of %d sessions are listed (%w)", len(all), manySessions, err)
	}
	var me, list, page, board, search series
	for i := range b.rounds {
		for _, a := range []struct {
			s    *series
			path string
		}{{&me, client.Base + "/me"}, {&list, client.Base + "/sessions"}, {&page, client.Base + "/sessions?limit=100"}, {&board, "/"}, {&search, "/board?q=service-7"}} {
			if err := p.read(ctx, a.s, a.path); err != nil {
				return nil, err
			}
		}
		b.say("many %d/%d: list %.0f ms, page %.1f ms, dashboard %.1f ms, search %.1f ms, /me %.1f ms", i+1, b.rounds, list[i], page[i], board[i], search[i], me[i])
	}
	one, err := p.followed(ctx, all[0].ID, 1)
	if err != nil {
		return nil, err
	}
	told, err := p.followed(ctx, all[0].ID, manyStreams)
	if err != nil {
		return nil, err
	}
	return []row{
		measured("dashboard of one's 10,000 sessions", "ms", board).against("`/me`", me).atMost(20),
		measured("the same, searched", "ms", search).against("`/me`", me),
		measured("list of them, a page of 100", "ms", page).against("`/me`", me).atMost(20),
		measured("list of them, whole", "ms", list).against("`/me`", me),
		measured("a change is told to the last of 500 clients", "ms", told).against("to one", one),
	}, nil
}

// followed gives how long it takes until the last of n clients of the event
// stream has heard of a change, once a round.
func (p *product) followed(ctx context.Context, id string, n int) (took series, err error) {
	g, ctx := errgroup.WithContext(ctx)
	reading, stop := context.WithCancel(ctx)
	heard, ready := make(chan struct{}, n), make(chan struct{}, n)
	for range n {
		g.Go(func() error {
			err := p.listen(reading, id, ready, heard)
			if reading.Err() != nil {
				return nil
			}
			return err
		})
	}
	g.Go(func() error {
		defer stop()
		wait := func(c chan struct{}) error {
			for range n {
				select {
				case <-c:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		}
		if err := wait(ready); err != nil {
			return err
		}
		for i := range p.bench.rounds {
			began := time.Now()
			if err := p.api.Do(ctx, "PUT", "/sessions/"+id, map[string]string{"name": fmt.Sprintf("named-%d", i)}, nil); err != nil {
				return err
			}
			if err := wait(heard); err != nil {
				return err
			}
			took.millis(time.Since(began))
			p.bench.say("streams %d/%d: %d clients %.1f ms", i+1, p.bench.rounds, n, took[i])
		}
		return nil
	})
	return took, g.Wait()
}

// listen follows the events, and says when it does and when it hears of a
// session.
func (p *product) listen(ctx context.Context, id string, ready, heard chan<- struct{}) error {
	req, err := http.NewRequestWithContext(ctx, "GET", p.api.URL+client.Base+"/sessions/stream", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.api.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the event stream: %s", res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for begun := false; lines.Scan(); begun = true {
		switch {
		case !begun:
			ready <- struct{}{}
		case strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), id):
			heard <- struct{}{}
		}
	}
	return first(lines.Err(), errors.New("the event stream ended"))
}

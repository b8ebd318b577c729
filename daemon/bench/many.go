package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
	stats, err := p.api.Stats(ctx)
	if err != nil || stats.TotalSessions != manySessions {
		return nil, fmt.Errorf("there are %d of %d sessions (%w)", stats.TotalSessions, manySessions, err)
	}
	all, err := p.api.List(ctx, client.ListOptions{Limit: 1})
	if err != nil {
		return nil, err
	}
	// Streams first: whole lists leave memory behind that is given back late.
	one, _, err := p.followed(ctx, all[0].ID, 1)
	if err != nil {
		return nil, err
	}
	told, memory, err := p.followed(ctx, all[0].ID, manyStreams)
	if err != nil {
		return nil, err
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
	return []row{
		measured("dashboard of one's 10,000 sessions", "ms", board).against("`/me`", me).atMost(20),
		measured("the same, searched", "ms", search).against("`/me`", me),
		measured("list of them, a page of 100", "ms", page).against("`/me`", me).atMost(20),
		measured("list of them, whole", "ms", list).against("`/me`", me),
		measured("a change is told to the last of 500 clients, beside one that does not read", "ms", told).against("to one", one),
		measured("more memory with these clients", "MB", memory),
	}, nil
}

// changesTold is how many changes in a row clients hear of.
const changesTold = 50

// followed gives how long it takes from asking for a change until the last of n
// clients of the event stream has heard of it, one change after the other; and the
// daemon's memory above what it was before, in MB. Each client must hear of each
// change, in order, though one more of them does not read.
func (p *product) followed(ctx context.Context, id string, n int) (took, memory series, err error) {
	before, err := p.resident(ctx)
	if err != nil {
		return nil, nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	reading, stop := context.WithCancel(ctx)
	heard, ready := make(chan int, n), make(chan int, n)
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
		deaf, err := p.follow(reading)
		if err != nil {
			return err
		}
		defer deaf.Close()
		all := func(c chan int, what int) error {
			for range n {
				select {
				case got := <-c:
					if got != what {
						return fmt.Errorf("a client is told of change %d when all are told of %d", got, what)
					}
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		}
		if err := all(ready, 0); err != nil {
			return err
		}
		for i := range changesTold {
			began := time.Now()
			if err := p.api.Do(ctx, "PUT", "/sessions/"+id, map[string]string{"name": changed(i)}, nil); err != nil {
				return err
			}
			if err := all(heard, i); err != nil {
				return err
			}
			took.millis(time.Since(began))
		}
		p.bench.say("streams: %d clients, %.1f ms", n, took.median())
		after, err := p.resident(ctx)
		memory.add(after - before)
		return err
	})
	return took, memory, g.Wait()
}

func changed(i int) string { return fmt.Sprintf("named-%d", i) }

// follow opens the event stream.
func (p *product) follow(ctx context.Context) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", p.api.URL+client.Base+"/sessions/stream", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.api.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("the event stream: %s", res.Status)
	}
	return res.Body, nil
}

// listen follows the events, and says when it does and which change of a session
// it hears of. It fails when it misses one.
func (p *product) listen(ctx context.Context, id string, ready, heard chan<- int) error {
	stream, err := p.follow(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	begun, next := false, 0
	for ; lines.Scan(); begun = true {
		line := lines.Text()
		switch {
		case !begun:
			ready <- 0
		case strings.HasPrefix(line, "data: ") && strings.Contains(line, id):
			if !strings.Contains(line, `"name":"`+changed(next)+`"`) {
				return fmt.Errorf("a client of the event stream missed change %d: %s", next, line)
			}
			heard <- next
			next++
		}
	}
	return first(lines.Err(), errors.New("the event stream ended"))
}

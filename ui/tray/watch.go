package tray

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/ui/client"
)

const (
	retry   = 2 * time.Second        // until a daemon is looked for again
	beat    = 3 * time.Second        // between looks whether it still answers
	gather  = 150 * time.Millisecond // for news that come together
	patient = 5 * time.Second        // for an answer
)

// watch tells show how things are, again and again, until ctx ends. A daemon
// that goes is told as down, and found again.
func (o Options) watch(ctx context.Context, show func(look, *client.Client)) {
	for ctx.Err() == nil {
		if cl, err := o.Connect(ctx); err == nil {
			err = follow(ctx, cl, show)
			o.Log.Debug("The daemon is lost", "error", err)
		}
		if ctx.Err() == nil {
			show(look{}, nil)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

// follow does so with one daemon, until it does not answer.
func follow(ctx context.Context, cl *client.Client, show func(look, *client.Client)) error {
	g, ctx := errgroup.WithContext(ctx)
	news := make(chan struct{}, 1)
	news <- struct{}{}
	g.Go(func() error {
		for _, err := range cl.Stream(ctx, 0) {
			if err != nil {
				return err
			}
			select {
			case news <- struct{}{}:
			default:
			}
		}
		return ctx.Err()
	})
	g.Go(func() error {
		tick := time.NewTicker(beat)
		defer tick.Stop()
		ticks := 0
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-news:
				if err := see(ctx, cl, show); err != nil {
					return err
				}
				select {
				case <-time.After(gather):
				case <-ctx.Done():
				}
			case <-tick.C:
				var err error
				if ticks++; ticks == 1 { // what happened before the stream stood
					err = see(ctx, cl, show)
				} else {
					soon, cancel := context.WithTimeout(ctx, patient)
					_, err = cl.Me(soon)
					cancel()
				}
				if err != nil {
					return err
				}
			}
		}
	})
	return g.Wait()
}

// see looks once.
func see(ctx context.Context, cl *client.Client, show func(look, *client.Client)) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	sessions, err := cl.List(ctx, client.ListOptions{Limit: mostRead})
	if err != nil {
		return err
	}
	cut := len(sessions) >= mostRead
	if cut { // older ones may run
		living, err := cl.List(ctx, client.ListOptions{Alive: true})
		if err != nil {
			return err
		}
		sessions = both(sessions, living)
	}
	needs, err := cl.Inbox(ctx)
	if err != nil {
		return err
	}
	show(look{Up: true, Sessions: sessions, Cut: cut, Needs: needs}, cl)
	return nil
}

// both are the sessions of two lists, each once.
func both(some, more []client.Session) []client.Session {
	for _, s := range more {
		if !slices.ContainsFunc(some, func(one client.Session) bool { return one.ID == s.ID }) {
			some = append(some, s)
		}
	}
	return some
}

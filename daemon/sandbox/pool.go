package sandbox

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"volundr/store"
)

const (
	poolAge   = time.Hour              // of a sandbox that nobody has claimed
	poolIdle  = 15 * time.Minute       // without any use of the API the pool is emptied
	poolCalm  = 150 * time.Millisecond // after a claim: whoever claims many at once goes first
	poolPause = 10 * time.Second       // after one could not be made
	poolSteps = 2                      // made at a time
)

// pool is when the API and the pool were used.
type pool struct {
	*sync.Mutex
	last  time.Time // the API's last use; zero: never
	taken time.Time // the last claim
	wake  chan struct{}
}

func newPool() pool { return pool{Mutex: &sync.Mutex{}, wake: make(chan struct{}, 1)} }

// used notes that the API is in use. The first use has the pool filled.
func (p *pool) used() {
	p.Lock()
	first := time.Since(p.last) > poolIdle
	p.last = time.Now()
	p.Unlock()
	if first {
		p.poke()
	}
}

func (p *pool) claimed() {
	p.Lock()
	p.taken = time.Now()
	p.Unlock()
	p.poke()
}

func (p *pool) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// calm is how long until nobody has claimed for a while.
func (p *pool) calm() time.Duration {
	p.Lock()
	defer p.Unlock()
	return poolCalm - time.Since(p.taken)
}

func (p *pool) idle() bool {
	p.Lock()
	defer p.Unlock()
	return time.Since(p.last) > poolIdle
}

// keepPool holds as many sandboxes ready as it should, until ctx ends.
func (x *Sandboxes) keepPool(ctx context.Context) {
	tick := time.NewTicker(round)
	defer tick.Stop()
	if counts, err := x.DB.PoolCounts(ctx); err == nil && len(counts) > 0 {
		x.pool.used() // by the daemon before this one: they may be wanted again
	}
	for {
		pause := time.Duration(0)
		if err := x.fill(ctx); err != nil && ctx.Err() == nil {
			x.Log.Warn("The pool of sandboxes is not filled", "error", err)
			pause = poolPause
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-x.pool.wake:
		}
		for wait := max(pause, x.pool.calm()); wait > 0; wait = x.pool.calm() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}

// fill makes what is missing and lets go what is too much.
func (x *Sandboxes) fill(ctx context.Context) error {
	want := x.Limits.Pool
	if x.pool.idle() && !x.Limits.PoolAlways {
		want = 0
	}
	counts, err := x.DB.PoolCounts(ctx)
	if err != nil {
		return err
	}
	shape, have, dropped := x.Standard.Shape(), 0, 0
	for _, c := range counts {
		keep := 0
		if c.Runtime == x.Runtime && c.Shape == shape {
			have, keep = c.Ready+c.Starting, want
		}
		if c.Ready+c.Starting <= keep {
			continue
		}
		n, err := x.DB.DropUnclaimed(ctx, c.Runtime, c.Shape, keep)
		if err != nil {
			return err
		}
		dropped += n
	}
	if dropped > 0 {
		x.Ended()
	}
	if have >= want {
		return nil
	}
	for have < want {
		n := min(poolSteps, want-have)
		errs := make(chan error, n)
		for range n {
			go func() { errs <- x.ahead(ctx) }()
		}
		for range n {
			if e := <-errs; e != nil {
				err = e
			}
		}
		if err != nil {
			return err
		}
		have += n
	}
	return nil
}

// ahead makes one sandbox that belongs to nobody yet.
func (x *Sandboxes) ahead(ctx context.Context) error {
	now := time.Now()
	s, err := x.start(ctx, uuid.NewString(), store.Principal{}, x.Standard, now.Add(poolAge), now.Add(poolAge+x.Limits.MaxLifetime+spare))
	if err != nil {
		return err
	}
	// The connection is open when somebody claims it.
	err = patiently(ctx, func(ctx context.Context) error {
		_, err := x.guests.of(s).State(ctx)
		return err
	})
	if err != nil {
		x.drop(ctx, s)
		x.kill(ctx, s) // the engine may have ended before us
	}
	return err
}

// Empty ends the sandboxes that nobody has claimed and returns when their
// processes are dead: a daemon that is ended in order leaves none behind. To be
// called after Run.
func (x *Sandboxes) Empty(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	defer x.guests.close()
	all, err := x.DB.Unclaimed(ctx)
	if err != nil {
		return err
	}
	var g errgroup.Group
	for _, s := range all {
		g.Go(func() error {
			if err := x.DB.DropSandbox(ctx, s.ID); err != nil {
				return err
			}
			x.kill(ctx, s)
			return nil
		})
	}
	return g.Wait()
}

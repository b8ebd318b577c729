package sandbox

import (
	"context"
	"errors"
	"time"

	"volundr/runtime/broker/wire"
)

var (
	errClaimed = errors.New("another claim holds this sandbox")
	errBeyond  = errors.New("a sandbox does not live beyond its maximum lifetime")
)

// take is a claim: the first one holds the sandbox.
func (s *Sandbox) take(c wire.Claim) error {
	at, err := s.local(c.Deadline)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claim != "" && s.claim != c.ID {
		return errClaimed
	}
	s.claim = c.ID
	s.until(at)
	return nil
}

func (s *Sandbox) extend(d wire.Deadline) error {
	at, err := s.local(d)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until(at)
	return nil
}

// until sets the deadline; s.mu is held.
func (s *Sandbox) until(at time.Time) {
	s.deadline = at
	close(s.moved)
	s.moved = make(chan struct{})
}

// late is how long after its configuration was written a runner may start, at
// most, for its clock to be taken for the daemon's.
const late = time.Minute

// first is the deadline from the start on. Where the clocks agree it is not put
// off by the time that the start took.
func (s *Sandbox) first() time.Time {
	last := s.born.Add(time.Duration(s.opts.Config.LifetimeMS) * time.Millisecond)
	d := s.opts.Config.First
	if d == nil {
		return last
	}
	at := s.born.Add(time.Duration(d.DeadlineMS-d.NowMS) * time.Millisecond)
	if lag := s.born.Sub(time.UnixMilli(d.NowMS)); lag > 0 && lag < late {
		at = at.Add(-lag)
	}
	if at.After(last) {
		return last
	}
	return at
}

// rounding is how far beyond the maximum lifetime a deadline may lie that was
// reckoned by the daemon, which knows of the start a moment later or earlier.
const rounding = 30 * time.Second

// local turns the daemon's time into ours.
func (s *Sandbox) local(d wire.Deadline) (time.Time, error) {
	at := time.UnixMilli(d.DeadlineMS)
	if d.NowMS != 0 {
		at = time.Now().Add(time.Duration(d.DeadlineMS-d.NowMS) * time.Millisecond)
	}
	last := s.born.Add(time.Duration(s.opts.Config.LifetimeMS) * time.Millisecond)
	switch {
	case at.After(last.Add(rounding)):
		return at, errBeyond
	case at.After(last):
		return last, nil
	}
	return at, nil
}

// watchDeadline ends the sandbox at its deadline. It looks at the clock on the
// wall at times, for a machine that slept.
func (s *Sandbox) watchDeadline(ctx context.Context) {
	const look = 10 * time.Second
	for {
		s.mu.Lock()
		at, moved := s.deadline.Round(0), s.moved
		s.mu.Unlock()
		left := time.Until(at)
		if left <= 0 {
			s.log.Info("Deadline reached")
			s.end()
			return
		}
		timer := time.NewTimer(min(left, look))
		select {
		case <-ctx.Done():
		case <-s.over:
		case <-moved:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil || s.ended() {
			return
		}
	}
}

package link

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// session is the link of one run of one session, through all its connections.
type session struct {
	*Links
	id   string
	run  int
	drop func()

	prompts chan struct{} // some may be unsent
	answers chan struct{} // some may be unsent
	bodies  chan struct{} // some may not be taken over
	bytes   *rate.Limiter // of the journal, in bytes
	lines   *rate.Limiter // of the journal, in lines

	bodyBytes *rate.Limiter // of what lies beside it

	showing sync.Mutex // taken before mu

	mu      sync.Mutex
	conn    *conn // nil while there is none
	health  wire.Health
	heard   bool
	ready   bool // the row says that this run answered
	talk    *talk
	trouble string // what is wrong with the journal, for people
	epoch   string // of the journal that is followed
	at      int64  // its last number that was taken over
	caught  bool   // all is read that was there when the connection began
	moved   chan struct{}
	told    time.Time // something of the journal was taken over then
	bad     int       // lines that could not be read, in this run
	dropped int       // entries of types that are not known
	shown   [2]string // activity and its text as they stand on the row
}

// pace is how fast the link does what it does again.
type pace struct {
	first   time.Duration // after the first failure, and between looks until ready
	hurry   time.Duration // longest wait until ready
	rest    time.Duration // longest wait after that
	health  time.Duration // between looks once ready
	patient time.Duration // without a connection until people are told
}

var usual = pace{
	first: 50 * time.Millisecond, hurry: time.Second, rest: 5 * time.Second,
	health: 3 * time.Second, patient: 10 * time.Second,
}

// A journal is read at most this fast. A talkative agent stays far below it.
const (
	bytesPerSecond, bytesAtOnce = 2 << 20, 64 << 20
	linesPerSecond, linesAtOnce = 2000, 50_000
)

func newSession(l *Links, id string, run int) *session {
	return &session{
		Links: l, id: id, run: run,
		prompts: make(chan struct{}, 1), answers: make(chan struct{}, 1), bodies: make(chan struct{}, 1), moved: make(chan struct{}),
		bytes: rate.NewLimiter(bytesPerSecond, bytesAtOnce), lines: rate.NewLimiter(linesPerSecond, linesAtOnce), bodyBytes: rate.NewLimiter(bytesPerSecond, bytesAtOnce),
	}
}

// keep connects, again and again, until ctx ends.
func (s *session) keep(ctx context.Context) {
	log := s.Log.With("session", s.id, "run", s.run)
	last := time.Now() // of a connection
	told := ""
	s.again(ctx, func(ctx context.Context) error {
		began := time.Now()
		was, err := s.connect(ctx, log)
		if was {
			last = time.Now()
		}
		if ctx.Err() != nil {
			return err
		}
		if text := err.Error(); text != told {
			told = text
			log.Debug("Session is not connected", "error", err)
		}
		s.alone(ctx, err, time.Since(last))
		if was && last.Sub(began) > s.pace.rest {
			return nil // begin with the shortest wait
		}
		return err
	})
	if errors.Is(context.Cause(ctx), errDropped) {
		s.leave(context.WithoutCancel(ctx), log)
	}
}

// again does f until ctx ends. The waits between grow with every error.
func (s *session) again(ctx context.Context, f func(context.Context) error) {
	wait := s.pace.first
	for ctx.Err() == nil {
		if f(ctx) == nil {
			wait = s.pace.first
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		most := s.pace.rest
		if !s.isReady() {
			most = s.pace.hurry
		}
		wait = min(wait*3/2, most)
	}
}

// connect holds one connection until it breaks. It reports whether there was
// one.
func (s *session) connect(ctx context.Context, log *slog.Logger) (was bool, err error) {
	row, err := s.DB.SystemSession(ctx, s.id)
	if err != nil {
		return false, err
	}
	if err := s.recall(ctx, row); err != nil {
		return false, err
	}
	rt := s.Runtime(row.Runtime)
	if rt == nil {
		return false, lost(s.id, runtime.ErrUnavailable)
	}
	soon, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	raw, err := rt.Dial(soon, s.id, 0)
	if err != nil {
		return false, lost(s.id, err)
	}
	c, err := open(soon, raw)
	if err != nil {
		return false, lost(s.id, err)
	}
	defer c.close()
	if err := c.check(s.id, s.run); err != nil {
		return false, err
	}
	s.set(func() { s.conn, s.caught = c, false })
	defer s.set(func() { s.conn = nil })
	log.Info("Session connected", "epoch", c.hello.Epoch, "last", c.hello.Last)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.serve(ctx, s.id, s.Outside, log) })
	g.Go(func() error { return s.watch(ctx, c, log) })
	g.Go(func() error { return s.follow(ctx, c, log) })
	g.Go(func() error { return s.bring(ctx, s.prompts, func() error { return s.sendPrompts(ctx, c, log) }) })
	g.Go(func() error { return s.bring(ctx, s.answers, func() error { return s.sendAnswers(ctx, c, log) }) })
	g.Go(func() error { return s.bring(ctx, s.bodies, func() error { return s.takeBodies(ctx, c, log) }) })
	return true, lost(s.id, g.Wait())
}

// recall reads, at the first connection of a run, what the store knows.
func (s *session) recall(ctx context.Context, row store.Session) error {
	if row.Run != s.run {
		return errors.New("the row is in another run")
	}
	s.mu.Lock()
	known := s.talk != nil
	s.mu.Unlock()
	if known {
		return nil
	}
	t, err := remember(ctx, s.DB, row)
	if err != nil {
		return err
	}
	s.set(func() {
		if s.talk == nil {
			s.talk, s.ready = t, !row.ReadyAt.IsZero()
		}
	})
	return nil
}

// alone tells people when a session that ran cannot be reached for a while.
func (s *session) alone(ctx context.Context, err error, since time.Duration) {
	if !s.isReady() || since < s.pace.patient {
		return
	}
	text := "The daemon cannot reach the session. It keeps trying."
	if said := (*sentence)(nil); errors.As(err, &said) && said.kind == nil {
		text = said.text
	}
	if err := s.DB.SetDetail(ctx, s.id, text); err != nil {
		s.Log.Debug("Detail not written", "session", s.id, "error", err)
	}
}

// leave takes back what is only true of a session that runs.
func (s *session) leave(ctx context.Context, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := errors.Join(s.DB.SetActivity(ctx, s.id, "", ""), s.DB.SetDetail(ctx, s.id, ""))
	if err != nil {
		log.Warn("A session's last facts were not written", "error", err)
	}
}

func (s *session) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *session) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// Package link keeps the one connection to each session's broker.
//
// For every session that is kept there is one supervised goroutine: it dials
// the broker, follows its journal into the store, tells what it says of its
// health, brings prompts and answers, and serves what the session asks of the
// outside. It connects again for ever while the session is kept. What a session
// says is hostile input; what the daemon itself did is never believed from it.
package link

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Options are what the links stand on. DB and Runtime are required.
type Options struct {
	DB *store.DB
	// Runtime gives the runtime of that name; nil when there is none.
	Runtime func(name string) runtime.Runtime
	// Outside serves wire.OutsideModels, wire.OutsideGit and wire.OutsideBlobs for
	// sessions. The requests' context says which one asks (SessionFrom) and ends
	// with the connection.
	Outside http.Handler
	// Changed is called when a session became ready or said something new of
	// its health. It must not block.
	Changed func()
	// Local reports whether a session's model runs on the user's own machines:
	// its tokens are counted as local and cost nothing. Nil: none does.
	Local func(store.Session) bool
	// Tell is asked of every batch of journal entries before it is stored: it may
	// take out of them what must not be stored, and says what the timeline tells
	// of them. Nil: nothing.
	Tell func(ctx context.Context, b Batch) ([]store.TimelineEvent, error)
	// Met is called on every connection as soon as the session is ready. Nil:
	// nothing.
	Met func(ctx context.Context, s store.Session) error
	// Preface is what a session's agent is told before its first message; empty:
	// nothing. Nil: nobody's is told anything.
	Preface func(store.Session) string
	// Redact takes what must not be read out of what an owner's session says of
	// its health. Nil: nothing.
	Redact func(of store.Principal) func(string) string
	// Awake is called before anything is asked of a session's agent or workspace:
	// one that is paused wakes. Nil: none is paused.
	Awake func(ctx context.Context, id string) error
	// Paused reports whether a session is paused: then its parts do not answer.
	// Nil: none is.
	Paused func(id string) bool
	Log    *slog.Logger
}

// Batch is a piece of a session's journal, in order.
type Batch struct {
	Session string
	Epoch   string
	Local   bool // its model's tokens cost nothing
	Entries []store.Entry
}

// Links are the connections of a daemon. Run does the work; the other methods
// may be called from anywhere while it runs.
type Links struct {
	Options
	wake chan struct{}
	pace pace

	mu       sync.Mutex
	want     map[string]int
	sessions map[string]*session
	visits   map[string]*conn // to helpers
}

// New gives links that connect nothing until Run.
func New(o Options) *Links {
	if o.Outside == nil {
		o.Outside = http.NotFoundHandler()
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Local == nil {
		o.Local = func(store.Session) bool { return false }
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, Batch) ([]store.TimelineEvent, error) { return nil, nil }
	}
	if o.Redact == nil {
		o.Redact = func(store.Principal) func(string) string { return func(text string) string { return text } }
	}
	if o.Awake == nil {
		o.Awake = func(context.Context, string) error { return nil }
	}
	if o.Paused == nil {
		o.Paused = func(string) bool { return false }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Links{Options: o, pace: usual, wake: make(chan struct{}, 1), want: map[string]int{}, sessions: map[string]*session{}, visits: map[string]*conn{}}
}

// Keep says which sessions to be connected to, by the run of each. The sessions
// that are not named are let go. When it returns, nothing that another run of a
// session said is given by Health any more.
func (l *Links) Keep(want map[string]int) {
	l.mu.Lock()
	l.want = maps.Clone(want)
	l.mu.Unlock()
	signal(l.wake)
}

// Run keeps the connections until ctx ends, and returns when every one is
// closed. The sessions go on.
func (l *Links) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		l.adjust(ctx, &wg)
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		}
	}
}

// adjust begins what is wanted and ends what is not. A session whose run
// changed is begun only when its link of the other run has ended, so there are
// never two.
func (l *Links) adjust(ctx context.Context, wg *sync.WaitGroup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range l.sessions {
		if l.want[id] != s.run {
			s.drop()
		}
	}
	for id, run := range l.want {
		if l.sessions[id] != nil {
			continue
		}
		s := newSession(l, id, run)
		life, cancel := context.WithCancelCause(ctx)
		s.drop = func() { cancel(errDropped) }
		l.sessions[id] = s
		wg.Go(func() {
			s.keep(life)
			cancel(nil)
			l.mu.Lock()
			delete(l.sessions, id)
			l.mu.Unlock()
			signal(l.wake)
		})
	}
}

// Health gives the last that the kept run of a session said of itself; false
// when it is not connected now. A failure that will not heal stays told.
func (l *Links) Health(id string) (wire.Health, bool) {
	s := l.session(id)
	if s == nil {
		return wire.Health{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health, s.heard && (s.conn != nil || s.health.Failed)
}

// Active is when a session that is kept last told of anything in its journal,
// as far as this daemon has heard.
func (l *Links) Active(id string) time.Time {
	s := l.session(id)
	if s == nil {
		return time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// Deliver has the prompts of a session that were not sent yet sent soon.
func (l *Links) Deliver(id string) {
	if s := l.session(id); s != nil {
		signal(s.prompts)
	}
}

// session gives the link of a session's wanted run, or nil.
func (l *Links) session(id string) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sessions[id]; s != nil && l.want[id] == s.run {
		return s
	}
	return nil
}

type sessionKey struct{}

// SessionFrom gives the id of the session that a request of Outside comes from,
// or "" when it comes from none.
func SessionFrom(ctx context.Context) string {
	id, _ := ctx.Value(sessionKey{}).(string)
	return id
}

// WithSession gives a context whose requests come from a session.
func WithSession(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, sessionKey{}, id)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // one waits already
	}
}

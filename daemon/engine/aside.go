package engine

import (
	"context"
	"fmt"
	"sync"

	"volundr/store"
)

// aside is something to be done with a session that is at rest.
type aside struct {
	id    string
	do    func(context.Context) error
	reply chan error
}

// Aside does something with what a session has on its runtime, while the engine
// does nothing with it: do may start a helper, and stops it. It is called only
// when the session is at rest, and runs until ctx or the engine ends; what the
// owner wants meanwhile waits. store.ErrConflict when the session is not at
// rest.
func (e *Engine) Aside(ctx context.Context, id string, do func(ctx context.Context, s store.Session) error) error {
	a := aside{id: id, reply: make(chan error, 1)}
	a.do = func(life context.Context) error {
		life, cancel := context.WithCancel(life)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		s, err := e.DB.SystemSession(life, id)
		if err != nil {
			return err
		}
		if s.State != store.Stopped && s.State != store.Failed && s.State != store.Created || s.Run > s.ChronicledRun {
			return &store.ConflictError{Detail: fmt.Sprintf("Session %s is %s: wait until it is at rest.", s.Name, s.State)}
		}
		return do(life, s)
	}
	select {
	case e.asides <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beside begins what is to be done with a session, unless something is.
func (e *Engine) beside(ctx context.Context, wg *sync.WaitGroup, a aside) {
	if e.busy[a.id] != nil {
		a.reply <- &store.ConflictError{Detail: "Something else is done with the session right now: try again in a moment."}
		return
	}
	p := &round{Engine: e, ctx: ctx, wg: wg}
	p.spawn(a.id, deeds{}, func(ctx context.Context) error {
		a.reply <- a.do(ctx)
		return nil
	})
}

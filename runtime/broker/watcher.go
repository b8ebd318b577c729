package broker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"volundr/runtime/broker/journal"
	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/watch"
	"volundr/runtime/broker/wire"
)

// watcher has the agent's runner watch the workspace, and journals what is
// noticed.
type watcher struct {
	runner  *runner.Client
	journal *journal.Journal
	log     *slog.Logger
	ready   <-chan struct{}

	mu      sync.Mutex
	process *runner.Process // nil while none is up
	turns   []string        // the last ones, the one under way or over last
	under   bool            // a turn is under way
	asked   int
	answers map[string]chan struct{}
}

const (
	// settleWait bounds how long the end of a turn waits for what it changed.
	settleWait = 300 * time.Millisecond
	watchCalm  = time.Minute // a watcher that lived this long starts afresh
	// What a watcher may have written down: so much at once, so much a second.
	watchBurst, watchRate = 8 << 20, 128 << 10
)

// run keeps a watcher up until ctx ends.
func (w *watcher) run(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-w.ready:
	}
	pause := 200 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		if err := w.once(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("Watching the workspace broke off and begins again", "error", err, "pause", pause)
		}
		if time.Since(began) > watchCalm {
			pause = 200 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
}

func (w *watcher) once(ctx context.Context) error {
	p, err := w.runner.Start(ctx, []string{wire.Program, "watch"}, "/", nil)
	if err != nil {
		return err
	}
	defer p.Close()
	defer context.AfterFunc(ctx, func() { p.Close() })()
	w.mu.Lock()
	w.process, w.answers = p, map[string]chan struct{}{}
	if w.under {
		w.order(watch.Order{Turn: w.turns[len(w.turns)-1]})
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.process = nil
		for _, c := range w.answers {
			close(c)
		}
		w.answers = nil
	}()
	limit := rate.NewLimiter(watchRate, watchBurst)
	sc := bufio.NewScanner(p)
	sc.Buffer(nil, watch.MaxLine+1)
	for sc.Scan() {
		if err := limit.WaitN(ctx, len(sc.Bytes())+1000); err != nil {
			return err
		}
		w.take(sc.Bytes())
	}
	if sc.Err() != nil {
		return sc.Err()
	}
	ended, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	exit, tail, err := p.Ending(ended)
	if err != nil {
		return errors.New("the connection to the runner broke")
	}
	return fmt.Errorf("it ended with %d: %s", exit, tail)
}

// take journals one line of the watcher, whom nobody has to believe.
func (w *watcher) take(line []byte) {
	e, typ, data, err := watch.Parse(line)
	if err != nil {
		w.log.Debug("A line of the watcher was dropped", "error", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Settled != "" {
		if c := w.answers[e.Settled]; c != nil {
			close(c)
			delete(w.answers, e.Settled)
		}
		return
	}
	if !slices.Contains(w.turns, e.Turn) {
		e.Turn = ""
	}
	w.journal.Append(e.Turn, typ, data)
}

// began tells that a turn begins: what changes from now on belongs to it.
func (w *watcher) began(turn string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turns = append(w.turns[max(0, len(w.turns)-3):], turn)
	w.under = true
	w.order(watch.Order{Turn: turn})
}

// settle returns when what the turn changed is journalled, or after a while: it
// comes later then, and still as the turn's.
func (w *watcher) settle(ctx context.Context) {
	w.mu.Lock()
	w.under = false
	w.asked++
	token, answered := fmt.Sprint(w.asked), make(chan struct{})
	if w.process == nil {
		w.mu.Unlock()
		return
	}
	w.answers[token] = answered
	w.order(watch.Order{Settle: token})
	w.mu.Unlock()
	late := time.NewTimer(settleWait)
	defer late.Stop()
	select {
	case <-answered:
	case <-late.C:
	case <-ctx.Done():
	}
}

// order must be called with the lock held. A watcher that does not listen is
// not waited for.
func (w *watcher) order(o watch.Order) {
	if w.process == nil {
		return
	}
	line, err := json.Marshal(o)
	if err != nil {
		return
	}
	w.process.SetWriteDeadline(time.Now().Add(settleWait))
	if _, err := w.process.Write(append(line, '\n')); err != nil {
		w.process.Close()
	}
}

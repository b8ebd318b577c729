package docker

import (
	"context"
	"sync"

	"volundr/runtime"
)

// sharedBuilds lets callers who want the same image wait for one build. The
// zero value is ready.
type sharedBuilds struct {
	mu      sync.Mutex
	running map[string]*sharedBuild
}

type sharedBuild struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid when done

	mu       sync.Mutex // held while watchers are called: none is called after it left
	last     runtime.Progress
	watchers map[*watcher]bool
}

type watcher struct{ progress func(runtime.Progress) }

// do runs work, or joins the one under way for key. The work ends early only
// when nobody waits any more, and the last one who leaves waits for that end.
// progress may be nil and must not block; who joins hears the latest at once.
func (s *sharedBuilds) do(ctx context.Context, key string, progress func(runtime.Progress),
	work func(context.Context, func(runtime.Progress)) error,
) error {
	if progress == nil {
		progress = func(runtime.Progress) {}
	}
	me := &watcher{progress}
	b := s.join(ctx, key, me, work)
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		if s.leave(key, b, me) {
			b.cancel()
			<-b.done
		}
		return ctx.Err()
	}
}

func (s *sharedBuilds) join(ctx context.Context, key string, me *watcher,
	work func(context.Context, func(runtime.Progress)) error,
) *sharedBuild {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.running[key]; b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.watchers[me] = true
		if b.last != (runtime.Progress{}) {
			me.progress(b.last)
		}
		return b
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b := &sharedBuild{cancel: cancel, done: make(chan struct{}), watchers: map[*watcher]bool{me: true}}
	if s.running == nil {
		s.running = map[string]*sharedBuild{}
	}
	s.running[key] = b
	go func() {
		defer cancel()
		err := work(ctx, b.report)
		s.mu.Lock()
		if s.running[key] == b {
			delete(s.running, key)
		}
		s.mu.Unlock()
		b.err = err
		close(b.done)
	}()
	return b
}

// leave reports whether nobody waits for the build any more. It then takes no
// newcomers.
func (s *sharedBuilds) leave(key string, b *sharedBuild, me *watcher) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watchers, me)
	if len(b.watchers) > 0 {
		return false
	}
	if s.running[key] == b {
		delete(s.running, key)
	}
	return true
}

func (b *sharedBuild) report(p runtime.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = p
	for w := range b.watchers {
		w.progress(p)
	}
}

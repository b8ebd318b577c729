package daemon

import (
	"net/http"
	"sync"
	"time"
)

// How a daemon rests: when nobody has asked anything for a while, and not all
// the time while somebody asks now and then.
const (
	quiet  = 3 * time.Second
	pauses = time.Minute // between two rests
)

// rest gives memory back to the system when a burst of requests is over. The
// collector by itself would keep what the burst took for minutes.
type rest struct {
	free func()

	mu    sync.Mutex
	timer *time.Timer
	last  time.Time // of the rests
}

func newRest(free func()) *rest {
	r := &rest{free: free}
	r.timer = time.AfterFunc(quiet, r.now)
	return r
}

func (r *rest) now() {
	r.mu.Lock()
	r.last = time.Now()
	r.mu.Unlock()
	r.free()
}

// after has next answer, and rests when it was the last for a while.
func (r *rest) after(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		defer r.asked()
		next.ServeHTTP(w, q)
	})
}

func (r *rest) asked() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer.Reset(max(quiet, pauses-time.Since(r.last)))
}

func (r *rest) end() { r.timer.Stop() }

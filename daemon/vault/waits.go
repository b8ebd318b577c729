package vault

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"volundr/daemon/link"
)

// slow is how long a provider may take to begin an answer until people are told
// that it is waited for.
const slow = 5 * time.Second

// wait is a request to a provider whose answer has not begun. Agents ask again
// without a word for a minute and more: who looks on is told here.
type wait struct {
	heard func(trouble string)
	host  string
	long  *time.Timer

	mu   sync.Mutex
	over bool
}

func (v *Vault) waits(ctx context.Context, at *provider) *wait {
	session := link.SessionFrom(ctx)
	w := &wait{heard: func(trouble string) { v.Heard(session, trouble) }, host: at.base.Host}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.long = time.AfterFunc(v.slow, func() { w.tell(w.host+" has not answered yet", false) })
	return w
}

// tell tells, in order, and nothing more after the last.
func (w *wait) tell(trouble string, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.over = last
		w.heard(trouble)
	}
}

// end ends it, however it went.
func (w *wait) end() {
	w.long.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

func (w *wait) unreachable(why string) {
	w.tell(fmt.Sprintf("%s could not be reached (%s), and the agent tries again", w.host, why), true)
}

// answered tells what an answer's status means for who waits. What another trial
// does not mend is the agent's to say.
func (w *wait) answered(status int) {
	switch {
	case status == http.StatusTooManyRequests:
		w.tell(w.host+" takes no more for now (429), and the agent tries again", true)
	case status >= 500:
		w.tell(fmt.Sprintf("%s failed or is overloaded (%d), and the agent tries again", w.host, status), true)
	default:
		w.tell("", true)
	}
}

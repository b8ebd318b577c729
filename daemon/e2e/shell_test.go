package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/ui/client"
)

// shell is a person's shell in a session's terminal, as `volundr sessions
// attach` has it.
type shell struct {
	t    *testing.T
	term *client.Terminal
	mu   sync.Mutex
	out  bytes.Buffer
	n    int // commands typed
}

func (p *product) shell(id string) *shell {
	p.t.Helper()
	term, err := p.client().Attach(p.t.Context(), id, client.Size{Cols: 200, Rows: 50})
	if err != nil {
		p.t.Fatal(err)
	}
	x := &shell{t: p.t, term: term}
	done := make(chan struct{})
	go func() { // ends with the connection
		defer close(done)
		b := make([]byte, 32<<10)
		for {
			n, err := term.Read(b)
			x.mu.Lock()
			x.out.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	p.t.Cleanup(func() {
		term.Close()
		<-done
		if p.t.Failed() {
			p.t.Logf("the terminal showed:\n%q", last(x.out.Bytes(), 1500))
		}
	})
	x.shows("/workspace")
	return x
}

func (x *shell) shows(text string) {
	x.t.Helper()
	eventually(x.t, 60*time.Second, fmt.Sprintf("%q in the terminal", text), func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return strings.Contains(x.out.String(), text)
	})
}

// does types a command line and waits until it has ended.
func (x *shell) does(line string) {
	x.t.Helper()
	x.n++
	// What marks its end is typed with a leading space: the watcher is not told.
	if _, err := fmt.Fprintf(x.term, "%s\r echo end-$((%d+1000))-of\r", line, x.n); err != nil {
		x.t.Fatal(err)
	}
	x.shows(fmt.Sprintf("end-%d-of", x.n+1000))
}

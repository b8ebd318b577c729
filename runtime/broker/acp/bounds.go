package acp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// The library dies on a line of 10 MiB.
	maxLine = 8 << 20
	// Longer texts in a message are cut. What a person sees of a tool's output
	// ends long before.
	maxText = 1 << 20
	// The library closes a connection on which 1,024 notifications wait.
	maxWaiting = 256
)

// bounds stands between the agent's output and the library: it cuts long texts,
// drops lines that still are too long, and holds lines back while many wait to
// be handled.
type bounds struct {
	r       *bufio.Reader
	dropped func(bytes int)
	line    []byte // what is left of the current line

	mu      sync.Mutex
	free    *sync.Cond
	waiting int
}

func newBounds(r io.Reader, dropped func(int)) *bounds {
	b := &bounds{r: bufio.NewReaderSize(r, 64<<10), dropped: dropped}
	b.free = sync.NewCond(&b.mu)
	return b
}

// Read gives the next line, or the rest of it.
func (b *bounds) Read(p []byte) (int, error) {
	for len(b.line) == 0 {
		line, size, err := b.next()
		if err != nil {
			return 0, err
		}
		if len(line) > maxLine {
			b.dropped(size)
			continue
		}
		b.admit(line)
		b.line = line
	}
	n := copy(p, b.line)
	b.line = b.line[n:]
	return n, nil
}

// admit waits while too many messages of the agent are unhandled. Answers to
// our requests are not counted: nobody handles them.
func (b *bounds) admit(line []byte) {
	var m struct {
		Method string `json:"method"`
	}
	if !bytes.Contains(line, []byte(`"method"`)) || json.Unmarshal(line, &m) != nil || m.Method == "" || m.Method == "$/cancel_request" {
		return
	}
	b.mu.Lock()
	for b.waiting >= maxWaiting {
		b.free.Wait()
	}
	b.waiting++
	b.mu.Unlock()
}

func (b *bounds) handled() {
	b.mu.Lock()
	b.waiting--
	b.free.Signal()
	b.mu.Unlock()
}

// drain waits until all messages that were admitted are handled.
func (b *bounds) drain(longest time.Duration) {
	deadline := time.Now().Add(longest)
	for time.Now().Before(deadline) {
		b.mu.Lock()
		n := b.waiting
		b.mu.Unlock()
		if n <= 0 {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// next reads a line with its texts cut, and says how long it was.
func (b *bounds) next() (line []byte, size int, err error) {
	var c cutter
	for {
		part, err := b.r.ReadSlice('\n')
		size += len(part)
		c.write(part)
		switch {
		case err == nil:
			return c.out, size, nil
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return nil, size, err
		}
	}
}

// cutter copies JSON and leaves the middle of long texts out. It keeps at most
// a little more than maxLine.
type cutter struct {
	out      []byte
	inText   bool
	escape   int // bytes of an escape sequence still to come
	length   int // of the current text
	skipping bool
}

const cutMark = " … (cut)"

func (c *cutter) write(p []byte) {
	for _, ch := range p {
		if !c.inText {
			if ch == '"' {
				c.inText, c.length, c.skipping, c.escape = true, 0, false, 0
			}
			c.put(ch)
			continue
		}
		switch {
		case c.escape > 0:
			c.escape--
			if c.escape == 0 && ch == 'u' {
				c.escape = -4
			}
			c.copy(ch)
		case c.escape < 0:
			c.escape++
			c.copy(ch)
		case ch == '\\':
			c.boundary()
			c.escape = 1
			c.copy(ch)
		case ch == '"':
			if c.skipping {
				c.out = append(c.out, cutMark...)
			}
			c.inText = false
			c.put(ch)
		default:
			if ch < 0x80 || ch >= 0xC0 {
				c.boundary()
			}
			c.copy(ch)
		}
	}
}

// boundary is where a text may be cut: before a character.
func (c *cutter) boundary() { c.skipping = c.skipping || c.length >= maxText }

func (c *cutter) copy(ch byte) {
	c.length++
	if !c.skipping {
		c.put(ch)
	}
}

func (c *cutter) put(ch byte) {
	if len(c.out) <= maxLine {
		c.out = append(c.out, ch)
	}
}

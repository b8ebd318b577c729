package sandbox

import (
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

// frames writes an answer in frames. After the first error it drops the rest.
type frames struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	flush *http.ResponseController
	buf   []byte
	err   error
}

func newFrames(w http.ResponseWriter) *frames {
	w.Header().Set("Content-Type", wire.FrameContent)
	return &frames{w: w, flush: http.NewResponseController(w)}
}

func (f *frames) send(kind byte, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf = wire.AppendFrame(f.buf[:0], kind, data)
	return f.write(true)
}

func (f *frames) sendJSON(kind byte, v any, flush bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.buf, err = wire.AppendFrameJSON(f.buf[:0], kind, v); err != nil {
		return err
	}
	return f.write(flush)
}

// write sends f.buf; f.mu is held.
func (f *frames) write(flush bool) error {
	if f.err == nil {
		_, f.err = f.w.Write(f.buf)
	}
	if f.err == nil && flush {
		f.err = f.flush.Flush()
	}
	return f.err
}

// lastWords is how long who asked may take to read the rest of an answer when
// the command is over.
const lastWords = time.Minute

func (f *frames) hurry() { f.flush.SetWriteDeadline(time.Now().Add(lastWords)) }
func (f *frames) rest()  { f.flush.SetWriteDeadline(time.Time{}) } // the connection is used again

// output reads what a command writes.
type output struct {
	from   *os.File // our end of the pipe, not blocking
	kind   byte
	limit  int64
	frames *frames
	seen   int64 // bytes so far
}

// emit sends what is within the limit.
func (o *output) emit(data []byte) {
	room := max(o.limit-o.seen, 0)
	o.seen += int64(len(data))
	if data = data[:min(int64(len(data)), room)]; len(data) > 0 {
		o.frames.send(o.kind, data)
	}
}

// buffers are those that commands' outputs are read with.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// read reads until nobody has the other end, or until wake was called: then
// what lies in the pipe is taken and open is true. A command that ended has
// written all that it will; what it left in the background may hold the pipe
// for ever.
func (o *output) read() (open bool) {
	lent := buffers.Get().(*[]byte)
	defer buffers.Put(lent)
	buf := *lent
	for {
		n, err := o.from.Read(buf)
		o.emit(buf[:n])
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return o.rest(buf)
		default:
			return false
		}
	}
}

func (o *output) wake() { o.from.SetReadDeadline(time.Unix(1, 0)) }

// mostPipe is more than a pipe holds (fs.pipe-max-size): what somebody writes on
// and on in the background ends here.
const mostPipe = 1<<20 + 64<<10

// rest takes what lies in the pipe.
func (o *output) rest(buf []byte) (open bool) {
	o.from.SetReadDeadline(time.Time{})
	raw, err := o.from.SyscallConn()
	if err != nil {
		return false
	}
	for left := mostPipe; left > 0; {
		var n int
		var err error
		if raw.Read(func(fd uintptr) bool {
			n, err = unix.Read(int(fd), buf)
			return true
		}) != nil {
			return false
		}
		switch {
		case n > 0:
			o.emit(buf[:n])
			left -= n
		case errors.Is(err, unix.EAGAIN):
			return true
		case errors.Is(err, unix.EINTR):
		default:
			return false
		}
	}
	return true
}

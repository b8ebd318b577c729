package sandbox

import (
	"io"
	"os"
	"sync"
)

// input is the standard input of a command.
type input struct {
	mu sync.Mutex // one writer at a time, in turn
	to *os.File   // our end of the pipe, not blocking

	end  sync.Mutex
	shut bool
}

// write writes all of from, and closes the input behind it if last. It waits
// for the command to read, and fails when the command ended or closed it.
func (in *input) write(from io.Reader, last bool) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.put(from, last)
}

// put is write for who holds in.mu.
func (in *input) put(from io.Reader, last bool) error {
	if in.closed() {
		return os.ErrClosed
	}
	_, err := io.Copy(in.to, from)
	if last || err != nil {
		in.close()
	}
	return err
}

func (in *input) closed() bool {
	in.end.Lock()
	defer in.end.Unlock()
	return in.shut
}

// close is the end of the input. It unblocks a writer.
func (in *input) close() {
	in.end.Lock()
	defer in.end.Unlock()
	if !in.shut {
		in.shut = true
		in.to.Close()
	}
}

package sandbox

import (
	"errors"
	"fmt"
	"time"
)

// ErrTooLarge is an upload beyond the limit; the error's text says which.
var ErrTooLarge = errors.New("too large")

// Busy is work that was not begun because a limit is reached or something it
// needs is not there yet. Trying again after After may help.
type Busy struct {
	Detail string // a sentence
	After  time.Duration
	// Full: the caller's own load reached a limit. Otherwise we are not ready.
	Full bool
}

func (b *Busy) Error() string { return b.Detail }

// BadRequest is a value that no configuration of the sandbox can serve.
type BadRequest struct{ Detail string }

func (b *BadRequest) Error() string { return b.Detail }

// FileError is a file to be staged that is not there, or not the caller's.
type FileError struct{ ID, Path string }

func (e *FileError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("File with ID '%s' not found", e.ID)
	}
	return fmt.Sprintf("File with ID '%s' not found for path '%s'.", e.ID, e.Path)
}

package link

import (
	"errors"
	"fmt"

	"volundr/runtime"
	"volundr/store"
)

// sentence is an error that people read as it is, and programs by its kind.
type sentence struct {
	text string
	kind error
}

func (e *sentence) Error() string { return e.text }
func (e *sentence) Unwrap() error { return e.kind }

// What calls on a session come back with.
var (
	// ErrNotConnected: there is no connection to the session now. It is
	// runtime.ErrUnavailable.
	ErrNotConnected error = &sentence{"The session does not answer at the moment. Wait until it runs, or start it again.", runtime.ErrUnavailable}
	// ErrNotOpen: nobody waits for that answer. It is store.ErrConflict.
	ErrNotOpen error = &sentence{"The question is not open any more: it was answered, or the turn has ended.", store.ErrConflict}
	// ErrBadHash: a body's name that is none. It is runtime.ErrInvalid.
	ErrBadHash error = &sentence{"The name of a body is 64 hexadecimal digits.", runtime.ErrInvalid}
)

// errDropped ends the link of a session that is not kept any more.
var errDropped = errors.New("the session is not kept any more")

// refusal is an answer of the broker with a status that is no success.
type refusal struct {
	status int
	detail string
}

func (e *refusal) Error() string { return e.detail }

// Unwrap sorts the broker's statuses into the daemon's kinds.
func (e *refusal) Unwrap() error {
	switch e.status {
	case 404:
		return store.ErrNotFound
	case 409:
		return store.ErrConflict
	case 400, 413, 422:
		return runtime.ErrInvalid
	case 507:
		return store.ErrFull
	case 502, 503, 504:
		return runtime.ErrUnavailable
	}
	return nil
}

// final reports whether the same request will be refused for ever.
func (e *refusal) final() bool {
	return e.status == 400 || e.status == 413 || e.status == 422
}

func lost(id string, err error) error {
	return fmt.Errorf("link to session %s: %w", id, err)
}

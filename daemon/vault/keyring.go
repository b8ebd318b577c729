package vault

import (
	"errors"
	"time"

	"github.com/zalando/go-keyring"
)

// Keyring holds one secret for a name, outside of our folders.
type Keyring interface {
	Get(service, user string) (string, error) // keyring.ErrNotFound when there is none
	Set(service, user, secret string) error
}

// keyringLimit is how long a keyring may take: a locked one waits for a person
// who may not be there.
const keyringLimit = 2 * time.Second

var errSlow = errors.New("the keyring does not answer; it may be locked")

// system is the operating system's.
type system struct{}

func (system) Get(service, user string) (string, error) { return keyring.Get(service, user) }
func (system) Set(service, user, secret string) error   { return keyring.Set(service, user, secret) }

// within gives what f gives, or errSlow after limit. Then f is still under way:
// the calls of a keyring cannot be given up, and end with the process at last.
func within[T any](limit time.Duration, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-time.After(limit):
		var zero T
		return zero, errSlow
	}
}

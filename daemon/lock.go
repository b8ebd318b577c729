package daemon

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrRunning: another daemon serves this data directory.
var ErrRunning = errors.New("another volundr daemon is running with this data directory")

// lock takes the data directory for this process alone. The kernel lets go of
// it when the process dies, however it dies.
func lock(path string) (release func(), err error) {
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !ok {
		return nil, fmt.Errorf("%w (%s): `volundr status` shows it, `volundr down` ends it", ErrRunning, filepath.Dir(path))
	}
	return func() { l.Unlock() }, nil
}

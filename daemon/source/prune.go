package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// gone marks mirrors that are being removed.
const gone = "gone-"

// Prune removes the mirrors that no session has used since a moment, and
// returns how many. Nothing is lost by it: a mirror holds what its remote has,
// and is made anew when a session asks.
func (s *Sources) Prune(ctx context.Context, unusedSince time.Time) (removed int, err error) {
	mirrors, err := filepath.Glob(filepath.Join(s.Dir, "*.git"))
	if err != nil {
		return 0, err
	}
	for _, dir := range mirrors {
		ok, failed := s.prune(ctx, dir, unusedSince)
		if ok {
			removed++
		}
		err = errors.Join(err, failed)
	}
	return removed, err
}

func (s *Sources) prune(ctx context.Context, dir string, unusedSince time.Time) (bool, error) {
	unlock, err := s.lock(ctx, strings.TrimSuffix(filepath.Base(dir), ".git"))
	if err != nil {
		return false, err
	}
	defer unlock()
	info, err := os.Stat(dir)
	if err != nil || !info.ModTime().Before(unusedSince) {
		return false, err
	}
	// Renamed first: a kill in between leaves no half of a mirror.
	aside := filepath.Join(s.Dir, gone+filepath.Base(dir))
	if err := os.Rename(dir, aside); err != nil {
		return false, err
	}
	return true, os.RemoveAll(aside)
}

// used notes that a session works with a mirror.
func (s *Sources) used(r Remote) error {
	now := time.Now()
	return os.Chtimes(s.mirror(r), now, now)
}

// Package storetest gives tests databases without waiting for every migration.
package storetest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"volundr/store"
)

// New writes an empty database of the newest schema into dir and returns its
// path, volundr.db there. The migrations run once for all tests of a process:
// under the race detector they take longer than most tests.
func New(t testing.TB, dir string) string {
	t.Helper()
	data, err := empty()
	path := filepath.Join(dir, "volundr.db")
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "volundr-storetest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "volundr.db")
	db, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

package backup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// layConfig lays the configuration where there is none. A file that is there
// and says something else stays, and is told.
func (o Options) layConfig(staging string) (kept []string, err error) {
	from, to := filepath.Join(staging, "config"), filepath.Dir(o.Paths.Config)
	err = filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == from {
			return fs.SkipAll
		}
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		o.step("lay " + rel)
		at := filepath.Join(to, rel)
		switch stands, err := os.ReadFile(at); {
		case err == nil && !bytes.Equal(stands, text):
			kept = append(kept, at)
			return nil
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		return layWhole(at, text)
	})
	return kept, err
}

// layWhole writes a file beside and renames it.
func layWhole(at string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	tmp := at + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, at)
}

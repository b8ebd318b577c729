package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"volundr/runtime/broker/wire"
)

// Lay writes files below Dir for their owner alone, and links to them from the
// home. The containers of a session share the home and do so at the same time.
// A file of the user's own that stands where a link would be stays: that is an
// error, a sentence.
func (p Place) Lay(files []wire.SecretFile) error {
	for _, f := range files {
		err := p.write(f)
		if err == nil && f.Link != "" {
			err = p.link(f)
		}
		var taken *takenError
		if errors.As(err, &taken) {
			return err
		}
		if err != nil {
			return fmt.Errorf("A credential could not be laid as %s (%w). Start the session again.", f.Path, err)
		}
	}
	return nil
}

func (p Place) write(f wire.SecretFile) error {
	if !filepath.IsLocal(f.Path) {
		return errors.New("it is no place below " + p.Dir)
	}
	to := filepath.Join(p.Dir, f.Path)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(to, f.Data, 0o600)
}

type takenError struct{ path string }

func (e *takenError) Error() string {
	return fmt.Sprintf("There is a file %s in the session's home already, so the credential cannot appear there. Start the session without the credential, move the file away, then start a session with it.", e.path)
}

func (p Place) link(f wire.SecretFile) error {
	root, err := os.OpenRoot(p.Home) // the home may hold links of an agent's
	if err != nil {
		return err
	}
	defer root.Close()
	if dir := path.Dir(f.Link); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	target := path.Join(p.Dir, f.Path)
	for range 3 { // another container may be a moment before
		err := root.Symlink(target, f.Link)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		was, err := root.Readlink(f.Link)
		switch {
		case err == nil && was == target:
			return nil
		case err != nil && !errors.Is(err, fs.ErrNotExist), err == nil && !strings.HasPrefix(was, p.Dir+"/"):
			return &takenError{path.Join(p.Home, f.Link)}
		}
		if err := root.Remove(f.Link); err != nil && !errors.Is(err, fs.ErrNotExist) { // ours, of an earlier start
			return err
		}
	}
	return errors.New("the link cannot be made")
}

package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"volundr/daemon/vault"
	"volundr/store"
)

// staging is what goes into a backup, held in a folder beside the data so that
// it stays whatever the daemon deletes meanwhile: a copy of the database, and
// hard links to the files that it names, none of which ever changes.
type staging struct {
	o       Options
	dir     string
	end     func()
	db      store.Contents
	names   []string // of all that is written, in order
	small   map[string][]byte
	missing []string
}

// looks is how often the database is copied until all that it names is there.
const looks = 20

func (o Options) stage(ctx context.Context) (st *staging, err error) {
	lock := flock.New(filepath.Join(o.Paths.Data, dirStaging+".lock"), flock.SetPermissions(0o600))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errors.New("another backup is being made: wait for it")
	}
	dir := filepath.Join(o.Paths.Data, dirStaging)
	st = &staging{o: o, dir: dir, small: map[string][]byte{}}
	end := func() { os.RemoveAll(dir); lock.Unlock() }
	defer func() {
		if err != nil {
			end()
		}
	}()
	st.end = end
	if err := os.RemoveAll(st.dir); err != nil { // of one that was cut off
		return nil, err
	}
	for _, d := range []string{dirArchives, dirFiles} {
		if err := os.MkdirAll(filepath.Join(st.dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	o.step("copy the database")
	if err := st.look(ctx); err != nil {
		return nil, err
	}
	st.names = append([]string{nameDB}, slices.Sorted(maps.Keys(contentsOf(st.db)))...)
	st.names = slices.DeleteFunc(st.names, func(n string) bool { return slices.Contains(st.missing, n) })
	return st, st.config()
}

// look holds all that is there, copies the database, and holds what that names
// and came meanwhile. A file that is gone was deleted after the copy was made:
// the next copy does not name it. One that is named and gone twice is missing.
func (st *staging) look(ctx context.Context) error {
	at := filepath.Join(st.dir, nameDB)
	var before []string
	for n := range looks {
		if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err := st.holdAll(ctx)
		if err == nil {
			err = store.Copy(ctx, st.o.Paths.DB, at)
		}
		if err == nil {
			st.db, err = store.Inspect(ctx, at)
		}
		if err != nil {
			return err
		}
		st.o.step("hold what it names")
		if st.missing, err = st.hold(ctx); err != nil {
			return err
		}
		if len(st.missing) == 0 || n > 0 && slices.Equal(st.missing, before) {
			return nil
		}
		before = st.missing
	}
	return fmt.Errorf("files go as fast as they are looked for (%s): try again", strings.Join(st.missing, ", "))
}

// folders are where files lie, by the names of a backup.
func (st *staging) folders() map[string]string {
	return map[string]string{dirArchives: st.o.Paths.Archives, dirFiles: st.o.Paths.Files}
}

// holdAll links what is there, named or not.
func (st *staging) holdAll(ctx context.Context) error {
	for dir, from := range st.folders() {
		all, err := os.ReadDir(from)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range all {
			if !names.MatchString(dir + e.Name()) {
				continue // it is being written
			}
			if err := hold(filepath.Join(from, e.Name()), filepath.Join(st.dir, dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return ctx.Err()
}

// hold links what the database names, and tells what is not there.
func (st *staging) hold(ctx context.Context) (missing []string, err error) {
	from := st.folders()
	for _, name := range slices.Sorted(maps.Keys(contentsOf(st.db))) {
		dir, base, _ := strings.Cut(name, "/")
		err := hold(filepath.Join(from[dir+"/"], base), filepath.Join(st.dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
			continue
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// hold keeps a file under another name; where the system has no hard links, a
// copy of it.
func hold(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// keys adds what opens the rest: the vault's key, wherever it is, the key of
// sessions' brokers, and the token of programs.
func (st *staging) keys() error {
	key, err := vault.Export(st.db.VaultKey, st.o.vault(st.o.Paths.Keys, st.db.Installation))
	if err != nil {
		return fmt.Errorf("%w: unlock it and try again, or make the backup --without-keys", err)
	}
	if key != "" {
		st.add(dirKeys+vault.KeyFile, []byte(key))
	}
	if err := st.addFile(nameToken, st.o.Paths.Token); err != nil {
		return err
	}
	return st.addFile(dirKeys+"link.pem", filepath.Join(st.o.Paths.Keys, "link.pem"))
}

// config adds what is written in the configuration directory.
func (st *staging) config() error {
	dir := filepath.Dir(st.o.Paths.Config)
	var found []string
	for _, pattern := range []string{"config.yaml", "session.yaml", "templates/*", "profiles/*"} {
		some, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		found = append(found, some...)
	}
	for _, path := range found {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := dirConfig + filepath.ToSlash(rel)
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxSmall || !names.MatchString(name) {
			continue
		}
		if err := st.addFile(name, path); err != nil {
			return err
		}
	}
	return nil
}

// addFile adds a small file, if it is there.
func (st *staging) addFile(name, path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		st.add(name, b)
	}
	return err
}

func (st *staging) add(name string, b []byte) {
	st.small[name], st.names = b, append(st.names, name)
}

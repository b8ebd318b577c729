package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// lying reads the definition of a folder of this machine, uncommitted changes
// included, as a copy of it takes them.
func (s *Sources) lying(localPath string) (Definition, error) {
	dir, err := s.Folders.Resolve(localPath)
	if err != nil {
		return Definition{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Definition{}, asCheck(localPath, err)
	}
	defer root.Close()
	d, err := gather(context.Background(), osFolder{root})
	return d, unread(err)
}

// osFolder is a folder of this machine. Nothing leads out of it, and no link in
// it is followed.
type osFolder struct{ root *os.Root }

func (f osFolder) list(_ context.Context, in entry) ([]entry, error) {
	if in.name == "" { // only what counts
		info, err := f.root.Lstat(DefinitionFolder)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []entry{{name: DefinitionFolder, kind: kindOf(info.Mode())}}, nil
	}
	dir, err := f.open(in.name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	found, err := dir.ReadDir(maxEntries + 1)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(found) > maxEntries {
		return nil, tooMany(in.name)
	}
	var all []entry
	for _, e := range found {
		all = append(all, entry{name: e.Name(), kind: kindOf(e.Type())})
	}
	return all, nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return aFile
	case m.IsDir():
		return aFolder
	case m&fs.ModeSymlink != 0:
		return "is a link"
	}
	return "is no file"
}

// open opens what is no link, also where it becomes one meanwhile, and waits
// for no pipe's writer.
func (f osFolder) open(name string) (*os.File, error) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := f.root.Lstat(dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("%s is no folder", dir)
		}
	}
	was, err := f.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if is, err := file.Stat(); err != nil || !os.SameFile(was, is) {
		file.Close()
		return nil, fmt.Errorf("%s changed while it was read", name)
	}
	return file, nil
}

func (f osFolder) read(_ context.Context, dir string, files []entry) ([][]byte, error) {
	all := make([][]byte, len(files))
	for i, e := range files {
		file, err := f.open(path.Join(dir, e.name))
		if err != nil {
			return nil, err
		}
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
			file.Close()
			return nil, fmt.Errorf("%s changed while it was read", e.name)
		}
		content, err := io.ReadAll(io.LimitReader(file, MaxDefinitionFile+1))
		file.Close()
		if err != nil {
			return nil, err
		}
		if len(content) <= MaxDefinitionFile {
			all[i] = append([]byte{}, content...)
		}
	}
	return all, nil
}

package files

import (
	"context"
	"path"
)

const mkdir = `inside -m "$path"
if [ -e "$at" ] || [ -L "$at" ]; then exit 8; fi
mkdir -p -- "$at" || exit 1
find "$at" -maxdepth 0 -printf '%Y %s %T@ %f\0'
`

// Mkdir makes a folder and those above it. ErrExists when something is there.
func (f *Files) Mkdir(ctx context.Context, p Place) (Entry, error) {
	out, _, err := f.script(ctx, p, mkdir, nil, piece)
	if err != nil {
		return Entry{}, err
	}
	return one(path.Dir(p.Path), out)
}

// one reads the one entry that a script told of.
func one(dir string, out []byte) (Entry, error) {
	if all := readEntries(dir, out); len(all) == 1 {
		return all[0], nil
	}
	return Entry{}, ErrMoved
}

const remove = `inside -e "$path"
cd -- "$at" || exit 5
if ! [ -e "./$1" ] && ! [ -L "./$1" ]; then exit 3; fi
rm -rf -- "./$1"
`

// Remove deletes a file, or a folder with all in it; of a link, the link alone.
func (f *Files) Remove(ctx context.Context, p Place) error {
	if p.Path == "" {
		return ErrTop
	}
	name := path.Base(p.Path)
	if p.Path = path.Dir(p.Path); p.Path == "." {
		p.Path = ""
	}
	_, _, err := f.script(ctx, p, remove, nil, piece, name)
	return err
}

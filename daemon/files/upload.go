package files

import (
	"context"
	"crypto/rand"
	"io"
	"strconv"
	"time"
)

// Upload is files on their way into a folder. They lie beside their places
// until all of them are there.
type Upload struct {
	files *Files
	place Place // the folder
	sent  int64
	pairs []string // name on the way, name, …
}

// partial is how names on the way begin; a list leaves them out.
const partial = ".volundr-upload-"

// begin looks at the folder, and takes away what a daemon that was killed left
// there long ago.
const begin = `inside -e "$path"
[ -d "$at" ] || exit 3
[ -w "$at" ] && [ -x "$at" ] || exit 5
find "$at" -maxdepth 1 -type f -name '` + partial + `*' -mmin +60 -delete 2>/dev/null
exit 0
`

// Upload begins an upload into the folder p. Drop it in the end.
func (f *Files) Upload(ctx context.Context, p Place) (*Upload, error) {
	if _, _, err := f.script(ctx, p, begin, nil, piece); err != nil {
		return nil, err
	}
	return &Upload{files: f, place: p}, nil
}

// add puts a piece behind what has come of the file $1, which are $2 bytes.
const add = `inside -e "$path"
cd -- "$at" || exit 3
if [ "$2" = 0 ]; then
  set -C
  true > "./$1" || exit 1
  set +C
fi
[ "$(stat -c %s -- "./$1")" = "$2" ] || exit 9
cat >> "./$1"
`

// Add sends a file, which is to have this name. ErrTooLarge when there is more than
// fits into one upload.
func (u *Upload) Add(ctx context.Context, name string, data io.Reader) error {
	if !named(name) {
		return ErrName
	}
	if len(u.pairs) >= 2*maxFiles {
		return ErrTooLarge
	}
	temporary := partial + rand.Text()
	u.pairs = append(u.pairs, temporary, name)
	buf := make([]byte, piece)
	for at := int64(0); ; {
		n, readErr := fill(data, buf)
		if readErr != nil && readErr != io.EOF {
			return readErr
		}
		if u.sent += int64(n); u.sent > maxUpload {
			return ErrTooLarge
		}
		if n > 0 || at == 0 {
			if _, _, err := u.files.script(ctx, u.place, add, buf[:n], piece, temporary, strconv.FormatInt(at, 10)); err != nil {
				return err
			}
		}
		if at += int64(n); readErr == io.EOF {
			return nil
		}
	}
}

// fill reads until buf is full. Unlike io.ReadFull it tells an end from a reader
// that was cut.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// settle gives every file its name. One that is there keeps its rights; a link
// is followed.
const settle = `inside -e "$path"
dir=$at
look() {
  while [ $# -gt 1 ]; do
    inside -m "$path/$2"
    if [ -d "$at" ]; then exit 7; fi
    shift 2
  done
}
look "$@"
while [ $# -gt 1 ]; do
  inside -m "$path/$2"
  if [ -f "$at" ]; then chmod --reference="$at" -- "$dir/$1"; fi
  mv -fT -- "$dir/$1" "$at" || exit 1
  find "$at" -maxdepth 0 -printf '%Y %s %T@ '
  printf '%s\0' "$2"
  shift 2
done
`

// Settle gives all that was sent its place, over what was there of that name.
func (u *Upload) Settle(ctx context.Context) ([]Entry, error) {
	if len(u.pairs) == 0 {
		return []Entry{}, nil
	}
	out, _, err := u.files.script(ctx, u.place, settle, nil, maxList, u.pairs...)
	if err != nil {
		return nil, err
	}
	u.pairs = nil
	return readEntries(u.place.Path, out), nil
}

const drop = `inside -e "$path"
cd -- "$at" && rm -f -- "$@"
`

// Drop takes away what was not settled, also when ctx has ended.
func (u *Upload) Drop(ctx context.Context) {
	if len(u.pairs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var names []string
	for i := 0; i < len(u.pairs); i += 2 {
		names = append(names, u.pairs[i])
	}
	// What is left now is taken away by the next upload into this folder.
	_, _, _ = u.files.script(ctx, u.place, drop, nil, piece, names...)
}

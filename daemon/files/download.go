package files

import (
	"bytes"
	"context"
	"io"
	"path"
	"strconv"
)

// Download is a file on its way out, in pieces.
type Download struct {
	Name string
	Size int64 // bytes

	files *Files
	ctx   context.Context
	place Place
	state string // size, inode and time of the first piece: it must stay the same file
	next  int64  // where the next piece begins
	rest  []byte // of the piece that is here
}

const read = `inside -e "$path"
[ -f "$at" ] || exit 6
[ -r "$at" ] || exit 5
stat --printf '%s %i %.9Y\n' -- "$at"
tail -c "+$1" -- "$at" | head -c "$2"
`

// Open begins a download, which ends with ctx. ErrKind when p is no file.
func (f *Files) Open(ctx context.Context, p Place) (*Download, error) {
	d := &Download{Name: path.Base(p.Path), files: f, ctx: ctx, place: p}
	return d, d.fetch()
}

// Read is ErrMoved when the file is not what it was when the download began.
func (d *Download) Read(b []byte) (int, error) {
	if len(d.rest) == 0 {
		if d.next >= d.Size {
			return 0, io.EOF
		}
		if err := d.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// fetch gets the next piece.
func (d *Download) fetch() error {
	out, _, err := d.files.script(d.ctx, d.place, read, nil, piece+1024, strconv.FormatInt(d.next+1, 10), strconv.Itoa(piece))
	if err != nil {
		return err
	}
	state, rest, _ := bytes.Cut(out, []byte("\n"))
	if d.state == "" {
		size, _, _ := bytes.Cut(state, []byte(" "))
		if d.Size, err = strconv.ParseInt(string(size), 10, 64); err != nil || d.Size < 0 {
			return ErrMoved
		}
		d.state = string(state)
	}
	if string(state) != d.state || int64(len(rest)) != min(piece, d.Size-d.next) {
		return ErrMoved
	}
	d.rest, d.next = rest, d.next+int64(len(rest))
	return nil
}

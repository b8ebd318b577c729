package blob

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// checked reads what should have a digest, and ends with ErrDamaged where it
// has another.
type checked struct {
	r    io.Reader
	sum  hash.Hash
	want string
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	switch {
	case errors.Is(err, io.EOF):
		if got := hex.EncodeToString(c.sum.Sum(nil)); got != c.want {
			return n, fmt.Errorf("%w: it holds %s", ErrDamaged, got[:12])
		}
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, err
}

// opened is a blob that is read.
type opened struct {
	checked
	file io.Closer
}

func (o *opened) Close() error { return o.file.Close() }

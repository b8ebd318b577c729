package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"

	"filippo.io/age"
)

// names are those that a backup's files may have. Nothing else is laid.
var names = regexp.MustCompile(`^(volundr\.db|token|archives/[0-9a-f]{64}|files/[0-9a-f-]{36}|keys/[a-z]+\.(key|pem)|config/(config|session)\.yaml|config/(templates|profiles)/[A-Za-z0-9][A-Za-z0-9 ._-]{0,104})$`)

const (
	maxSmall  = 16 << 20 // bytes of what is read into memory
	maxNumber = 1 << 20  // files
)

// open opens the backup at o.File, decrypted.
func (o Options) open() (io.ReadCloser, error) {
	f, err := os.Open(o.File)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(f, 1<<16)
	clear, err := o.clear(in)
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{clear, f}, nil
}

const ageMagic = "age-encryption.org/"

func (o Options) clear(in *bufio.Reader) (io.Reader, error) {
	if start, _ := in.Peek(len(ageMagic)); string(start) != ageMagic {
		return in, nil
	}
	if o.Passphrase == nil {
		return nil, fmt.Errorf("%w: it was made with one, so give it", ErrPassphrase)
	}
	passphrase, err := o.Passphrase()
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	out, err := age.Decrypt(in, id)
	switch wrong := (*age.NoIdentityMatchError)(nil); {
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("%w: try again, or the beginning of the file is damaged", ErrPassphrase)
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return out, nil
}

// Contents of a backup: sizes of its files by name.
type contents map[string]int64

// read gives every file of a backup to lay, in order, and checks all of it. What
// was laid counts only when read returns no error: ErrDamaged, when the file is
// not what was written.
func read(ctx context.Context, in io.Reader, lay func(name string, size int64, r io.Reader) error) (i Info, has contents, err error) {
	r := &reader{ctx: ctx, in: in, lay: lay, has: contents{}, sums: map[string]string{}}
	if err := r.all(); err != nil {
		var laid layError
		if errors.As(err, &laid) || ctx.Err() != nil || errors.Is(err, errNewer) {
			return r.info, r.has, err
		}
		return r.info, r.has, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	return r.info, r.has, nil
}

// layError is what went wrong where a file is laid, and not in the backup.
type layError struct{ error }

func (e layError) Unwrap() error { return e.error }

var errNewer = errors.New("the backup is of a newer Volundr: use that version")

type reader struct {
	ctx  context.Context
	in   io.Reader
	lay  func(string, int64, io.Reader) error
	info Info
	has  contents
	sums map[string]string // by name, as they were read
}

func (r *reader) all() error {
	whole := sha256.New()
	tr := tar.NewReader(io.TeeReader(r.in, whole))
	first, last := true, false
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		switch {
		case last:
			return fmt.Errorf("%.80q comes after the end", h.Name)
		case first != (h.Name == nameInfo):
			return errors.New("it does not begin as a backup does")
		case h.Typeflag != tar.TypeReg || h.Size < 0 || len(r.sums) > maxNumber:
			return fmt.Errorf("%.80q is no file", h.Name)
		}
		first, last = false, h.Name == nameSums
		if err := r.entry(h, tr); err != nil {
			return fmt.Errorf("%.80s: %w", h.Name, err)
		}
	}
	if !last {
		return errors.New("it ends too early")
	}
	want := hex.EncodeToString(whole.Sum(nil)) + "\n"
	got, err := io.ReadAll(io.LimitReader(r.in, int64(len(want)+1)))
	if err == nil && string(got) != want {
		err = errors.New("its checksum is another")
	}
	return err
}

func (r *reader) entry(h *tar.Header, in io.Reader) error {
	switch h.Name {
	case nameInfo:
		raw, err := r.small(h, in)
		if err == nil {
			err = json.Unmarshal(raw, &r.info)
		}
		if err == nil && r.info.Format > format {
			err = errNewer
		}
		return err
	case nameSums:
		raw, err := r.small(h, in)
		if err != nil {
			return err
		}
		return r.compare(raw)
	}
	if !names.MatchString(h.Name) || path.Clean(h.Name) != h.Name || r.sums[h.Name] != "" {
		return errors.New("a backup has no such file")
	}
	sum := sha256.New()
	body := &counted{r: io.TeeReader(in, sum)}
	if err := r.lay(h.Name, h.Size, body); err != nil {
		if body.err != nil {
			return body.err
		}
		return layError{err}
	}
	if body.n != h.Size {
		return errors.New("it was not read whole")
	}
	r.has[h.Name], r.sums[h.Name] = h.Size, hex.EncodeToString(sum.Sum(nil))
	return nil
}

// counted counts what is read, and keeps why it could not be.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

func (r *reader) small(h *tar.Header, in io.Reader) ([]byte, error) {
	if h.Size > maxSmall*8 {
		return nil, errors.New("it is too large")
	}
	raw, err := io.ReadAll(in)
	sum := sha256.Sum256(raw)
	r.sums[h.Name] = hex.EncodeToString(sum[:])
	return raw, err
}

// compare holds what was read against the sums of what was written.
func (r *reader) compare(sums []byte) error {
	n := 0
	for line := range bytes.Lines(sums) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "  ")
		if n++; !ok || r.sums[name] != sum {
			return fmt.Errorf("the checksum of %.80q is another", name)
		}
	}
	if n != len(r.sums)-1 { // it has none of its own
		return errors.New("a checksum is missing")
	}
	return nil
}

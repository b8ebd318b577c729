package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"filippo.io/age"
)

// writer writes a backup, a file after the other.
type writer struct {
	out  io.Writer // plain
	all  hash.Hash
	tar  *tar.Writer
	sums bytes.Buffer
	at   time.Time
}

// newWriter begins a backup with what it says of itself.
func newWriter(out io.Writer, i Info) (*writer, error) {
	w := &writer{out: out, all: sha256.New(), at: i.MadeAt}
	w.tar = tar.NewWriter(io.MultiWriter(out, w.all))
	raw, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return nil, err
	}
	return w, w.bytes(nameInfo, raw)
}

func (w *writer) bytes(name string, b []byte) error {
	return w.entry(name, int64(len(b)), bytes.NewReader(b))
}

// file adds the file at path, which nobody changes meanwhile.
func (w *writer) file(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.entry(name, info.Size(), f)
}

func (w *writer) entry(name string, size int64, r io.Reader) error {
	sum := sha256.New()
	if err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.at, Format: tar.FormatPAX}); err != nil {
		return err
	}
	if n, err := io.Copy(w.tar, io.TeeReader(io.LimitReader(r, size), sum)); err != nil || n != size {
		return fmt.Errorf("%s: %d of %d bytes: %w", name, n, size, orShort(err))
	}
	fmt.Fprintf(&w.sums, "%s  %s\n", hex.EncodeToString(sum.Sum(nil)), name)
	return nil
}

func orShort(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// close ends the backup with its sums.
func (w *writer) close() error {
	if err := w.bytes(nameSums, bytes.Clone(w.sums.Bytes())); err != nil {
		return err
	}
	if err := w.tar.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w.out, hex.EncodeToString(w.all.Sum(nil))+"\n")
	return err
}

// sealed encrypts what is written with a passphrase.
func sealed(out io.Writer, passphrase string, work int) (io.WriteCloser, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	if work > 0 {
		to.SetWorkFactor(work)
	}
	return age.Encrypt(out, to)
}

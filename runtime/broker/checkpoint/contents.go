package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	dataSuffix = ".data"
	// Contents up to this size share a file.
	small = 256 << 10
)

// recorder adds contents to the store.
type recorder struct {
	at    Places
	id    string
	sums  map[[32]byte]content // of what the store has
	file  *os.File             // of small ones
	end   int64
	count int // files of larger ones
	zstd  *zstd.Encoder
}

func (at Places) recorder(id string, known *list) (*recorder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	r := &recorder{at: at, id: id, sums: map[[32]byte]content{}, zstd: z}
	for _, i := range known.Items {
		if i.Content.File != "" {
			r.sums[i.Sum] = i.Content
		}
	}
	return r, nil
}

// add records what f holds, and says how long it is.
func (r *recorder) add(f *os.File, size int64) (sum [32]byte, c content, n int64, err error) {
	if size > small {
		return r.large(f)
	}
	b, err := io.ReadAll(io.LimitReader(f, small+1))
	if err != nil {
		return sum, c, 0, err
	}
	if len(b) > small { // it grew
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return sum, c, 0, err
		}
		return r.large(f)
	}
	sum, n = sha256.Sum256(b), int64(len(b))
	if c, ok := r.sums[sum]; ok {
		return sum, c, n, nil
	}
	if r.file == nil {
		if r.file, err = os.OpenFile(r.at.file(r.id+dataSuffix), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
			return sum, c, n, err
		}
	}
	frame := r.zstd.EncodeAll(b, nil)
	if _, err := r.file.Write(frame); err != nil {
		return sum, c, n, err
	}
	c = content{File: r.id + dataSuffix, Offset: r.end, Length: int64(len(frame))}
	r.end += c.Length
	r.sums[sum] = c
	return sum, c, n, nil
}

// large records a content in a file of its own. It is read twice rather than
// written for nothing.
func (r *recorder) large(f *os.File) (sum [32]byte, c content, n int64, err error) {
	h := sha256.New()
	if _, err = io.Copy(h, f); err != nil {
		return sum, c, 0, err
	}
	if known, ok := r.sums[[32]byte(h.Sum(nil))]; ok {
		n, err := f.Seek(0, io.SeekCurrent)
		return [32]byte(h.Sum(nil)), known, n, err
	}
	if _, err = f.Seek(0, io.SeekStart); err != nil {
		return sum, c, 0, err
	}
	r.count++
	c.File = fmt.Sprintf("%s.%d%s", r.id, r.count, dataSuffix)
	out, err := os.OpenFile(r.at.file(c.File), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return sum, c, 0, err
	}
	defer out.Close()
	h.Reset()
	r.zstd.Reset(out)
	n, err = io.Copy(r.zstd, io.TeeReader(io.LimitReader(f, largest), h))
	if err = errors.Join(err, r.zstd.Close()); err == nil {
		err = out.Sync()
	}
	if err != nil {
		return sum, c, n, err
	}
	info, err := out.Stat()
	if err != nil {
		return sum, c, n, err
	}
	c.Length, sum = info.Size(), [32]byte(h.Sum(nil))
	r.sums[sum] = c
	return sum, c, n, nil
}

// sync has all that was added on the disk.
func (r *recorder) sync() error {
	if r.file == nil {
		return nil
	}
	return r.file.Sync()
}

func (r *recorder) close() {
	if r.file != nil {
		r.file.Close()
	}
	r.zstd.Close()
}

// frames decodes contents that are held in memory as a whole: a decoder of its
// own would cost each small file more than reading it.
var frames = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*small))
})

// open reads a content; that it is the one that was recorded is known at its
// end.
func (at Places) open(i item) (io.ReadCloser, error) {
	f, err := os.Open(at.file(i.Content.File))
	if err != nil {
		return nil, err
	}
	if i.Size <= small && i.Content.Length <= 2*small {
		defer f.Close()
		b := make([]byte, i.Content.Length)
		if _, err := f.ReadAt(b, i.Content.Offset); err != nil {
			return nil, err
		}
		z, err := frames()
		if err == nil {
			b, err = z.DecodeAll(b, nil)
		}
		return io.NopCloser(bytes.NewReader(b)), err
	}
	z, err := zstd.NewReader(io.NewSectionReader(f, i.Content.Offset, i.Content.Length), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		f.Close()
		return nil, err
	}
	return &reading{z: z, f: f, want: i}, nil
}

type reading struct {
	z    *zstd.Decoder
	f    *os.File
	want item
}

func (r *reading) Read(p []byte) (int, error) { return r.z.Read(p) }

func (r *reading) Close() error {
	r.z.Close()
	return r.f.Close()
}

// copyTo writes a content to w and checks it.
func (at Places) copyTo(w io.Writer, i item) error {
	r, err := at.open(i)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), r); err != nil {
		return fmt.Errorf("read what %s held: %w", i.Path, err)
	}
	if !bytes.Equal(h.Sum(nil), i.Sum[:]) {
		return fmt.Errorf("what %s held is damaged on the disk", i.Path)
	}
	return nil
}

// Package blob keeps packs: streams that were made inside sessions and that the
// daemon never looks into. Each is named by the sha-256 of what it holds,
// encrypted, checked by reading it back before it counts, and gone when nothing
// names it any more.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"sync"
	"syscall"

	"volundr/store"
)

// Options are what the blobs stand on; all are required.
type Options struct {
	DB    *store.DB
	Place Place
	// Seal and Open are the vault's.
	Seal func(ctx context.Context, w io.Writer) (io.WriteCloser, error)
	Open func(ctx context.Context, r io.Reader) (io.Reader, error)
}

// Blobs are the packs of a daemon. Safe for use from any goroutine.
type Blobs struct {
	Options

	mu   sync.Mutex
	held map[string]int // digests that will be named soon
}

// New gives the blobs in a place.
func New(o Options) *Blobs { return &Blobs{Options: o, held: map[string]int{}} }

// ErrTooLarge: the pack is larger than it may be.
var ErrTooLarge = errors.New("it is larger than it may be")

// ErrDamaged: what is stored is not what was stored.
var ErrDamaged = errors.New("the stored pack is damaged")

// Owner is whose a blob is.
type Owner struct{ UserID, TenantID string }

// Put stores what r gives, at most limit bytes, and notes it as the owner's;
// parts are the blobs that it names itself. Nothing is stored unless r ended
// with io.EOF and what was written could be read back. The blob is not taken
// away before release was called: until then it should be named by somebody.
// store.ErrFull when the disk is.
func (b *Blobs) Put(ctx context.Context, of Owner, r io.Reader, limit int64, parts ...string) (blob store.Blob, release func(), err error) {
	blob = store.Blob{OwnerID: of.UserID, TenantID: of.TenantID}
	release = func() {}
	fill := func(w io.Writer) (string, error) {
		sealed, err := b.Seal(ctx, w)
		if err != nil {
			return "", err
		}
		sum := sha256.New()
		if blob.Size, err = io.Copy(io.MultiWriter(sealed, sum), io.LimitReader(&until{ctx, r}, limit+1)); err != nil {
			return "", err
		}
		if blob.Size > limit {
			return "", fmt.Errorf("%w (%d MiB)", ErrTooLarge, limit>>20)
		}
		blob.Digest = hex.EncodeToString(sum.Sum(nil))
		return blob.Digest, sealed.Close()
	}
	keep := func(digest string, size int64, back io.Reader) error {
		blob.Stored = size
		if err := b.verify(ctx, digest, back); err != nil {
			return err
		}
		release = b.hold(digest)
		return nil
	}
	err = b.Place.Write(ctx, fill, keep)
	if err == nil {
		err = b.DB.PutBlob(ctx, blob, parts...)
	}
	if err != nil {
		release()
		return store.Blob{}, func() {}, fmt.Errorf("store a pack: %w", explain(err))
	}
	return blob, release, nil
}

// until reads as long as ctx lasts.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

func (b *Blobs) verify(ctx context.Context, digest string, back io.Reader) error {
	clear, err := b.Options.Open(ctx, back)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, &checked{r: &until{ctx, clear}, sum: sha256.New(), want: digest}); err != nil {
		return err
	}
	return nil
}

var name = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Get opens an owner's blob. Reading ends with ErrDamaged unless all of it was
// what its name says. store.ErrNotFound when the owner has no such blob.
func (b *Blobs) Get(ctx context.Context, of Owner, digest string) (io.ReadCloser, store.Blob, error) {
	if !name.MatchString(digest) {
		return nil, store.Blob{}, fmt.Errorf("pack %.64q: %w", digest, store.ErrNotFound)
	}
	blob, err := b.DB.Blob(ctx, of.TenantID, of.UserID, digest)
	if err != nil {
		return nil, blob, fmt.Errorf("pack %s: %w", digest[:12], err)
	}
	file, err := b.Place.Read(ctx, digest)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: its file is gone", ErrDamaged)
	}
	if err != nil {
		return nil, blob, fmt.Errorf("pack %s: %w", digest[:12], err)
	}
	clear, err := b.Options.Open(ctx, file)
	if err != nil {
		file.Close()
		return nil, blob, fmt.Errorf("pack %s: %w", digest[:12], err)
	}
	return &opened{checked{r: clear, sum: sha256.New(), want: digest}, file}, blob, nil
}

// Verify reads an owner's blob from end to end.
func (b *Blobs) Verify(ctx context.Context, of Owner, digest string) error {
	r, _, err := b.Get(ctx, of, digest)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, &until{ctx, r})
	return err
}

// Share makes a blob of one owner another's too, and holds it.
func (b *Blobs) Share(ctx context.Context, from, to Owner, digest string) (release func(), err error) {
	release = b.hold(digest)
	blob, err := b.DB.Blob(ctx, from.TenantID, from.UserID, digest)
	if err == nil && from != to {
		blob.OwnerID, blob.TenantID = to.UserID, to.TenantID
		err = b.DB.PutBlob(ctx, blob)
	}
	if err != nil {
		release()
		return func() {}, fmt.Errorf("pack %.12s: %w", digest, err)
	}
	return release, nil
}

// hold keeps a digest from being taken away.
func (b *Blobs) hold(digest string) (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[digest]++
	return sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.held[digest]--; b.held[digest] == 0 {
			delete(b.held, digest)
		}
	})
}

// explain makes a sentence of a full disk.
func explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: free some space where Volundr's data lies and try again: %w", store.ErrFull, err)
	}
	return err
}

package blob

import (
	"context"
	"errors"
	"fmt"
)

// Sweep takes away the blobs that nothing names, and files without a row, and
// tells how many bytes that freed. It goes on after an error.
func (b *Blobs) Sweep(ctx context.Context) (freed int64, err error) {
	unused, err := b.DB.UnusedBlobs(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for unused packs: %w", err)
	}
	var errs []error
	for _, blob := range unused {
		b.mu.Lock()
		if b.held[blob.Digest] == 0 {
			dropped, last, err := b.DB.DropBlob(ctx, blob)
			if err == nil && dropped && last {
				if err = b.Place.Remove(ctx, blob.Digest); err == nil {
					freed += blob.Stored
				}
			}
			errs = append(errs, err)
		}
		b.mu.Unlock()
	}
	errs = append(errs, b.orphans(ctx))
	return freed, errors.Join(errs...)
}

// orphans takes away files of which no row tells: a kill came in between.
func (b *Blobs) orphans(ctx context.Context) error {
	names, err := b.Place.List(ctx)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !name.MatchString(n) {
			continue // not ours
		}
		if err := b.orphan(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (b *Blobs) orphan(ctx context.Context, digest string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[digest] > 0 {
		return nil
	}
	known, err := b.DB.BlobKnown(ctx, digest)
	if err != nil || known {
		return err
	}
	return b.Place.Remove(ctx, digest)
}

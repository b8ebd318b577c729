package sandbox

import (
	"context"
	"io"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// ListFiles gives what lies in a folder of p's sandbox; "" is the workspace.
func (x *Sandboxes) ListFiles(ctx context.Context, p store.Principal, name, dir string) (wire.SandboxListing, error) {
	var out wire.SandboxListing
	err := x.inside(ctx, p, name, func(in *inner.Client) (err error) {
		if dir != "" && dir != "." && dir != "/" {
			if dir, err = CleanPath(dir); err != nil {
				return err
			}
		} else {
			dir = ""
		}
		out, err = in.List(ctx, dir, false)
		return err
	})
	return out, err
}

// ReadFile opens a file in p's sandbox. Close it.
func (x *Sandboxes) ReadFile(ctx context.Context, p store.Principal, name, path string) (out *inner.File, err error) {
	err = x.inside(ctx, p, name, func(in *inner.Client) error {
		if path, err = CleanPath(path); err != nil {
			return err
		}
		out, err = in.Get(ctx, path)
		return err
	})
	return out, err
}

// WriteFile writes a file in p's sandbox, whole or not at all, with the folders
// above it.
func (x *Sandboxes) WriteFile(ctx context.Context, p store.Principal, name, path string, data io.Reader) error {
	return x.inside(ctx, p, name, func(in *inner.Client) (err error) {
		if path, err = CleanPath(path); err != nil {
			return err
		}
		return in.Put(ctx, path, 0, data)
	})
}

// RemoveFile removes a file in p's sandbox, or a folder with all in it.
func (x *Sandboxes) RemoveFile(ctx context.Context, p store.Principal, name, path string) error {
	return x.inside(ctx, p, name, func(in *inner.Client) (err error) {
		if path, err = CleanPath(path); err != nil {
			return err
		}
		return in.Delete(ctx, path)
	})
}

func (x *Sandboxes) inside(ctx context.Context, p store.Principal, name string, do func(*inner.Client) error) error {
	s, err := x.row(ctx, p, name)
	if err != nil {
		return err
	}
	if err := do(x.guests.of(s)); err != nil {
		if bad, ok := err.(*BadRequest); ok {
			return bad
		}
		return x.trouble(ctx, p, s, err)
	}
	return nil
}

package sandbox

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Staged is a file of the caller's that is laid into the workspace.
type Staged struct{ Path, FileID string }

// resolved are files to stage, opened: they stay readable when they are swept.
type resolved []opened

type opened struct {
	path string
	size int64
	file *os.File
}

func (r resolved) close() {
	for _, f := range r {
		f.file.Close()
	}
}

// CleanPath checks a path below the workspace and gives it without "." and
// empty components. The error is a *BadRequest.
func CleanPath(p string) (string, error) {
	clean, err := wire.SandboxPath(p)
	if err != nil {
		return "", &BadRequest{"File paths must name something in the workspace: " + err.Error()}
	}
	return clean, nil
}

const maxStaged = 1000 // files of one request; each is held open

// resolve opens the files to stage. Nothing was made yet when it fails.
func (x *Sandboxes) resolve(ctx context.Context, p store.Principal, files []Staged) (out resolved, err error) {
	if len(files) > maxStaged {
		return nil, &BadRequest{fmt.Sprintf("At most %d files can be staged: put them into an archive.", maxStaged)}
	}
	defer func() {
		if err != nil {
			out.close()
		}
	}()
	for _, f := range files {
		row, file, err := x.File(ctx, p, f.FileID)
		var missing *FileError
		if errors.As(err, &missing) {
			missing.Path = f.Path
		}
		if err != nil {
			return out, err
		}
		out = append(out, opened{f.Path, row.Size, file})
	}
	for i := range out {
		if out[i].path, err = CleanPath(out[i].path); err != nil {
			return out, err
		}
	}
	return out, nil
}

// stage lays the files into a sandbox. mark: what still is as it was laid is not
// told as produced.
func (x *Sandboxes) stage(ctx context.Context, s store.Session, files resolved, mark bool) error {
	if len(files) == 0 && !mark {
		return nil
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(files.write(w))
	}()
	_, err := x.guests.of(s).Untar(ctx, r, mark)
	r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	<-done
	switch {
	case errors.Is(err, inner.ErrInvalid), errors.Is(err, inner.ErrConflict):
		return &BadRequest{"File paths do not fit together: " + err.Error()}
	case errors.Is(err, inner.ErrFull):
		return &BadRequest{"The files do not fit into the workspace: ask for a larger one, or for fewer files."}
	case err != nil:
		return fmt.Errorf("stage files in %s: %w", s.Name, err)
	}
	return nil
}

func (r resolved) write(w io.Writer) error {
	out := tar.NewWriter(w)
	for _, f := range r {
		if err := out.WriteHeader(&tar.Header{Name: f.path, Mode: 0o644, Size: f.size, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
			return err
		}
		if _, err := io.Copy(out, io.NewSectionReader(f.file, 0, f.size)); err != nil {
			return err
		}
	}
	return out.Close()
}

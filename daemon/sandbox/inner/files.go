package inner

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"volundr/runtime/broker/wire"
)

// File is a file of the workspace that is being read. Close it.
type File struct {
	io.ReadCloser
	Size  int64
	Mode  fs.FileMode // permission bits
	MTime time.Time
}

func at(path string) url.Values { return url.Values{"path": {path}} }

// Get opens a regular file. ErrNotFound; ErrConflict when it is something else.
func (c *Client) Get(ctx context.Context, path string) (*File, error) {
	res, err := c.ask(ctx, wire.SandboxGet, at(path), nil)
	if err != nil {
		return nil, err
	}
	mode, _ := strconv.ParseUint(res.Header.Get(wire.SandboxModeHeader), 8, 32)
	ms, _ := strconv.ParseInt(res.Header.Get(wire.SandboxMTimeHeader), 10, 64)
	return &File{res.Body, res.ContentLength, fs.FileMode(mode).Perm(), time.UnixMilli(ms)}, nil
}

// Put writes a file, whole or not at all, and makes the directories above it.
// mode 0 is 0644. ErrFull when there is no room.
func (c *Client) Put(ctx context.Context, path string, mode fs.FileMode, data io.Reader) error {
	q := at(path)
	if mode != 0 {
		q.Set("mode", strconv.FormatUint(uint64(mode.Perm()), 8))
	}
	return c.send(ctx, wire.SandboxPut, q, data)
}

// Delete removes a file, or a directory with all that is in it. ErrNotFound.
func (c *Client) Delete(ctx context.Context, path string) error {
	return c.call(ctx, wire.SandboxDelete, at(path), nil, nil)
}

// Mkdir makes a directory and those above it.
func (c *Client) Mkdir(ctx context.Context, path string) error {
	return c.call(ctx, wire.SandboxMkdir, at(path), nil, nil)
}

// List gives what lies in a directory, the workspace itself for "" or ".".
func (c *Client) List(ctx context.Context, path string, recursive bool) (l wire.SandboxListing, err error) {
	q := at(path)
	if recursive {
		q.Set("recursive", "1")
	}
	return l, c.call(ctx, wire.SandboxList, q, nil, &l)
}

// Untar lays the files and directories of a tar into the workspace. Entries of
// another kind and paths that SandboxPath refuses are ErrInvalid. With mark,
// Produced will leave out what still holds the same.
func (c *Client) Untar(ctx context.Context, tar io.Reader, mark bool) (s wire.Staged, err error) {
	q := url.Values{}
	if mark {
		q.Set("mark", "1")
	}
	res, err := c.ask(ctx, wire.SandboxUntar, q, tar)
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	return s, json.NewDecoder(io.LimitReader(res.Body, maxDetail)).Decode(&s)
}

// Tar gives a directory as a tar, the workspace itself for "" or ".". Close it.
func (c *Client) Tar(ctx context.Context, path string) (io.ReadCloser, error) {
	res, err := c.ask(ctx, wire.SandboxTar, at(path), nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Produced hands out every regular file that is new or changed since it was
// staged, limit bytes altogether at most; those that do not fit are named in
// the answer. data ends with the file; file need not read all of it.
func (c *Client) Produced(ctx context.Context, limit int64, file func(e wire.SandboxEntry, data io.Reader) error) (wire.Produced, error) {
	var p wire.Produced
	in := &incoming{give: file}
	q := url.Values{"limit": {strconv.FormatInt(limit, 10)}}
	err := c.frames(ctx, wire.SandboxProduced, q, nil, &p, in.frame)
	return p, in.end(err)
}

// incoming turns frames into one call for each file.
type incoming struct {
	give func(wire.SandboxEntry, io.Reader) error
	to   *io.PipeWriter
	done chan error
}

func (in *incoming) frame(kind byte, data []byte) error {
	switch kind {
	case wire.FrameFile:
		if err := in.end(nil); err != nil {
			return err
		}
		var e wire.SandboxEntry
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		if _, err := wire.SandboxPath(e.Path); err != nil {
			return fmt.Errorf("the sandbox names a file: %w", err)
		}
		from, to := io.Pipe()
		in.to, in.done = to, make(chan error, 1)
		go func() {
			err := in.give(e, from)
			from.CloseWithError(errUnread)
			in.done <- err
		}()
	case wire.FrameStdout:
		if in.to == nil {
			return wire.ErrFrame
		}
		in.to.Write(data) // fails once nobody reads on, which is fine
	}
	return nil
}

var errUnread = fmt.Errorf("the rest of the file is not wanted: %w", io.ErrClosedPipe)

// end closes the file that is being handed out, with err if it is cut short.
func (in *incoming) end(err error) error {
	if in.to == nil {
		return err
	}
	in.to.CloseWithError(err) // nil: the end of the file
	in.to = nil
	if given := <-in.done; err == nil {
		err = given
	}
	return err
}

// send writes data to route and expects no answer but yes.
func (c *Client) send(ctx context.Context, route string, q url.Values, data io.Reader) error {
	if data == nil {
		data = http.NoBody
	}
	res, err := c.ask(ctx, route, q, data)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

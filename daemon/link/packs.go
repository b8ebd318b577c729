package link

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// Pack has the session pack something (wire.Pack…) and gives the stream as it
// is made. ctx bounds all of it, reading included. The stream ends with io.EOF
// only if it is whole: what came is what the session says that it packed.
func (l *Links) Pack(ctx context.Context, id, what string, query url.Values) (io.ReadCloser, error) {
	c := l.volumes(id)
	if c == nil {
		return nil, ErrNotConnected
	}
	if err := l.Awake(ctx, id); err != nil {
		return nil, err
	}
	q := ""
	if len(query) > 0 {
		q = "?" + query.Encode()
	}
	res, err := c.send(ctx, wire.PathPack, q, []string{url.PathEscape(what)}, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		return nil, refuse(res.StatusCode, b)
	}
	return &pack{res: res, sum: sha256.New(), failed: func(err error) error { return c.failed(ctx, err) }}, nil
}

// digest is a sum in the making.
type digest interface {
	io.Writer
	Sum([]byte) []byte
}

// pack checks a stream against its trailers.
type pack struct {
	res    *http.Response
	sum    digest
	failed func(error) error
}

func (p *pack) Read(b []byte) (int, error) {
	n, err := p.res.Body.Read(b)
	p.sum.Write(b[:n])
	if err == nil {
		return n, nil
	}
	said := plain(p.res.Trailer.Get(wire.TrailerError), 500)
	switch {
	case said != "":
		return n, &sentence{said, runtime.ErrUnavailable}
	case !errors.Is(err, io.EOF):
		return n, p.failed(err)
	case p.res.Trailer.Get(wire.TrailerDigest) != hex.EncodeToString(p.sum.Sum(nil)):
		return n, &sentence{"The session's pack broke off in the middle.", runtime.ErrUnavailable}
	}
	return n, io.EOF
}

func (p *pack) Close() error { return p.res.Body.Close() }

// Unpack has the session unpack what r gives, if that has the digest. It is
// refused (store.ErrConflict) where something lies already.
func (l *Links) Unpack(ctx context.Context, id, what, digest string, r io.Reader) error {
	c := l.volumes(id)
	if c == nil {
		return ErrNotConnected
	}
	method, path, _ := strings.Cut(wire.PathUnpack, " ")
	path = strings.Replace(path, "{what}", url.PathEscape(what), 1)
	// What breaks off must not look like an end: the body is closed with an
	// error then, and the request is torn down.
	broken := &source{r: r}
	req, err := http.NewRequestWithContext(ctx, method, "http://broker"+path, io.NopCloser(broken))
	if err != nil {
		return err
	}
	req.Header.Set(wire.TrailerDigest, digest)
	res, err := c.client.RoundTrip(req)
	if err != nil {
		if broken.err != nil {
			return fmt.Errorf("read the pack: %w", broken.err)
		}
		return c.failed(ctx, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return c.failed(ctx, err)
	case res.StatusCode >= 300:
		return refuse(res.StatusCode, b)
	}
	return nil
}

// source remembers why reading failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

package link

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

const maxBody = 64 << 20 // bytes of a body by hash

var hash = regexp.MustCompile(`^[0-9a-f]{64}$`)

var (
	errOtherBytes = errors.New("the session gave other bytes than were named")
	errBodyGone   = &sentence{"This output was too large to keep, or had to make room for newer ones. Start the session and open it then.", runtime.ErrUnavailable}
)

// Body gives what an entry names by its SHA-256: the daemon's own copy, or the
// session's while it runs, which is checked to be that.
func (l *Links) Body(ctx context.Context, id, sum string) ([]byte, error) {
	if !hash.MatchString(sum) {
		return nil, ErrBadHash
	}
	b, kept := l.DB.SystemBody(ctx, id, sum)
	if kept == nil || !errors.Is(kept, store.ErrNotFound) && !errors.Is(kept, store.ErrGone) {
		return b, kept
	}
	_, c := l.connected(id)
	switch {
	case c == nil && errors.Is(kept, store.ErrGone):
		return nil, errBodyGone
	case c == nil:
		return nil, ErrNotConnected
	}
	return c.body(ctx, sum, maxBody)
}

// body asks the session for a body.
func (c *conn) body(ctx context.Context, sum string, limit int64) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = c.exchange(ctx, wire.PathBody, []string{sum}, nil, limit, func(b []byte) error {
		got := sha256.Sum256(b)
		if hex.EncodeToString(got[:]) != sum {
			return errOtherBytes
		}
		body = b
		return nil
	})
	return body, err
}

// takeBodies takes over what entries named, one after the other and no faster
// than a journal. What the session does not have, or has too large, is not
// asked for again.
func (s *session) takeBodies(ctx context.Context, c *conn, log *slog.Logger) error {
	for {
		named, err := s.DB.NamedBodies(ctx, s.id, 32)
		if err != nil || len(named) == 0 {
			return err
		}
		for _, sum := range named {
			b, err := c.body(ctx, sum, store.MaxBody)
			r := refused(err)
			switch {
			case err == nil:
			case errors.Is(err, errTooMuch), errors.Is(err, errOtherBytes), r != nil && r.status < 500:
				log.Debug("A body is not kept", "hash", sum, "error", err)
			default:
				return err
			}
			if err := s.bodyBytes.WaitN(ctx, len(b)); err != nil {
				return err
			}
			if err := s.DB.KeepBody(ctx, s.id, sum, b); err != nil {
				return err
			}
		}
	}
}

// bodiesOf gives the hashes that a checked entry names.
func bodiesOf(e store.Entry) (sums []string) {
	if !bytes.Contains(e.Data, []byte(`body":"`)) {
		return nil
	}
	var v struct {
		wire.Tool
		Asked wire.Tool `json:"tool"`
	}
	if e.Type != wire.EntryTool && e.Type != wire.EntryPermission || json.Unmarshal(e.Data, &v) != nil {
		return nil
	}
	for _, t := range []wire.Tool{v.Tool, v.Asked} {
		if hash.MatchString(t.InputBody) {
			sums = append(sums, t.InputBody)
		}
		for _, c := range t.Content {
			if hash.MatchString(c.Body) {
				sums = append(sums, c.Body)
			}
		}
	}
	return sums
}

package link

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// What is taken over in one transaction, at most.
const (
	batchLines = 256
	batchBytes = 2 << 20
)

// maxBad is how many lines of one run may be unreadable.
const maxBad = 100

// follow reads the journal into the store until the connection ends. A stream
// that breaks off is asked for again, from what is stored.
func (s *session) follow(ctx context.Context, c *conn, log *slog.Logger) error {
	s.again(ctx, func(ctx context.Context) error {
		err := s.read(ctx, c, log)
		if ctx.Err() == nil && err != nil {
			log.Warn("Reading the journal broke off", "error", err)
		}
		switch {
		case errors.Is(err, errGap):
			s.set(func() {
				s.trouble = fmt.Sprintf("The record of the conversation has a gap after entry %d. Stop the session and start it again.", s.at)
			})
		case errors.Is(err, errUnreadable):
			s.set(func() {
				s.trouble = "The record of the conversation cannot be read any more. Stop the session and start it again."
			})
		}
		return err
	})
	return ctx.Err()
}

// read follows one stream. The end of the stream is no error.
func (s *session) read(ctx context.Context, c *conn, log *slog.Logger) error {
	row, err := s.DB.SystemSession(ctx, s.id)
	if err != nil {
		return err
	}
	at := row.JournalSeq
	if row.JournalEpoch != c.hello.Epoch {
		at = 0 // another journal: it is read from its beginning
	}
	s.mu.Lock()
	before := s.at // what broke off and is read on is as long as it was
	s.mu.Unlock()
	if at > max(c.hello.Last, before) {
		log.Warn("The journal is shorter than what was read of it", "read", at, "last", c.hello.Last)
	}
	if err := s.reached(ctx, c, at); err != nil {
		return err
	}
	res, err := c.send(ctx, wire.PathJournal, "?after="+strconv.FormatInt(at, 10), nil, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refuse(res.StatusCode, nil)
	}
	in := lines{r: bufio.NewReaderSize(res.Body, 64<<10), limit: s.bytes}
	b := batch{next: at + 1, local: s.Local(row)}
	for {
		line, err := in.next(ctx)
		if err != nil && !errors.Is(err, errUnreadable) {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if limited := s.lines.Wait(ctx); limited != nil {
			return limited
		}
		stop := s.admit(&b, line)
		if stop != nil || !in.more() || len(b.entries) >= batchLines || b.size >= batchBytes {
			if err := s.store(ctx, c, &b, log); err != nil {
				return err
			}
		}
		if stop != nil {
			return stop
		}
	}
}

// batch is what was read and is not stored yet.
type batch struct {
	next    int64 // number that the next line should have
	entries []store.Entry
	size    int
	bodies  bool // some entry names one
	local   bool
}

// admit checks one line (nil: it was too long) and puts its entry into b. The
// error says that nothing after this line can be taken.
func (s *session) admit(b *batch, line []byte) error {
	now := time.Now()
	e, err := check(line, b.next, s.run, now)
	switch {
	case errors.Is(err, errSeen):
		return nil
	case errors.Is(err, errGap):
		return err
	case errors.Is(err, errUnknown):
		s.dropped++
		b.next++
		return nil
	case err != nil:
		if s.bad++; s.bad > maxBad {
			return err
		}
		e = placeholder(b.next, s.run, now)
	}
	e.Bodies = bodiesOf(e)
	b.bodies = b.bodies || len(e.Bodies) > 0
	b.entries = append(b.entries, e)
	b.size += len(e.Data)
	b.next++
	return nil
}

// store stores what was read. What follows from an entry is stored before
// it: after a crash in between the entry is read again, and both are
// idempotent.
func (s *session) store(ctx context.Context, c *conn, b *batch, log *slog.Logger) error {
	for _, e := range b.entries {
		if err := s.consequences(ctx, e, b.local); err != nil {
			return err
		}
	}
	if len(b.entries) > 0 {
		rows, err := s.Tell(ctx, Batch{s.id, c.hello.Epoch, b.local, b.entries})
		if err != nil {
			return err
		}
		added, err := s.DB.AppendJournal(ctx, s.id, c.hello.Epoch, b.entries, rows...)
		if err != nil {
			return err
		}
		log.Debug("Journal read", "upto", b.next-1, "added", added, "dropped", s.dropped, "unreadable", s.bad)
	}
	s.set(func() {
		for _, e := range b.entries {
			s.talk.fold(e)
		}
		s.trouble = ""
		if len(b.entries) > 0 {
			s.told = time.Now()
		}
	})
	signal(s.answers)
	if b.bodies {
		signal(s.bodies)
	}
	b.bodies = false
	b.entries, b.size = b.entries[:0], 0
	return s.reached(ctx, c, b.next-1)
}

// reached notes how far the journal is read, and shows what the agent does once
// that is its present.
func (s *session) reached(ctx context.Context, c *conn, at int64) error {
	s.set(func() {
		s.epoch, s.at = c.hello.Epoch, at
		s.caught = s.caught || at >= c.hello.Last
		close(s.moved)
		s.moved = make(chan struct{})
	})
	return s.show(ctx)
}

// await returns when the journal is read up to last.
func (s *session) await(ctx context.Context, epoch string, last int64) error {
	for {
		s.mu.Lock()
		there, moved := s.epoch == epoch && s.at >= last, s.moved
		s.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// lines reads a stream line by line, no faster than limit and with no more in
// memory than the longest line allowed.
type lines struct {
	r     *bufio.Reader
	limit *rate.Limiter
	buf   []byte
}

// next gives the next line, which is good until the call after it. A line that
// is too long is skipped: errUnreadable.
func (l *lines) next(ctx context.Context) ([]byte, error) {
	l.buf = l.buf[:0]
	long := false
	for {
		piece, err := l.r.ReadSlice('\n')
		if limited := l.limit.WaitN(ctx, len(piece)); limited != nil {
			return nil, limited
		}
		long = long || len(l.buf)+len(piece) > wire.MaxEntry+1
		if !long {
			l.buf = append(l.buf, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil: // a piece without its end was never a line
			return nil, err
		case long:
			return nil, errUnreadable
		}
		return bytes.TrimRight(l.buf, "\r\n"), nil
	}
}

// more reports whether a whole line lies ready.
func (l *lines) more() bool {
	ahead, _ := l.r.Peek(l.r.Buffered())
	return bytes.IndexByte(ahead, '\n') >= 0
}

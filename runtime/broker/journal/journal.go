// Package journal keeps a session's memory: numbered entries in append-only
// segments, one JSON line each, with larger bodies by hash beside them.
//
// An entry is seen by readers only once it is on the disk. Entries are written
// and fsynced in groups, at most Group after the first of them. A disk that is
// full never ends the program: entries wait in memory, a reserve that was laid
// aside is given up for the last of them, and Err says what is wrong.
package journal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"volundr/runtime/broker/wire"
)

// Group is the longest time that an entry waits for company before it is
// written.
const Group = 25 * time.Millisecond

const (
	segmentSize = 8 << 20
	groupSize   = 256 << 10
	reserveSize = 512 << 10
	retryAfter  = time.Second
)

// ErrFull is what Err and Sync return while the disk takes no more.
var ErrFull = errors.New("the session's journal cannot be written")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the journal is closed")

// Journal is open for appending by one process. Its methods may be called from
// any goroutine.
type Journal struct {
	dir   string
	epoch string
	run   int
	now   func() time.Time

	mu      sync.Mutex
	pending []wire.Entry
	size    int           // of pending, roughly
	next    int64         // number of the next entry
	durable int64         // last number on the disk
	segment int64         // first number of the open segment
	length  int64         // of that segment, as far as it is on the disk
	seen    chan struct{} // closed and replaced when durable, err or closed change
	err     error         // why the last write failed; nil again when one succeeds
	closed  bool
	history History

	wake  chan struct{} // to the writer: something is pending
	hurry chan struct{} // to the writer: do not wait for more
	done  chan struct{} // the writer has ended
	out   writer
	low   atomic.Bool // the reserve was given up
}

// Open opens or makes the journal in dir. Entries are stamped with run.
func Open(dir string, run int) (*Journal, error) {
	for _, d := range []string{dir, filepath.Join(dir, bodies), filepath.Join(dir, queue)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
	}
	epoch, err := readEpoch(dir)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{
		dir: dir, epoch: epoch, run: run, now: time.Now,
		seen: make(chan struct{}), wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	if err := j.recover(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	layReserve(dir) // without room the first write says so
	go j.write()
	return j, nil
}

// Epoch names this journal; it changes only when the journal was lost.
func (j *Journal) Epoch() string { return j.epoch }

// History is what the journal said when it was opened.
func (j *Journal) History() History { return j.history }

// Last is the number of the last entry on the disk.
func (j *Journal) Last() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable
}

// Next is the number that the next entry will have if nothing is merged.
func (j *Journal) Next() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// Append takes an entry for the next group. data is the type's struct; a piece
// of text joins the piece before it when both belong to the same block and
// neither is written yet.
func (j *Journal) Append(turn, typ string, data any) {
	raw, err := json.Marshal(data)
	if err != nil || len(raw) > wire.MaxEntry-1024 {
		raw, _ = json.Marshal(wire.Note{Source: "broker", Message: fmt.Sprintf("An entry of type %s was too large to keep (%d bytes).", typ, len(raw))})
		typ = wire.EntryError
	}
	e := wire.Entry{At: j.now().UnixMilli(), Run: j.run, Turn: turn, Type: typ, Data: raw}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	if n := len(j.pending); n > 0 && merge(&j.pending[n-1], e) {
		j.size += len(raw)
		return
	}
	e.Seq = j.next
	j.next++
	j.pending = append(j.pending, e)
	j.size += len(raw)
	nudge(j.wake)
	if j.size > groupSize {
		nudge(j.hurry)
	}
}

// Sync waits until all that was appended so far is on the disk, or cannot get
// there (ErrFull).
func (j *Journal) Sync(ctx context.Context) error {
	j.mu.Lock()
	upto := j.next - 1
	for {
		if j.durable >= upto {
			j.mu.Unlock()
			return nil
		}
		if j.closed {
			j.mu.Unlock()
			return ErrClosed
		}
		if j.err != nil {
			err := j.err
			j.mu.Unlock()
			return err
		}
		seen := j.seen
		j.mu.Unlock()
		nudge(j.hurry)
		select {
		case <-seen:
		case <-ctx.Done():
			return ctx.Err()
		}
		j.mu.Lock()
	}
}

// Err says why nothing can be written now, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Changed is closed at the next change of Last or Err.
func (j *Journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.seen
}

// Close writes what is pending and closes the journal.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		<-j.done
		return nil
	}
	j.closed = true
	j.mu.Unlock()
	nudge(j.wake)
	nudge(j.hurry)
	<-j.done
	return j.Err()
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// merge appends the text of e to last where both are pieces of one block.
func merge(last *wire.Entry, e wire.Entry) bool {
	if last.Type != e.Type || last.Turn != e.Turn || (e.Type != wire.EntryText && e.Type != wire.EntryThought) {
		return false
	}
	var a, b wire.Text
	if json.Unmarshal(last.Data, &a) != nil || json.Unmarshal(e.Data, &b) != nil || a.Block != b.Block || len(a.Text) > 64<<10 {
		return false
	}
	a.Text += b.Text
	data, err := json.Marshal(a)
	if err != nil {
		return false
	}
	last.Data = data
	return true
}

func readEpoch(dir string) (string, error) {
	path := filepath.Join(dir, "epoch")
	b, err := os.ReadFile(path)
	if epoch := strings.TrimSpace(string(b)); err == nil && epoch != "" {
		return epoch, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	epoch := rand.Text()
	return epoch, writeFile(path, []byte(epoch+"\n"))
}

// writeFile puts a whole file in place so that a power cut leaves the old one
// or the new one.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

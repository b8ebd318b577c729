package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"volundr/runtime/broker/wire"
)

// writer is the open segment.
type writer struct {
	file  *os.File
	first int64 // number of its first entry
	size  int64
}

// write is the only goroutine that touches the segments.
func (j *Journal) write() {
	defer close(j.done)
	for {
		<-j.wake
		timer := time.NewTimer(Group)
		select {
		case <-timer.C:
		case <-j.hurry:
			timer.Stop()
		}
		if !j.flush() {
			return
		}
	}
}

// flush writes all that is pending. It reports whether the journal goes on.
func (j *Journal) flush() bool {
	j.mu.Lock()
	batch, closed := j.pending, j.closed
	j.pending, j.size = nil, 0
	j.mu.Unlock()

	var err error
	if len(batch) > 0 {
		err = j.store(batch)
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err != nil:
		j.pending = append(batch, j.pending...)
		j.err = fmt.Errorf("%w: %w", ErrFull, err)
		if !closed {
			time.AfterFunc(retryAfter, func() { nudge(j.wake) })
		}
	default:
		j.err = nil
		if len(batch) > 0 {
			j.durable = batch[len(batch)-1].Seq
			j.segment, j.length = j.out.first, j.out.size
		}
	}
	close(j.seen)
	j.seen = make(chan struct{})
	if !closed {
		return true
	}
	if err == nil && len(j.pending) > 0 {
		nudge(j.wake)
		nudge(j.hurry)
		return true
	}
	if j.out.file != nil {
		j.out.file.Close()
	}
	return false
}

// store appends a batch and syncs it; on error nothing of it remains.
func (j *Journal) store(batch []wire.Entry) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for _, e := range batch {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	err := j.put(buf.Bytes(), batch[0].Seq)
	if err != nil && giveUpReserve(j.dir) {
		j.low.Store(true)
		err = j.put(buf.Bytes(), batch[0].Seq)
	}
	return err
}

func (j *Journal) put(b []byte, first int64) error {
	if j.out.file != nil && j.out.size >= segmentSize {
		j.out.file.Close()
		j.out = writer{}
	}
	if j.out.file == nil {
		f, err := os.OpenFile(segmentPath(j.dir, first), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		if err := syncDir(j.dir); err != nil {
			f.Close()
			return err
		}
		j.out.file, j.out.first = f, first
	}
	_, err := j.out.file.Write(b)
	if err == nil {
		err = j.out.file.Sync()
	}
	if err != nil {
		j.out.file.Truncate(j.out.size)
		return err
	}
	j.out.size += int64(len(b))
	return nil
}

const segmentExt = ".jsonl"

func segmentPath(dir string, first int64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, segmentExt))
}

// The reserve is room laid aside, so that a turn that a full disk stops can
// still say why.

func layReserve(dir string) bool {
	path := filepath.Join(dir, "reserve")
	if st, err := os.Stat(path); err == nil && st.Size() == reserveSize {
		return true
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	_, err = f.Write(make([]byte, reserveSize))
	if err == nil {
		err = f.Sync()
	}
	f.Close()
	if err != nil {
		os.Remove(path)
	}
	return err == nil
}

func giveUpReserve(dir string) bool {
	return os.Remove(filepath.Join(dir, "reserve")) == nil
}

// Low reports whether the reserve was given up: what runs should end now.
func (j *Journal) Low() bool { return j.low.Load() }

// Room reports whether there is room for another turn: nothing waits to be
// written and the reserve is there (again).
func (j *Journal) Room() bool {
	if j.Err() != nil || !layReserve(j.dir) {
		return false
	}
	j.low.Store(false)
	return true
}

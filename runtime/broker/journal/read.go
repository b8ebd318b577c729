package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"volundr/runtime/broker/wire"
)

// Reader gives entries in order, without gaps, each as one JSON line. A line
// that the disk lost is given as an error entry with its number.
type Reader struct {
	j      *Journal
	last   int64 // given
	file   *os.File
	lines  *lines
	queued [][]byte
}

// Read gives a reader of all entries after the number.
func (j *Journal) Read(after int64) *Reader { return &Reader{j: j, last: max(after, 0)} }

// Next waits for the next line. The end of ctx or of the journal is an error.
func (r *Reader) Next(ctx context.Context) ([]byte, error) {
	for {
		if len(r.queued) > 0 {
			line := r.queued[0]
			r.queued = r.queued[1:]
			r.last++
			return line, nil
		}
		changed := r.j.Changed()
		if durable := r.j.Last(); r.last < durable {
			if err := r.fill(durable); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.j.done:
			if r.last >= r.j.Last() {
				return nil, io.EOF
			}
		case <-changed:
		}
	}
}

// fill queues at least one line; durable is greater than last.
func (r *Reader) fill(durable int64) error {
	want := r.last + 1
	for {
		if r.file == nil {
			if err := r.open(want); err != nil {
				return err
			}
		}
		seq, line, err := r.lines.next()
		switch {
		case err == nil && seq < want:
			continue
		case err == nil && seq > durable:
			return fmt.Errorf("journal entry %d is out of order", seq)
		case err == nil:
			for ; want < seq; want++ {
				r.queued = append(r.queued, lost(want))
			}
			r.queued = append(r.queued, line)
			return nil
		case !errors.Is(err, io.EOF):
			return err
		}
		// The segment's end: what it should have held is in a later one or lost.
		next, ok := r.j.segmentAfter(r.lines.first)
		if !ok || next > durable {
			for ; want <= durable; want++ {
				r.queued = append(r.queued, lost(want))
			}
			r.Close()
			return nil
		}
		r.Close()
		for ; want < next; want++ {
			r.queued = append(r.queued, lost(want))
		}
		if len(r.queued) > 0 {
			return nil
		}
	}
}

func (r *Reader) open(seq int64) error {
	firsts, err := segments(r.j.dir)
	if err != nil {
		return err
	}
	if len(firsts) == 0 {
		return fmt.Errorf("journal has no segment for entry %d", seq)
	}
	i, found := slices.BinarySearch(firsts, seq)
	if !found {
		i = max(i-1, 0)
	}
	f, err := os.Open(segmentPath(r.j.dir, firsts[i]))
	if err != nil {
		return err
	}
	r.file, r.lines = f, newLines(&tail{j: r.j, file: f, first: firsts[i]}, firsts[i])
	return nil
}

// tail reads a segment as far as it is known to be on the disk: what lies
// behind may still be taken back.
type tail struct {
	j     *Journal
	file  *os.File
	first int64
	off   int64
}

func (t *tail) Read(p []byte) (int, error) {
	t.j.mu.Lock()
	limit := int64(math.MaxInt64)
	if t.first == t.j.segment {
		limit = t.j.length
	}
	t.j.mu.Unlock()
	if left := limit - t.off; left <= 0 {
		return 0, io.EOF
	} else if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := t.file.Read(p)
	t.off += int64(n)
	return n, err
}

// Close frees the reader. Next opens again what it needs.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file, r.lines = nil, nil
	return err
}

func (j *Journal) segmentAfter(first int64) (int64, bool) {
	firsts, err := segments(j.dir)
	if err != nil {
		return 0, false
	}
	i, found := slices.BinarySearch(firsts, first)
	if found {
		i++
	}
	if i >= len(firsts) {
		return 0, false
	}
	return firsts[i], true
}

// segments gives the first numbers of the segments, ascending.
func segments(dir string) ([]int64, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+segmentExt))
	if err != nil {
		return nil, err
	}
	var firsts []int64
	for _, n := range names {
		first, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(n), segmentExt), 10, 64)
		if err == nil && first > 0 {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

func lost(seq int64) []byte {
	data, _ := json.Marshal(wire.Note{Source: "disk", Message: "A line of the journal was lost or cannot be read."})
	line, _ := json.Marshal(wire.Entry{Seq: seq, Type: wire.EntryError, Data: data})
	return append(line, '\n')
}

// lines reads the valid lines of a segment with ascending numbers and passes
// over everything else.
type lines struct {
	r     *bufio.Reader
	first int64
	last  int64
	end   int64 // offset after the last valid line
	at    int64
}

func newLines(r io.Reader, first int64) *lines {
	return &lines{r: bufio.NewReaderSize(r, 64<<10), first: first, last: first - 1}
}

// next gives a line with its newline, or io.EOF. A last line without newline is
// not given; it can be read again when more of it is there.
func (l *lines) next() (int64, []byte, error) {
	for {
		line, err := l.readLine()
		if err != nil {
			return 0, nil, err
		}
		l.at += int64(len(line))
		var head struct {
			Seq  int64  `json:"seq"`
			Type string `json:"type"`
		}
		if len(line) > wire.MaxEntry+1024 || json.Unmarshal(line, &head) != nil || head.Seq <= l.last || head.Type == "" {
			continue
		}
		if head.Seq-l.last > 1<<20 {
			continue // a number that no segment reaches: garbage
		}
		l.last, l.end = head.Seq, l.at
		return head.Seq, line, nil
	}
}

func (l *lines) readLine() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if err == nil {
		return bytes.Clone(line), nil
	}
	var long []byte
	for errors.Is(err, bufio.ErrBufferFull) {
		long = append(long, line...)
		line, err = l.r.ReadSlice('\n')
	}
	if err != nil {
		return nil, err
	}
	return append(long, line...), nil
}

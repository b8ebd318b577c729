package wire

import (
	"encoding/binary"
	"io"
)

const (
	muxHead  = 12       // bytes of the head of a frame of yamux
	muxWhole = 64 << 10 // bytes of a body that is worth a copy
)

// WholeFrames has a yamux session on c write each small frame at once. It
// writes a head and then the body; on the way through an engine each write is
// carried on its own, by four programs.
func WholeFrames(c io.ReadWriteCloser) io.ReadWriteCloser { return &wholeFrames{ReadWriteCloser: c} }

// wholeFrames keeps the head of a frame that has a body until that comes: the
// session has one writer, and writes nothing in between.
type wholeFrames struct {
	io.ReadWriteCloser
	kept []byte
}

func (w *wholeFrames) Write(b []byte) (int, error) {
	if len(w.kept) == 0 && bodyFollows(b) {
		w.kept = append(w.kept[:0], b...)
		return len(b), nil
	}
	if len(w.kept) == 0 {
		return w.ReadWriteCloser.Write(b)
	}
	head := w.kept
	w.kept = w.kept[:0]
	if len(b) > muxWhole {
		if _, err := w.ReadWriteCloser.Write(head); err != nil {
			return 0, err
		}
		return w.ReadWriteCloser.Write(b)
	}
	n, err := w.ReadWriteCloser.Write(append(head, b...))
	return max(0, n-muxHead), err
}

// bodyFollows reports whether b is the head of a frame of data that is not
// empty: version 0, type 0, flags, stream, length.
func bodyFollows(b []byte) bool {
	return len(b) == muxHead && b[0] == 0 && b[1] == 0 && binary.BigEndian.Uint32(b[8:]) > 0
}

package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kinds of frames in a sandbox's answers: a byte that names the kind, the
// length as four bytes, most significant first, and that many bytes.
const (
	FrameStart  byte = 's' // RunStarted
	FrameFile   byte = 'f' // SandboxEntry; its bytes follow as FrameStdout
	FrameStdout byte = 'o' // bytes
	FrameStderr byte = 'e' // bytes
	FrameResult byte = 'r' // SandboxResult or Produced; the last one
	FrameError  byte = 'x' // Problem; the last one, in place of the result
)

// MaxFrame is the longest frame in bytes.
const MaxFrame = 1 << 20

// FrameContent is the content type of answers in frames.
const FrameContent = "application/vnd.volundr.frames"

// ErrFrame is what ReadFrame returns for bytes that are no frame.
var ErrFrame = errors.New("not a frame of a sandbox")

// AppendFrame appends a frame to b.
func AppendFrame(b []byte, kind byte, data []byte) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// AppendFrameJSON appends a frame with v as JSON to b.
func AppendFrameJSON(b []byte, kind byte, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err == nil && len(data) > MaxFrame {
		err = fmt.Errorf("a frame of %d bytes is too long", len(data))
	}
	if err != nil {
		return b, err
	}
	return AppendFrame(b, kind, data), nil
}

// ReadFrame reads the next frame. data is valid until the next call with the
// same buf, which ReadFrame returns grown. io.EOF before a frame,
// io.ErrUnexpectedEOF within one.
func ReadFrame(r *bufio.Reader, buf []byte) (kind byte, data, grown []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, buf, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > MaxFrame {
		return 0, nil, buf, fmt.Errorf("%w: %d bytes", ErrFrame, n)
	}
	if uint32(cap(buf)) < n {
		buf = make([]byte, max(int(n), 2*cap(buf), 512))
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, buf, err
	}
	return head[0], buf, buf, nil
}

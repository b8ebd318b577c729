package wire

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// The handshake: the broker sends a greeting with a nonce, the daemon answers
// with what it wants and a signature over nonce, session and port, the broker
// says yes or why not. One JSON line each. Nothing that can be read inside a
// session makes such a signature, so the port is closed to everybody else.

const maxLine = 1024

type greeting struct {
	Volundr int    `json:"volundr"` // Version
	Nonce   string `json:"nonce"`
}

type request struct {
	Volundr   int    `json:"volundr"`
	Session   string `json:"session"`
	Port      int    `json:"port"`
	Signature string `json:"signature"`
}

type verdict struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// ErrRefused is what Client returns when the broker says no.
var ErrRefused = errors.New("refused by the session")

func message(nonce, session string, port int) []byte {
	return fmt.Appendf(nil, "volundr connect v1\n%s\n%s\n%d", nonce, session, port)
}

// Client does the daemon's side on conn, which then is a byte stream to port on
// the session's loopback, or the link when port is 0. On error conn is closed.
func Client(conn net.Conn, key ed25519.PrivateKey, session string, port int) (net.Conn, error) {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	br := bufio.NewReaderSize(conn, maxLine)
	err := func() error {
		var g greeting
		if err := readLine(br, &g); err != nil {
			return err
		}
		if g.Volundr != Version && g.Volundr != Version-1 {
			return fmt.Errorf("session speaks protocol %d, this daemon %d: stop and start the session", g.Volundr, Version)
		}
		sig := base64.StdEncoding.EncodeToString(ed25519.Sign(key, message(g.Nonce, session, port)))
		if err := writeLine(conn, request{Version, session, port, sig}); err != nil {
			return err
		}
		var v verdict
		if err := readLine(br, &v); err != nil {
			return err
		}
		if !v.OK {
			return fmt.Errorf("%w: %s", ErrRefused, v.Error)
		}
		return nil
	}()
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return &buffered{Conn: conn, r: br}, nil
}

// Server does the broker's side: it checks the signature and returns the port
// asked for, or PortMany. accept opens what the port stands for before the broker says yes;
// its error is told to the daemon. On error conn is closed.
func Server(conn net.Conn, key ed25519.PublicKey, session string, accept func(port int) error) (net.Conn, int, error) {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	br := bufio.NewReaderSize(conn, maxLine)
	port, err := func() (int, error) {
		nonce := rand.Text()
		if err := writeLine(conn, greeting{Version, nonce}); err != nil {
			return 0, err
		}
		var r request
		if err := readLine(br, &r); err != nil {
			return 0, err
		}
		sig, err := base64.StdEncoding.DecodeString(r.Signature)
		if err != nil || r.Session != session || !ed25519.Verify(key, message(nonce, session, r.Port), sig) {
			writeLine(conn, verdict{Error: "wrong signature"})
			return 0, errors.New("wrong signature")
		}
		if r.Port < 0 && r.Port != PortMany || r.Port > 65535 {
			writeLine(conn, verdict{Error: "no such port"})
			return 0, errors.New("no such port")
		}
		if err := accept(r.Port); err != nil {
			writeLine(conn, verdict{Error: err.Error()})
			return 0, err
		}
		return r.Port, writeLine(conn, verdict{OK: true})
	}()
	if err != nil {
		conn.Close()
		return nil, 0, err
	}
	conn.SetDeadline(time.Time{})
	return &buffered{Conn: conn, r: br}, port, nil
}

func readLine(br *bufio.Reader, v any) error {
	line, err := br.ReadSlice('\n') // fails beyond maxLine
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nil
}

func writeLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, strings.NewReader(string(b)+"\n"))
	return err
}

// buffered gives back what the handshake's reader read ahead, then steps aside.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) {
	if b.r != nil && b.r.Buffered() > 0 {
		return b.r.Read(p)
	}
	b.r = nil
	return b.Conn.Read(p)
}

// WriteTo and ReadFrom let the kernel move the bytes where it can.
func (b *buffered) WriteTo(w io.Writer) (int64, error) {
	var n int64
	if b.r != nil && b.r.Buffered() > 0 {
		ahead, _ := b.r.Peek(b.r.Buffered())
		m, err := w.Write(ahead)
		b.r.Discard(m)
		if n = int64(m); err != nil {
			return n, err
		}
	}
	b.r = nil
	m, err := io.Copy(w, b.Conn)
	return n + m, err
}

func (b *buffered) ReadFrom(r io.Reader) (int64, error) { return io.Copy(b.Conn, r) }

// NetConn gives the connection itself; nil while some of what came on it is
// still to be read here.
func (b *buffered) NetConn() net.Conn {
	if b.r != nil && b.r.Buffered() > 0 {
		return nil
	}
	return b.Conn
}

// CloseWrite passes half-close on where the connection can.
func (b *buffered) CloseWrite() error {
	if c, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return b.Close()
}

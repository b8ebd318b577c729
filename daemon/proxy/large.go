package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
)

// large is how long a body must be, in bytes, to be worth a connection of its
// own: those that were moved past the transport are closed with it.
const large = 1 << 20

// rest is a large body whose head the proxy has answered and which the handler
// then moves from connection to connection, without copying it through the
// daemon where the kernel can.
type rest struct {
	body io.ReadCloser // the transport's; holds what was read ahead
	conn net.Conn      // under it
	size int64         // bytes of the whole body
}

// netConn is a connection that wraps another one, from which all that comes is
// to be read. It gives nil while it holds bytes itself.
type netConn interface{ NetConn() net.Conn }

// fetch sends a request and takes a large body out of its answer.
func fetch(t *http.Transport, r *http.Request, into *rest) (*http.Response, error) {
	var conn net.Conn
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { conn = i.Conn }}
	res, err := t.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil || r.Method != http.MethodGet || res.ContentLength < large {
		return res, err
	}
	if wrapped, ok := conn.(netConn); ok {
		conn = wrapped.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		*into = rest{body: res.Body, conn: tcp, size: res.ContentLength}
		res.Body = http.NoBody
	}
	return res, nil
}

// move sends it to the browser. The connection cannot be used again: closing a
// body that the transport has not seen the end of closes it.
func (l *rest) move(w io.Writer) error {
	if l.body == nil {
		return nil
	}
	defer l.body.Close()
	// The first read takes what the transport had read ahead, which its buffer
	// bounds; all that follows is on the connection.
	ahead := make([]byte, readBuffer)
	n, err := l.body.Read(ahead)
	if err != nil && err != io.EOF {
		return err
	}
	if _, err := w.Write(ahead[:n]); err != nil {
		return err
	}
	_, err = io.CopyN(w, l.conn, l.size-int64(n))
	return err
}

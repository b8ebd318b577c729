package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
)

// upgrade sends a request that asks for another protocol. When the program
// agrees, bytes are moved between the two connections by the kernel where it
// can.
func upgrade(t *http.Transport, r *http.Request) (*http.Response, error) {
	var conn net.Conn
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { conn = i.Conn }}
	res, err := t.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		return res, err
	}
	if body, ok := res.Body.(io.ReadWriteCloser); ok {
		res.Body = &upgraded{body, conn}
	}
	return res, nil
}

// upgraded is the program's side: the body that the transport gave, and the
// connection under it.
type upgraded struct {
	io.ReadWriteCloser
	conn net.Conn
}

// WriteTo implements io.WriterTo. The first read takes what the transport had
// read ahead, which its buffer bounds; all that follows is on the connection.
func (u *upgraded) WriteTo(w io.Writer) (int64, error) {
	ahead := make([]byte, readBuffer)
	n, err := u.Read(ahead)
	n, werr := w.Write(ahead[:n])
	switch {
	case werr != nil:
		return int64(n), werr
	case err == io.EOF:
		return int64(n), nil
	case err != nil:
		return int64(n), err
	}
	m, err := io.Copy(w, u.conn)
	return int64(n) + m, err
}

// ReadFrom implements io.ReaderFrom.
func (u *upgraded) ReadFrom(r io.Reader) (int64, error) { return io.Copy(u.conn, r) }

// CloseWrite passes half-close on.
func (u *upgraded) CloseWrite() error {
	if c, ok := u.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return u.Close()
}

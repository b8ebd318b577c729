package daemon

import (
	"crypto/tls"
	"io/fs"
	"log/slog"
	"os"
	"sync"
)

// certificate is a pair of files that is read again when they have changed: who
// renews it need not end the daemon.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu    sync.Mutex
	pair  *tls.Certificate
	files [2]fs.FileInfo // as they were when they were last read, in vain too
}

func newCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	files, err := c.look()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	c.pair, c.files = &pair, files
	return c, nil
}

// get gives the pair for a new connection. While what lies there is no pair, as
// in the middle of being renewed, it is the last one that was.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, err := c.look()
	if err != nil || unchanged(files[0], c.files[0]) && unchanged(files[1], c.files[1]) {
		return c.pair, nil
	}
	c.files = files // before they are read: what is written meanwhile is another change
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		c.log.Warn("The certificate has changed and cannot be used; the one before it still is", "file", c.cert, "error", err)
		return c.pair, nil
	}
	c.pair = &pair
	c.log.Info("The certificate was read again", "file", c.cert)
	return c.pair, nil
}

func (c *certificate) look() (out [2]fs.FileInfo, err error) {
	if out[0], err = os.Stat(c.cert); err == nil {
		out[1], err = os.Stat(c.key)
	}
	return out, err
}

func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

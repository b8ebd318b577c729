package cli_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// public makes a certificate for volundr.test and *.surfaces.test, which commands
// trust from then on, and leads all that they ask by https to $PUBLIC, a free
// address: `public DIR` leaves tls.crt and tls.key there.
func public(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: public DIR")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10*24*time.Hour + time.Minute),
		DNSNames: []string{"volundr.test", "*.surfaces.test"}, IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	ts.Check(os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))

	free, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	to := free.Addr().String()
	ts.Check(free.Close())
	way, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := way.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { tunnel(c, to) })
		}
	})
	ts.Defer(func() { way.Close(); conns.Wait() })
	ts.Setenv("PUBLIC", to)
	ts.Setenv("HTTPS_PROXY", "http://"+way.Addr().String())
	ts.Setenv("SSL_CERT_FILE", filepath.Join(dir, "tls.crt"))
}

// tunnel answers CONNECT to whatever name, and leads to one address.
func tunnel(c net.Conn, to string) {
	defer c.Close()
	in := bufio.NewReader(c)
	if _, err := http.ReadRequest(in); err != nil {
		return
	}
	d, err := net.Dial("tcp", to)
	if err != nil {
		io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer d.Close()
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(d, in); d.Close() }() // ends with either connection
	io.Copy(c, d)
}

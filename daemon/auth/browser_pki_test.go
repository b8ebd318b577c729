//go:build linux

package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"testing"
	"time"
)

// pki is the certificate of all servers of a world of public addresses.
type pki struct {
	pair tls.Certificate
	spki string // hash of its key, by which a browser is told to trust it
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost", "*.acme.test", "*.volundr.acme.test", "*.two.test", "*.two-surfaces.test"}}
	raw, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return &pki{tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, base64.StdEncoding.EncodeToString(sum[:])}
}

func (p *pki) config() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{p.pair}} }

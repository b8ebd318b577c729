package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/daemon/config"
)

// newPair gives the two halves of a certificate that signed itself.
func newPair(t *testing.T, serial int64, until time.Time, names ...string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: until.Add(-90 * 24 * time.Hour), NotAfter: until}
	raw, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func put(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func publicConfig(dir string) config.Config {
	return config.Config{Public: &config.Public{URL: "https://volundr.test", Address: "127.0.0.1:0", Surfaces: "*.surfaces.test",
		TLS: config.TLS{Cert: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}}}
}

// A certificate that was renewed counts for the next connection; one that is half
// written, gone or no certificate leaves the one before it in use.
func TestACertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cfg := publicConfig(dir)
	crt, key := cfg.Public.TLS.Cert, cfg.Public.TLS.Key
	if _, err := newPublic(cfg, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("an address without its certificate")
	}
	c1, k1 := newPair(t, 1, time.Now().Add(time.Hour), "volundr.test")
	put(t, crt, c1)
	put(t, key, k1)
	p, err := newPublic(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	go func() { // ends with the listener
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			go func() { c.(*tls.Conn).Handshake(); c.Close() }()
		}
	}()
	serial := func() int64 {
		t.Helper()
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", p.listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	expect := func(what string, want int64) {
		t.Helper()
		if got := serial(); got != want {
			t.Errorf("%s: certificate %d, want %d", what, got, want)
		}
	}
	expect("at first", 1)
	c2, k2 := newPair(t, 2, time.Now().Add(time.Hour), "volundr.test")
	put(t, crt, c2)
	expect("only the certificate is there", 1)
	put(t, key, k2)
	expect("both are there", 2)
	put(t, crt, []byte("no certificate"))
	expect("none", 2)
	if err := os.Remove(crt); err != nil {
		t.Fatal(err)
	}
	expect("gone", 2)
	c3, k3 := newPair(t, 3, time.Now().Add(time.Hour), "volundr.test")
	put(t, key, k3)
	put(t, crt, c3)
	expect("back", 3)
}

func TestWhatTheDoctorSaysOfThePublicAddress(t *testing.T) {
	dir := t.TempDir()
	cfg := publicConfig(dir)
	now := time.Now()
	look := func(cert, key []byte) (status, words string) {
		put(t, cfg.Public.TLS.Cert, cert)
		put(t, cfg.Public.TLS.Key, key)
		for _, f := range doctorPublic(t.Context(), cfg, "abcdefgh", now) {
			if f.Name == "Certificate" {
				return f.Status, f.Detail + " " + f.Advice
			}
		}
		return "", ""
	}
	both := []string{"volundr.test", "*.surfaces.test"}
	day := 24 * time.Hour
	for what, c := range map[string]struct {
		until  time.Time
		names  []string
		status string
		words  string
	}{
		"good":                   {now.Add(30 * day), both, "ok", "good until " + now.Add(30*day).UTC().Format("2 January 2006")},
		"soon":                   {now.Add(13*day + time.Hour), both, "warning", "ends in 13 days"},
		"over":                   {now.Add(-day), both, "error", "ended on"},
		"not yet":                {now.Add(100 * day), both, "error", "clock"},
		"not for surfaces":       {now.Add(30 * day), both[:1], "error", "*.surfaces.test"},
		"not for the UI":         {now.Add(30 * day), both[1:], "error", "not for volundr.test"},
		"not for surfaces, soon": {now.Add(day), both[:1], "error", "not for probe-abcdefgh.surfaces.test"},
	} {
		cert, key := newPair(t, 1, c.until, c.names...)
		if status, words := look(cert, key); status != c.status || !strings.Contains(words, c.words) {
			t.Errorf("%s: %s, %s", what, status, words)
		}
	}
	if status, words := look([]byte("x"), []byte("y")); status != "error" || !strings.Contains(words, "pair in PEM") {
		t.Errorf("no pair: %s, %s", status, words)
	}
	all := doctorPublic(t.Context(), cfg, "abcdefgh", now)
	text := ""
	for _, f := range all {
		text += f.Status + " " + f.Name + ": " + f.Detail + "\n"
	}
	for _, want := range []string{"ok Public address: https://volundr.test", "ok Surfaces: *.surfaces.test: of another site", "warning Name volundr.test: ", "warning Name probe-abcdefgh.surfaces.test: "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if cfg.Public = nil; doctorPublic(t.Context(), cfg, "abcdefgh", now) != nil {
		t.Error("findings of no public address")
	}
}

package proxy

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"volundr/daemon/auth"
)

// TestLargeBodiesComeWhole, in one piece or in slow ones, asked for alone or
// beside each other, and nothing after them is lost.
func TestLargeBodiesComeWhole(t *testing.T) {
	data := make([]byte, 5<<20+77)
	rand.NewChaCha8([32]byte{1}).Read(data)
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/small" {
			io.WriteString(w, "small")
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 300<<10)
			w.Write(rest[:n])
			w.(http.Flusher).Flush()
			rest = rest[n:]
		}
	}))
	host, want := x.open(auth.Preview, 3000), sha256.Sum256(data)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				r, _ := http.NewRequest("GET", x.server.URL+"/large", nil)
				r.Host = host
				res, err := x.server.Client().Transport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.ContentLength != int64(len(data)) || sha256.Sum256(got) != want {
					t.Errorf("%d bytes of %d came, %v", len(got), len(data), err)
				}
			}
		})
	}
	wg.Wait()
	if got := body(t, x.do("GET", host, "/small")); got != "small" {
		t.Errorf("after large bodies came %q", got)
	}
	if head := x.do("HEAD", host, "/large"); head.ContentLength != int64(len(data)) || body(t, head) != "" {
		t.Errorf("HEAD says %d", head.ContentLength)
	}
}

// TestALargeBodyThatBreaksOffIsNotTakenForWhole: the program dies in the middle,
// or the login ends.
func TestALargeBodyThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	block := bytes.Repeat([]byte("x"), 1<<20)
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(8*len(block)))
		w.Write(block)
		w.(http.Flusher).Flush()
		if r.URL.Path == "/dies" {
			panic(http.ErrAbortHandler)
		}
		<-r.Context().Done()
	}))
	host := x.open(auth.Preview, 3000)
	if n, err := io.Copy(io.Discard, x.do("GET", host, "/dies").Body); err == nil {
		t.Errorf("%d bytes of a body that broke off came without an error", n)
	}
	cut := x.do("GET", host, "/waits")
	if _, err := io.CopyN(io.Discard, cut.Body, int64(len(block))); err != nil {
		t.Fatal(err)
	}
	if err := x.auth.Revoke(t.Context(), auth.Local, x.login.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, cut.Body); err == nil {
		t.Errorf("%d more bytes came, and no error, after the login ended", n)
	}
}

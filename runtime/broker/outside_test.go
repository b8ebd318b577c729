package broker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/yamux"
)

// daemonLink connects a handler as a daemon would and returns what breaks it.
func daemonLink(t *testing.T, l *links, h http.Handler) (cut func()) {
	t.Helper()
	ours, theirs := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { l.serve(ours, http.NotFoundHandler(), slog.New(slog.DiscardHandler)) })
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	s, err := yamux.Client(theirs, config)
	if err != nil {
		t.Fatal(err)
	}
	wg.Go(func() { http.Serve(s, h) })
	return sync.OnceFunc(func() { s.Close(); theirs.Close(); wg.Wait() })
}

func TestOutside(t *testing.T) {
	var cuts atomic.Int32
	l := newLinks()
	o := &outside{links: l, hold: 10 * time.Second, cut: func(string) { cuts.Add(1) }}
	srv := httptest.NewServer(o)
	defer srv.Close()
	post := func(path, body string) (*http.Response, error) {
		return http.Post(srv.URL+path, "text/plain", strings.NewReader(body))
	}

	t.Run("other paths are not passed on", func(t *testing.T) {
		for _, path := range []string{"/", "/v1/hello", "/models", "/api/v1/sessions"} {
			res, err := post(path, "")
			if err != nil || res.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %v %v", path, res, err)
			}
		}
	})
	t.Run("a request waits for a daemon", func(t *testing.T) {
		got := make(chan string)
		go func() {
			res, err := post("/models/x", "body")
			if err != nil {
				got <- err.Error()
				return
			}
			b, _ := io.ReadAll(res.Body)
			got <- string(b)
		}()
		select {
		case s := <-got:
			t.Fatalf("answered without a daemon: %s", s)
		case <-time.After(100 * time.Millisecond):
		}
		cut := daemonLink(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s", r.URL.Path, b)
		}))
		defer cut()
		if s := <-got; s != "/models/x body" {
			t.Errorf("answer %q", s)
		}
	})
	t.Run("what reached nobody is asked again", func(t *testing.T) {
		asked := make(chan string, 1)
		cut := daemonLink(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.(http.Flusher).Flush() // headers, but nothing of the body
			asked <- string(b)
			<-r.Context().Done()
		}))
		got := make(chan string)
		go func() {
			res, err := post("/models/x", "body")
			if err != nil {
				got <- err.Error()
				return
			}
			b, err := io.ReadAll(res.Body)
			got <- fmt.Sprint(string(b), err)
		}()
		<-asked
		cut()
		cut = daemonLink(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "again %s", b)
		}))
		defer cut()
		if s := <-got; s != "again body<nil>" {
			t.Errorf("answer %q", s)
		}
		if n := cuts.Load(); n != 0 {
			t.Errorf("%d cuts", n)
		}
	})
	t.Run("a tool is asked once, and its stream is open before it speaks", func(t *testing.T) {
		asked := make(chan string, 2)
		cut := daemonLink(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			asked <- r.URL.Path
			<-r.Context().Done()
		}))
		res, err := post("/mcp/far", "{}")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", res, err)
		}
		cut()
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("an answer that was cut seems whole")
		}
		cut = daemonLink(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked <- r.URL.Path; panic(http.ErrAbortHandler) }))
		defer cut()
		res, err = post("/mcp/far", "{}")
		if err != nil || res.StatusCode != http.StatusBadGateway || len(asked) != 2 {
			t.Errorf("%v %v, asked %d times", res, err, len(asked))
		}
		if n := cuts.Load(); n != 0 {
			t.Errorf("%d cuts of a model's answer", n)
		}
	})
	t.Run("what is cut in the middle is reset", func(t *testing.T) {
		begun := make(chan bool)
		cut := daemonLink(t, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "half")
			w.(http.Flusher).Flush()
			<-begun
			<-r.Context().Done()
		}))
		res, err := post("/models/x", "")
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4)
		io.ReadFull(res.Body, b)
		begun <- true
		cut()
		rest, err := io.ReadAll(res.Body)
		if string(b) != "half" || len(rest) != 0 || err == nil {
			t.Errorf("read %q %q %v, want an error after half", b, rest, err)
		}
		if n := cuts.Load(); n != 1 {
			t.Errorf("%d cuts, want 1", n)
		}
	})
}

func TestOutsideGivesUpWithASentence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{links: newLinks(), hold: holdOutside, cut: func(string) {}}
		w := httptest.NewRecorder()
		began := time.Now()
		o.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "POST", "/models/anthropic/v1/messages", strings.NewReader("{}")))
		if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "volundr up") || time.Since(began) != holdOutside {
			t.Errorf("%d %q after %s", w.Code, w.Body, time.Since(began))
		}
	})
}

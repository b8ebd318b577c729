package model

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// stream writes server-sent events.
type stream struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	flush *http.ResponseController
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request) *stream {
	s.mu.Lock()
	s.streams++
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	return &stream{s, w, r, http.NewResponseController(w)}
}

func (st *stream) close() {
	st.s.mu.Lock()
	st.s.streams--
	st.s.mu.Unlock()
}

func (st *stream) event(name string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err) // our own maps
	}
	fmt.Fprintf(st.w, "event: %s\ndata: %s\n\n", name, b)
	st.flush.Flush()
}

// words calls say with the text, piece by piece; with pauses when slow. It
// reports whether the client is still there.
func (st *stream) words(text string, slow bool, say func(string)) bool {
	if !slow {
		for _, p := range pieces(text, 40) {
			say(p)
		}
		return true
	}
	for _, w := range strings.SplitAfter(text, " ") {
		st.s.mu.Lock()
		paused, tick := st.s.paused, st.s.tick
		st.s.mu.Unlock()
		for _, wait := range []<-chan struct{}{paused, after(tick)} {
			select {
			case <-wait:
			case <-st.r.Context().Done():
				return false
			}
		}
		say(w)
	}
	return true
}

func after(d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(d, func() { close(c) })
	return c
}

// pieces cuts a text where characters begin.
func pieces(s string, n int) []string {
	var out []string
	for len(s) > n {
		i := n
		for i < len(s) && s[i]&0xC0 == 0x80 {
			i++
		}
		out, s = append(out, s[:i]), s[i:]
	}
	return append(out, s)
}

package runtimetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"volundr/runtime"
)

var logCases = []test{
	{"Logs/of a running part", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		// The two streams have no order but time's, and a line without an end may
		// be held back until there is no more.
		agent(t, &spec).Command = idle(`trap "printf 'no newline at the end'" EXIT; for i in 1 2 3 4 5; do echo line $i; done; sleep 0.5; echo to stderr >&2`)
		s.start(t, spec)
		want := []string{"line 1", "line 2", "line 3", "line 4", "line 5", "to stderr", "no newline at the end"}
		s.logged(t, spec.ID, runtime.LogOptions{}, want[:6])
		t.Run("the last lines only", func(t *testing.T) {
			s.logged(t, spec.ID, runtime.LogOptions{Tail: 3}, want[3:6])
		})
		t.Run("of an ended part", func(t *testing.T) {
			s.end(t, spec.ID, runtime.PartAgent, 3)
			s.await(t, spec.ID, "partial", func(w runtime.Workload) bool { return w.State == runtime.Partial })
			s.logged(t, spec.ID, runtime.LogOptions{Part: runtime.PartAgent, Tail: 2}, want[5:])
		})
	}},
	{"Logs/followed until the part ends", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		agent(t, &spec).Command = idle(`echo first; (while [ ! -e /tmp/more ]; do sleep 0.1; done; echo second) &`)
		s.start(t, spec)
		r, err := s.rt.Logs(s.ctx(t), spec.ID, runtime.LogOptions{Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		lines := bufio.NewScanner(r)
		next := func(want string) {
			t.Helper()
			if !lines.Scan() || text(t, lines.Text()) != want {
				t.Fatalf("got %q %v, want %q", lines.Text(), lines.Err(), want)
			}
		}
		next("first")
		s.sh(t, spec.ID, "touch /tmp/more")
		next("second")
		s.end(t, spec.ID, runtime.PartAgent, 0)
		if lines.Scan() {
			t.Errorf("more: %q", lines.Text())
		}
		if lines.Err() != nil {
			t.Errorf("the end is an error: %v", lines.Err())
		}
	}},
	{"Logs/followed until the reader is closed", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		r, err := s.rt.Logs(s.ctx(t), spec.ID, runtime.LogOptions{Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, r)
		}()
		r.Close()
		select {
		case <-done:
		case <-s.ctx(t).Done():
			t.Fatal("a read goes on after Close")
		}
	}},
	{"Logs/of what is not there is ErrNotFound", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		if _, err := s.rt.Logs(s.ctx(t), spec.ID, runtime.LogOptions{}); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("absent: %v, want ErrNotFound", err)
		}
		s.start(t, spec)
		if _, err := s.rt.Logs(s.ctx(t), spec.ID, runtime.LogOptions{Part: "nobody"}); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("no such part: %v, want ErrNotFound", err)
		}
	}},
}

// logged waits until a part's log is what is wanted: a log may lag behind the
// process a little.
func (s *suite) logged(t *testing.T, id string, opts runtime.LogOptions, want []string) {
	t.Helper()
	var got []string
	s.until(t, fmt.Sprintf("the log is %q", want), func() bool {
		r, err := s.rt.Logs(s.ctx(t), id, opts)
		if err != nil {
			t.Fatalf("logs: %v", err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("logs: %v", err)
		}
		got = nil
		for line := range strings.Lines(string(b)) {
			got = append(got, text(t, strings.TrimSuffix(line, "\n")))
		}
		return strings.Join(got, "\n") == strings.Join(want, "\n")
	}, func() any { return got })
}

// text cuts the time off a line, which must have one.
func text(t *testing.T, line string) string {
	t.Helper()
	at, rest, _ := strings.Cut(line, " ")
	if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
		t.Fatalf("line %q has no time before it: %v", line, err)
	}
	return rest
}

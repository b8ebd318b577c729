package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/sandbox"
	"volundr/runtime/broker/wire"
)

func TestASandboxIsClaimedOnce(t *testing.T) {
	c, _ := world(t)
	at := time.Now().Add(time.Minute)
	for range 2 { // a lost answer
		st, err := c.Claim(t.Context(), "mine", at)
		if err != nil || st.Claim != "mine" || st.DeadlineMS < at.UnixMilli()-1000 || st.DeadlineMS > at.UnixMilli()+1000 {
			t.Fatalf("%+v %v", st, err)
		}
	}
	if _, err := c.Claim(t.Context(), "theirs", at); !errors.Is(err, inner.ErrConflict) {
		t.Errorf("a second claim: %v", err)
	}
	if _, err := c.SetDeadline(t.Context(), time.Now().Add(time.Hour)); !errors.Is(err, inner.ErrInvalid) {
		t.Errorf("beyond the maximum lifetime: %v", err)
	}
	if st, err := c.SetDeadline(t.Context(), time.Now().Add(10*time.Minute+5*time.Second)); err != nil || st.DeadlineMS > time.Now().Add(10*time.Minute).UnixMilli() {
		t.Errorf("a little beyond it: %+v %v", st, err)
	}
}

// A deadline that is there from the start is not put off by the time that the
// start took, and holds also where the clocks differ.
func TestTheFirstDeadline(t *testing.T) {
	for name, c := range map[string]struct{ written, ends, want time.Duration }{ // from the start on
		"written a moment ago":         {-20 * time.Second, 100 * time.Second, 100 * time.Second},
		"by a clock that is behind":    {-time.Hour, -time.Hour + 120*time.Second, 120 * time.Second},
		"by a clock that is ahead":     {time.Hour, time.Hour + 120*time.Second, 120 * time.Second},
		"beyond the lifetime":          {-time.Second, time.Hour, 10 * time.Minute},
		"beyond it, by another's time": {time.Hour, 2 * time.Hour, 10 * time.Minute},
	} {
		now := time.Now()
		in, _ := world(t, func(o *sandbox.Options) {
			o.Config.First = &wire.Deadline{DeadlineMS: now.Add(c.ends).UnixMilli(), NowMS: now.Add(c.written).UnixMilli()}
		})
		st, err := in.State(t.Context())
		if d := time.UnixMilli(st.DeadlineMS).Sub(now.Add(c.want)); err != nil || d.Abs() > 10*time.Second {
			t.Errorf("%s: %v, %s off", name, err, d)
		}
	}
}

// Nobody has to be there at the deadline.
func TestADeadlineEndsIt(t *testing.T) {
	word := "." + unique()
	for name, set := range map[string]func(c *inner.Client) error{
		"of the lifetime": nil,
		"of the start":    nil,
		"of a claim": func(c *inner.Client) error {
			_, err := c.Claim(t.Context(), "x", time.Now().Add(300*time.Millisecond))
			return err
		},
		"later, then sooner": func(c *inner.Client) error {
			_, err := c.SetDeadline(t.Context(), time.Now().Add(200*time.Second))
			_, err2 := c.SetDeadline(t.Context(), time.Now().Add(300*time.Millisecond))
			return errors.Join(err, err2)
		},
		"of the past": func(c *inner.Client) error { _, err := c.SetDeadline(t.Context(), time.Unix(1, 0)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			c, s := world(t, func(o *sandbox.Options) {
				now := time.Now().UnixMilli()
				switch name {
				case "of the lifetime":
					o.Config.LifetimeMS = 300
				case "of the start":
					o.Config.First = &wire.Deadline{DeadlineMS: now + 300, NowMS: now}
				}
			})
			go c.Collect(t.Context(), wire.Run{ID: "long", Argv: inner.Bash(fmt.Sprintf("setsid sleep 60%s & sleep 60%[1]s", word))})
			if set != nil {
				until(t, "the command to run", func() bool { st, err := c.State(t.Context()); return err == nil && st.Runs == 1 })
				if err := set(c); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-s.Done:
			case <-time.After(30 * time.Second):
				t.Fatal("it lives on")
			}
			if n := alive(word); n != 0 {
				t.Errorf("%d processes live on", n)
			}
			if _, err := c.State(t.Context()); err == nil {
				t.Error("it still answers")
			}
		})
	}
}

// Neither at the deadline nor at the daemon's word somebody who does not read is
// waited for.
func TestAnAnswerThatNobodyReads(t *testing.T) {
	for name, end := range map[string]func(c *inner.Client) error{
		"the deadline": func(c *inner.Client) error {
			_, err := c.SetDeadline(t.Context(), time.Now().Add(100*time.Millisecond))
			return err
		},
		"a cancel, then the end": func(c *inner.Client) error {
			return errors.Join(c.Cancel(t.Context(), "flood"), c.End(t.Context()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := world(t)
			word := "flood" + unique()
			stuck, free, done := make(chan bool, 1), make(chan bool), make(chan error, 1)
			go func() {
				_, err := c.Run(t.Context(), wire.Run{ID: "flood", Argv: inner.Bash("exec -a " + word + " cat /dev/zero"), Limit: 1 << 40}, nil, func(bool, []byte) error {
					select {
					case stuck <- true:
					default:
					}
					<-free
					return nil
				})
				done <- err
			}()
			<-stuck
			if err := end(c); err != nil {
				t.Error(err)
			}
			select {
			case <-s.Done:
			case <-time.After(30 * time.Second):
				t.Error("it lives on")
			}
			if n := alive(word); n != 0 {
				t.Error("the command lives on")
			}
			close(free)
			<-done
		})
	}
}

func TestTheDaemonsWordEndsIt(t *testing.T) {
	c, s := world(t)
	if err := c.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done:
	case <-time.After(30 * time.Second):
		t.Fatal("it lives on")
	}
}

// Ports on loopback are reached by who has the daemon's key, and by nobody else.
func TestPorts(t *testing.T) {
	_, s := world(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer web.Close()
	conn, err := s.DialPort(t.Context(), web.Listener.Addr().(*net.TCPAddr).Port)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	b, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(b), "hello") {
		t.Errorf("%q %v", b, err)
	}
	web.Close()
	if _, err := s.DialPort(t.Context(), web.Listener.Addr().(*net.TCPAddr).Port); !errors.Is(err, wire.ErrRefused) {
		t.Errorf("nobody listens: %v", err)
	}
	s.Session = "another"
	if _, err := s.Dial(t.Context()); !errors.Is(err, wire.ErrRefused) {
		t.Errorf("another session's signature: %v", err)
	}
}

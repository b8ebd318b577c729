package runtimetest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"volundr/runtime"
)

// echoPort is where echoing agents listen.
const echoPort = 18777

// echo is a shell line that starts a server which sends back what it gets and
// closes when the other side has finished.
func echo(addr string) string {
	return fmt.Sprintf(`perl -MIO::Socket::INET -e '$SIG{CHLD}="IGNORE"; $l=IO::Socket::INET->new(LocalAddr=>"%s",LocalPort=>%d,Listen=>16,ReuseAddr=>1) or die "listen: $!"; while($c=$l->accept){if(fork){close $c;next} while(sysread($c,$b,65536)){syswrite($c,$b)} exit}' &`, addr, echoPort)
}

var networkCases = []test{
	{"Dial/the broker's link", dialling, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.link(t, spec.ID)
	}},
	{"Dial/a port on loopback", processes | dialling, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		agent(t, &spec).Command = idle(echo("127.0.0.1"))
		s.start(t, spec)
		s.echoes(t, spec.ID)
		t.Run("many at once, much through each", func(t *testing.T) {
			results := make(chan error)
			for range 8 {
				go func() { results <- s.roundTrip(t, spec.ID, strings.Repeat("volundr ", 1<<17)) }()
			}
			for range 8 {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
		})
	}},
	{"Dial/a port on which nothing listens fails soon", processes | dialling, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.link(t, spec.ID)
		if c, err := s.rt.Dial(s.ctx(t), spec.ID, 18778); err == nil {
			c.Close()
			t.Error("no error")
		}
	}},
	{"Dial/what does not run is ErrNotFound", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		dead := func(what string) {
			t.Helper()
			for _, port := range []int{0, 18777} {
				if _, err := s.rt.Dial(s.ctx(t), spec.ID, port); !errors.Is(err, runtime.ErrNotFound) {
					t.Errorf("%s, port %d: %v, want ErrNotFound", what, port, err)
				}
			}
		}
		dead("absent")
		s.start(t, spec)
		s.stop(t, spec.ID)
		dead("stopped")
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Fatal(err)
		}
		dead("removed")
	}},
	{"network/one workload reaches no port of another", processes | apart, func(t *testing.T, s *suite) {
		one, two := s.spec(t), s.spec(t)
		one.Network, two.Network = runtime.NetworkOpen, runtime.NetworkOpen
		agent(t, &one).Command = idle(echo("0.0.0.0"))
		s.start(t, one)
		s.start(t, two)
		addrs := s.addresses(t, one.ID)
		if len(addrs) == 0 {
			t.Fatal("an open workload has no address")
		}
		for _, addr := range addrs {
			s.until(t, "a workload reaches itself", func() bool { return s.reaches(t, one.ID, addr, echoPort) }, func() any { return addr })
			for _, port := range []int{echoPort, 7421} {
				if s.reaches(t, two.ID, addr, port) {
					t.Errorf("another workload reaches %s:%d", addr, port)
				}
			}
		}
	}},
	{"network/open has a way out, none has only loopback", processes | apart, func(t *testing.T, s *suite) {
		open, none := s.spec(t), s.spec(t)
		open.Network, none.Network = runtime.NetworkOpen, runtime.NetworkNone
		agent(t, &open).Command = idle(echo("0.0.0.0"))
		agent(t, &none).Command = idle(echo("127.0.0.1"))
		s.start(t, open)
		s.start(t, none)
		const routes = `awk 'NR>1 && $2=="00000000"' /proc/net/route | wc -l`
		if s.sh(t, open.ID, routes) == "0\n" {
			t.Error("open: no way out")
		}
		if got := s.sh(t, none.ID, routes); got != "0\n" && s.Lacks&NoInterface == 0 {
			t.Errorf("none: %s default routes", got)
		}
		for _, addr := range s.addresses(t, open.ID) {
			if s.reaches(t, none.ID, addr, echoPort) {
				t.Errorf("none reaches %s of another workload", addr)
			}
		}
		s.until(t, "loopback works", func() bool { return s.reaches(t, none.ID, "127.0.0.1", echoPort) }, func() any { return "closed" })
		if s.Broker {
			s.link(t, none.ID)
			s.echoes(t, none.ID)
		}
	}},
	{"network/nothing is published on the host", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		agent(t, &spec).Command = idle(echo("0.0.0.0"))
		s.start(t, spec)
		s.until(t, "it listens", func() bool { return s.reaches(t, spec.ID, "127.0.0.1", echoPort) }, func() any { return "closed" })
		for _, port := range []int{echoPort, 7421} {
			if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				c.Close()
				t.Errorf("port %d is open on the host", port)
			}
		}
	}},
}

// link waits until the broker takes a connection for port 0.
func (s *suite) link(t *testing.T, id string) {
	t.Helper()
	var last error
	s.until(t, "the broker takes the link", func() bool {
		c, err := s.rt.Dial(s.ctx(t), id, 0)
		if last = err; err != nil {
			return false
		}
		return c.Close() == nil
	}, func() any { return last })
}

// echoes waits until the agent's echo server answers through Dial.
func (s *suite) echoes(t *testing.T, id string) {
	t.Helper()
	var last error
	s.until(t, "the agent's port answers", func() bool {
		last = s.roundTrip(t, id, "hello")
		return last == nil
	}, func() any { return last })
}

// roundTrip sends data to the echo port, finishes, and reads it back.
func (s *suite) roundTrip(t *testing.T, id, data string) error {
	c, err := s.rt.Dial(s.ctx(t), id, echoPort)
	if err != nil {
		return err
	}
	defer c.Close()
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("Dial's connection cannot be closed for writing")
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, data)
		sent <- errors.Join(err, half.CloseWrite())
	}()
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil {
		return err
	}
	if string(got) != data {
		return fmt.Errorf("%d bytes came back of %d", len(got), len(data))
	}
	return nil
}

var local = regexp.MustCompile(`(?m)-- (\S+)\n\s+/32 host LOCAL`)

// addresses gives a workload's own addresses but loopback.
func (s *suite) addresses(t *testing.T, id string) (addrs []string) {
	t.Helper()
	seen := map[string]bool{"127.0.0.1": true}
	for _, m := range local.FindAllStringSubmatch(s.sh(t, id, "cat /proc/net/fib_trie"), -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			addrs = append(addrs, m[1])
		}
	}
	return addrs
}

func (s *suite) reaches(t *testing.T, id, addr string, port int) bool {
	t.Helper()
	exit, err := s.rt.Exec(s.ctx(t), id, runtime.ExecOptions{
		Command: []string{"timeout", "2", "bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%d", addr, port)},
	})
	if err != nil {
		t.Fatalf("exec: %v", err)
	}
	return exit == 0
}

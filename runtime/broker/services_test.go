package broker

import (
	"context"
	"net"
	"testing"
	"time"

	"volundr/runtime/broker/wire"
)

// A workspace is laid out when the services answer, and says which one it waits
// for until then.
func TestServicesAreWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s := &workspace{config: wire.Config{Services: []wire.Service{{Name: "db", Port: port}}}}
	done := make(chan bool, 1)
	go func() { done <- s.served(t.Context()) }()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.waitsFor() != "db" {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("nothing is waited for")
		}
	}
	if _, detail := s.state(); detail == "" {
		t.Error("it does not say what it waits for")
	}
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	select {
	case ok := <-done:
		if !ok || s.waitsFor() != "" {
			t.Errorf("%v, waits for %q", ok, s.waitsFor())
		}
	case <-deadline:
		t.Fatal("the service answers, and is waited for")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	l.Close()
	if s.served(ended) {
		t.Error("served after the end")
	}
}

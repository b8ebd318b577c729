package broker

import (
	"context"
	"fmt"
	"net"
	"time"

	"volundr/runtime/broker/wire"
)

const servicePoll = 100 * time.Millisecond

// served waits until every service answers on its port: setup scripts may use
// them. It reports false when ctx ended before.
func (s *workspace) served(ctx context.Context) bool {
	for _, service := range s.config.Services {
		s.set(workspacePreparing, fmt.Sprintf("Waiting for the service %s to answer on port %d", service.Name, service.Port))
		s.waitFor(service.Name)
		for !listens(ctx, service) {
			select {
			case <-ctx.Done():
				return false
			case <-time.After(servicePoll):
			}
		}
	}
	s.waitFor("")
	return true
}

func listens(ctx context.Context, s wire.Service) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func (s *workspace) waitFor(service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = service
}

// waitsFor is the service that does not answer yet; empty: none.
func (s *workspace) waitsFor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.silent
}

package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"volundr/runtime"
)

// advice is what people are told where the engine's own words do not say what
// to do. The engine has no codes for these.
var advice = []struct{ says, do string }{
	{"could not find an available", "the Docker engine has no address range left for a network: remove unused ones with docker network prune"},
	{"fully subnetted", "the Docker engine has no address range left for a network: remove unused ones with docker network prune"},
	{"no space left on device", "the Docker engine's disk is full: free some space, for example with docker system prune"},
	{"could not select device driver", "the Docker engine has no GPU to give: install its GPU support, or ask for none"},
}

// translate puts the engine's errors into the sentinels of package runtime.
func translate(err error) error {
	var network *net.OpError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, runtime.ErrInvalid), errors.Is(err, runtime.ErrUnavailable), errors.Is(err, runtime.ErrNotFound):
		return err
	case client.IsErrConnectionFailed(err), errdefs.IsUnavailable(err),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.As(err, &network):
		return fmt.Errorf("the Docker engine does not answer (%w): %w", runtime.ErrUnavailable, err)
	}
	for _, a := range advice {
		if strings.Contains(err.Error(), a.says) {
			return fmt.Errorf("%s: %w", a.do, err)
		}
	}
	switch {
	case strings.Contains(strings.ToLower(err.Error()), "no such image"):
		return fmt.Errorf("%w: %w", runtime.ErrInvalid, err)
	case errdefs.IsInvalidArgument(err):
		return fmt.Errorf("the Docker engine refuses it (%w): %w", runtime.ErrInvalid, err)
	}
	return err
}

func ignoreNotFound(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

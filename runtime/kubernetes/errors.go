package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"volundr/runtime"
)

// translate puts the API's errors into the sentinels of package runtime, with
// what people can do about them.
func translate(err error) error {
	var network *net.OpError
	var request *url.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled),
		errors.Is(err, runtime.ErrInvalid), errors.Is(err, runtime.ErrUnavailable), errors.Is(err, runtime.ErrNotFound), errors.Is(err, runtime.ErrUnsupported):
		return err
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", runtime.ErrNotFound, err)
	case unheard(err.Error()):
		return fmt.Errorf("the session's machine of the cluster does not answer: look whether it is well (%w): %w", runtime.ErrUnavailable, err)
	case strings.Contains(err.Error(), "getting credentials: "): // so the client library says of a program that should give them
		return fmt.Errorf("there are no credentials for the cluster: log in to it again (%w): %w", runtime.ErrUnavailable, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the cluster does not accept our credentials, which may have expired: log in to it again (%w): %w", runtime.ErrUnavailable, err)
	case apierrors.IsForbidden(err):
		return forbidden(err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return fmt.Errorf("the cluster refuses it (%w): %w", runtime.ErrInvalid, err)
	case apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsTooManyRequests(err), apierrors.IsServiceUnavailable(err),
		apierrors.IsInternalError(err), apierrors.IsUnexpectedServerError(err):
		return fmt.Errorf("the cluster is not well (%w): %w", runtime.ErrUnavailable, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNREFUSED),
		errors.As(err, &network), errors.As(err, &request), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the cluster does not answer (%w): %w", runtime.ErrUnavailable, err)
	}
	return err
}

// unheard reports whether an API server says that a kubelet does not answer it:
// to a forward, to a command, to a log.
func unheard(text string) bool {
	return strings.Contains(text, "error dialing backend") || strings.Contains(text, "error sending request: ") ||
		strings.Contains(text, "/containerLogs/") && strings.Contains(text, "dial tcp")
}

// forbidden tells apart what an API server says no to in one way.
func forbidden(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "exceeded quota"), strings.Contains(text, "failed quota"):
		return fmt.Errorf("the namespace's quota has no room for it: end something there, ask for less, or have the quota raised: %w", err)
	case strings.Contains(text, "violates PodSecurity"), strings.Contains(text, "LimitRange"), strings.Contains(text, "per Container is"), strings.Contains(text, "per Pod is"):
		return fmt.Errorf("the namespace's rules do not let such a Pod in (%w): %w", runtime.ErrInvalid, err)
	case strings.Contains(text, "being terminated"):
		return fmt.Errorf("the namespace is being deleted: choose another one (%w): %w", runtime.ErrInvalid, err)
	}
	return fmt.Errorf("the cluster gives us no right to do that: ask for it, or use another account; volundr doctor names what is missing: %w", err)
}

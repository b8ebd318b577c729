package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"volundr/runtime"
)

func TestErrorsOfTheAPIAreTranslated(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	forbid := func(why string) error { return apierrors.NewForbidden(pods, "x", errors.New(why)) }
	for name, c := range map[string]struct {
		err  error
		is   error // nil: none of the sentinels
		says string
	}{
		"not found":       {apierrors.NewNotFound(pods, "x"), runtime.ErrNotFound, "not found"},
		"expired":         {apierrors.NewUnauthorized("token has expired"), runtime.ErrUnavailable, "log in to it again"},
		"quota":           {forbid("exceeded quota: q, requested: pods=1"), nil, "quota has no room"},
		"Pod Security":    {forbid(`violates PodSecurity "restricted:latest"`), runtime.ErrInvalid, "rules do not let"},
		"no right":        {forbid(`User "ann" cannot create resource "pods"`), nil, "gives us no right"},
		"bad object":      {apierrors.NewBadRequest("spec"), runtime.ErrInvalid, "refuses"},
		"busy":            {apierrors.NewTooManyRequests("slow down", 1), runtime.ErrUnavailable, "not well"},
		"broken":          {apierrors.NewInternalError(errors.New("etcd")), runtime.ErrUnavailable, "not well"},
		"dead kubelet":    {apierrors.NewInternalError(errors.New("error dialing backend: dial tcp: connection refused")), runtime.ErrUnavailable, "machine of the cluster does not answer"},
		"dead to a log":   {apierrors.NewInternalError(errors.New(`Get "https://10.0.0.1:10250/containerLogs/default/x/agent": dial tcp 10.0.0.1:10250: connection refused`)), runtime.ErrUnavailable, "machine of the cluster does not answer"},
		"dead to a shell": {errors.New(`Internal error occurred: error sending request: Post "https://10.0.0.1:10250/exec/default/x/agent": dial tcp 10.0.0.1:10250: connection refused`), runtime.ErrUnavailable, "machine of the cluster does not answer"},
		"no login":        {&url.Error{Op: "Get", URL: "https://x", Err: errors.New("getting credentials: exec: login failed")}, runtime.ErrUnavailable, "log in to it again"},
		"nobody there":    {&net.OpError{Op: "dial", Err: errors.New("refused")}, runtime.ErrUnavailable, "does not answer"},
		"no answer":       {context.DeadlineExceeded, runtime.ErrUnavailable, "does not answer"},
		"caller went":     {context.Canceled, context.Canceled, "canceled"},
		"already a word":  {runtime.ErrInvalid, runtime.ErrInvalid, "invalid"},
		"something new":   {errors.New("odd"), nil, "odd"},
		"namespace going": {forbid("unable to create new content in namespace x because it is being terminated"), runtime.ErrInvalid, "choose another"},
	} {
		t.Run(name, func(t *testing.T) {
			got := translate(fmt.Errorf("try: %w", c.err))
			for _, s := range []error{runtime.ErrNotFound, runtime.ErrUnavailable, runtime.ErrInvalid, context.Canceled} {
				if errors.Is(got, s) != (s == c.is) {
					t.Errorf("%v: is %v: %t", got, s, errors.Is(got, s))
				}
			}
			if !strings.Contains(got.Error(), c.says) {
				t.Errorf("%q does not say %q", got, c.says)
			}
		})
	}
}

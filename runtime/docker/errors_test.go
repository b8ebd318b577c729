package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/containerd/errdefs"

	"volundr/runtime"
)

func TestErrorsAreTheRuntimesAndSayWhatToDo(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		is   error
		says string
	}{
		"refused":        {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, runtime.ErrUnavailable, "does not answer"},
		"cut off":        {fmt.Errorf("read: %w", io.EOF), runtime.ErrUnavailable, "does not answer"},
		"reset":          {syscall.ECONNRESET, runtime.ErrUnavailable, "does not answer"},
		"overloaded":     {errdefs.ErrUnavailable, runtime.ErrUnavailable, "does not answer"},
		"refuses":        {fmt.Errorf("bind source path does not exist: /x: %w", errdefs.ErrInvalidArgument), runtime.ErrInvalid, "/x"},
		"no image":       {fmt.Errorf("No such image: x: %w", errdefs.ErrNotFound), runtime.ErrInvalid, "No such image"},
		"no address":     {errors.New("could not find an available, non-overlapping IPv4 address pool"), nil, "docker network prune"},
		"no address, 28": {errors.New("all predefined address pools have been fully subnetted"), nil, "docker network prune"},
		"disk":           {errors.New("write /x: no space left on device"), nil, "disk is full"},
		"cancelled":      {context.Canceled, context.Canceled, "context canceled"},
		"ours":           {fmt.Errorf("x: %w", runtime.ErrNotFound), runtime.ErrNotFound, "x: not found"},
	} {
		t.Run(name, func(t *testing.T) {
			got := translate(tt.err)
			if tt.is != nil && !errors.Is(got, tt.is) || !errors.Is(got, tt.err) || !strings.Contains(got.Error(), tt.says) {
				t.Errorf("%v, want %v and %q", got, tt.is, tt.says)
			}
			for _, other := range []error{runtime.ErrUnavailable, runtime.ErrInvalid, runtime.ErrNotFound} {
				if other != tt.is && errors.Is(got, other) {
					t.Errorf("%v is %v as well", got, other)
				}
			}
		})
	}
	if translate(nil) != nil {
		t.Error("nil is an error")
	}
}

// An engine that is away, or that goes away in the middle of an answer, says
// nothing about workloads.
func TestEveryMethodWithoutAnEngineIsUnavailable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if strings.HasSuffix(q.URL.Path, "/_ping") {
			return
		}
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("[{"))
	})}
	served := make(chan error, 1)
	go func() { served <- cut.Serve(l) }()
	defer func() { cut.Close(); <-served }()
	for _, host := range []string{"unix:///no/such/socket", "tcp://127.0.0.1:1", "tcp://" + l.Addr().String()} {
		r, err := New(t.Context(), Options{Engine: Endpoint{Host: host}, Installation: "t", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		ctx, id := t.Context(), "x"
		_, list := r.List(ctx)
		_, dial := r.Dial(ctx, id, 0)
		_, exec := r.Exec(ctx, id, runtime.ExecOptions{Command: []string{"true"}})
		for name, err := range map[string]error{
			"start": r.Start(ctx, session(t, "image")), "stop": r.Stop(ctx, id), "remove": r.Remove(ctx, id),
			"list": list, "dial": dial, "exec": exec, "pause": r.Pause(ctx, id), "watch": r.Watch(ctx, func() {}),
		} {
			if !errors.Is(err, runtime.ErrUnavailable) || errors.Is(err, runtime.ErrNotFound) {
				t.Errorf("%s at %s: %v, want ErrUnavailable", name, host, err)
			}
		}
	}
}

package kubernetes

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"volundr/runtime"
)

// Logs implements runtime.Runtime. What a Pod printed goes with it.
func (r *Runtime) Logs(ctx context.Context, id string, o runtime.LogOptions) (io.ReadCloser, error) {
	pod, part, err := r.running(ctx, id, o.Part, true)
	if err != nil {
		return nil, fmt.Errorf("logs of %s: %w", id, r.said(ctx, err))
	}
	request := r.api.core.Get().Namespace(r.api.namespace).Resource("pods").Name(pod.Name).SubResource("log").
		Param("container", part).Param("timestamps", "true").Param("follow", strconv.FormatBool(o.Follow))
	if o.Tail > 0 {
		request.Param("tailLines", strconv.Itoa(o.Tail))
	}
	lines, err := request.Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("logs of %s of %s: %w", part, id, r.said(ctx, err))
	}
	return lines, nil
}

package docker

import (
	"context"
	"slices"
	"strings"
)

// Layer is one layer of an image.
type Layer struct {
	Size int64  // bytes, unpacked
	Step string // of its recipe
}

// Layers gives the layers of an image that hold something, the lowest first.
func (r *Runtime) Layers(ctx context.Context, ref string) ([]Layer, error) {
	return r.image.layers(ctx, ref)
}

func (m *imageMaker) layers(ctx context.Context, ref string) ([]Layer, error) {
	history, err := m.api.ImageHistory(ctx, ref)
	if err != nil {
		return nil, unavailable("look at image "+ref, err)
	}
	var out []Layer
	for _, h := range history {
		if h.Size > 0 {
			out = append(out, Layer{h.Size, step(h.CreatedBy)})
		}
	}
	slices.Reverse(out)
	return out, nil
}

// step is what made a layer, as its recipe has it: the engine writes down how it
// was run.
func step(by string) string {
	by = strings.Join(strings.Fields(by), " ")
	if _, run, ok := strings.Cut(by, "/bin/sh -c "); ok {
		if by, ok = strings.CutPrefix(run, "#(nop) "); !ok {
			by = "RUN " + run
		}
	}
	return strings.TrimSpace(by)
}

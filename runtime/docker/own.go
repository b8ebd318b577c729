package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"volundr/runtime"
)

// containers gives ours, of one workload unless id is empty, running or not
// unless more filters say so. Labels can be put on a container by anybody, and a
// sandbox's are its contract's for the most part: one that has not the name of
// the sandbox whose labels it carries is not ours, and never touched.
func (r *Runtime) containers(ctx context.Context, id string, more ...filters.KeyValuePair) ([]container.Summary, error) {
	f := r.ours(id)
	for _, kv := range more {
		f.Add(kv.Key, kv.Value)
	}
	all, err := r.api.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
	return slices.DeleteFunc(all, stranger), err
}

func stranger(c container.Summary) bool {
	if kindOf(c.Labels) != runtime.Sandbox {
		return false
	}
	return !contracted(c.Labels) || !slices.Contains(c.Names, "/"+sandboxName(c.Labels[runtime.LabelSession]))
}

// contracted reports whether the labels are those of a sandbox's contract.
func contracted(labels map[string]string) bool {
	return labels[runtime.LabelApp] == runtime.SandboxApp && labels[runtime.LabelComponent] == runtime.SandboxComponent
}

// find gives the id of a part's container; of a sandbox's only one unless a part
// is named.
func (r *Runtime) find(ctx context.Context, id, part string) (string, error) {
	all, err := r.containers(ctx, id)
	if err != nil {
		return "", translate(err)
	}
	for _, c := range all {
		switch name := c.Labels[runtime.LabelPart]; {
		case name == part, part == "" && (name == runtime.PartAgent || kindOf(c.Labels) == runtime.Sandbox):
			return c.ID, nil
		}
	}
	return "", fmt.Errorf("%w: it is not there", runtime.ErrNotFound)
}

// kindOf reads a kind from labels; those of coding sessions' volumes and of
// older containers have it as the component.
func kindOf(labels map[string]string) runtime.Kind {
	if kind := labels[runtime.LabelKind]; kind != "" {
		return runtime.Kind(kind)
	}
	return runtime.Kind(labels[runtime.LabelComponent])
}

// sandboxName is runtime.SandboxName for ids of any form.
func sandboxName(id string) string { return runtime.SandboxPrefix + strings.ReplaceAll(id, "-", "") }

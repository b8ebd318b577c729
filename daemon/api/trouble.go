package api

import (
	"errors"
	"maps"
	"slices"

	"volundr/runtime"
	"volundr/ui/client"
)

// Trouble tells people which runtimes cannot be looked at, by the error of each.
func Trouble(found map[string]error) (out []client.Trouble) {
	for _, name := range slices.Sorted(maps.Keys(found)) {
		t := client.Trouble{Runtime: name, Title: title(name) + " cannot be looked at.", Detail: found[name].Error()}
		if errors.Is(found[name], runtime.ErrUnavailable) {
			t.Title = title(name) + " does not answer."
		}
		out = append(out, t)
	}
	return out
}

// title is a runtime's name as its makers write it.
func title(runtime string) string {
	switch runtime {
	case "docker":
		return "Docker"
	case "kubernetes":
		return "Kubernetes"
	}
	return "The runtime " + runtime
}

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
		t := client.Trouble{Runtime: name, Title: sentence(runtimeTitle(name) + " cannot be looked at"), Detail: found[name].Error()}
		if errors.Is(found[name], runtime.ErrUnavailable) {
			t.Title = sentence(runtimeTitle(name) + " does not answer")
		}
		out = append(out, t)
	}
	return out
}

// runtimeTitle is a runtime's name as its makers write it, within a sentence.
func runtimeTitle(runtime string) string {
	switch runtime {
	case "docker":
		return "Docker"
	case "kubernetes":
		return "Kubernetes"
	}
	return "the runtime " + runtime
}

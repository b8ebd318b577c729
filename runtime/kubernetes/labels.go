package kubernetes

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"volundr/runtime"
)

const (
	annotationParts   = "volundr.parts"   // of the spec that a Pod was made for
	annotationExpires = "volundr.expires" // a sandbox's deadline, RFC 3339
	annotationMade    = "volundr.made"    // on a claim: its folder is there, with its owner
	labelNetwork      = "volundr.network" // of a Pod: which policies are for it
)

// Names of our objects: volundr-<installation>-<id>[-<volume>]. Sandboxes have
// the names of their contract; what counts are the labels.
func (r *Runtime) podName(kind runtime.Kind, id string) string {
	if kind == runtime.Sandbox {
		return runtime.SandboxPrefix + strings.ReplaceAll(id, "-", "")
	}
	return r.prefix() + "-" + id
}

func (r *Runtime) claimName(id, volume string) string { return r.prefix() + "-" + id + "-" + volume }
func (r *Runtime) prefix() string                     { return "volundr-" + r.opts.Installation }

// ours selects by our labels, and by a workload's id unless that is empty.
func (r *Runtime) ours(id string) string {
	set := labels.Set{runtime.LabelInstallation: r.opts.Installation}
	if id != "" {
		set[runtime.LabelSession] = id
	}
	return set.String()
}

// meta is what every object of a workload carries. A label's value is short and
// of few characters: what people may write freely is in annotations.
func (r *Runtime) meta(s runtime.Spec, name string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: name, Namespace: r.api.namespace,
		Labels: map[string]string{
			runtime.LabelApp: "volundr", runtime.LabelComponent: string(s.Kind), runtime.LabelKind: string(s.Kind),
			runtime.LabelInstallation: r.opts.Installation, runtime.LabelSession: s.ID,
		},
		Annotations: map[string]string{
			runtime.LabelName: s.Name, runtime.LabelOwner: s.Owner, runtime.LabelTenant: s.Tenant,
			runtime.LabelCreated: s.Created.UTC().Format(time.RFC3339Nano),
		}}
	if s.Kind == runtime.Sandbox {
		m.Labels[runtime.LabelApp], m.Labels[runtime.LabelComponent] = runtime.SandboxApp, runtime.SandboxComponent
		m.Annotations[runtime.LabelSandboxExpires] = strconv.FormatFloat(float64(s.Deadline.UnixMicro())/1e6, 'f', 6, 64)
		m.Annotations[annotationExpires] = s.Deadline.UTC().Format(time.RFC3339Nano)
	}
	return m
}

// podMeta is meta with what is the run's.
func (r *Runtime) podMeta(s runtime.Spec) metav1.ObjectMeta {
	m := r.meta(s, r.podName(s.Kind, s.ID))
	names := make([]string, len(s.Parts))
	for i, p := range s.Parts {
		names[i] = p.Name
	}
	maps.Copy(m.Labels, map[string]string{runtime.LabelRun: fmt.Sprint(s.Run), labelNetwork: string(s.Network)})
	m.Annotations[annotationParts] = strings.Join(names, ",")
	if s.Helper {
		m.Labels[runtime.LabelHelper] = "true"
	}
	return m
}

// known reports whether an object is ours and a workload's: labels can be put
// on anything by anybody, so its name has to be the one that we give.
func (r *Runtime) known(m metav1.ObjectMeta) bool {
	id, kind := m.Labels[runtime.LabelSession], runtime.Kind(m.Labels[runtime.LabelKind])
	if id == "" || m.Labels[runtime.LabelInstallation] != r.opts.Installation || kind != runtime.Session && kind != runtime.Sandbox {
		return false
	}
	if kind == runtime.Sandbox && (m.Labels[runtime.LabelApp] != runtime.SandboxApp || m.Labels[runtime.LabelComponent] != runtime.SandboxComponent) {
		return false
	}
	if part := m.Labels[runtime.LabelPart]; part != "" {
		return m.Name == r.claimName(id, part)
	}
	return m.Name == r.podName(kind, id)
}

func runOf(m metav1.ObjectMeta) int {
	run, _ := strconv.Atoi(m.Labels[runtime.LabelRun])
	return run
}

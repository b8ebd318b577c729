package kubernetes

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"volundr/runtime"
)

const (
	defaultGPU = "nvidia.com/gpu"
	// A machine is asked to have this much for a part; what it may use is its
	// limit.
	wantMemory = 128 << 20
	wantCPU    = 50
	// grace is how many seconds processes have between SIGTERM and SIGKILL.
	grace = 5
	// late is how long after its deadline a sandbox is ended from outside. Its
	// runner ends it in time.
	late = 5 * time.Second
)

// pod is a workload as the cluster takes it: no root, no capability, a
// read-only root, limits, no token of the cluster, nothing of the node. prepare:
// the volumes' folders may not be there yet.
func (r *Runtime) pod(s runtime.Spec, prepare bool) *corev1.Pod {
	no, group := false, fsGroup(s)
	var ended int64 = grace
	onMismatch := corev1.FSGroupChangeOnRootMismatch
	p := &corev1.Pod{ObjectMeta: r.podMeta(s), Spec: corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, TerminationGracePeriodSeconds: &ended,
		AutomountServiceAccountToken: &no, EnableServiceLinks: &no, Hostname: s.Hostname(),
		NodeSelector: r.opts.Pods.NodeSelector,
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: yes(), FSGroup: &group, FSGroupChangePolicy: &onMismatch,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Volumes: r.volumes(s),
	}}
	if class := r.opts.Pods.RuntimeClass; class != "" {
		p.Spec.RuntimeClassName = &class
	}
	for _, name := range r.opts.Pods.PullSecrets {
		p.Spec.ImagePullSecrets = append(p.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	for _, t := range r.opts.Pods.Tolerations {
		op := corev1.TolerationOpEqual
		if t.Value == "" {
			op = corev1.TolerationOpExists
		}
		p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: t.Key, Operator: op, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)})
	}
	if s.Kind == runtime.Sandbox {
		left := max(1, int64((time.Until(s.Deadline)+late)/time.Second)+1)
		p.Spec.ActiveDeadlineSeconds = &left
	}
	if names := s.Services(); len(names) > 0 {
		p.Spec.HostAliases = []corev1.HostAlias{{IP: "127.0.0.1", Hostnames: names}}
	}
	if prepare {
		p.Spec.InitContainers = r.preparing(s)
	}
	for _, part := range s.Parts {
		p.Spec.Containers = append(p.Spec.Containers, r.container(s, part))
	}
	return p
}

func (r *Runtime) container(s runtime.Spec, p runtime.Part) corev1.Container {
	c := corev1.Container{Name: p.Name, Image: cmp.Or(p.Image, s.Image), ImagePullPolicy: corev1.PullIfNotPresent,
		Command: literally(p.Command), WorkingDir: p.Dir, SecurityContext: confined(p.UID, p.GID), Resources: r.resources(s, p)}
	switch {
	case p.Service() != "": // as its image says, and writable
		c.Command, c.Args = nil, c.Command
		c.SecurityContext.ReadOnlyRootFilesystem = nil
	case c.WorkingDir == "":
		c.WorkingDir = "/"
	}
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		c.Env = append(c.Env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: r.podName(s.Kind, s.ID)}, Key: secretKey(p.Name, name)}}})
	}
	c.VolumeMounts = mounts(s, p)
	return c
}

// literally keeps the cluster from putting values of the environment into a
// command.
func literally(command []string) []string {
	out := make([]string, len(command))
	for i, arg := range command {
		out[i] = strings.ReplaceAll(arg, "$", "$$")
	}
	return out
}

func confined(uid, gid int) *corev1.SecurityContext {
	u, g, no := int64(uid), int64(gid), false
	return &corev1.SecurityContext{RunAsUser: &u, RunAsGroup: &g, RunAsNonRoot: yes(), ReadOnlyRootFilesystem: yes(),
		AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
}

func yes() *bool { b := true; return &b }

func (r *Runtime) resources(s runtime.Spec, p runtime.Part) corev1.ResourceRequirements {
	memory, cpu := s.Limits(p)
	limit := corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(memory, resource.BinarySI)}
	want := corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(min(memory, wantMemory), resource.BinarySI),
		corev1.ResourceCPU: *resource.NewMilliQuantity(wantCPU, resource.DecimalSI)}
	if cpu > 0 {
		limit[corev1.ResourceCPU] = *resource.NewMilliQuantity(cpu, resource.DecimalSI)
		want[corev1.ResourceCPU] = *resource.NewMilliQuantity(min(cpu, wantCPU), resource.DecimalSI)
	}
	if s.Resources.GPU > 0 && (p.Name == runtime.PartAgent || s.Kind == runtime.Sandbox) {
		name := r.opts.Pods.GPU
		if name == "" {
			name = defaultGPU
		}
		limit[corev1.ResourceName(name)] = *resource.NewQuantity(int64(s.Resources.GPU), resource.DecimalSI)
	}
	return corev1.ResourceRequirements{Limits: limit, Requests: want}
}

// NoFolders is said of a live folder.
const NoFolders = "A cluster does not have this machine's folders: choose a copy of the folder, or run the session on docker."

// NoFolders implements runtime.Distant.
func (r *Runtime) NoFolders() string { return NoFolders }

// fits says what of a spec a cluster cannot do.
func fits(s runtime.Spec) error {
	for _, p := range s.Parts {
		for _, m := range p.Mounts {
			if m.Host != "" {
				return fmt.Errorf("%w: %s: %s", runtime.ErrInvalid, m.Host, NoFolders)
			}
		}
	}
	return nil
}

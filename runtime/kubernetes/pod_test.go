package kubernetes

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"volundr/runtime"
)

func unconnected() *Runtime {
	return &Runtime{api: &api{namespace: "default"}, opts: Options{Installation: "abc12345"}}
}

// All that the restricted profile of Pod Security asks for, and more.
func TestPodsAreRestricted(t *testing.T) {
	r := unconnected()
	for name, s := range map[string]runtime.Spec{"session": session(t, "x:1"), "sandbox": box(t, "x:1", time.Hour)} {
		t.Run(name, func(t *testing.T) {
			p := r.pod(s, true).Spec
			if *p.AutomountServiceAccountToken || *p.EnableServiceLinks || !*p.SecurityContext.RunAsNonRoot ||
				p.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || p.HostNetwork || p.HostPID || p.HostIPC || p.RestartPolicy != corev1.RestartPolicyNever {
				t.Errorf("the Pod is %+v", p)
			}
			for _, v := range p.Volumes {
				if v.PersistentVolumeClaim == nil && v.EmptyDir == nil {
					t.Errorf("volume %+v", v)
				}
			}
			for _, c := range append(p.InitContainers, p.Containers...) {
				sc := c.SecurityContext
				if *sc.AllowPrivilegeEscalation || !*sc.ReadOnlyRootFilesystem || !*sc.RunAsNonRoot || *sc.RunAsUser == 0 || sc.Privileged != nil ||
					!cmp.Equal(sc.Capabilities, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}) {
					t.Errorf("%s is %+v", c.Name, sc)
				}
				if c.Resources.Limits.Memory().IsZero() {
					t.Errorf("%s has no limit of memory", c.Name)
				}
			}
		})
	}
}

// What people and agents write stands in no place whose form is not free, and
// no secret in the Pod.
func TestWhatIsFreelyWrittenIsNotInLabels(t *testing.T) {
	r := unconnected()
	s := session(t, "x:1")
	s.Name, s.Owner, s.Tenant = "größer & <b>", "owner one", strings.Repeat("t/", 100)
	s.Parts[1].Env = map[string]string{"TOKEN": "hidden"}
	s.Parts[1].Command = []string{"sh", "-c", "echo $$ $(TOKEN)"}
	p := r.pod(s, false)
	for k, v := range p.Labels {
		if bad := append(validation.IsQualifiedName(k), validation.IsValidLabelValue(v)...); len(bad) > 0 {
			t.Errorf("label %s=%s: %v", k, v, bad)
		}
	}
	if p.Annotations[runtime.LabelName] != s.Name || p.Annotations[runtime.LabelTenant] != s.Tenant {
		t.Errorf("annotations %v", p.Annotations)
	}
	text := p.String()
	if strings.Contains(text, "hidden") {
		t.Error("the Pod shows a value of the environment")
	}
	if got := p.Spec.Containers[1].Command[2]; got != "echo $$$$ $$(TOKEN)" {
		t.Errorf("the command is %q", got)
	}
	if bad := validation.IsDNS1123Label(p.Spec.Hostname); len(bad) > 0 {
		t.Errorf("host name %q: %v", p.Spec.Hostname, bad)
	}
}

func TestSandboxCarriesWhatItsContractSays(t *testing.T) {
	r := unconnected()
	s := box(t, "x:1", time.Hour)
	p := r.pod(s, false)
	if p.Name != runtime.SandboxName(s.ID) || p.Labels["app"] != "code-interpreter" || p.Labels["component"] != "session" ||
		!strings.Contains(p.Annotations["code-interpreter.expires-at"], ".") {
		t.Errorf("%+v", p.ObjectMeta)
	}
	if left := *p.Spec.ActiveDeadlineSeconds; left < 3600 || left > 3610 {
		t.Errorf("it may live for %d s", left)
	}
	if !r.known(p.ObjectMeta) {
		t.Error("it is not known as ours")
	}
}

func TestOnlyWhatIsOursByNameAndLabelsIsKnown(t *testing.T) {
	r := unconnected()
	for name, change := range map[string]func(*corev1.Pod){
		"another's":             func(p *corev1.Pod) { p.Labels[runtime.LabelInstallation] = "other" },
		"another name":          func(p *corev1.Pod) { p.Name = "x" },
		"of no workload":        func(p *corev1.Pod) { delete(p.Labels, runtime.LabelSession) },
		"not of the contract":   func(p *corev1.Pod) { p.Labels[runtime.LabelApp] = "else" },
		"another workload's id": func(p *corev1.Pod) { p.Labels[runtime.LabelSession] = "else" },
		"of no kind":            func(p *corev1.Pod) { delete(p.Labels, runtime.LabelKind) },
	} {
		p := r.pod(box(t, "x:1", time.Hour), false)
		if !r.known(p.ObjectMeta) {
			t.Fatal("ours is not known")
		}
		if change(p); r.known(p.ObjectMeta) {
			t.Errorf("%s: known as ours", name)
		}
	}
}

func TestWhatAClusterCannotDoIsInvalid(t *testing.T) {
	s := session(t, "x:1")
	s.Parts[1].Mounts = []runtime.Mount{{Host: "/home/ann/code", Path: "/workspace"}}
	if err := fits(s); err == nil || !strings.Contains(err.Error(), "choose a copy") {
		t.Errorf("a folder of this machine: %v", err)
	}
}

func TestPoliciesShutAllAndOpenTheInternet(t *testing.T) {
	r := unconnected()
	r.opts.Pods.Closed = []string{"203.0.113.0/24", "2001:db8::/32", "fd00:1::/32"}
	shut, open := r.shut().Spec, r.open().Spec
	if len(shut.Ingress)+len(shut.Egress) > 0 || len(shut.PolicyTypes) != 2 || len(shut.PodSelector.MatchLabels) != 1 {
		t.Errorf("shut: %+v", shut)
	}
	if len(open.Ingress) > 0 || len(open.PolicyTypes) != 1 || open.PodSelector.MatchLabels[labelNetwork] != "open" {
		t.Errorf("open: %+v", open)
	}
	var except []string
	for _, to := range open.Egress[0].To {
		except = append(except, to.IPBlock.Except...)
	}
	for _, block := range []string{"169.254.0.0/16", "10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32", "2002::/16"} {
		if !strings.Contains(strings.Join(except, " "), block) {
			t.Errorf("%s is open", block)
		}
	}
	if strings.Contains(strings.Join(except, " "), "fd00") {
		t.Error("a range is taken out of what it is not in, which a cluster refuses")
	}
	r.opts.Pods.DaemonLabels = map[string]string{"app": "volundr-daemon"}
	if in := r.shut().Spec.Ingress; len(in) > 0 {
		t.Errorf("with the daemon elsewhere: %+v", in)
	}
	r.api.home = "tools"
	if in := r.shut().Spec.Ingress; len(in) != 1 || in[0].Ports[0].Port.IntValue() != 7421 || in[0].From[0].PodSelector.MatchLabels["app"] != "volundr-daemon" ||
		in[0].From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != "tools" {
		t.Errorf("from the daemon: %+v", in)
	}
}

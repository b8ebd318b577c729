package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"volundr/runtime"
)

const (
	statusOK      = "ok"
	statusWarning = "warning"
	statusError   = "error"
)

// oldest is the minor version of Kubernetes 1 that has server-side apply, for
// which we have no other way.
const oldest = 22

// Check implements runtime.Checker: what can be known of a cluster without
// leaving anything in it.
func (r *Runtime) Check(ctx context.Context) []runtime.Finding {
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	where := fmt.Sprintf("%s, namespace %s", r.api.config.Host, r.api.namespace)
	var version struct {
		GitVersion string `json:"gitVersion"`
		Minor      string `json:"minor"`
	}
	if err := r.get(ctx, "/version", &version); err != nil {
		return []runtime.Finding{{Name: "Kubernetes", Status: statusError, Detail: where + ": " + r.said(ctx, err).Error(),
			Advice: "See whether `kubectl version` answers, or name another cluster with --context or kubernetes.kubeconfig."}}
	}
	f := runtime.Finding{Name: "Kubernetes", Status: statusOK, Detail: version.GitVersion + " at " + where}
	if minor, err := strconv.Atoi(strings.TrimRight(version.Minor, "+")); err == nil && minor < oldest {
		f.Status, f.Advice = statusError, fmt.Sprintf("Sessions need 1.%d or newer.", oldest)
	}
	out := []runtime.Finding{f, r.checkNamespace(ctx), r.checkRights(ctx)}
	out = append(out, r.checkStorage(ctx), r.checkQuota(ctx))
	out = append(out, r.checkImages(ctx)...)
	return append(out, r.checkPolicies(ctx))
}

// unknown is a finding about something that we may not look at.
func unknown(name, what string, err error) runtime.Finding {
	f := runtime.Finding{Name: name, Status: statusWarning, Detail: what + " cannot be known: " + err.Error()}
	if apierrors.IsForbidden(err) {
		f.Status, f.Detail = statusOK, what+" cannot be known with our rights, and need not be"
	}
	return f
}

func (r *Runtime) checkNamespace(ctx context.Context) runtime.Finding {
	f := runtime.Finding{Name: "Namespace", Status: statusOK, Detail: r.api.namespace}
	var ns struct {
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	switch err := r.get(ctx, "/api/v1/namespaces/"+r.api.namespace, &ns); {
	case apierrors.IsNotFound(err):
		f.Status, f.Detail, f.Advice = statusError, "there is no namespace "+r.api.namespace, "kubectl "+r.at()+"create namespace "+r.api.namespace
	case err != nil:
		return unknown(f.Name, "what the namespace asks of Pods", err)
	default:
		level := ns.Metadata.Labels["pod-security.kubernetes.io/enforce"]
		if level != "restricted" {
			f.Detail += ", which does not hold its Pods to the restricted standard; ours keep it anyway"
			break
		}
		f.Detail += ", Pod Security restricted"
	}
	return f
}

// need is a right that we use.
type need struct{ group, resource, verb string }

// typed is what it is about, as one types it for kubectl.
func (n need) typed() string {
	if n.group == "" {
		return n.resource
	}
	return n.resource + "." + n.group
}

func (r *Runtime) needs() (out []need) {
	for _, n := range []struct {
		group, resource string
		verbs           []string
	}{
		{"", "pods", []string{"get", "list", "watch", "create", "delete"}},
		{"", "pods/exec", []string{"create", "get"}},
		{"", "pods/portforward", []string{"create", "get"}},
		{"", "pods/log", []string{"get"}},
		{"", "persistentvolumeclaims", []string{"get", "list", "watch", "create", "patch", "delete"}},
		{"", "secrets", []string{"get", "create", "delete"}},
		{"", "events", []string{"list"}},
		{"networking.k8s.io", "networkpolicies", []string{"create", "patch"}},
	} {
		if n.resource == "pods/portforward" && r.straight() {
			continue
		}
		for _, verb := range n.verbs {
			out = append(out, need{n.group, n.resource, verb})
		}
	}
	return out
}

func (r *Runtime) checkRights(ctx context.Context) runtime.Finding {
	f := runtime.Finding{Name: "Rights", Status: statusOK, Detail: "all that sessions need"}
	var missing []need
	for _, n := range r.needs() {
		may, err := r.may(ctx, n)
		if err != nil {
			return unknown(f.Name, "what we may do", err)
		}
		if !may {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return f
	}
	verbs := map[string][]string{}
	var order []string
	for _, n := range missing {
		resource := n.typed()
		if verbs[resource] == nil {
			order = append(order, resource)
		}
		verbs[resource] = append(verbs[resource], n.verb)
	}
	var lacks []string
	for _, resource := range order {
		lacks = append(lacks, strings.Join(verbs[resource], ", ")+" "+resource)
	}
	f.Status, f.Detail = statusError, "we may not "+strings.Join(lacks, "; ")
	f.Advice = "As an administrator of the cluster: " + r.grant()
	return f
}

// grant is the command that gives whoever we are what sessions need.
func (r *Runtime) grant() string {
	k := "kubectl " + r.at() + "-n " + r.api.namespace + " "
	var all, verbs []string
	known := map[string]bool{}
	for _, n := range r.needs() {
		if what := n.typed(); !known[what] {
			known[what] = true
			all = append(all, what)
		}
		if !known[n.verb] {
			known[n.verb] = true
			verbs = append(verbs, n.verb)
		}
	}
	return k + "create role volundr --verb=" + strings.Join(verbs, ",") + " --resource=" + strings.Join(all, ",") +
		" && " + k + "create rolebinding volundr --role=volundr --user=\"$(kubectl " + r.at() + "auth whoami -o jsonpath='{.status.userInfo.username}')\""
}

func (r *Runtime) checkQuota(ctx context.Context) runtime.Finding {
	f := runtime.Finding{Name: "Quota", Status: statusOK, Detail: "none"}
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Status struct {
				Hard map[string]string `json:"hard"`
				Used map[string]string `json:"used"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := r.get(ctx, "/api/v1/namespaces/"+r.api.namespace+"/resourcequotas", &list); err != nil {
		return unknown(f.Name, "the namespace's quota", err)
	}
	var said []string
	for _, q := range list.Items {
		for what, hard := range sorted(q.Status.Hard) {
			used := q.Status.Used[what]
			said = append(said, fmt.Sprintf("%s %s of %s", what, used, hard))
			if full(used, hard) {
				f.Status = statusWarning
				f.Advice = fmt.Sprintf("%s is used up: end sessions, or raise it: kubectl %s-n %s edit resourcequota %s", what, r.at(), r.api.namespace, q.Metadata.Name)
			}
		}
	}
	if len(said) > 0 {
		f.Detail = strings.Join(said, ", ")
	}
	return f
}

func (r *Runtime) checkImages(ctx context.Context) (out []runtime.Finding) {
	for _, kind := range []runtime.Kind{runtime.Session, runtime.Sandbox} {
		f := runtime.Finding{Name: "Image of a " + string(kind), Status: statusOK}
		ref, err := r.EnsureImage(ctx, kind, nil)
		switch {
		case err != nil && kind == runtime.Session:
			f.Status, f.Detail = statusError, "none is configured"
			f.Advice = "volundr image push REGISTRY/volundr-session, then: volundr config set kubernetes.images.session REGISTRY/volundr-session:TAG"
		case err != nil:
			f.Status, f.Detail = statusWarning, "none is configured: there are no sandboxes on the cluster"
			f.Advice = "volundr image push --sandbox REGISTRY/volundr-sandbox, then: volundr config set kubernetes.images.sandbox REGISTRY/volundr-sandbox:TAG"
		default:
			f.Detail = ref + "; that the cluster can pull it shows with the first one"
			if on := r.present(ctx, ref); on > 0 {
				f.Detail = fmt.Sprintf("%s is on %d of the cluster's machines", ref, on)
			}
		}
		out = append(out, f)
	}
	return out
}

// enforcers are programs known to enforce NetworkPolicy, by what their
// DaemonSets are called.
var enforcers = []string{"calico", "cilium", "antrea", "kube-router", "weave", "ovnkube", "aws-node", "kindnet", "canal", "azure-npm", "network-policy"}

// checkPolicies: every API server takes policies; whether anything enforces them
// only shows where somebody tries.
func (r *Runtime) checkPolicies(ctx context.Context) runtime.Finding {
	f := runtime.Finding{Name: "Network policies", Status: statusWarning,
		Detail: "the cluster takes them; whether anything enforces them it does not say",
		Advice: "Sessions are kept apart by them alone: ask whoever runs the cluster, or use one with Calico, Cilium or Antrea."}
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Status struct {
				Ready int `json:"numberReady"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := r.get(ctx, "/apis/apps/v1/daemonsets", &list); err != nil {
		if !apierrors.IsForbidden(err) && !errors.Is(err, context.DeadlineExceeded) {
			f.Detail += " (" + err.Error() + ")"
		}
		return f
	}
	for _, d := range list.Items {
		for _, name := range enforcers {
			if d.Status.Ready > 0 && strings.Contains(d.Metadata.Name, name) {
				return runtime.Finding{Name: f.Name, Status: statusOK, Detail: d.Metadata.Name + " runs, which enforces them unless it was told not to"}
			}
		}
	}
	return f
}

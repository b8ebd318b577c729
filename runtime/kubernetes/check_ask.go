package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"volundr/runtime"
)

// get reads an answer of the API as JSON. These kinds are looked at by nobody
// else, and their types would only take room.
func (r *Runtime) get(ctx context.Context, path string, into any) error {
	raw, err := r.api.core.Get().AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s answers what is no JSON: %w", path, err)
	}
	return nil
}

// may asks whether we have a right in the namespace.
func (r *Runtime) may(ctx context.Context, n need) (bool, error) {
	resource, sub, _ := strings.Cut(n.resource, "/")
	body, err := json.Marshal(map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": map[string]string{"namespace": r.api.namespace, "group": n.group, "resource": resource, "subresource": sub, "verb": n.verb}}})
	if err != nil {
		return false, err
	}
	raw, err := r.api.core.Post().AbsPath("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").
		SetHeader("Content-Type", "application/json").SetHeader("Accept", "application/json").Body(body).DoRaw(ctx)
	if err != nil {
		return false, err
	}
	var answer struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	return answer.Status.Allowed, json.Unmarshal(raw, &answer)
}

// at is how kubectl is told which cluster is meant.
func (r *Runtime) at() (flags string) {
	if file := r.opts.Cluster.Kubeconfig; file != "" {
		flags += "--kubeconfig " + file + " "
	}
	if name := r.opts.Cluster.Context; name != "" {
		flags += "--context " + name + " "
	}
	return flags
}

// checkStorage says of which class volumes would be.
func (r *Runtime) checkStorage(ctx context.Context) runtime.Finding {
	f := runtime.Finding{Name: "Storage", Status: statusOK}
	want := r.opts.Pods.StorageClass
	var list struct {
		Items []struct {
			Metadata struct {
				Name        string            `json:"name"`
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
			Provisioner string `json:"provisioner"`
		} `json:"items"`
	}
	if err := r.get(ctx, "/apis/storage.k8s.io/v1/storageclasses", &list); err != nil {
		return unknown(f.Name, "the cluster's storage classes", err)
	}
	var names []string
	for _, c := range list.Items {
		names = append(names, c.Metadata.Name)
		standard := c.Metadata.Annotations["storageclass.kubernetes.io/is-default-class"] == "true"
		if c.Metadata.Name == want || want == "" && standard {
			f.Detail = "class " + c.Metadata.Name + " (" + c.Provisioner + ")"
			if want == "" {
				f.Detail += ", the cluster's default"
			}
		}
	}
	switch {
	case f.Detail != "":
	case len(names) == 0:
		f.Status, f.Detail, f.Advice = statusError, "the cluster has no storage class: nothing makes volumes", "Have whoever runs the cluster set one up."
	case want != "":
		f.Status, f.Detail = statusError, fmt.Sprintf("there is no class %s: there are %s", want, strings.Join(names, ", "))
		f.Advice = "volundr config set kubernetes.storage_class " + names[0]
	default:
		f.Status, f.Detail = statusError, "none of the classes is the default: there are "+strings.Join(names, ", ")
		f.Advice = "volundr config set kubernetes.storage_class " + names[0]
	}
	return f
}

// present counts the cluster's machines that have an image already, as far as
// they tell.
func (r *Runtime) present(ctx context.Context, ref string) (n int) {
	var list struct {
		Items []struct {
			Status struct {
				Images []struct {
					Names []string `json:"names"`
				} `json:"images"`
			} `json:"status"`
		} `json:"items"`
	}
	if r.get(ctx, "/api/v1/nodes", &list) != nil {
		return 0
	}
	for _, node := range list.Items {
		if slices.ContainsFunc(node.Status.Images, func(i struct {
			Names []string `json:"names"`
		}) bool {
			return slices.ContainsFunc(i.Names, func(name string) bool { return name == ref || strings.HasSuffix(name, "/"+ref) })
		}) {
			n++
		}
	}
	return n
}

// full reports whether a quota has no room.
func full(used, hard string) bool {
	u, err1 := resource.ParseQuantity(used)
	h, err2 := resource.ParseQuantity(hard)
	return err1 == nil && err2 == nil && u.Cmp(h) >= 0
}

func sorted(m map[string]string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

var _ runtime.Checker = (*Runtime)(nil)

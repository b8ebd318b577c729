package kubernetes

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"volundr/runtime"
)

// Cluster says which one, and where in it. All may be empty: then it is the one
// that kubectl would take, or the one that this process runs in.
type Cluster struct {
	Kubeconfig string // path
	Context    string // of the configuration
	Namespace  string // empty: the context's
}

// api is the little of the cluster's API that we use, without the types of all
// the rest.
type api struct {
	config    *rest.Config
	http      *http.Client
	namespace string
	home      string // the namespace of the Pod in the cluster that this process runs in; empty: it runs elsewhere

	core     rest.Interface
	pods     *gentype.ClientWithList[*corev1.Pod, *corev1.PodList]
	claims   *gentype.ClientWithList[*corev1.PersistentVolumeClaim, *corev1.PersistentVolumeClaimList]
	secrets  *gentype.Client[*corev1.Secret]
	events   *gentype.ClientWithList[*corev1.Event, *corev1.EventList]
	policies *gentype.Client[*networkingv1.NetworkPolicy]
}

// scheme knows the types that we use.
func scheme() (*kruntime.Scheme, error) {
	s := kruntime.NewScheme()
	metav1.AddToGroupVersion(s, schema.GroupVersion{Version: "v1"})
	return s, errors.Join(corev1.AddToScheme(s), networkingv1.AddToScheme(s))
}

// ownNamespace is where a Pod reads which one it is in.
const ownNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// load gives the configuration of the API's client, the namespace, and that of
// our own Pod if we run in that cluster.
func (c Cluster) load() (conf *rest.Config, namespace, home string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	from := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.Context})
	conf, err = from.ClientConfig()
	if err != nil {
		return nil, "", "", fmt.Errorf("%w: no cluster is configured: %w: name a kubeconfig and a context that kubectl works with", runtime.ErrInvalid, err)
	}
	namespace = c.Namespace
	if namespace == "" {
		if namespace, _, err = from.Namespace(); err != nil {
			return nil, "", "", fmt.Errorf("%w: %w", runtime.ErrInvalid, err)
		}
	}
	if c.Kubeconfig == "" && c.Context == "" {
		if own, err := rest.InClusterConfig(); err == nil && own.Host == conf.Host {
			text, err := os.ReadFile(ownNamespace)
			if err != nil {
				return nil, "", "", fmt.Errorf("%w: a Pod without a service account's namespace: %w", runtime.ErrInvalid, err)
			}
			home = strings.TrimSpace(string(text))
		}
	}
	return conf, namespace, home, nil
}

func (c Cluster) connect() (*api, error) {
	conf, namespace, home, err := c.load()
	if err != nil {
		return nil, err
	}
	types, err := scheme()
	if err != nil {
		return nil, err
	}
	codecs := serializer.NewCodecFactory(types)
	conf.QPS = -1 // the API server shares itself out among its clients
	conf.UserAgent = "volundr"
	conf.NegotiatedSerializer = codecs.WithoutConversion()
	conf.ContentType = kruntime.ContentTypeProtobuf
	conf.AcceptContentTypes = kruntime.ContentTypeProtobuf + "," + kruntime.ContentTypeJSON
	a := &api{config: conf, namespace: namespace, home: home}
	if a.http, err = rest.HTTPClientFor(conf); err != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrInvalid, err)
	}
	group := func(path string, gv schema.GroupVersion) (rest.Interface, error) {
		conf := rest.CopyConfig(conf)
		conf.APIPath, conf.GroupVersion = path, &gv
		return rest.RESTClientForConfigAndClient(conf, a.http)
	}
	core, err := group("/api", corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	networking, err := group("/apis", networkingv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	params := kruntime.NewParameterCodec(types)
	a.core = core
	a.pods = gentype.NewClientWithList("pods", core, params, namespace, fresh[corev1.Pod], fresh[corev1.PodList])
	a.claims = gentype.NewClientWithList("persistentvolumeclaims", core, params, namespace, fresh[corev1.PersistentVolumeClaim], fresh[corev1.PersistentVolumeClaimList])
	a.secrets = gentype.NewClient("secrets", core, params, namespace, fresh[corev1.Secret])
	a.events = gentype.NewClientWithList("events", core, params, namespace, fresh[corev1.Event], fresh[corev1.EventList])
	a.policies = gentype.NewClient("networkpolicies", networking, params, namespace, fresh[networkingv1.NetworkPolicy])
	return a, nil
}

func fresh[T any]() *T { return new(T) }

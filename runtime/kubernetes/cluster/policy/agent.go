package policy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	core "k8s.io/client-go/listers/core/v1"
	networking "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// merge is how long changes are collected before the rules are written anew.
const merge = 20 * time.Millisecond

type agent struct {
	podRange   string
	policies   networking.NetworkPolicyLister
	pods       core.PodLister
	namespaces core.NamespaceLister
	last       string
}

// Run keeps the rules of its network namespace to what the cluster's policies
// say, until ctx ends. args: kubeconfig, the pods' range.
func Run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: network-policy KUBECONFIG POD-RANGE")
	}
	config, err := clientcmd.BuildConfigFromFlags("", args[0])
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	policies, objects := factory.Networking().V1().NetworkPolicies(), factory.Core().V1()
	a := agent{podRange: args[1], policies: policies.Lister(), pods: objects.Pods().Lister(), namespaces: objects.Namespaces().Lister()}
	changed := make(chan struct{}, 1)
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, informer := range []cache.SharedIndexInformer{policies.Informer(), objects.Pods().Informer(), objects.Namespaces().Informer()} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { tell() }, UpdateFunc: func(any, any) { tell() }, DeleteFunc: func(any) { tell() },
		}); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	factory.WaitForCacheSync(ctx.Done())
	for {
		if err := a.write(ctx); err != nil {
			return err // started again, it reads everything anew
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(merge):
		}
	}
}

// write makes the rules and, if they are others than the last, the kernel's.
func (a *agent) write(ctx context.Context) error {
	var s State
	var err error
	if s.Policies, err = a.policies.List(labels.Everything()); err != nil {
		return err
	}
	if s.Pods, err = a.pods.List(labels.Everything()); err != nil {
		return err
	}
	if s.Namespaces, err = a.namespaces.List(labels.Everything()); err != nil {
		return err
	}
	rules, err := Rules(s, a.podRange)
	if err != nil || rules == a.last {
		return err
	}
	nft := exec.CommandContext(ctx, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(rules)
	if out, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s\n%s", err, out, rules)
	}
	a.last = rules
	fmt.Fprintf(os.Stdout, "%s rules for %d policies, %d pods\n", time.Now().Format(time.TimeOnly), len(s.Policies), len(s.Pods))
	return nil
}

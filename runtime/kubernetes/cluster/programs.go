package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"volundr/runtime/kubernetes/cluster/policy"
	"volundr/runtime/kubernetes/cluster/volume"
)

// programs are what this executable is besides itself, by the name it is
// called by: one link instead of seven, and they share their text in memory.
var programs = map[string]func(){
	firstProgram:              first,
	"etcd":                    func() { etcdmain.Main(os.Args) },
	"kubectl":                 command(cmd.NewDefaultKubectlCommand),
	"kube-apiserver":          command(apiserver.NewAPIServerCommand),
	"kube-controller-manager": command(controllers.NewControllerManagerCommand),
	"kube-scheduler":          command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kube-proxy":              command(proxy.NewProxyCommand),
	"kubelet":                 command(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"network-policy":          ours(policy.Run),
	"volumes":                 ours(volume.Run),
}

func command(of func() *cobra.Command) func() {
	return func() { os.Exit(cli.Run(of())) }
}

// ours are told the kubeconfig, and what else they need, as arguments.
func ours(run func(ctx context.Context, args []string) error) func() {
	return func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := run(ctx, os.Args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
			os.Exit(1)
		}
	}
}

package daemon

import (
	"context"
	"io"
	"net"

	"volundr/runtime"
	"volundr/runtime/kubernetes"
)

// absent stands for a runtime that is configured and cannot be used, and says
// why. Its sessions are kept as they are.
type absent struct{ why error }

func (a absent) Start(context.Context, runtime.Spec) error                      { return a.why }
func (a absent) Stop(context.Context, string) error                             { return a.why }
func (a absent) Remove(context.Context, string) error                           { return a.why }
func (a absent) List(context.Context) ([]runtime.Workload, error)               { return nil, a.why }
func (a absent) Watch(ctx context.Context, _ func()) error                      { <-ctx.Done(); return ctx.Err() }
func (a absent) Dial(context.Context, string, int) (net.Conn, error)            { return nil, a.why }
func (a absent) Exec(context.Context, string, runtime.ExecOptions) (int, error) { return 0, a.why }
func (a absent) Logs(context.Context, string, runtime.LogOptions) (io.ReadCloser, error) {
	return nil, a.why
}

// NoFolders implements runtime.Distant: it will be a cluster.
func (a absent) NoFolders() string { return kubernetes.NoFolders }

// Check implements runtime.Checker.
func (a absent) Check(context.Context) []runtime.Finding {
	return []runtime.Finding{{Name: "Kubernetes", Status: "error", Detail: a.why.Error(),
		Advice: "Mend the section kubernetes of the configuration, then start the daemon again."}}
}

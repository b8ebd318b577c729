package kubernetes

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"volundr/runtime"
)

// What makes the cluster's own programs end and come back, where it is the test
// cluster: its executable, and its name.
const (
	envProgram = "VOLUNDR_CLUSTER"
	envCluster = "VOLUNDR_CLUSTER_NAME"
)

// limit bounds every wait: a machine with two cores can be busy.
const limit = 3 * time.Minute

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// until polls is, which says what it sees, for as long as limit lasts.
func until(t testing.TB, what string, is func() (seen any, ok bool)) {
	t.Helper()
	ctx := bounded(t)
	for {
		seen, ok := is()
		if ok {
			return
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			t.Fatalf("waited in vain until %s: %+v", what, seen)
		}
	}
}

// controlled skips a test where the cluster's programs are not ours to end. At
// the end of the test all of them run.
func controlled(t *testing.T) {
	t.Helper()
	named(t)
	if os.Getenv(envProgram) == "" || os.Getenv(envCluster) == "" {
		t.Skipf("the cluster is none of ours (%s, %s): make test-kube runs this", envProgram, envCluster)
	}
	t.Cleanup(func() { control(t, "up") })
}

// control is a command of the test cluster.
func control(t testing.TB, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit+2*time.Minute) // in cleanups too
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(envProgram), append([]string{"-name", os.Getenv(envCluster)}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("cluster %v: %v\n%s", args, err, out)
	}
}

// begin starts a workload and waits until it is up.
func begin(t *testing.T, r *Runtime, s runtime.Spec) {
	t.Helper()
	if err := r.Start(bounded(t), s); err != nil {
		t.Fatal(err)
	}
	awaitState(t, r, s.ID, runtime.Up)
}

func awaitState(t *testing.T, r *Runtime, id string, want runtime.State) (w runtime.Workload) {
	t.Helper()
	until(t, "it is "+string(want), func() (any, bool) {
		w = find(t, r, id)
		return w, w.State == want
	})
	return w
}

// find is a workload as List shows it; the zero value when it does not.
func find(t *testing.T, r *Runtime, id string) runtime.Workload {
	t.Helper()
	all, err := r.List(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		if w.ID == id {
			return w
		}
	}
	return runtime.Workload{}
}

// sh runs a script in a part; what it printed.
func sh(t *testing.T, r *Runtime, id, part, script string) (string, int, error) {
	t.Helper()
	var out bytes.Buffer
	exit, err := r.Exec(bounded(t), id, runtime.ExecOptions{Part: part, Command: []string{"sh", "-c", script}, Stdout: &out, Stderr: &out})
	return out.String(), exit, err
}

// links waits until the broker takes a connection, which shows that it lives.
func links(t *testing.T, r *Runtime, id string) {
	t.Helper()
	until(t, "the broker takes a connection", func() (any, bool) {
		conn, err := r.Dial(bounded(t), id, 0)
		if err != nil {
			return err, false
		}
		return nil, conn.Close() == nil
	})
}

// Package proof tries the test cluster as it is built: that it starts and
// ends and leaves nothing, that policies are enforced and volumes are given.
package proof

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// limit bounds every wait: a machine with two cores can be busy.
const limit = 3 * time.Minute

// cluster is one of its own for a test, by name.
type cluster struct {
	program, name, kubeconfig string
}

// program is the executable that build.sh made; a test without it, or without
// root, is skipped, or fails where VOLUNDR_REQUIRE_KUBERNETES=1 asks for it.
func program(t *testing.T) string {
	t.Helper()
	program := os.Getenv("VOLUNDR_CLUSTER")
	if program != "" && os.Geteuid() == 0 {
		return program
	}
	if os.Getenv("VOLUNDR_REQUIRE_KUBERNETES") == "1" {
		t.Fatal("The test cluster needs root, and VOLUNDR_CLUSTER naming its executable (make test-kube).")
	}
	t.Skip("the test cluster needs root and make test-kube")
	return ""
}

func up(t *testing.T, name string) *cluster {
	t.Helper()
	c := &cluster{program: program(t), name: fmt.Sprintf("%s-%d", name, os.Getpid())}
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := exec.Command("sh", "-c", "tail -n 3 /var/tmp/volundr-cluster/"+c.name+"/log/* | cut -c1-300").CombinedOutput()
			t.Logf("the cluster's logs:\n%s", logs)
		}
		c.run(t, "down")
	})
	c.kubeconfig = strings.TrimSpace(c.run(t, "up"))
	return c
}

// run is a command of the cluster; it must succeed.
func (c *cluster) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.try("", append([]string{c.program, "-name", c.name}, args...)...)
	if err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// kubectl is upstream's; it must succeed.
func (c *cluster) kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := c.ask(stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (c *cluster) ask(stdin string, args ...string) (string, error) {
	return c.try(stdin, append([]string{"kubectl", "--kubeconfig", c.kubeconfig}, args...)...)
}

// try runs the cluster's executable by the name args[0]; standard output, or
// standard error if it fails.
func (c *cluster) try(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program)
	cmd.Args = args
	cmd.Stdin = strings.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String() + complaint.String(), err
	}
	return out.String(), nil
}

// eventually waits until is says so; else the test fails with what it said.
func eventually(t *testing.T, what string, is func() (string, bool)) {
	t.Helper()
	for end := time.Now().Add(limit); ; {
		said, ok := is()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v: %s", what, limit, said)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

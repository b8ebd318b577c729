package sandbox_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/sandbox"
	"volundr/runtime/broker/sandbox/sandboxtest"
	"volundr/runtime/broker/wire"
)

// world is a runner with a client of it.
func world(t testing.TB, change ...func(*sandbox.Options)) (*inner.Client, *sandboxtest.Sandbox) {
	t.Helper()
	s := sandboxtest.Start(t, change...)
	c := inner.New(s.Dial)
	t.Cleanup(c.Close)
	return c, s
}

// bash runs a command line to its end.
func bash(t testing.TB, c *inner.Client, cmd string, change ...func(*wire.Run)) inner.Output {
	t.Helper()
	r := wire.Run{ID: "run-" + strings.ReplaceAll(time.Now().Format("150405.000000000"), ".", "-"), Argv: inner.Bash(cmd)}
	for _, f := range change {
		f(&r)
	}
	out, err := c.Collect(t.Context(), r)
	if err != nil {
		t.Fatalf("%.100s: %v", cmd, err)
	}
	return out
}

// exit gives an exit code, -1 for none.
func exit(r wire.SandboxResult) int {
	if r.Exit == nil {
		return -1
	}
	return *r.Exit
}

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for %s", what)
		}
	}
}

// alive counts the living processes that have the word among their arguments.
func alive(word string) int { return count(word, "") }

// sleeping counts those of them that are called sleep.
func sleeping(word string) int { return count(word, "sleep") }

func count(word, name string) int {
	n := 0
	list, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range list {
		args, err := os.ReadFile(dir + "/cmdline")
		program, _, _ := strings.Cut(string(args), "\x00")
		if err != nil || !strings.Contains(string(args), word) || !strings.HasSuffix(program, name) {
			continue
		}
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue
		}
		if rest := stat[strings.LastIndexByte(string(stat), ')')+1:]; len(rest) > 1 && rest[1] != 'Z' && rest[1] != 'X' {
			n++
		}
	}
	return n
}

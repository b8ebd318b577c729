package fake_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"volundr/runtime"
	"volundr/runtime/fake"
	"volundr/runtime/runtimetest"
)

var ids atomic.Int64

func spec(*testing.T) runtime.Spec {
	part := func(name string, mounts ...runtime.Mount) runtime.Part {
		return runtime.Part{Name: name, Command: []string{"run", name}, UID: 1000, GID: 1000, Mounts: mounts}
	}
	workspace := runtime.Mount{Volume: runtime.VolumeWorkspace, Path: runtime.PathWorkspace}
	home := runtime.Mount{Volume: runtime.VolumeHome, Path: runtime.PathHome}
	return runtime.Spec{
		ID: fmt.Sprintf("s%d", ids.Add(1)), Kind: runtime.Session, Run: 1, Image: "fake:image", Network: runtime.NetworkOpen,
		Parts: []runtime.Part{
			part(runtime.PartBroker, runtime.Mount{Volume: runtime.VolumeJournal, Path: runtime.PathJournal}),
			part(runtime.PartAgent, workspace, home), part(runtime.PartEditor, workspace, home), part(runtime.PartTerminal, workspace, home),
		},
	}
}

func TestConformance(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keep ended %v", keep), func(t *testing.T) {
			first := fake.New(fake.Options{Report: t.Errorf, Delay: 2 * time.Millisecond, KeepEnded: keep})
			t.Cleanup(first.Check)
			runtimetest.Run(t, runtimetest.Backend{
				Pauses: true,
				New: func(t *testing.T) runtime.Runtime {
					return first.Other(fmt.Sprintf("installation-%d", ids.Add(1)))
				},
				Again: func(t *testing.T, rt runtime.Runtime) runtime.Runtime { return rt.(*fake.Runtime).Again() },
				Spec:  spec,
				Sandbox: func(t *testing.T, ttl time.Duration) runtime.Spec {
					s := spec(t)
					s.Kind, s.Deadline, s.Network, s.ID = runtime.Sandbox, time.Now().Add(ttl), runtime.NetworkNone, uuid.NewString()
					s.Parts = []runtime.Part{{Name: runtime.PartSandbox, Command: []string{"run"}, UID: 65532, GID: 65532,
						Mounts: []runtime.Mount{{Size: 1 << 20, Path: runtime.PathWorkspace}}}}
					return s
				},
				End: func(t *testing.T, rt runtime.Runtime, id, part string, code int, oom bool) {
					rt.(*fake.Runtime).End(id, part, code, oom)
				},
				Lose:     func(t *testing.T, rt runtime.Runtime, id, part string) { rt.(*fake.Runtime).Lose(id, part) },
				Patience: 10 * time.Second,
			})
		})
	}
}

// reports gives a runtime that collects what it reports.
func reports() (*fake.Runtime, *[]string) {
	var got []string
	return fake.New(fake.Options{Delay: time.Second, Report: func(format string, args ...any) {
		got = append(got, fmt.Sprintf(format, args...))
	}}), &got
}

func TestStrictness(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, rt *fake.Runtime, s runtime.Spec)
		want string
	}{
		"overlap": {func(t *testing.T, rt *fake.Runtime, s runtime.Spec) {
			go rt.Start(t.Context(), s)
			synctest.Wait()
			rt.Stop(t.Context(), s.ID)
			time.Sleep(time.Minute)
		}, "stop overlaps with start"},
		"a run that goes backwards": {func(t *testing.T, rt *fake.Runtime, s runtime.Spec) {
			s.Run = 2
			rt.Start(t.Context(), s)
			s.Run = 1
			rt.Start(t.Context(), s)
		}, "with run 1 after run 2"},
		"a reader left open": {func(t *testing.T, rt *fake.Runtime, s runtime.Spec) {
			rt.Start(t.Context(), s)
			rt.Logs(t.Context(), s.ID, runtime.LogOptions{})
			rt.Check()
		}, "never closed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt, got := reports()
				c.do(t, rt, spec(t))
				if len(*got) != 1 || !strings.Contains((*got)[0], c.want) {
					t.Errorf("reported %q, want one that says %q", *got, c.want)
				}
			})
		})
	}
}

func TestScriptFailsBeforeOrAfterAStep(t *testing.T) {
	broken := errors.New("broken")
	for _, after := range []bool{false, true} {
		rt := fake.New(fake.Options{Report: t.Errorf})
		rt.Script(func(_ context.Context, c fake.Call) error {
			if c.Step == "part agent" && c.After == after {
				return broken
			}
			return nil
		})
		s := spec(t)
		if err := rt.Start(t.Context(), s); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		w, _ := rt.Show(s.ID)
		if want := map[bool]int{false: 1, true: 2}[after]; len(w.Parts) != want || w.State != runtime.Partial {
			t.Errorf("after=%v: %+v, want %d parts", after, w, want)
		}
	}
}

func TestDialExecLogs(t *testing.T) {
	rt := fake.New(fake.Options{Report: t.Errorf})
	s := spec(t)
	if err := rt.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	rt.Listen(s.ID, 8080, func(c net.Conn) { fmt.Fprintln(c, "hello"); c.Close() })
	c, err := rt.Dial(t.Context(), s.ID, 8080)
	if err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(c).ReadString('\n'); line != "hello\n" {
		t.Errorf("dialled %q", line)
	}
	if _, err := rt.Dial(t.Context(), s.ID, 8081); err == nil || errors.Is(err, runtime.ErrNotFound) {
		t.Errorf("a closed port: %v", err)
	}
	rt.OnExec(func(_ context.Context, id string, o runtime.ExecOptions) (int, error) {
		fmt.Fprint(o.Stdout, id, o.Part, o.Command)
		return 4, nil
	})
	var out strings.Builder
	if exit, err := rt.Exec(t.Context(), s.ID, runtime.ExecOptions{Command: []string{"x"}, Stdout: &out}); exit != 4 || err != nil || out.String() != s.ID+"agent[x]" {
		t.Errorf("exec: %d %v %q", exit, err, out.String())
	}
	rt.Log(s.ID, runtime.PartAgent, "one")
	rt.Log(s.ID, runtime.PartAgent, "two")
	r, err := rt.Logs(t.Context(), s.ID, runtime.LogOptions{Tail: 1, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Scan()
	rt.Log(s.ID, runtime.PartAgent, "three")
	two := lines.Text()
	lines.Scan()
	rt.End(s.ID, runtime.PartAgent, 0, false)
	if !strings.HasSuffix(two, " two") || !strings.HasSuffix(lines.Text(), " three") || lines.Scan() {
		t.Errorf("followed %q, %q", two, lines.Text())
	}
}

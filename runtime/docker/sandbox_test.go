package docker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/uuid"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// box is a small sandbox whose PID 1 is the real program.
func box(t testing.TB, image string, ttl time.Duration) runtime.Spec {
	id := uuid.NewString()
	conf, err := json.Marshal(wire.Config{Session: id, Run: 1, Part: runtime.PartSandbox, DaemonKey: base64.StdEncoding.EncodeToString(public),
		Sandbox: &wire.Sandbox{LifetimeMS: ttl.Milliseconds()}})
	if err != nil {
		t.Fatal(err)
	}
	return runtime.Spec{
		ID: id, Kind: runtime.Sandbox, Name: runtime.SandboxName(id), Owner: "ann", Tenant: "default", Created: time.Now().UTC().Truncate(time.Second), Run: 1,
		Image: image, Network: runtime.NetworkNone, Deadline: time.Now().Add(ttl).UTC().Truncate(time.Millisecond),
		Resources: runtime.Resources{Memory: 256 << 20, CPU: 1000, PIDs: 128},
		Parts: []runtime.Part{{Name: runtime.PartSandbox, Command: []string{wire.Program, "sandbox"}, Dir: runtime.PathWorkspace, UID: 65532, GID: 65532,
			Env:    map[string]string{wire.EnvConfig: string(conf)},
			Mounts: []runtime.Mount{{Size: 16 << 20, Path: runtime.PathWorkspace, UID: 65532, GID: 65532}, {Size: 16 << 20, Path: "/tmp", UID: 65532, GID: 65532}}}},
	}
}

func boxed(t testing.TB) (*Runtime, string) {
	t.Helper()
	r := installation(t, engine(t), false)
	image, err := r.EnsureImage(t.Context(), runtime.Sandbox, func(p runtime.Progress) { t.Log(p.Text) })
	if err != nil {
		t.Fatal(err)
	}
	return r, image
}

func TestSandboxHasNameAndLabelsOfItsContract(t *testing.T) {
	r, image := boxed(t)
	s := box(t, image, time.Hour)
	if err := r.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	in, err := r.api.ContainerInspect(t.Context(), "code-session-"+strings.ReplaceAll(s.ID, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	labels := in.Config.Labels
	seconds, err := strconv.ParseFloat(labels["code-interpreter.expires-at"], 64)
	if err != nil || time.UnixMilli(int64(seconds*1000)).Sub(s.Deadline).Abs() > 2*time.Millisecond {
		t.Errorf("expires at %q, want %s", labels["code-interpreter.expires-at"], s.Deadline)
	}
	for k, v := range map[string]string{"app": "code-interpreter", "component": "session", "volundr.kind": "sandbox", "volundr.session": s.ID,
		"volundr.installation": r.opts.Installation, "volundr.owner": "ann", "volundr.tenant": "default"} {
		if labels[k] != v {
			t.Errorf("label %s is %q, want %q", k, labels[k], v)
		}
	}
	h := in.HostConfig
	if !h.AutoRemove || h.NetworkMode != "none" || len(h.Mounts) > 0 || h.MemorySwap != h.Memory || h.LogConfig.Type != "none" {
		t.Errorf("%+v", h)
	}
}

// Whatever carries the name or the labels without being ours stays untouched.
func TestForeignContainersAreNeverTouched(t *testing.T) {
	r, image := boxed(t)
	s := box(t, image, time.Hour)
	conf, host := r.container(s, s.Parts[0], noNetwork)
	foreign, _ := installation(t, engine(t), false).container(s, s.Parts[0], noNetwork)
	plain := *conf
	plain.Labels = map[string]string{"app": "code-interpreter", "component": "session"}
	half := *conf
	half.Labels = map[string]string{}
	for k, v := range conf.Labels {
		half.Labels[k] = v
	}
	half.Labels["app"] = "another"
	name := sandboxName(s.ID)
	for what, c := range map[string]struct {
		name   string
		config *container.Config
	}{
		"the name and the contract's labels":   {name, &plain},
		"the name and another installation's":  {name, foreign},
		"all labels under another name":        {"volundr-test-" + s.ID, conf},
		"the name with labels of another kind": {name, &half},
	} {
		t.Run(what, func(t *testing.T) {
			made, err := r.api.ContainerCreate(t.Context(), c.config, host, nil, nil, c.name)
			if err != nil {
				t.Fatal(err)
			}
			defer r.api.ContainerRemove(context.Background(), made.ID, container.RemoveOptions{Force: true})
			if err := r.api.ContainerStart(t.Context(), made.ID, container.StartOptions{}); err != nil {
				t.Fatal(err)
			}
			if list, err := r.List(t.Context()); err != nil || len(list) > 0 {
				t.Errorf("listed: %+v, %v", list, err)
			}
			for op, err := range map[string]error{"stop": r.Stop(t.Context(), s.ID), "remove": r.Remove(t.Context(), s.ID), "pause": r.Pause(t.Context(), s.ID)} {
				if err != nil {
					t.Errorf("%s: %v", op, err)
				}
			}
			if _, err := r.Dial(t.Context(), s.ID, 0); err == nil {
				t.Error("dialled")
			}
			if _, err := r.Exec(t.Context(), s.ID, runtime.ExecOptions{Command: []string{"true"}}); err == nil {
				t.Error("a command ran in it")
			}
			if c.name == name {
				if err := r.Start(t.Context(), s); err == nil {
					t.Error("it was started as ours")
				}
			}
			in, err := r.api.ContainerInspect(t.Context(), made.ID)
			if err != nil || !in.State.Running || in.State.Paused {
				t.Errorf("it is %+v, %v", in.State, err)
			}
		})
	}
}

// A sandbox without network is reached through its own input and output, and
// when that way has broken through an exec.
func TestSandboxIsReachedFromItsStart(t *testing.T) {
	r, image := boxed(t)
	ctx, cancel := context.WithCancel(t.Context())
	watching := make(chan error, 1)
	standing := make(chan struct{}, 100)
	go func() { watching <- r.Watch(ctx, func() { standing <- struct{}{} }) }()
	defer func() { cancel(); <-watching }()
	<-standing
	s := box(t, image, time.Hour)
	if err := r.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	way := func() *muxed {
		r.dialer.mu.Lock()
		defer r.dialer.mu.Unlock()
		if s := r.dialer.streams[s.ID]; s != nil {
			return s.exec
		}
		return nil
	}
	first := way()
	<-standing // create
	<-standing // start
	answers := func() string {
		conn, err := r.Dial(t.Context(), s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := conn.Write([]byte("GET /v1/sandbox HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		return string(all)
	}
	for range 3 {
		if got := answers(); !strings.Contains(got, s.ID) {
			t.Fatal(got)
		}
	}
	if way() != first || first == nil {
		t.Error("the way there was from the start is not used")
	}
	first.Close()
	if got := answers(); !strings.Contains(got, s.ID) {
		t.Errorf("when it broke: %s", got)
	}
	if again := way(); again == first || again == nil {
		t.Error("no other way was made")
	}
	other, err := New(t.Context(), r.opts) // after a crash
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	r = other
	if got := answers(); !strings.Contains(got, s.ID) {
		t.Errorf("by the next daemon: %s", got)
	}
}

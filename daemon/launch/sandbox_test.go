package launch

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

func TestShapeIsOfTheValues(t *testing.T) {
	plain := SandboxRequest{}.Shape()
	for name, r := range map[string]SandboxRequest{"as read": {}, "said": SandboxRequest{}.Whole(), "in part": {Network: "none", CPU: SandboxCPU}} {
		if r.Shape() != plain {
			t.Errorf("%s: the defaults have another shape", name)
		}
	}
	seen := map[string]string{plain: "the defaults"}
	for name, r := range map[string]SandboxRequest{
		"network": {Network: "open"}, "memory": {Memory: 1 << 30}, "cpu": {CPU: 500}, "pids": {PIDs: 64}, "disk": {Disk: 1 << 30}, "tmp": {Tmp: 1 << 30},
		"file size": {FileSize: 1}, "open files": {OpenFiles: 1}, "cpu seconds": {CPUSeconds: 1},
	} {
		if other, ok := seen[r.Shape()]; ok {
			t.Errorf("another %s has the shape of %s", name, other)
		}
		seen[r.Shape()] = name
	}
}

func TestSandboxSpec(t *testing.T) {
	const mib = 1 << 20
	request := SandboxRequest{Memory: 100 * mib, Disk: 200 * mib, Tmp: 10 * mib, CPU: 250, PIDs: 64, FileSize: 7, OpenFiles: 8, CPUSeconds: 9}
	raw, _ := json.Marshal(request)
	latest := time.Now().Add(time.Hour)
	s := store.Session{ID: "5e9c3a52-8c3d-4f5e-9a43-6c8f0f3f2d11", Kind: store.KindSandbox, Name: "code-session-x", OwnerID: "anna", TenantID: "t", Run: 1,
		Request: raw, ExpiresAt: time.Now().Add(time.Minute).Truncate(time.Millisecond), LatestAt: latest}
	spec, err := New(Options{PublicKey: make([]byte, 32)}).Spec(t.Context(), s, "image")
	if err != nil {
		t.Fatal(err)
	}
	if spec.Kind != runtime.Sandbox || spec.Network != runtime.NetworkNone || !spec.Deadline.Equal(latest) || len(spec.Parts) != 1 || spec.Owner != "anna" {
		t.Errorf("%+v", spec)
	}
	want := runtime.Resources{Memory: (100 + 200 + 10 + 64) * mib, CPU: 250, PIDs: 64 + wire.SandboxTasks}
	if diff := cmp.Diff(want, spec.Resources); diff != "" || request.Cost() != want.Memory {
		t.Error(diff)
	}
	p := spec.Parts[0]
	if p.UID != 65532 || p.GID != 65532 || len(p.Mounts) != 2 || p.Mounts[0].Size != 200*mib || p.Mounts[1].Size != 10*mib {
		t.Errorf("%+v", p)
	}
	var c wire.Config
	if err := json.Unmarshal([]byte(p.Env[wire.EnvConfig]), &c); err != nil {
		t.Fatal(err)
	}
	life := time.Duration(c.Sandbox.LifetimeMS) * time.Millisecond
	if c.Session != s.ID || c.DaemonKey == "" || life > time.Hour || life < 59*time.Minute || c.Sandbox.FileSize != 7 || c.Sandbox.OpenFiles != 8 || c.Sandbox.CPUSeconds != 9 ||
		!time.UnixMilli(c.Sandbox.First.DeadlineMS).Equal(s.ExpiresAt) || time.Since(time.UnixMilli(c.Sandbox.First.NowMS)).Abs() > time.Minute {
		t.Errorf("%+v %+v", c, c.Sandbox)
	}
}

func TestSandboxRequestIsChecked(t *testing.T) {
	for name, raw := range map[string]string{
		"no JSON": `{`, "no such network": `{"network":"host"}`, "no memory": `{"memory":1000}`, "all memory": `{"memory":4611686018427387904}`,
		"less than none": `{"disk":-1}`, "no process": `{"pids":1}`, "no CPU": `{"cpu":1}`, "negative": `{"file_size":-1}`,
	} {
		s := store.Session{ID: "x", Kind: store.KindSandbox, Run: 1, Request: []byte(raw), LatestAt: time.Now().Add(time.Hour)}
		if _, err := New(Options{}).Spec(t.Context(), s, "image"); !errors.Is(err, runtime.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

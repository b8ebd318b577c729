package docker

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/google/uuid"

	"volundr/assets"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/runtimetest"
)

// engine finds a Docker engine. Without one the test is skipped, unless that is
// forbidden.
func engine(t testing.TB) Endpoint {
	t.Helper()
	e, _, err := Find(t.Context(), "")
	if err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_DOCKER") == "1" {
			t.Fatal(err)
		}
		t.Skip("no Docker engine answers: " + err.Error())
	}
	return e
}

// public and key open the test sessions' brokers.
var public, key, _ = ed25519.GenerateKey(rand.Reader)

func installation(t testing.TB, e Endpoint, exec bool) *Runtime {
	t.Helper()
	r, err := New(t.Context(), Options{Engine: e, Installation: "t" + strings.ToLower(rand.Text()[:8]), Key: key, ForceExec: exec,
		Image: ImageOptions{Recipe: assets.Image(), Programs: assets.Programs()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sweep(t, r)
		r.Close()
	})
	return r
}

// sweep removes everything of an installation, and complains of nothing.
func sweep(t testing.TB, r *Runtime) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all, err := r.api.ContainerList(ctx, container.ListOptions{All: true, Filters: r.ours("")})
	if err != nil {
		t.Error(err)
	}
	for _, c := range all {
		r.api.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	}
	vols, err := r.api.VolumeList(ctx, volume.ListOptions{Filters: r.ours("")})
	if err != nil {
		t.Error(err)
	}
	for _, v := range vols.Volumes {
		r.api.VolumeRemove(ctx, v.Name, true)
	}
	nets, err := r.api.NetworkList(ctx, network.ListOptions{Filters: r.ours("")})
	if err != nil {
		t.Error(err)
	}
	for _, n := range nets {
		r.api.NetworkRemove(ctx, n.ID)
	}
	r.openFirewall(ctx)
}

func conformance(t *testing.T, exec bool, only ...string) {
	e := engine(t)
	image, err := installation(t, e, false).EnsureImage(t.Context(), runtime.Session, func(p runtime.Progress) { t.Log(p.Text) })
	if err != nil {
		t.Fatal(err)
	}
	boxImage, err := installation(t, e, false).EnsureImage(t.Context(), runtime.Sandbox, func(p runtime.Progress) { t.Log(p.Text) })
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Run(t, runtimetest.Backend{
		Processes: true, Broker: true, Pauses: true, Only: only,
		New: func(t *testing.T) runtime.Runtime { return installation(t, e, exec) },
		Again: func(t *testing.T, rt runtime.Runtime) runtime.Runtime {
			r, err := New(t.Context(), rt.(*Runtime).opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.Close() })
			return r
		},
		Spec:    func(t *testing.T) runtime.Spec { return session(t, image) },
		Sandbox: func(t *testing.T, ttl time.Duration) runtime.Spec { return box(t, boxImage, ttl) },
		Lose: func(t *testing.T, rt runtime.Runtime, id, part string) {
			r := rt.(*Runtime)
			name, err := r.find(t.Context(), id, part)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.api.ContainerRemove(t.Context(), name, container.RemoveOptions{Force: true}); err != nil {
				t.Fatal(err)
			}
		},
	})
}

// session is a small session whose broker is the real program.
func session(t testing.TB, image string) runtime.Spec {
	id := uuid.NewString()
	conf, err := json.Marshal(wire.Config{Session: id, Run: 1, Part: runtime.PartBroker,
		DaemonKey: base64.StdEncoding.EncodeToString(public), Agent: wire.Agent{Kind: "claude"}})
	if err != nil {
		t.Fatal(err)
	}
	return runtime.Spec{
		ID: id, Kind: runtime.Session, Name: "test", Owner: "ann", Tenant: "default", Created: time.Now().UTC().Truncate(time.Second), Run: 1,
		Image: image, Network: runtime.NetworkOpen,
		Parts: []runtime.Part{
			{Name: runtime.PartBroker, Command: []string{wire.Program, "broker"}, Env: map[string]string{wire.EnvConfig: string(conf)}, UID: 900, GID: 900,
				Mounts: []runtime.Mount{{Volume: runtime.VolumeJournal, Path: runtime.PathJournal, UID: 900, GID: 900}}},
			{Name: runtime.PartAgent, Command: []string{wire.Program, "keep"}, UID: 1000, GID: 1000, Dir: runtime.PathWorkspace,
				Mounts: []runtime.Mount{{Volume: runtime.VolumeWorkspace, Path: runtime.PathWorkspace, UID: 1000, GID: 1000},
					{Volume: runtime.VolumeHome, Path: runtime.PathHome, UID: 1000, GID: 1000}}},
		},
	}
}

func TestConformance(t *testing.T) { conformance(t, false) }

// Only the cases that dial differ when it goes through exec streams.
func TestConformanceThroughExec(t *testing.T) {
	conformance(t, true, "Dial/", "Start/of an ended broker", "Start/a greater run replaces", "network/open")
}

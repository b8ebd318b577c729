package docker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"volundr/runtime"
)

func TestWhatThisEngineCannotDoIsInvalid(t *testing.T) {
	for name, tt := range map[string]struct {
		host string
		spec runtime.Spec
		says string
	}{
		"fine":                  {"unix:///var/run/docker.sock", runtime.Spec{Parts: []runtime.Part{{Mounts: []runtime.Mount{{Host: "/home/ann"}}}}}, ""},
		"a volume, far away":    {"tcp://build.example:2376", runtime.Spec{Parts: []runtime.Part{{Mounts: []runtime.Mount{{Volume: "home"}}}}}, ""},
		"a folder, by loopback": {"tcp://127.0.0.1:2375", runtime.Spec{Parts: []runtime.Part{{Mounts: []runtime.Mount{{Host: "/home/ann"}}}}}, ""},
		"a folder, far away":    {"tcp://build.example:2376", runtime.Spec{Parts: []runtime.Part{{Mounts: []runtime.Mount{{Host: "/home/ann"}}}}}, "on another machine"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := New(t.Context(), Options{Engine: Endpoint{Host: tt.host}, Installation: "t"})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			err = r.fits(tt.spec)
			if (tt.says == "") != (err == nil) || err != nil && (!errors.Is(err, runtime.ErrInvalid) || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

func TestWhichContainersStay(t *testing.T) {
	spec := runtime.Spec{ID: "x", Run: 2, Parts: []runtime.Part{{Name: "broker"}, {Name: "agent"}}}
	c := func(id, part, run, network string) container.Summary {
		s := container.Summary{ID: id, Labels: map[string]string{runtime.LabelPart: part, runtime.LabelRun: run}}
		s.HostConfig.NetworkMode = network
		return s
	}
	broker := c("b", "broker", "2", "bridge")
	for name, tt := range map[string]struct {
		all        []container.Summary
		have, old  string
		again, err bool
	}{
		"nothing is there":             {all: nil},
		"both":                         {all: []container.Summary{broker, c("a", "agent", "2", "container:b")}, have: "ab"},
		"of the run before":            {all: []container.Summary{broker, c("a", "agent", "1", "container:b")}, have: "b", old: "a"},
		"of a later run":               {all: []container.Summary{broker, c("a", "agent", "3", "container:b")}, err: true},
		"of no part":                   {all: []container.Summary{broker, c("a", "editor", "2", "container:b")}, have: "b", old: "a"},
		"joined to another broker":     {all: []container.Summary{broker, c("a", "agent", "2", "container:z")}, have: "b", old: "a"},
		"joined to a broker that went": {all: []container.Summary{c("a", "agent", "2", "container:b")}, old: "a"},
		"volumes were not handed over": {all: []container.Summary{broker, c("o", partOwner, "2", "none")}, have: "b", old: "o", again: true},
	} {
		t.Run(name, func(t *testing.T) {
			have, old, again, err := sorted(spec, tt.all)
			got := ""
			for _, p := range []string{"agent", "broker"} {
				got += have[p].ID
			}
			if got != tt.have || strings.Join(old, "") != tt.old || again != tt.again || (err != nil) != tt.err {
				t.Errorf("stay %q, go %q, again %t, %v", got, old, again, err)
			}
		})
	}
	spec.Run = 1
	if _, _, again, _ := sorted(spec, nil); !again {
		t.Error("a first start hands volumes over whatever it finds")
	}
}

func TestPartStatusOfTimesThatNeverWere(t *testing.T) {
	const never, then = "0001-01-01T00:00:00Z", "2026-01-02T03:04:05.6Z"
	for name, tt := range map[string]struct {
		state             container.State
		started, finished bool
	}{
		"created":                 {container.State{StartedAt: never, FinishedAt: never}, false, false},
		"runs":                    {container.State{Running: true, StartedAt: then, FinishedAt: never}, true, false},
		"runs again":              {container.State{Running: true, StartedAt: then, FinishedAt: then}, true, false},
		"ended":                   {container.State{StartedAt: then, FinishedAt: then}, true, true},
		"could not be started":    {container.State{StartedAt: never, FinishedAt: never, Error: "no such file"}, false, false},
		"times that are not ours": {container.State{StartedAt: "soon", FinishedAt: ""}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := partStatus("agent", &tt.state)
			if p.Started.IsZero() == tt.started || p.Finished.IsZero() == tt.finished || p.Error != tt.state.Error {
				t.Errorf("%+v", p)
			}
			if tt.started && !p.Started.Equal(time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.UTC)) {
				t.Errorf("started %s", p.Started)
			}
		})
	}
}

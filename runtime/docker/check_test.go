package docker

import (
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/docker/docker/api/types/system"

	"volundr/runtime"
)

func TestCheckWarnsOfWhatCannotCarrySessions(t *testing.T) {
	strong := system.Info{CgroupVersion: "2", MemoryLimit: true, CPUCfsQuota: true, PidsLimit: true, NCPU: 4, MemTotal: 16 * gib}
	rootless, small := strong, strong
	rootless.MemoryLimit, rootless.PidsLimit = false, false
	small.MemTotal = 2 * gib
	for _, tt := range []struct {
		name   string
		got    runtime.Finding
		status string
		says   string
	}{
		{"limits", checkLimits(strong), statusOK, "cgroup v2"},
		{"limits missing", checkLimits(rootless), statusWarning, "no limits of memory, processes"},
		{"machine", checkMachine(strong), statusOK, "4 CPUs, 16.0 GB"},
		{"machine too small", checkMachine(small), statusWarning, "2.0 GB"},
		{"disk of a remote engine", checkDisk(system.Info{DockerRootDir: "/"}, Endpoint{Host: "tcp://far:1"}), statusOK, "not visible"},
		{"disk in a virtual machine", checkDisk(system.Info{DockerRootDir: "/does/not/exist"}, Endpoint{Host: "unix:///x"}), statusOK, "not visible"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got.Status != tt.status || !strings.Contains(tt.got.Detail, tt.says) {
				t.Errorf("%+v", tt.got)
			}
			if (tt.got.Advice != "") != (tt.status != statusOK) {
				t.Errorf("advice %q with status %s", tt.got.Advice, tt.got.Status)
			}
		})
	}
}

func TestCheckWithoutAnEngineAnswersAllTheSame(t *testing.T) {
	e := Endpoint{Host: "tcp://127.0.0.1:1", How: "--engine"}
	api, err := e.Client()
	if err != nil {
		t.Fatal(err)
	}
	m := newImageMaker(api, ImageOptions{Recipe: smallRecipe("x"), Programs: fstest.MapFS{}}, slog.New(slog.DiscardHandler))
	for _, f := range append(checkEngine(t.Context(), api, e), m.check(t.Context())) {
		if f.Status != statusError || f.Advice == "" {
			t.Errorf("%+v", f)
		}
	}
}

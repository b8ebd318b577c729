package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"volundr/runtime"
)

// checkLimit bounds each question of a check.
const checkLimit = 3 * time.Second

const (
	statusOK      = "ok"
	statusWarning = "warning"
	statusError   = "error"
)

const (
	gib        = 1 << 30
	wantMemory = 4 * gib // one session with its editor in use, and its agent
	// wantDisk is what a first build needs at its peak, and a first session.
	wantDisk = 8 * gib
)

// checkEngine says what the engine is, why this one, and whether it can carry
// sessions.
func checkEngine(ctx context.Context, api *client.Client, e Endpoint) []runtime.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	const name = "Docker engine"
	info, err := api.Info(ctx)
	if err != nil {
		return []runtime.Finding{{Name: name, Status: statusError,
			Detail: fmt.Sprintf("%s (%s) does not answer: %v", e.Host, e.How, err),
			Advice: "Start the engine, or name another with --engine."}}
	}
	return []runtime.Finding{
		{Name: name, Status: statusOK, Detail: fmt.Sprintf("%s (API %s) on %s, %s, at %s (%s)",
			info.ServerVersion, api.ClientVersion(), info.OperatingSystem, info.Architecture, e.Host, e.How)},
		checkLimits(info),
		checkMachine(info),
		checkDisk(info, e),
	}
}

// checkLimits: without them a session can take the whole machine.
func checkLimits(info system.Info) runtime.Finding {
	f := runtime.Finding{Name: "Limits", Status: statusOK, Detail: "cgroup v" + info.CgroupVersion}
	var missing []string
	for _, limit := range []struct {
		of    string
		there bool
	}{{"memory", info.MemoryLimit}, {"CPU", info.CPUCfsQuota}, {"processes", info.PidsLimit}} {
		if !limit.there {
			missing = append(missing, limit.of)
		}
	}
	if len(missing) > 0 {
		f.Status = statusWarning
		f.Detail += ", no limits of " + strings.Join(missing, ", ")
		f.Advice = "Sessions run, but can take all of the machine. Give the engine these cgroup controllers (rootless engines need cgroup v2 with delegation)."
	}
	return f
}

func checkMachine(info system.Info) runtime.Finding {
	f := runtime.Finding{Name: "Machine", Status: statusOK, Detail: fmt.Sprintf("%d CPUs, %.1f GB memory", info.NCPU, float64(info.MemTotal)/gib)}
	if info.MemTotal < wantMemory {
		f.Status = statusWarning
		f.Advice = "A session with its editor open takes about 1 GB and its agent as much: give the engine 4 GB or more."
	}
	return f
}

// checkDisk looks at the engine's own folder, which only a local engine shows.
func checkDisk(info system.Info, e Endpoint) runtime.Finding {
	f := runtime.Finding{Name: "Disk", Status: statusOK}
	free, err := freeDisk(info.DockerRootDir)
	if !strings.HasPrefix(e.Host, "unix://") || err != nil {
		f.Detail = "the engine's disk is not visible from here"
		return f
	}
	f.Detail = fmt.Sprintf("%.1f GB free in %s", float64(free)/gib, info.DockerRootDir)
	if free < wantDisk {
		f.Status = statusWarning
		f.Advice = "The first build of the session image needs about 6 GB: free some space, for example with docker system prune."
	}
	return f
}

// check says whether the session image is there and is the one that this build
// of volundr wants.
func (m *imageMaker) check(ctx context.Context) runtime.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	f := runtime.Finding{Name: "Session image", Status: statusOK}
	plan, err := m.planned(ctx, runtime.Session)
	if err != nil {
		f.Status, f.Detail = statusError, err.Error()
		if errors.Is(err, runtime.ErrUnavailable) {
			f.Advice = "Start the engine."
		}
		return f
	}
	f.Detail = plan.ref()
	if plan.caFrom != "" {
		f.Detail += ", CA bundle " + plan.caFrom
	}
	switch there, err := m.fits(ctx, plan.ref(), labelRecipe, plan.whole); {
	case err != nil:
		f.Status, f.Detail = statusError, err.Error()
	case !there:
		f.Status, f.Detail = statusWarning, f.Detail+" is not built yet"
		f.Advice = "The daemon builds it by itself (minutes the first time); its progress stands in the UI and in volundr status."
	}
	return f
}

package launch

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// SandboxRequest is everything that a sandbox was asked to be, as JSON in the
// store. Zero is the default. Two requests with the same values are the same
// sandbox: one that was made ahead serves them both.
type SandboxRequest struct {
	Network    runtime.Network `json:"network,omitempty"`     // "none" (default), "open"
	Memory     int64           `json:"memory,omitempty"`      // bytes that its programs may use together
	CPU        int64           `json:"cpu,omitempty"`         // thousandths of a core
	PIDs       int64           `json:"pids,omitempty"`        // processes and threads that its commands may have
	Disk       int64           `json:"disk,omitempty"`        // bytes of /workspace
	Tmp        int64           `json:"tmp,omitempty"`         // bytes of /tmp, where its home is
	FileSize   int64           `json:"file_size,omitempty"`   // bytes of one file; 0: all of the room
	OpenFiles  int64           `json:"open_files,omitempty"`  // descriptors of one process; 0: the engine's limit
	CPUSeconds int64           `json:"cpu_seconds,omitempty"` // CPU time of one process; 0: any
}

// Defaults of a SandboxRequest.
const (
	SandboxMemory = 256 << 20
	SandboxCPU    = 1000
	SandboxPIDs   = 128
	SandboxDisk   = 256 << 20
	SandboxTmp    = 64 << 20
)

// sandboxOwn is what the runner and shared memory may take beside the programs.
const sandboxOwn = 64 << 20

// sandboxUID is the user of sandboxes, in the image too.
const sandboxUID = 65532

// Whole fills the defaults in.
func (r SandboxRequest) Whole() SandboxRequest {
	r.Network = cmp.Or(r.Network, runtime.NetworkNone)
	r.Memory, r.CPU, r.PIDs = cmp.Or(r.Memory, SandboxMemory), cmp.Or(r.CPU, SandboxCPU), cmp.Or(r.PIDs, SandboxPIDs)
	r.Disk, r.Tmp = cmp.Or(r.Disk, SandboxDisk), cmp.Or(r.Tmp, SandboxTmp)
	return r
}

// Shape is the same for requests that one sandbox serves, and for no others.
func (r SandboxRequest) Shape() string {
	raw, err := json.Marshal(r.Whole())
	if err != nil {
		panic(err) // strings and numbers
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))[:16]
}

// Cost is the most memory that the sandbox can take, in bytes: what lies in its
// file systems is in memory too, and limited for itself, so that a full one
// never costs a program its life.
func (r SandboxRequest) Cost() int64 {
	r = r.Whole()
	return r.Memory + r.Disk + r.Tmp + sandboxOwn
}

// Validate says what is wrong with a request, wrapping runtime.ErrInvalid.
func (r SandboxRequest) Validate() error {
	const least, most = 1 << 20, 1 << 50
	whole := r.Whole()
	for name, n := range map[string]int64{"memory": whole.Memory, "disk": whole.Disk, "tmp": whole.Tmp} {
		if n < least || n > most {
			return fmt.Errorf("%w sandbox: its %s of %d bytes is not between 1 MiB and 1 PiB", runtime.ErrInvalid, name, n)
		}
	}
	for name, n := range map[string]int64{"file_size": r.FileSize, "open_files": r.OpenFiles, "cpu_seconds": r.CPUSeconds} {
		if n < 0 {
			return fmt.Errorf("%w sandbox: %s is less than 0", runtime.ErrInvalid, name)
		}
	}
	switch {
	case whole.Network != runtime.NetworkNone && whole.Network != runtime.NetworkOpen:
		return fmt.Errorf("%w sandbox: there is no network %q, only none and open", runtime.ErrInvalid, r.Network)
	case whole.CPU < 10 || whole.CPU > 1e6:
		return fmt.Errorf("%w sandbox: its CPU of %d thousandths is not between 10 and 1,000,000", runtime.ErrInvalid, whole.CPU)
	case whole.PIDs < 4 || whole.PIDs > 1<<20:
		return fmt.Errorf("%w sandbox: it cannot have %d processes, only 4 to 1,048,576", runtime.ErrInvalid, whole.PIDs)
	}
	return nil
}

// sandbox builds the spec of a sandbox: one part, whose program is the runner,
// which is told when the sandbox ends first. The deadline of the spec is the
// latest that there can be.
func (l *Launcher) sandbox(s store.Session, image string) (runtime.Spec, error) {
	var r SandboxRequest
	if err := json.Unmarshal(s.Request, &r); err != nil {
		return runtime.Spec{}, fmt.Errorf("%w: the stored request of the sandbox cannot be read: %s", runtime.ErrInvalid, err)
	}
	if err := r.Validate(); err != nil {
		return runtime.Spec{}, err
	}
	r = r.Whole()
	now := time.Now()
	config, err := json.Marshal(wire.Config{Session: s.ID, Run: s.Run, Part: runtime.PartSandbox,
		DaemonKey: base64.StdEncoding.EncodeToString(l.PublicKey),
		Sandbox: &wire.Sandbox{LifetimeMS: max(1, s.LatestAt.Sub(now).Milliseconds()),
			First:    &wire.Deadline{DeadlineMS: s.ExpiresAt.UnixMilli(), NowMS: now.UnixMilli()},
			FileSize: uint64(r.FileSize), OpenFiles: uint64(r.OpenFiles), CPUSeconds: uint64(r.CPUSeconds)}})
	if err != nil {
		return runtime.Spec{}, err
	}
	spec := runtime.Spec{
		ID: s.ID, Kind: runtime.Sandbox, Name: s.Name, Owner: s.OwnerID, Tenant: s.TenantID, Created: s.CreatedAt, Run: s.Run,
		Image: image, Network: r.Network, Deadline: s.LatestAt,
		Resources: runtime.Resources{Memory: r.Cost(), CPU: r.CPU, PIDs: r.PIDs + wire.SandboxTasks},
		Parts: []runtime.Part{{
			Name: runtime.PartSandbox, Command: []string{wire.Program, "sandbox"}, Dir: runtime.PathWorkspace, UID: sandboxUID, GID: sandboxUID,
			Env: map[string]string{wire.EnvConfig: string(config), "HOME": "/tmp", "LANG": "C.UTF-8",
				"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "MPLCONFIGDIR": "/tmp/matplotlib"},
			Mounts: []runtime.Mount{
				{Size: r.Disk, Path: runtime.PathWorkspace, UID: sandboxUID, GID: sandboxUID},
				{Size: r.Tmp, Path: "/tmp", UID: sandboxUID, GID: sandboxUID},
			},
		}},
	}
	return spec, spec.Validate()
}

package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"volundr/runtime"
)

// SandboxRequest is everything that a sandbox was asked to be, as JSON in the
// store.
type SandboxRequest struct {
	Network    runtime.Network `json:"network"`
	Memory     int64           `json:"memory"`                // bytes, beyond Disk
	Disk       int64           `json:"disk"`                  // bytes of the workspace
	CPU        int64           `json:"cpu"`                   // thousandths of a core
	PIDs       int64           `json:"pids"`                  // of its commands
	CPUSeconds int64           `json:"cpu_seconds,omitempty"` // of one process; 0: no limit
}

// Shape is the same for requests whose sandboxes can stand in for each other.
func (r SandboxRequest) Shape() string {
	raw, _ := json.Marshal(r) // of numbers and strings
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

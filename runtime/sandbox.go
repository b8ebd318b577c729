package runtime

import (
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

// What sandboxes carry by their contract, beside our labels.
const (
	SandboxPrefix       = "code-session-"
	SandboxApp          = "code-interpreter"
	SandboxComponent    = "session"
	LabelSandboxExpires = "code-interpreter.expires-at" // Unix seconds with a fraction, as text
	PartSandbox         = "sandbox"
	sandboxName         = len(SandboxPrefix) + 32
)

// SandboxName is what clients and the backend call the sandbox with an id (a
// uuid): its container has this name, and its session_id is this.
func SandboxName(id string) string { return SandboxPrefix + strings.ReplaceAll(id, "-", "") }

// SandboxID is the id of the sandbox that clients call name; false when no
// sandbox can have that name.
func SandboxID(name string) (id string, ok bool) {
	digits, ok := strings.CutPrefix(name, SandboxPrefix)
	if !ok || len(name) != sandboxName || strings.ToLower(digits) != digits {
		return "", false
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return "", false
	}
	return uuid.UUID(raw).String(), true
}

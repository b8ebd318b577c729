package sandbox

import (
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

// prefix begins the name of every sandbox. Name, container name and the id that
// clients see are the same.
const prefix = "code-session-"

// Name is the name of the sandbox with our id.
func Name(id string) string { return prefix + strings.ReplaceAll(id, "-", "") }

// ID is our id of the sandbox with that name. Only the one spelling that Name
// gives is a name.
func ID(name string) (id string, ok bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok || len(digits) != 32 || strings.ToLower(digits) != digits {
		return "", false
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return "", false
	}
	return uuid.UUID(raw).String(), true
}

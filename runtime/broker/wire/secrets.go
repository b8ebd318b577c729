package wire

// PathSecrets is the folder in memory, of each container its own, that files
// of credentials lie in. What is there is gone when the container ends.
const PathSecrets = "/run/secrets"

// MaxSecrets bounds the answer of OutsideSecrets in bytes.
const MaxSecrets = 8 << 20

// Secrets are what a session gets of its owner's credentials. They are asked
// for at each start and never stored inside.
type Secrets struct {
	Env   map[string]string `json:"env,omitempty"`
	Files []SecretFile      `json:"files,omitempty"`
}

// SecretFile is a file that only the session's user reads.
type SecretFile struct {
	Path string `json:"path"`           // below PathSecrets, with slashes
	Link string `json:"link,omitempty"` // path in the home that leads to it
	Data []byte `json:"data"`
}

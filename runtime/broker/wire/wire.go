// Package wire is what the daemon and the program inside a session say to each
// other. It is the only package that both sides import.
//
// One TCP connection to the broker's port carries one thing. After a signed
// handshake (handshake.go) it is either a byte stream to a port on the
// session's loopback (surfaces, previews), or, for port 0, the link: a yamux
// session with HTTP/1.1 on its streams in both directions (link.go). The daemon
// asks the broker (health, journal, prompts, commands), and the broker passes
// on what the agent asks of the outside (models, git). PortMany is many such
// connections in one, where another one costs much.
package wire

// Version is the protocol this build speaks; a daemon accepts Version and
// Version-1, for sessions outlive upgrades.
const Version = 1

// Ports inside a session. All but BrokerPort listen on 127.0.0.1 only.
const (
	BrokerPort   = 7421 // the one port reachable from outside; signed handshake first
	OutsidePort  = 7422 // broker: /models/<provider>/… and /git/<remote>/… for the agent
	AgentPort    = 7423 // runner of the agent container
	EditorRunner = 7424 // runner of the editor container
	TermRunner   = 7425 // runner of the terminal container
	EditorPort   = 7430 // code-server
	TerminalPort = 7431 // ttyd
)

// Reserved reports whether a port belongs to Volundr inside a session: previews
// refuse it and port listings leave it out.
func Reserved(port int) bool { return port >= 7420 && port <= 7439 }

// Program is the broker/runner executable inside the image.
const Program = "/usr/local/bin/volundr-session"

// EnvConfig names the environment variable that carries a Config as JSON.
const EnvConfig = "VOLUNDR_CONFIG"

// Config is what the daemon tells a part at its start. It holds no secret: the
// agent can read it.
type Config struct {
	Session string `json:"session"` // uuid
	Run     int    `json:"run"`
	Part    string `json:"part"` // runtime.Part…
	// DaemonKey is the daemon's ed25519 public key, base64 (broker and sandbox only).
	DaemonKey string `json:"daemon_key,omitempty"`

	Agent  Agent  `json:"agent"`
	Source Source `json:"source"`
	// Files are paths in the workspace that a fresh session is given from the
	// user's machine, by OutsideFiles. Setup are shell scripts that then run in
	// it, before the agent. Both happen once in the life of a home volume.
	Files []string `json:"files,omitempty"`
	Setup []string `json:"setup,omitempty"`
	// Services are those that must answer before anything of that (broker only).
	Services []Service `json:"services,omitempty"`
	// Secrets: agent, editor and terminal each ask for OutsideSecrets before they
	// do anything.
	Secrets bool `json:"secrets,omitempty"`
	// Helper: no agent is started and no workspace laid out; the session's
	// volumes are only packed or unpacked.
	Helper bool `json:"helper,omitempty"`
	// Sandbox is set for sandboxes, which have neither agent nor source.
	Sandbox *Sandbox `json:"sandbox,omitempty"`
}

// Service is a container beside the session that is reached on a port of the
// session's loopback.
type Service struct {
	Name string `json:"name"`
	Port int    `json:"port"`
}

// Agent says which agent to drive, and how.
type Agent struct {
	Kind    string            `json:"kind"`              // "claude", "codex", "acp"
	Command []string          `json:"command,omitempty"` // for "acp": argv of an ACP agent
	Env     map[string]string `json:"env,omitempty"`
	Model   string            `json:"model,omitempty"` // empty: the agent's default
	Mode    string            `json:"mode,omitempty"`  // empty: edits allowed, the rest asked
	// SystemPrompt is appended to the agent's own.
	SystemPrompt string `json:"system_prompt,omitempty"`
	// MCP are servers of tools that it is given.
	MCP []MCPServer `json:"mcp,omitempty"`
}

// Source says what the workspace of a *fresh* session holds. A workspace that
// is not empty is never touched.
type Source struct {
	// Remote is the key of a git remote under /git/ on OutsidePort; empty: none.
	Remote string `json:"remote,omitempty"`
	URL    string `json:"url,omitempty"` // what `origin` is set to
	Branch string `json:"branch,omitempty"`
	Base   string `json:"base,omitempty"` // branch is created from it when missing
	// Folder of the workspace that the repository lies in; empty: it is the
	// workspace itself. Additional are those beside it.
	Folder     string     `json:"folder,omitempty"`
	Additional []Checkout `json:"additional,omitempty"`
	// Archive: a tar of the workspace is fetched from /git/<remote>/archive.
	Archive bool `json:"archive,omitempty"`
	// Workspace and Context are digests of packs under OutsideBlobs. They are
	// unpacked instead of cloning; URL and Remote still say what origin is.
	Workspace string `json:"workspace,omitempty"`
	Context   string `json:"context,omitempty"`
	// UserName and UserEmail are the identity for commits.
	UserName  string `json:"user_name,omitempty"`
	UserEmail string `json:"user_email,omitempty"`
}

// Checkout is a further repository of a workspace, as Source has the first.
type Checkout struct {
	Folder string `json:"folder"`
	Remote string `json:"remote"`
	URL    string `json:"url"`
	Branch string `json:"branch,omitempty"`
	Base   string `json:"base,omitempty"`
}

// Codes of parts in the order they are shown.
var Parts = []string{"agent", "editor", "terminal"}

// Providers of models that the outside port knows: /models/<provider>/…
var Providers = []string{"anthropic", "openai"}

package wire

import "encoding/json"

// Requests of the daemon to the broker, HTTP over the link. Bodies are JSON
// unless said otherwise; errors are Problem with a 4xx or 5xx status.
const (
	PathHello      = "GET /v1/hello"             // → Hello
	PathHealth     = "GET /v1/health"            // → Health; 200 when every part answers, else 503 with the same body
	PathJournal    = "GET /v1/journal"           // ?after=<seq> → Entry, one a line; follows until closed
	PathBody       = "GET /v1/bodies/{hash}"     // → the bytes that an entry names by hash
	PathPrompt     = "POST /v1/prompts"          // Prompt → 202; the same id again is 200 and does nothing
	PathCancel     = "POST /v1/cancel"           // → 202; session/cancel, after 5 s the adapter is killed and resumed
	PathPermission = "POST /v1/permissions/{id}" // Answer → 204; 404 when it is not open (any more)
	PathMode       = "POST /v1/mode"             // Choice → 204
	PathModel      = "POST /v1/model"            // Choice → 204
	PathRun        = "POST /v1/run"              // Command → RunResult; run as the agent's user, output bounded
	PathPorts      = "GET /v1/ports"             // → []Port
	PathEnd        = "POST /v1/end"              // the run ends: turn cancelled, journal flushed and closed → 204

	PathPack        = "GET /v1/pack/{what}"               // ?checkpoint=<id> ?include=<path>… → a Pack… as tar.zst; trailers below
	PathUnpack      = "PUT /v1/pack/{what}"               // the same stream → 204; into an empty place only, else 409
	PathCheckpoints = "GET /v1/checkpoints"               // → []Checkpoint, oldest first
	PathLoss        = "GET /v1/checkpoints/{id}/loss"     // → Files: what going back would change
	PathRewind      = "POST /v1/checkpoints/{id}/restore" // → 204; 409 while a turn is under way
)

// What can be packed. A pack is a sorted tar, compressed with zstd, made and
// unpacked inside the session as the user whose files they are.
const (
	PackWorkspace = "workspace" // as it lies, with .git, without what git ignores
	PackContext   = "context"   // the agent's own state of the conversation
	PackVolume    = "volume-"   // + runtime.Volume…: all of it, for the archive
)

// Trailers of a pack, sent behind its body. A stream without TrailerDigest is
// not whole.
const (
	TrailerDigest = "Volundr-Digest" // sha-256 of the body, hex
	TrailerFiles  = "Volundr-Files"  // number of entries
	TrailerError  = "Volundr-Error"  // why it broke off, for people
)

// Requests of the session to the daemon, HTTP over the link in the other
// direction. The broker passes them on from OutsidePort unread.
const (
	OutsideModels = "/models/" // /models/<provider>/<path of the provider's API>
	OutsideGit    = "/git/"    // /git/<remote>/info/refs, /git-upload-pack, /git-receive-pack, /archive
	OutsideBlobs  = "/blobs/"  // /blobs/<digest>: a pack that this session's configuration names
	OutsideFiles  = "/files/"  // a tar of the files of the user's machine that its launch request names

	// OutsideMCP: /mcp/<name>, the session's MCP server of this name, which the
	// daemon reaches with headers that the session does not see.
	OutsideMCP     = "/mcp/"
	OutsideSecrets = "/secrets/" // → Secrets: the credentials that its launch request names
)

// Hello is the broker's first answer on a link.
type Hello struct {
	Version int    `json:"version"`
	Session string `json:"session"`
	Run     int    `json:"run"`
	Epoch   string `json:"epoch"` // random, made with the journal; sequence numbers count within it
	Last    int64  `json:"last"`  // the journal's last sequence number
}

// Health says which parts answer.
type Health struct {
	Agent     bool   `json:"agent"`             // the ACP session is open
	Editor    bool   `json:"editor"`            // code-server gave its page
	Terminal  bool   `json:"terminal"`          // ttyd gave its page
	Workspace string `json:"workspace"`         // "", "preparing", "ready", "failed"
	Detail    string `json:"detail"`            // what is going on or wrong, for people
	Service   string `json:"service,omitempty"` // the service that is waited for
	// Failed: what is wrong will not heal by waiting (clone refused, agent
	// missing); Detail is the reason.
	Failed bool `json:"failed"`
	// Setup: scripts of the user's run, or ran, in this start; they take the time
	// that they take. Output is what a script that failed printed last.
	Setup  bool   `json:"setup,omitempty"`
	Output string `json:"output,omitempty"`
	// Busy: a turn is under way. Waiting: a permission question is open.
	Busy    bool `json:"busy"`
	Waiting bool `json:"waiting"`
}

// Ready reports whether the session may be called running.
func (h Health) Ready() bool { return h.Agent && h.Editor && h.Terminal && !h.Failed }

// Problem is the body of an error answer.
type Problem struct {
	Detail string `json:"detail"` // a sentence
}

// Prompt is one user message. Sending the same ID twice is one prompt. A
// prompt that comes while a turn is under way is queued.
type Prompt struct {
	ID     string  `json:"id"`
	Blocks []Block `json:"blocks"`
	// Automatic marks a prompt that nobody typed (continue after a cut).
	Automatic bool `json:"automatic,omitempty"`
}

// Block is one piece of a prompt or of a tool's output.
type Block struct {
	Type string `json:"type"`           // "text", "image", "file"
	Text string `json:"text,omitempty"` // text; for file: its path in the workspace
	MIME string `json:"mime,omitempty"` // image
	Data string `json:"data,omitempty"` // image, base64
}

// Answer to a permission question.
type Answer struct {
	Option string `json:"option"` // id of one of the offered options; empty cancels
}

// Choice of a mode or a model.
type Choice struct {
	ID string `json:"id"`
}

// Command is run by a runner as the agent's user.
type Command struct {
	Argv  []string `json:"argv"`
	Dir   string   `json:"dir,omitempty"` // default /workspace
	Env   []string `json:"env,omitempty"`
	Stdin []byte   `json:"stdin,omitempty"`
	// TimeoutMS bounds it; 0 is 30 s. The whole process tree is killed then.
	TimeoutMS int `json:"timeout_ms,omitempty"`
	// Limit bounds stdout and stderr each in bytes; 0 is 1 MiB.
	Limit int `json:"limit,omitempty"`
}

// RunResult is what a Command did.
type RunResult struct {
	Exit      int    `json:"exit"` // 128+n for a signal
	Stdout    []byte `json:"stdout"`
	Stderr    []byte `json:"stderr"`
	Truncated bool   `json:"truncated,omitempty"`
	TimedOut  bool   `json:"timed_out,omitempty"`
}

// Port is a loopback port that a process in the session listens on, reserved
// ones left out.
type Port struct {
	Port    int    `json:"port"`
	Process string `json:"process,omitempty"` // name, where it can be seen
}

// Entry is one line of the journal. It is hostile input to the daemon.
type Entry struct {
	Seq  int64           `json:"seq"` // from 1, without gaps, within Hello.Epoch
	At   int64           `json:"at"`  // unix ms
	Run  int             `json:"run"`
	Turn string          `json:"turn,omitempty"` // id of the prompt whose turn it belongs to
	Type string          `json:"type"`           // Entry…
	Data json.RawMessage `json:"data"`           // the type's struct
}

// MaxEntry is the longest journal line in bytes. Larger texts lie beside the
// journal and are named by hash (PathBody).
const MaxEntry = 1 << 20

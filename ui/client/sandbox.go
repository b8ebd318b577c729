package client

import "time"

// SandboxBase is where the sandbox API lies on the daemon. Its routes and
// shapes are those of an existing service whose clients work against ours; what
// is marked "ours" is beyond it.
const SandboxBase = "/v1"

// Networks of a sandbox.
const (
	SandboxNetworkNone = "none" // loopback only
	SandboxNetworkOpen = "open"
)

// SandboxCreate is POST /v1/sessions. Zero values are the daemon's defaults.
type SandboxCreate struct {
	Files []StagedFile `json:"files,omitempty"`
	TTL   int          `json:"ttl_seconds,omitempty"` // 1 to 86400, default 900
	// Ours. What the configuration does not allow is a 422.
	Network     string  `json:"network,omitempty"` // SandboxNetwork…
	MemoryMB    int     `json:"memory_mb,omitempty"`
	WorkspaceMB int     `json:"workspace_mb,omitempty"` // beyond the memory
	CPUs        float64 `json:"cpus,omitempty"`
	PIDs        int     `json:"pids,omitempty"`
}

// StagedFile is an uploaded file that is laid into the workspace.
type StagedFile struct {
	Path   string `json:"path"` // below the workspace
	FileID string `json:"file_id"`
}

// Sandbox is the answer to POST /v1/sessions and, ours, to GET and PATCH.
type Sandbox struct {
	ID        string  `json:"session_id"`           // code-session- and 32 hex digits
	ExpiresAt float64 `json:"expires_at"`           // Unix seconds
	CreatedAt float64 `json:"created_at,omitempty"` // Unix seconds; ours
	Network   string  `json:"network,omitempty"`    // ours
}

// Expires is ExpiresAt as a time.
func (s Sandbox) Expires() time.Time { return seconds(s.ExpiresAt) }

// Created is CreatedAt as a time.
func (s Sandbox) Created() time.Time { return seconds(s.CreatedAt) }

func seconds(unix float64) time.Time { return time.UnixMilli(int64(unix * 1000)) }

// Bash is POST /v1/sessions/{id}/bash: one command, run by bash in the
// workspace.
type Bash struct {
	Cmd       string `json:"cmd"`
	TimeoutMS int    `json:"timeout_ms,omitempty"` // default 30000
	// Ours. Stdin is the whole input; without it there is none. StdinOpen, for
	// the streamed form only, leaves it open for Run.Write.
	Stdin     string `json:"stdin,omitempty"`
	StdinOpen bool   `json:"stdin_open,omitempty"`
}

// BashResult tells how a command ended.
type BashResult struct {
	Stdout     string `json:"stdout"`
	Stderr     string `json:"stderr"`
	ExitCode   *int   `json:"exit_code"` // nil: it ran out of time
	TimedOut   bool   `json:"timed_out"`
	DurationMS int    `json:"duration_ms"`
	OOMKilled  bool   `json:"oom_killed"` // ours
}

// Execute is POST /v1/execute: one Python program in a sandbox of its own.
type Execute struct {
	Code                string       `json:"code"`
	Stdin               *string      `json:"stdin,omitempty"`
	TimeoutMS           int          `json:"timeout_ms,omitempty"`            // default 2000
	LastLineInteractive *bool        `json:"last_line_interactive,omitempty"` // nil: true
	Files               []StagedFile `json:"files,omitempty"`
}

// ExecuteResult is a BashResult with the files that the program made.
type ExecuteResult struct {
	BashResult
	Files []WorkspaceFile `json:"files"`
}

// WorkspaceFile is a file that a program left, kept as an uploaded one. Without
// FileID it was not kept: too large, or no regular file.
type WorkspaceFile struct {
	Path    string  `json:"path"`
	Kind    string  `json:"kind"` // file, directory
	FileID  *string `json:"file_id"`
	Skipped string  `json:"skipped,omitempty"` // ours, why it was not kept: limit, symlink, special, unreadable
}

// UploadedFile is what the daemon keeps of an upload.
type UploadedFile struct {
	ID         string  `json:"file_id"`
	Name       string  `json:"filename"`
	Size       int64   `json:"size_bytes"`
	UploadTime float64 `json:"upload_time,omitempty"` // Unix seconds; in lists
}

// SandboxFile is one entry of a folder in a sandbox; ours.
type SandboxFile struct {
	Path     string  `json:"path"` // below the workspace
	Kind     string  `json:"kind"` // file, directory, symlink, other
	Size     int64   `json:"size_bytes"`
	Mode     string  `json:"mode"`        // four octal digits: "0644"
	Modified float64 `json:"modified_at"` // Unix seconds
}

// Names of the events of a streamed command.
const (
	EventRun    = "run"    // ours: {"run_id": …}, first
	EventOutput = "output" // Output
	EventResult = "result" // ExecuteResult, once and last
	EventError  = "error"  // {"message": …}, in its place
)

// Output is a piece of what a streamed command prints.
type Output struct {
	Stream string `json:"stream"` // stdout, stderr
	Data   string `json:"data"`
}

// SandboxHealth is GET /health.
type SandboxHealth struct {
	Status  string  `json:"status"` // ok, error
	Message *string `json:"message"`
	Version string  `json:"version"`
}

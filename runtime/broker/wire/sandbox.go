package wire

// A sandbox has no broker: its PID 1 is the runner, which answers on BrokerPort
// itself. Port 0 is one HTTP/1.1 connection to the routes below, as many as the
// daemon likes side by side; every other port is a byte stream to loopback.
// Bodies are JSON unless said otherwise; errors are Problem with a 4xx or 5xx
// status. `path` in a query is one that SandboxPath accepts.
const (
	SandboxHealth   = "GET /v1/sandbox"          // → SandboxState
	SandboxClaim    = "POST /v1/claim"           // Claim → SandboxState; the same again is the same, 409 after another claim
	SandboxDeadline = "POST /v1/deadline"        // Deadline → SandboxState
	SandboxEnd      = "POST /v1/end"             // → 204 when every process is dead; then it exits
	SandboxRuns     = "POST /v1/runs"            // Run → frames: start, output…, result. Hanging up cancels
	SandboxStdin    = "POST /v1/runs/{id}/stdin" // bytes → 204 when the run's stdin took them; ?close=1 closes it then
	SandboxCancel   = "DELETE /v1/runs/{id}"     // → 204 when its whole process tree is dead; 404 when it is not running

	SandboxGet      = "GET /v1/file"       // ?path= → its bytes; SandboxMode and SandboxMTime in the header
	SandboxPut      = "PUT /v1/file"       // ?path= [&mode=0755] bytes → 204; whole or not at all, parents are made
	SandboxDelete   = "DELETE /v1/file"    // ?path= → 204; a directory with all that is in it
	SandboxMkdir    = "POST /v1/directory" // ?path= → 204; parents are made, one that is there is fine
	SandboxList     = "GET /v1/list"       // ?path= [&recursive=1] → SandboxListing
	SandboxUntar    = "PUT /v1/tar"        // ?path= [&mark=1] tar → Staged; mark: SandboxProduced leaves out what is laid here
	SandboxTar      = "GET /v1/tar"        // ?path= → tar of a directory
	SandboxProduced = "GET /v1/produced"   // ?limit=<bytes> → frames: file, output…, and Produced as the result
)

// SandboxTasks is how many of the container's pids are not for commands: the
// threads that runner and forwarder keep ready, and some for an engine that
// brings a new forwarder in. The limit of a sandbox is this and what its
// commands may use.
const SandboxTasks = 48

// Sandbox is the part of a Config that only a sandbox has.
type Sandbox struct {
	// LifetimeMS is the maximum lifetime, counted from the runner's start: no
	// later deadline is taken.
	LifetimeMS int64 `json:"lifetime_ms"`
	// First is the deadline until a Claim or another one sets it anew; without
	// one it is the end of the lifetime.
	First *Deadline `json:"first,omitempty"`
	// Limits of each command; 0 leaves the container's.
	FileSize   uint64 `json:"file_size,omitempty"`   // bytes of one file
	OpenFiles  uint64 `json:"open_files,omitempty"`  // descriptors of one process
	CPUSeconds uint64 `json:"cpu_seconds,omitempty"` // CPU time of one process
}

// SandboxState says how a sandbox is.
type SandboxState struct {
	Session    string `json:"session"`
	Claim      string `json:"claim,omitempty"` // id of the claim that holds it
	DeadlineMS int64  `json:"deadline_ms"`     // unix ms
	Runs       int    `json:"runs"`            // commands that are under way
	OOMKills   int64  `json:"oom_kills"`       // processes that were killed for memory so far
}

// Claim takes a sandbox. Who claims chooses the id; after a lost answer the
// same claim is sent again.
type Claim struct {
	ID string `json:"id"`
	Deadline
}

// Deadline says when a sandbox ends, in the daemon's clock.
type Deadline struct {
	DeadlineMS int64 `json:"deadline_ms"` // unix ms
	NowMS      int64 `json:"now_ms"`      // the daemon's clock as it sent this; 0: same clock
}

// Run is a command for a sandbox. Its whole process tree is dead within 100 ms
// of a time-out, a cancel or the connection's end. What it leaves in the
// background when it ends by itself lives on.
type Run struct {
	// ID is chosen by who asks: 1 to 64 of a-z, A-Z, 0-9, - and _. 409 while
	// another run has it.
	ID     string   `json:"id"`
	Argv   []string `json:"argv,omitempty"` // bash -c TEXT may be of any length
	Python *Python  `json:"python,omitempty"`
	Dir    string   `json:"dir,omitempty"` // /workspace; relative ones are within it
	Env    []string `json:"env,omitempty"` // KEY=value, over the sandbox's own
	// Stdin is all of its input; without it and without OpenStdin, /dev/null.
	Stdin []byte `json:"stdin,omitempty"`
	// OpenStdin keeps the input open after Stdin, for SandboxStdin.
	OpenStdin bool `json:"open_stdin,omitempty"`
	// Told: its start is told at once, not with its first output.
	Told      bool  `json:"told,omitempty"`
	TimeoutMS int64 `json:"timeout_ms,omitempty"` // 0: until the sandbox ends
	// Limit bounds stdout and stderr each in bytes; 0 is 1,000,000. What comes
	// beyond it is read and dropped in the sandbox.
	Limit int64 `json:"limit,omitempty"`
}

// Python is a program, laid as /workspace/__main__.py and run there.
type Python struct {
	Code string `json:"code"`
	// LastLine prints the value of the last statement when it is an expression
	// and the value is not None, as the interactive interpreter does.
	LastLine bool `json:"last_line,omitempty"`
}

// RunStarted opens a run's frames.
type RunStarted struct {
	ID  string `json:"id"`
	PID int    `json:"pid"` // in the sandbox
}

// SandboxResult closes a run's frames.
type SandboxResult struct {
	Exit       *int  `json:"exit_code"` // 128+n for a signal; nil when TimedOut or Cancelled
	TimedOut   bool  `json:"timed_out"`
	Cancelled  bool  `json:"cancelled,omitempty"` // by SandboxCancel or SandboxEnd
	DurationMS int64 `json:"duration_ms"`
	// OOMKilled: a process was killed for memory while it ran, and it failed.
	OOMKilled       bool  `json:"oom_killed"`
	StdoutTruncated bool  `json:"stdout_truncated,omitempty"`
	StderrTruncated bool  `json:"stderr_truncated,omitempty"`
	StdoutBytes     int64 `json:"stdout_bytes"` // all that it wrote
	StderrBytes     int64 `json:"stderr_bytes"`
}

// Kinds of SandboxEntry.
const (
	EntryIsFile      = "file"
	EntryIsDirectory = "directory"
	EntryIsSymlink   = "symlink"
	EntryIsOther     = "other"
)

// SandboxEntry is one name in a sandbox's workspace.
type SandboxEntry struct {
	Path    string `json:"path"` // within the workspace, exactly as it is called
	Kind    string `json:"kind"` // EntryIs…
	Size    int64  `json:"size"`
	MTimeMS int64  `json:"mtime_ms"`
	Mode    uint32 `json:"mode"` // permission bits
	Target  string `json:"target,omitempty"`
}

// SandboxListing is what lies in a directory, sorted by path.
type SandboxListing struct {
	Entries   []SandboxEntry `json:"entries"`
	Truncated bool           `json:"truncated,omitempty"` // there are more than MaxListing
}

// MaxListing is the most entries that a listing gives.
const MaxListing = 10_000

// Staged says what was laid.
type Staged struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Produced closes the frames of what a run made: regular files that are new or
// hold something else than what was staged with mark.
type Produced struct {
	Files   int            `json:"files"`
	Skipped []SkippedEntry `json:"skipped,omitempty"`
	// Truncated: there are more skipped ones than are named.
	Truncated bool `json:"truncated,omitempty"`
}

// SkippedEntry is something new that is not given out.
type SkippedEntry struct {
	SandboxEntry
	Reason string `json:"reason"` // Skipped…
}

// Reasons of SkippedEntry.
const (
	SkippedLimit      = "limit" // it is larger than what is given out
	SkippedSymlink    = "symlink"
	SkippedSpecial    = "special" // a socket, a pipe
	SkippedUnreadable = "unreadable"
)

// Header fields of SandboxGet.
const (
	SandboxModeHeader  = "Volundr-Mode"     // octal permission bits
	SandboxMTimeHeader = "Volundr-Mtime-Ms" // unix ms
)

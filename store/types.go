package store

import (
	"encoding/json"
	"errors"
	"time"
)

// Sentinels. Callers wrap them with what was tried.
var (
	ErrNotFound = errors.New("not found")      // or not yours: the two are never told apart
	ErrConflict = errors.New("conflict")       // the row's state forbids it; the error's text says what to do
	ErrStale    = errors.New("row changed")    // compare-and-set lost; read again
	ErrNewer    = errors.New("newer database") // the file is from a newer version
	ErrNoUser   = errors.New("no such user")   // of this tenant
	ErrFull     = errors.New("disk is full")   // SQLITE_FULL or ENOSPC
)

// Principal is who asks. Every query on rows that belong to somebody takes one.
type Principal struct {
	UserID   string
	TenantID string
	Admin    bool // sees all of the tenant; otherwise only what UserID owns
	// For the audit: the user's name, and the login, token or session that they
	// act with.
	Name, By string
	// Operator: an admin of the first tenant, who runs the installation and may do
	// what concerns tenants as such.
	Operator bool
	// Guest: what reads shows what was shared with UserID too. What writes does
	// not know it.
	Guest bool
}

// Owner is who owns a session, asking of what is theirs alone.
func (s Session) Owner() Principal { return Principal{UserID: s.OwnerID, TenantID: s.TenantID} }

// Owner is who owns a chronicle, asking of what is theirs alone.
func (c Chronicle) Owner() Principal { return Principal{UserID: c.OwnerID, TenantID: c.TenantID} }

// Want is what the owner asked for.
type Want string

// Wishes.
const (
	WantNone     Want = "none"
	WantRunning  Want = "running"
	WantStopped  Want = "stopped"
	WantArchived Want = "archived"
	WantGone     Want = "gone"
)

// State is what the engine last concluded, for people.
type State string

// States, in the order of a life.
const (
	Created      State = "created"
	Starting     State = "starting"
	Provisioning State = "provisioning"
	Running      State = "running"
	Stopping     State = "stopping"
	Stopped      State = "stopped"
	Failed       State = "failed"
	Archived     State = "archived"
)

// Session is one row of sessions: coding sessions and sandboxes alike. Times
// are UTC; zero where the column is 0.
type Session struct {
	ID        string
	Kind      string // "session", KindSandbox
	Name      string
	OwnerID   string
	TenantID  string
	Runtime   string          // "docker", "kubernetes", "fake"
	Request   json.RawMessage // launch.Request
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int

	Want     Want
	WantedAt time.Time
	Hurry    bool // the run ends without its last turn

	State State
	Since time.Time
	Doing string

	Run           int
	ReadyAt       time.Time
	SubmittedAt   time.Time
	Ended         *Ended
	Failure       *Failure
	Attempts      int
	RetryAt       time.Time
	ChronicledRun int
	Archive       string
	ExpiresAt     time.Time // when it ends by itself; a session: is stopped
	LatestAt      time.Time // sandboxes: ExpiresAt is never later
	Shape         string    // sandboxes: launch.SandboxRequest.Shape

	Activity     string // "", idle, active, tool_executing, waiting
	ActivityText string
	Detail       string
	JournalEpoch string
	JournalSeq   int64
	LastActive   time.Time
	MessageCount int
	TokensUsed   int64
	CostMicros   int64
	Mode         string
	ModeName     string

	Cleanup []string // what is deleted with it, beside volumes and archive: Cleanup…
}

// What may be deleted with a session.
const (
	CleanupWorkspace  = "workspace_storage" // the snapshots of its chronicles
	CleanupChronicles = "chronicles"        // those themselves
)

// Ended is how a run's containers ended, from List.
type Ended struct {
	Part     string    `json:"part"` // the first that ended
	ExitCode int       `json:"exit_code"`
	OOM      bool      `json:"oom"`
	Error    string    `json:"error,omitempty"` // what the runtime says of it, beside that
	At       time.Time `json:"at"`
}

// Failure is why a session is FAILED. It stays until a new wish.
type Failure struct {
	Reason   string    `json:"reason"` // one sentence with the next step
	Part     string    `json:"part,omitempty"`
	ExitCode *int      `json:"exit_code,omitempty"`
	OOM      bool      `json:"oom,omitempty"`
	Lines    []string  `json:"lines,omitempty"` // last log lines
	At       time.Time `json:"at"`
}

// Event is one row of events. Seq is the cursor of its tenant's stream.
type Event struct {
	Seq       int64
	At        time.Time
	Type      string
	SessionID string
	Data      json.RawMessage
}

// Entry is one row of entries: a piece of a conversation. N is its cursor, and
// counts within the session.
type Entry struct {
	N         int64
	SessionID string
	Source    string // "journal", "daemon"
	Seq       int64  // journal only
	Run       int
	At        time.Time
	Turn      string
	Type      string // wire.Entry… or, from the daemon, "prompt", "answer", "stop", "mode", "model"
	Data      json.RawMessage
	Bodies    []string // hashes of what was too long to stand in Data; only given, never read
}

// Prompt is one row of prompts.
type Prompt struct {
	ID        string
	SessionID string
	Blocks    json.RawMessage // []wire.Block
	Via       string          // ViaBrowser, …; empty: not known
	CreatedAt time.Time
	SentAt    time.Time
}

// Usage is the tokens and the cost of one turn.
type Usage struct {
	SessionID  string
	Run        int
	Turn       string
	At         time.Time
	Provider   string // cloud, local
	Model      string
	Input      int64
	Output     int64
	CacheRead  int64
	CacheWrite int64
	Messages   int
	CostMicros int64
}

// Stats are totals of what a principal may see.
type Stats struct {
	Active, Total                       int
	TokensToday, LocalToday, CloudToday int64
	CostTodayMicros                     int64
}

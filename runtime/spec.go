package runtime

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kind is what a workload is for.
type Kind string

const (
	// Session: broker, agent, editor and terminal around one workspace.
	Session Kind = "session"
	// Sandbox: one container for programs, with a mandatory deadline.
	Sandbox Kind = "sandbox"
)

// Parts of a coding session. Broker is started first, owns the network
// namespace that the others join, and is stopped last.
const (
	PartBroker   = "broker"
	PartAgent    = "agent"
	PartEditor   = "editor"
	PartTerminal = "terminal"
)

// Volumes of a coding session, and where they are mounted in every container.
const (
	VolumeWorkspace = "workspace"
	VolumeHome      = "home"
	VolumeJournal   = "journal" // broker only

	PathWorkspace = "/workspace"
	PathHome      = "/home/volundr"
	PathJournal   = "/journal"
)

// Labels that every object of ours carries, whatever the backend.
const (
	LabelApp          = "app"                  // "volundr"
	LabelComponent    = "component"            // "session" or "sandbox"
	LabelInstallation = "volundr.installation" // whose daemon
	LabelSession      = "volundr.session"      // our id
	LabelPart         = "volundr.part"         // part or volume name
	LabelName         = "volundr.name"
	LabelOwner        = "volundr.owner"
	LabelTenant       = "volundr.tenant"
	LabelRun          = "volundr.run"
	LabelCreated      = "volundr.created" // RFC 3339
	LabelHelper       = "volundr.helper"  // "true" on the containers of a helper
	LabelKind         = "volundr.kind"    // of sandboxes, whose app and component are those of their contract
)

// Network says what a workload may reach.
type Network string

const (
	// NetworkOpen: the internet, but not the host, other sessions or metadata
	// addresses where the backend lets us set that rule.
	NetworkOpen Network = "open"
	// NetworkNone: its own loopback only. The broker's port still answers the
	// daemon.
	NetworkNone Network = "none"
)

// Spec is a workload as it should be. It is a value: the same for every
// backend, built anew from the stored launch request at every start.
type Spec struct {
	ID      string // uuid; the key of everything
	Kind    Kind
	Name    string // for people, in labels
	Owner   string
	Tenant  string
	Created time.Time
	Run     int // counts starts, from 1
	// Helper: these parts only look after the volumes of a session that does
	// not run. Containers of the run itself are replaced by a helper's, and a
	// helper's by those of the run.
	Helper bool

	Image     string // reference that the runtime can start
	Parts     []Part // broker first; a sandbox has one
	Network   Network
	Resources Resources // of the workload as a whole, agent part included
	// Deadline ends a sandbox; zero for sessions.
	Deadline time.Time
}

// Part is one container.
type Part struct {
	Name    string
	Image   string   // what Fitter gave for the image of its user's choice; empty: the spec's
	Command []string // argv; the image's entry point is never used, but by a service
	Env     map[string]string
	Dir     string
	UID     int // never 0
	GID     int
	Mounts  []Mount
	// Memory in bytes and CPU in thousandths of a core limit this part; 0 takes
	// what Resources leave.
	Memory int64
	CPU    int64
}

// Mount puts a volume of this workload, a host folder, or room in memory into a
// part. It is the one of the first three that is set.
type Mount struct {
	Volume string // VolumeWorkspace, …
	Host   string // absolute folder on the host (local_mount only)
	// Size in bytes of a file system in memory, empty at every start, from which
	// programs can be run. It counts as memory of the workload. One on /tmp or
	// /run is instead of what a part has there anyway.
	Size int64
	Path string // in the container
	// ReadOnly mounts cannot be written from inside.
	ReadOnly bool
	// UID and GID own a fresh volume's root.
	UID, GID int
}

// Resources bound a workload. Zero means the runtime's default.
type Resources struct {
	Memory int64 // bytes, no swap on top
	CPU    int64 // thousandths of a core
	PIDs   int64
	GPU    int
}

var partName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// Validate says what is wrong with a spec, wrapping ErrInvalid, or nil. Every
// runtime calls it first.
func (s Spec) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w spec: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	switch {
	case s.ID == "" || strings.ContainsAny(s.ID, "/. "):
		return bad("id %q", s.ID)
	case s.Kind != Session && s.Kind != Sandbox:
		return bad("kind %q", s.Kind)
	case s.Run < 1:
		return bad("run %d: runs count from 1", s.Run)
	case s.Image == "":
		return bad("no image")
	case len(s.Parts) == 0:
		return bad("no parts")
	case s.Kind == Session && s.Parts[0].Name != PartBroker:
		return bad("the first part of a session is the broker")
	case s.Kind == Sandbox && s.Deadline.IsZero():
		return bad("a sandbox needs a deadline")
	case s.Kind == Sandbox && (len(s.Parts) != 1 || s.Helper):
		return bad("a sandbox is one part")
	case s.Network != NetworkOpen && s.Network != NetworkNone:
		return bad("network %q", s.Network)
	}
	names := map[string]bool{}
	for _, p := range s.Parts {
		if !partName.MatchString(p.Name) || names[p.Name] {
			return bad("part name %q", p.Name)
		}
		names[p.Name] = true
		if p.Service() != "" && (p.Image == "" || s.Kind == Sandbox || s.Helper) {
			return bad("service %s has no image, or no session", p.Name)
		}
		if p.Image != "" && (p.Name == PartBroker || s.Kind == Sandbox) {
			return bad("part %s has an image of its own", p.Name)
		}
		if len(p.Command) == 0 && p.Service() == "" {
			return bad("part %s has no command", p.Name)
		}
		if p.UID <= 0 || p.GID < 0 {
			return bad("part %s would run as %d:%d: nothing runs as root", p.Name, p.UID, p.GID)
		}
		for _, m := range p.Mounts {
			if m.Size < 0 || count(m.Volume != "", m.Host != "", m.Size > 0) != 1 {
				return bad("mount of %s on %s is a volume, a folder or room in memory", p.Name, m.Path)
			}
			if s.Kind == Sandbox && m.Size == 0 {
				return bad("mount of %s on %s: nothing of a sandbox outlives it", p.Name, m.Path)
			}
			if !path.IsAbs(m.Path) || path.Clean(m.Path) != m.Path || m.Path == "/" {
				return bad("mount path %q", m.Path)
			}
			if m.Host != "" && (!path.IsAbs(m.Host) || path.Clean(m.Host) == "/") {
				return bad("host folder %q", m.Host)
			}
		}
	}
	return s.enough()
}

func count(facts ...bool) (n int) {
	for _, f := range facts {
		if f {
			n++
		}
	}
	return n
}

// Volumes gives the names of the volumes that the spec mounts, sorted.
func (s Spec) Volumes() []string {
	set := map[string]bool{}
	for _, p := range s.Parts {
		for _, m := range p.Mounts {
			if m.Volume != "" {
				set[m.Volume] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

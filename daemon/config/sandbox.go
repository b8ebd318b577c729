package config

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"
)

// Sandbox sets the sandbox API.
type Sandbox struct {
	// Listen is the address of a listener for the sandbox API alone; empty:
	// none. The API is always on the daemon's own address too. Loopback only
	// unless TLS is set.
	Listen string `yaml:"listen"`
	// Auth of that listener: "token", or "none" for existing clients that send
	// none. Whoever reaches a listener with none may use sandboxes.
	Auth string `yaml:"auth"`
	TLS  TLS    `yaml:"tls"`
	// Networks that a sandbox may have; the first is what it has unless a
	// request says otherwise. "none" is its own loopback only, "open" the internet.
	Networks []string      `yaml:"networks"`
	Pool     SandboxPool   `yaml:"pool"`
	Limits   SandboxLimits `yaml:"limits"`
	// MaxExecTimeout bounds one command, in milliseconds.
	MaxExecTimeout int `yaml:"max_exec_timeout_ms"`
	// MaxOutput is how many bytes of each of a command's outputs are kept.
	MaxOutput int64 `yaml:"max_output_bytes"`
	// MaxLifetime is how long a sandbox may live, extensions included.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
	Files       SandboxFiles  `yaml:"files"`
}

// TLS names the PEM files of a listener's certificate and its key.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// SandboxPool says how many sandboxes wait for their first use.
type SandboxPool struct {
	Size int `yaml:"size"`
	// Always fills it when the daemon starts. Otherwise it is filled by the
	// first use of the API, and emptied when the API was not used for a while.
	Always bool `yaml:"always"`
	// MemoryMB bounds what the waiting ones may use together.
	MemoryMB int `yaml:"memory_mb"`
}

// SandboxLimits bound one sandbox, and how many there are.
type SandboxLimits struct {
	Sandboxes  int `yaml:"sandboxes"`  // alive at a time
	Executions int `yaml:"executions"` // one-shot runs at a time
	Commands   int `yaml:"commands"`   // in sandboxes, at a time
	Queue      int `yaml:"queue"`      // that wait for either, at most

	// Of one sandbox unless a request says otherwise, and
	MemoryMB    int     `yaml:"memory_mb"`
	WorkspaceMB int     `yaml:"workspace_mb"` // in memory too, beyond MemoryMB
	CPUs        float64 `yaml:"cpus"`
	PIDs        int     `yaml:"pids"`
	CPUSeconds  int     `yaml:"cpu_seconds"` // of one process; 0: no limit
	OpenFiles   int     `yaml:"open_files"`  // of one process
	// what a request may ask for at most.
	MaxMemoryMB    int     `yaml:"max_memory_mb"`
	MaxWorkspaceMB int     `yaml:"max_workspace_mb"`
	MaxCPUs        float64 `yaml:"max_cpus"`
	MaxPIDs        int     `yaml:"max_pids"`
}

// SandboxFiles are what clients upload and programs return.
type SandboxFiles struct {
	MaxMB   int           `yaml:"max_mb"` // of one file
	TTL     time.Duration `yaml:"ttl"`
	TotalMB int           `yaml:"total_mb"` // of all; the oldest go first
}

func sandboxDefaults() Sandbox {
	return Sandbox{
		Auth: "token", Networks: []string{"none"},
		Pool: SandboxPool{Size: 2, MemoryMB: 2048},
		Limits: SandboxLimits{
			Sandboxes: 256, Executions: 16, Commands: 256, Queue: 64,
			MemoryMB: 256, WorkspaceMB: 512, CPUs: 1, PIDs: 128, OpenFiles: 4096,
			MaxMemoryMB: 4096, MaxWorkspaceMB: 4096, MaxCPUs: 8, MaxPIDs: 1024,
		},
		MaxExecTimeout: 60_000, MaxOutput: 1_000_000, MaxLifetime: 24 * time.Hour,
		Files: SandboxFiles{MaxMB: 100, TTL: time.Hour, TotalMB: 10 << 10},
	}
}

// environment takes the variables by which the API's original is set. What the
// file says of them stands below.
func (s *Sandbox) environment(get func(string) (string, bool)) error {
	lifetime, ttl, output := 0, 0, 0
	for name, to := range map[string]*int{
		"MAX_EXEC_TIMEOUT_MS": &s.MaxExecTimeout, "MAX_OUTPUT_BYTES": &output, "MEMORY_LIMIT_MB": &s.Limits.MemoryMB,
		"CPU_TIME_LIMIT_SEC": &s.Limits.CPUSeconds, "MAX_FILE_SIZE_MB": &s.Files.MaxMB,
		"SESSION_MAX_LIFETIME_SECONDS": &lifetime, "FILE_TTL_SEC": &ttl,
	} {
		value, _ := get(name)
		if value == "" {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("the environment variable %s is %q: give a whole number, or unset it", name, value)
		}
		*to = n
	}
	if output != 0 {
		s.MaxOutput = int64(output)
	}
	if lifetime != 0 {
		s.MaxLifetime = time.Duration(lifetime) * time.Second
	}
	if ttl != 0 {
		s.Files.TTL = time.Duration(ttl) * time.Second
	}
	return nil
}

func (s Sandbox) check() *problem {
	bad := func(path, format string, args ...any) *problem {
		return &problem{path: "$.sandbox." + path, msg: fmt.Sprintf(format, args...)}
	}
	if s.Auth != "token" && s.Auth != "none" {
		return bad("auth", "auth %q is not known: there are token and none", s.Auth)
	}
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		return bad("tls", "TLS needs both cert and key")
	}
	for _, file := range []string{s.TLS.Cert, s.TLS.Key} {
		if _, err := os.Stat(file); file != "" && err != nil {
			return bad("tls", "TLS cannot be used: %s", err)
		}
	}
	if s.Listen != "" {
		if msg := s.checkListen(); msg != "" {
			return bad("listen", "%s", msg)
		}
	}
	if len(s.Networks) == 0 {
		return bad("networks", "a sandbox needs a network: none, open, or both with the usual one first")
	}
	for i, n := range s.Networks {
		if n != "none" && n != "open" || slices.Contains(s.Networks[:i], n) {
			return bad("networks", "network %q is not known or stands here twice: there are none and open", n)
		}
	}
	l := s.Limits
	for _, n := range []struct {
		path            string
		value, min, max int
	}{
		{"pool.size", s.Pool.Size, 0, 1000}, {"pool.memory_mb", s.Pool.MemoryMB, 0, 1 << 30},
		{"limits.sandboxes", l.Sandboxes, 1, 10_000}, {"limits.executions", l.Executions, 1, 10_000},
		{"limits.commands", l.Commands, 1, 10_000}, {"limits.queue", l.Queue, 0, 10_000},
		{"limits.max_memory_mb", l.MaxMemoryMB, 16, 1 << 24}, {"limits.memory_mb", l.MemoryMB, 16, l.MaxMemoryMB},
		{"limits.max_workspace_mb", l.MaxWorkspaceMB, 1, 1 << 24}, {"limits.workspace_mb", l.WorkspaceMB, 1, l.MaxWorkspaceMB},
		{"limits.max_pids", l.MaxPIDs, 8, 1 << 22}, {"limits.pids", l.PIDs, 8, l.MaxPIDs},
		{"limits.open_files", l.OpenFiles, 64, 1 << 20},
		{"limits.cpu_seconds", l.CPUSeconds, 0, 1 << 30},
		{"max_exec_timeout_ms", s.MaxExecTimeout, 1, 24 * 3600 * 1000},
		{"max_output_bytes", int(min(s.MaxOutput, 1<<30)), 64, 1<<30 - 1},
		{"max_lifetime", int(s.MaxLifetime / time.Second), 1, 30 * 24 * 3600},
		{"files.max_mb", s.Files.MaxMB, 1, 1 << 24}, {"files.ttl", int(s.Files.TTL / time.Second), 1, 10 * 366 * 24 * 3600},
		{"files.total_mb", s.Files.TotalMB, 1, 1 << 30},
	} {
		if n.value < n.min || n.value > n.max {
			return bad(n.path, "%d is out of range: give at least %d and at most %d", n.value, n.min, n.max)
		}
	}
	if l.MaxCPUs < 0.1 || l.MaxCPUs > 1024 || l.CPUs < 0.1 || l.CPUs > l.MaxCPUs {
		return bad("limits.cpus", "%g CPUs are out of range: give at least 0.1 and at most what max_cpus says (%g)", l.CPUs, l.MaxCPUs)
	}
	return nil
}

// checkListen lets other machines in only where what they say is encrypted.
func (s Sandbox) checkListen() string {
	msg := checkListen(s.Listen)
	host, port, err := net.SplitHostPort(s.Listen)
	if msg == "" || err != nil || loopback(host) {
		return msg
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return msg
	}
	if s.TLS.Cert == "" {
		return fmt.Sprintf("listen address %q can be reached from other machines, and nothing is encrypted there: use 127.0.0.1:%s, or set sandbox.tls", s.Listen, port)
	}
	if s.Auth == "none" {
		return fmt.Sprintf("listen address %q can be reached from other machines, and auth none would let everybody in: use auth token", s.Listen)
	}
	return ""
}

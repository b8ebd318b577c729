package launch

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// Service is a container of somebody else's image beside the session, such as a
// database. The session reaches it by its name, or on its own loopback.
type Service struct {
	Name    string            `json:"name"`
	Image   string            `json:"image"`
	Command []string          `json:"command,omitempty"` // in place of the image's own arguments
	Env     map[string]string `json:"env,omitempty"`
	Port    int               `json:"port,omitempty"`   // it is ready when it answers there; 0: at once
	Data    string            `json:"data,omitempty"`   // a folder in it that outlives a stop
	User    int               `json:"user,omitempty"`   // as whom it runs; 0: userUID
	Memory  string            `json:"memory,omitempty"` // of the session's; empty: runtime.ServiceMemory
}

// maxServices bounds how many services a session has.
const maxServices = 8

var (
	// serviceName is a host name too.
	serviceName = regexp.MustCompile(`^[a-z](?:[a-z0-9-]{0,20}[a-z0-9])?$`)
	// taken are ports of the session's own.
	taken = []int{wire.BrokerPort, wire.OutsidePort, wire.EditorPort, wire.TerminalPort}
)

// part is the service's container.
func (s Service) part() runtime.Part {
	uid := s.User
	if uid == 0 {
		uid = userUID
	}
	p := runtime.Part{Name: runtime.ServicePrefix + s.Name, Image: s.Image, Command: s.Command, Env: maps.Clone(s.Env), UID: uid, GID: uid, Memory: s.memory()}
	if s.Data != "" {
		p.Mounts = []runtime.Mount{{Volume: p.Name, Path: s.Data, UID: uid, GID: uid}}
	}
	return p
}

func (s Service) memory() int64 {
	if n, ok := quantity(s.Memory); ok && s.Memory != "" {
		return int64(n)
	}
	return runtime.ServiceMemory
}

func checkServices(r Request) error {
	if len(r.Services) > maxServices {
		return wrong(len(r.Services), "value_error", fmt.Sprintf("A session has at most %d services.", maxServices), "services")
	}
	bounds, err := resources(r.Resources)
	if err != nil {
		return nil // which says more
	}
	left := bounds.Memory
	if left == 0 {
		left = runtime.DefaultMemory
	}
	names, ports := map[string]bool{}, map[int]bool{}
	for i, s := range r.Services {
		field, msg := s.problem()
		switch left -= s.memory(); {
		case msg != "":
		case names[s.Name]:
			field, msg = "name", fmt.Sprintf("Two services cannot both be called %q.", s.Name)
		case s.Port > 0 && ports[s.Port]:
			field, msg = "port", fmt.Sprintf("Two services cannot both listen on port %d: the session has one network.", s.Port)
		case left < leastMemory:
			field, msg = "memory", "The services leave less than 1Gi of the session's memory: give the session more, or them less."
		}
		if msg != "" {
			return wrong(s.Name, "value_error", msg, "services", fmt.Sprint(i), field)
		}
		names[s.Name], ports[s.Port] = true, true
	}
	return nil
}

// problem says what is wrong with a service, and with which field of it.
func (s Service) problem() (field, msg string) {
	n, ok := quantity(s.Memory)
	switch {
	case !serviceName.MatchString(s.Name) || s.Name == "localhost":
		return "name", "A service has a name of at most 22 small letters, digits and -, by which the session reaches it."
	case !imageName.MatchString(s.Image):
		return "image", fmt.Sprintf("%q is no name of an image such as postgres:17.", s.Image)
	case s.Port < 0 || s.Port > 65535 || slices.Contains(taken, s.Port):
		return "port", fmt.Sprintf("Port %d is the session's own, or none at all: have the service listen on another.", s.Port)
	case s.User < 0 || s.User > 60000 || s.User == brokerUID:
		return "user", "A service runs as a user of a number from 1 to 60000, and never as root."
	case s.Data != "" && (!path.IsAbs(s.Data) || path.Clean(s.Data) != s.Data || s.Data == "/" || len(s.Data) > 200 || strings.ContainsAny(s.Data, ":\x00")):
		return "data", "The folder that a service keeps is named from the root, as in /var/lib/postgresql/data."
	case s.Memory != "" && (!ok || n < 32<<20 || n > 1<<50):
		return "memory", "A service's memory is written as 512Mi; it needs at least 32Mi."
	case len(s.Command) > 100 || len(s.Env) > 100:
		return "command", "A service has at most 100 arguments and 100 variables."
	}
	for _, a := range s.Command {
		if len(a) > 4<<10 || strings.ContainsRune(a, 0) {
			return "command", "An argument holds a zero byte or is longer than 4 KiB."
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		if !envName.MatchString(name) || len(s.Env[name]) > 32<<10 || strings.ContainsRune(s.Env[name], 0) {
			return "env", fmt.Sprintf("%q is no variable that a service can be given, or its value holds a zero byte or is longer than 32 KiB.", name)
		}
	}
	return "", ""
}

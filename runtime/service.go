package runtime

import "strings"

// ServicePrefix begins the names of parts that are services of a session, such
// as a database. A service is a container of somebody else's image:
//
//   - it is started as the image says; Command, if any, is in place of the
//     image's own arguments, and its Dir is the image's;
//   - it may write to its root, which is new in every run;
//   - the session reaches it by its name, on the session's own loopback.
//
// All other bounds are those of every part: no root, no capability, limits.
const ServicePrefix = "service-"

// ServiceMemory is a service's where it names none, in bytes.
const ServiceMemory = 512 << 20

// Service is the name of a part by which the session reaches it; empty: it is
// no service.
func (p Part) Service() string {
	name, _ := strings.CutPrefix(p.Name, ServicePrefix)
	if name == p.Name {
		return ""
	}
	return name
}

// Services are the names of a spec's services, in their order.
func (s Spec) Services() (names []string) {
	for _, p := range s.Parts {
		if name := p.Service(); name != "" {
			names = append(names, name)
		}
	}
	return names
}

package client

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Sidecar is a service of a session: a container of somebody else's image beside a session, which
// reaches it by its name.
type Sidecar struct {
	Name    string            `json:"name"`
	Image   string            `json:"image"`
	Command []string          `json:"command,omitempty"` // in place of the image's own arguments
	Env     map[string]string `json:"env,omitempty"`
	Port    int               `json:"port,omitempty"`   // it is ready when it answers there; 0: at once
	Data    string            `json:"data,omitempty"`   // a folder in it that outlives a stop
	User    int               `json:"user,omitempty"`   // number of its user (1000), never root
	Memory  string            `json:"memory,omitempty"` // as in 512Mi
}

// ParseSidecar reads a service as people write it in a line: NAME=IMAGE, then its
// port and variables, as in db=postgres:17 5432 POSTGRES_PASSWORD=x, or its JSON.
func ParseSidecar(text string) (s Sidecar, err error) {
	if strings.HasPrefix(text, "{") {
		return written[Sidecar](text, "a service")
	}
	words := strings.Fields(text)
	bad := errors.New("a service is written as NAME=IMAGE PORT VARIABLE=value, as in db=postgres:17 5432 POSTGRES_PASSWORD=x")
	if len(words) == 0 {
		return s, bad
	}
	var ok bool
	if s.Name, s.Image, ok = strings.Cut(words[0], "="); !ok || s.Name == "" || s.Image == "" {
		return s, bad
	}
	for _, word := range words[1:] {
		k, v, pair := strings.Cut(word, "=")
		port, err := strconv.Atoi(word)
		switch {
		case pair && k != "":
			if s.Env == nil {
				s.Env = map[string]string{}
			}
			s.Env[k] = v
		case err == nil && s.Port == 0:
			s.Port = port
		default:
			return s, bad
		}
	}
	return s, nil
}

// Line is the service in one line, which ParseSidecar reads.
func (s Sidecar) Line() string {
	words := []string{s.Name + "=" + s.Image}
	if s.Port != 0 {
		words = append(words, strconv.Itoa(s.Port))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Env)) {
		words = append(words, k+"="+s.Env[k])
	}
	line := strings.Join(words, " ")
	if back, err := ParseSidecar(line); err == nil && reflect.DeepEqual(back, s) {
		return line
	}
	var out strings.Builder
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	_ = to.Encode(s) // of texts
	return strings.TrimSuffix(out.String(), "\n")
}

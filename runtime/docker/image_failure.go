package docker

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"volundr/runtime"
)

// BuildError says why an image could not be made. It is
// runtime.ErrInvalid: the same call fails again until its cause is gone, and
// then goes on behind the last step that succeeded.
type BuildError struct {
	Kind        runtime.Kind // whose image; empty: a session's
	Where       string       // "code-server 14/35", or "Debian base"
	Instruction string       // of the recipe; may be empty
	Message     string       // the builder's own
	Tail        []string     // last lines that the step printed
}

// Error is a sentence with the next step, and below it the step's last lines.
func (e *BuildError) Error() string {
	var b strings.Builder
	b.WriteString("the " + string(cmp.Or(e.Kind, runtime.Session)) + " image could not be built")
	if e.Where != "" {
		b.WriteString(" at " + e.Where)
	}
	b.WriteString(": " + e.cause())
	if e.Instruction != "" {
		b.WriteString("\n" + e.Instruction)
	}
	for _, line := range e.Tail {
		b.WriteString("\n  " + line)
	}
	return b.String()
}

// explain says whose image it is.
func (p *imagePlan) explain(err error) error {
	var failed *BuildError
	if errors.As(err, &failed) {
		failed.Kind = p.kind
	}
	return err
}

func (e *BuildError) Unwrap() error { return runtime.ErrInvalid }

// causes are failures of the surroundings, by what apt, npm and the engine
// print for them, worst first.
var causes = []struct {
	signs []string
	say   string
}{
	{[]string{"no space left on device", "disk quota exceeded", "enospc"},
		"the disk of the Docker engine is full (the build needs about 6 GB); free some space, for example with: docker system prune; then start again"},
	{[]string{"certificate", "unable_to_get_issuer", "self_signed"},
		"the certificate of a registry is not trusted; name your CA with --ca-bundle and start again"},
	{[]string{"could not resolve", "temporary failure resolving", "enotfound", "eai_again", "econnrefused", "econnreset", "etimedout",
		"unable to connect", "could not connect", "failed to fetch", "no such host", "network is unreachable", "i/o timeout"},
		"a package registry did not answer; check the network, or set the mirrors of Debian and npm in the configuration, and start again"},
}

// exitCode is in what builders say of a command that failed. The command itself
// stands below, as the instruction.
var exitCode = regexp.MustCompile(`returned a non-zero code: (\d+)$`)

func (e *BuildError) cause() string {
	all := strings.ToLower(e.Message + "\n" + strings.Join(e.Tail, "\n"))
	for _, c := range causes {
		for _, sign := range c.signs {
			if strings.Contains(all, sign) {
				return c.say
			}
		}
	}
	said := strings.TrimSpace(e.Message)
	if exit := exitCode.FindStringSubmatch(said); exit != nil && e.Instruction != "" {
		said = "its command ended with exit code " + exit[1]
	}
	return said + "; mend that and start again, which goes on from this step"
}

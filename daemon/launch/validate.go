package launch

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"volundr/daemon/source"
	"volundr/runtime"
)

// Validate says what is wrong with a request as such, without looking at the
// machine: a *FieldError, or nil. What names something that this version does
// not have is wrong too, for a session that silently lacks it would surprise.
func Validate(r Request) error {
	for _, check := range checks {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

// Problems are all that is wrong with a request as such, each a *FieldError,
// at most one of a kind.
func Problems(r Request) (all []error) {
	for _, check := range checks {
		if err := check(r); err != nil {
			all = append(all, err)
		}
	}
	return all
}

var checks = []func(Request) error{
	checkAgent, checkTexts, checkSource, checkMounts, checkEnv, checkAbsent, checkNetwork, checkImage, checkServices, checkSetup, checkFiles, checkCredentials, checkProtected, CheckMCP, checkIntegrations, checkLife,
	func(r Request) error { _, err := resources(r.Resources); return err },
}

func checkAgent(r Request) error {
	switch {
	case !slices.Contains([]string{"claude", "codex", "acp"}, r.Agent):
		return wrong(r.Agent, "enum", fmt.Sprintf("There is no agent %q: choose claude, codex or acp.", r.Agent), "agent")
	case r.Agent == "acp" && (len(r.Command) == 0 || r.Command[0] == ""):
		return wrong(r.Command, "missing", "An agent of your own needs its command.", "command")
	case r.Agent != "acp" && len(r.Command) > 0:
		return wrong(r.Command, "value_error", "Only the agent acp takes a command.", "command")
	}
	return nil
}

func checkTexts(r Request) error {
	for _, t := range []struct {
		field, text string
		max         int
	}{
		{"model", r.Model, 100}, {"mode", r.Mode, 100}, {"system_prompt", r.SystemPrompt, 100_000},
		{"initial_prompt", r.InitialPrompt, 100_000}, {"issue_id", r.IssueID, 255}, {"issue_url", r.IssueURL, 2048},
		{"template_name", r.TemplateName, 255}, {"profile_name", r.ProfileName, 255},
	} {
		if len([]rune(t.text)) > t.max {
			return wrong(t.text, "string_too_long", fmt.Sprintf("String should have at most %d characters.", t.max), t.field)
		}
	}
	for field, id := range map[string]string{"preset_id": r.PresetID, "workspace_id": r.WorkspaceID} {
		if id != "" && uuid.Validate(id) != nil {
			return wrong(id, "uuid_parsing", "Input should be a valid UUID.", field)
		}
	}
	return nil
}

func checkSource(r Request) error {
	s := r.Source
	bad := func(msg, input string, loc ...string) error {
		return wrong(input, "value_error", msg, append([]string{"source", s.Type}, loc...)...)
	}
	if s.Type != source.Git && len(s.Additional) > 0 {
		return bad("Only a workspace of git repositories takes additional_repos.", "", "additional_repos")
	}
	switch s.Type {
	case source.Git:
		if err := checkRepos(s); err != nil {
			return err
		}
	case source.LocalMount:
		if s.LocalPath == "" && len(s.Paths) == 0 {
			return bad("Either local_path or paths must be provided", "")
		}
	case source.LocalCopy:
		if s.LocalPath == "" {
			return bad("Name the folder to copy.", "", "local_path")
		}
	default:
		return wrong(s.Type, "union_tag_invalid", fmt.Sprintf("The source %q is not known: choose git, local_copy or local_mount.", s.Type), "source")
	}
	if len(s.NodeSelector) > 0 {
		return bad("Sessions in Docker run on this machine: leave node_selector out.", "", "node_selector")
	}
	return nil
}

func checkProtected(r Request) error {
	if len(r.Protected) > source.MaxProtected {
		return wrong(len(r.Protected), "value_error", fmt.Sprintf("At most %d branches can be protected.", source.MaxProtected), "protected_branches")
	}
	for i, p := range r.Protected {
		if !source.ValidPattern(p) {
			return wrong(p, "value_error", fmt.Sprintf("%q is not a branch's name; * stands for any text, as in release/*.", p), "protected_branches", fmt.Sprint(i))
		}
	}
	return nil
}

// below are the folders in a session under which host folders may appear.
var below = []string{runtime.PathWorkspace, "/mnt", "/srv", "/opt", "/data"}

func checkMounts(r Request) error {
	seen := map[string]bool{}
	for i, m := range r.Source.Paths {
		bad := func(field, input, msg string) error {
			return wrong(input, "value_error", msg, "source", r.Source.Type, "paths", fmt.Sprint(i), field)
		}
		clean := path.Clean(m.MountPath)
		switch {
		case r.Source.Type != source.LocalMount:
			return bad("host_path", m.HostPath, "Only the source local_mount takes paths.")
		case m.HostPath == "":
			return bad("host_path", m.HostPath, "String should have at least 1 character")
		case !slices.ContainsFunc(below, func(p string) bool { return strings.HasPrefix(clean, p+"/") }):
			return bad("mount_path", m.MountPath, "A folder can appear below "+strings.Join(below, ", ")+" only.")
		case r.Source.LocalPath != "" && strings.HasPrefix(clean, runtime.PathWorkspace+"/"):
			return bad("mount_path", m.MountPath, "The workspace is a live folder of its own: let this one appear below /mnt.")
		case seen[clean]:
			return bad("mount_path", m.MountPath, "Two folders cannot appear in one place.")
		}
		seen[clean] = true
	}
	return nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkEnv(r Request) error {
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		switch {
		case !envName.MatchString(name):
			return wrong(name, "value_error", fmt.Sprintf("%q is not a name of an environment variable.", name), "env")
		case strings.HasPrefix(name, "VOLUNDR_") || name == "HOME":
			return wrong(name, "value_error", name+" is set by Volundr itself: choose another name.", "env", name)
		case strings.ContainsRune(r.Env[name], 0) || len(r.Env[name]) > 32<<10:
			return wrong(nil, "value_error", "The value of "+name+" holds a zero byte or is longer than 32 KiB.", "env", name)
		}
	}
	return nil
}

func checkNetwork(r Request) error {
	if !slices.Contains([]string{"", string(runtime.NetworkOpen), string(runtime.NetworkNone)}, r.Network) {
		return wrong(r.Network, "enum", fmt.Sprintf("The network %q is not known: choose open or none.", r.Network), "network")
	}
	return nil
}

// imageName is a reference to an image, by tag or digest: it never begins with
// what could be an option.
var imageName = regexp.MustCompile(`^[a-z0-9](?:[a-zA-Z0-9._:/@-]{0,253}[a-zA-Z0-9])?$`)

func checkImage(r Request) error {
	if r.Image != "" && !imageName.MatchString(r.Image) {
		return wrong(r.Image, "value_error", fmt.Sprintf("%q is no name of an image such as registry.example.com/team/image:1.", r.Image), "image")
	}
	return nil
}

// checkAbsent refuses what has nothing behind it yet.
func checkAbsent(r Request) error {
	if r.WorkspaceID != "" {
		return wrong(r.WorkspaceID, "value_error", fmt.Sprintf("There is no workspace %q: each session of this version has its own, leave workspace_id out.", r.WorkspaceID), "workspace_id")
	}
	if r.TermRestricted {
		return wrong(true, "value_error", "A restricted terminal does not exist in this version: leave terminal_restricted out.", "terminal_restricted")
	}
	return nil
}

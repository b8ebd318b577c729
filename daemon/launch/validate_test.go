package launch

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/source"
)

func TestWhatCannotBeNamesItsField(t *testing.T) {
	long := strings.Repeat("ä", 256)
	for _, c := range []struct {
		loc, typ, msg string
		change        func(*Request)
	}{
		{"agent", "enum", "choose claude, codex or acp", func(r *Request) { r.Agent = "hal" }},
		{"command", "missing", "needs its command", func(r *Request) { r.Agent = "acp" }},
		{"command", "value_error", "Only the agent acp", func(r *Request) { r.Command = []string{"x"} }},
		{"model", "string_too_long", "at most 100", func(r *Request) { r.Model = long }},
		{"system_prompt", "string_too_long", "at most 100000", func(r *Request) { r.SystemPrompt = strings.Repeat("x", 100_001) }},
		{"initial_prompt", "string_too_long", "at most 100000", func(r *Request) { r.InitialPrompt = strings.Repeat("x", 100_001) }},
		{"issue_id", "string_too_long", "at most 255", func(r *Request) { r.IssueID = long }},
		{"template_name", "string_too_long", "at most 255", func(r *Request) { r.TemplateName = long }},
		{"preset_id", "uuid_parsing", "valid UUID", func(r *Request) { r.PresetID = "t" }},
		{"workspace_id", "value_error", "no workspace", func(r *Request) { r.WorkspaceID = "2ba3ed81-6bfb-4708-9600-00d4da92d768" }},
		{"terminal_restricted", "value_error", "restricted terminal", func(r *Request) { r.TermRestricted = true }},
		{"credential_names 0", "value_error", "1 to 100 characters", func(r *Request) { r.CredentialNames = []string{""} }},
		{"env_secret_refs", "value_error", "at most 50", func(r *Request) { r.SecretRefs = make([]string, 51) }},
		{"integration_ids 1", "value_error", "by its id, or by its service", func(r *Request) { r.IntegrationIDs = []string{"k", ""} }},
		{"integration_ids", "value_error", "at most 20", func(r *Request) { r.IntegrationIDs = make([]string, 21) }},
		{"time_to_live", "value_error", "written as 90m, 8h or 2d", func(r *Request) { r.TimeToLive = "8 hours" }},
		{"network", "enum", "choose open or none", func(r *Request) { r.Network = "lan" }},
		{"env", "value_error", "not a name", func(r *Request) { r.Env = map[string]string{"A B": ""} }},
		{"env VOLUNDR_CONFIG", "value_error", "set by Volundr", func(r *Request) { r.Env = map[string]string{"VOLUNDR_CONFIG": ""} }},
		{"env A", "value_error", "zero byte", func(r *Request) { r.Env = map[string]string{"A": "\x00"} }},
		{"source", "union_tag_invalid", "is not known", func(r *Request) { r.Source.Type = "zip" }},
		{"source git repo", "value_error", "no address", func(r *Request) { r.Source.Repo = "ext::sh" }},
		{"source git branch", "value_error", "not a name that git takes", func(r *Request) { r.Source.Repo, r.Source.Branch = "https://a/b", "-x" }},
		{"source git repo", "value_error", "Name the first repository", func(r *Request) { r.Source.Additional = []source.Additional{{Repo: "https://a/b"}} }},
		{"source git folder", "value_error", "is the workspace itself", func(r *Request) { r.Source.Repo, r.Source.Folder = "https://a/b", "b" }},
		{"source local_copy additional_repos", "value_error", "Only a workspace of git repositories", func(r *Request) {
			r.Source = Source{Type: "local_copy", LocalPath: "/x", Additional: []source.Additional{{Repo: "https://a/b"}}}
		}},
		{"source git additional_repos", "value_error", "At most 20", func(r *Request) { r.Source.Repo, r.Source.Additional = "https://a/b", make([]source.Additional, 21) }},
		{"source git additional_repos 1 repo", "value_error", "Name a repository", func(r *Request) {
			r.Source.Repo, r.Source.Additional = "https://a/b", []source.Additional{{Repo: "https://a/c"}, {}}
		}},
		{"source git additional_repos 0 base_branch", "value_error", "not a name that git takes", func(r *Request) {
			r.Source.Repo, r.Source.Additional = "https://a/b", []source.Additional{{Repo: "https://a/c", BaseBranch: "a..b"}}
		}},
		{"source git additional_repos 0 folder", "value_error", "cannot be a folder", func(r *Request) {
			r.Source.Repo, r.Source.Additional = "https://a/b", []source.Additional{{Repo: "https://a/c", Folder: "../c"}}
		}},
		{"source git folder", "value_error", "cannot be a folder", func(r *Request) {
			r.Source.Repo, r.Source.Folder, r.Source.Additional = "https://a/b", ".git", []source.Additional{{Repo: "https://a/c"}}
		}},
		{"source git additional_repos 1 folder", "value_error", "in one folder (Web)", func(r *Request) {
			r.Source.Repo, r.Source.Additional = "https://a/b", []source.Additional{{Repo: "https://a/c", Folder: "web"}, {Repo: "https://a/c", Folder: "Web"}}
		}},
		{"files 0", "value_error", "outside of .git", func(r *Request) {
			r.Source.Repo, r.Source.Additional = "https://a/b", []source.Additional{{Repo: "https://a/c"}}
			r.Files = []source.File{{From: "x", To: "c/.git/config"}}
		}},
		{"files 0", "value_error", "no place in the workspace", func(r *Request) {
			r.Source.Repo, r.Source.Additional = "https://a/b", []source.Additional{{Repo: "https://a/c"}}
			r.Files = []source.File{{From: "."}}
		}},
		{"files 0", "value_error", "to: NAME", func(r *Request) {
			r.Source.Repo, r.Source.Additional = "https://a/b", []source.Additional{{Repo: "https://a/c"}}
			r.Files = []source.File{{From: "/home/ann/.env"}}
		}},
		{"source git node_selector", "value_error", "leave node_selector out", func(r *Request) { r.Source.NodeSelector = map[string]string{"a": "b"} }},
		{"source git paths 0 host_path", "value_error", "Only the source local_mount", func(r *Request) { r.Source.Paths = []MountMapping{{"/a", "/mnt/a", true}} }},
		{"source local_mount", "value_error", "Either local_path or paths must be provided", func(r *Request) { r.Source.Type = "local_mount" }},
		{"source local_copy local_path", "value_error", "Name the folder", func(r *Request) { r.Source.Type = "local_copy" }},
		{"source local_mount paths 0 mount_path", "value_error", "can appear below", func(r *Request) { r.Source = Source{Type: "local_mount", Paths: []MountMapping{{"/a", "/etc", true}}} }},
		{"source local_mount paths 0 mount_path", "value_error", "can appear below", func(r *Request) {
			r.Source = Source{Type: "local_mount", Paths: []MountMapping{{"/a", "/mnt/../etc", true}}}
		}},
		{"source local_mount paths 0 mount_path", "value_error", "below /mnt", func(r *Request) {
			r.Source = Source{Type: "local_mount", LocalPath: "/x", Paths: []MountMapping{{"/a", "/workspace/a", true}}}
		}},
		{"source local_mount paths 1 mount_path", "value_error", "one place", func(r *Request) {
			r.Source = Source{Type: "local_mount", Paths: []MountMapping{{"/a", "/mnt/a", true}, {"/b", "/mnt/a/", true}}}
		}},
		{"setup_scripts 1", "value_error", "cannot be empty", func(r *Request) { r.Setup = []string{"make", " "} }},
		{"setup_scripts 0", "value_error", "at most 64 KiB", func(r *Request) { r.Setup = []string{strings.Repeat("x", 1<<17)} }},
		{"setup_scripts", "value_error", "at most 32", func(r *Request) { r.Setup = make([]string, 33) }},
		{"files 0", "value_error", "needs its name", func(r *Request) { r.Files = []source.File{{}} }},
		{"files 0", "value_error", "to: NAME", func(r *Request) { r.Files = []source.File{{From: "/home/ann/.env"}} }},
		{"files 0", "value_error", "no place in the workspace", func(r *Request) { r.Files = []source.File{{From: "../.env"}} }},
		{"files 0", "value_error", "no place in the workspace", func(r *Request) { r.Files = []source.File{{From: "/a", To: "/etc/passwd"}} }},
		{"files 0", "value_error", "outside of .git", func(r *Request) { r.Files = []source.File{{From: "x", To: "a/../.git/hooks/pre-commit"}} }},
		{"files 1", "value_error", "one place", func(r *Request) { r.Files = []source.File{{From: "x"}, {From: "y", To: "./x"}} }},
		{"resource_config memory", "value_error", "at least 1Gi", func(r *Request) { r.Resources = map[string]any{"memory": "100Mi"} }},
		{"resource_config memory", "value_error", "written as 4Gi", func(r *Request) { r.Resources = map[string]any{"memory": "much"} }},
		{"resource_config cpu", "value_error", "number of cores", func(r *Request) { r.Resources = map[string]any{"cpu": -1} }},
		{"resource_config gpu", "value_error", "whole number", func(r *Request) { r.Resources = map[string]any{"gpu": 0.5} }},
		{"resource_config gpu_type", "value_error", "ask for gpu alone", func(r *Request) { r.Resources = map[string]any{"gpu_type": "a100"} }},
		{"resource_config disk", "value_error", "is not known", func(r *Request) { r.Resources = map[string]any{"disk": 1} }},
	} {
		r := Request{Agent: "claude", Source: Source{Type: "git"}}
		c.change(&r)
		err := Validate(r)
		var field *FieldError
		if !errors.As(err, &field) {
			t.Errorf("%s: %v", c.loc, err)
			continue
		}
		if diff := cmp.Diff("body "+c.loc, strings.Join(field.Loc, " ")); diff != "" || field.Type != c.typ || !strings.Contains(field.Msg, c.msg) {
			t.Errorf("%s: %s %q %s", c.loc, field.Type, field.Msg, diff)
		}
	}
	if err := Validate(Request{Agent: "claude", Source: Source{Type: "git"}}); err != nil {
		t.Errorf("the least request: %v", err)
	}
}

func TestQuantities(t *testing.T) {
	for in, want := range map[any]float64{"500m": 0.5, "2": 2, 2.5: 2.5, "4Gi": 4 << 30, "512Mi": 512 << 20, "4G": 4e9, "300M": 3e8, "1.5Gi": 1.5 * (1 << 30)} {
		if got, ok := quantity(in); !ok || got != want {
			t.Errorf("%v: %v", in, got)
		}
	}
	for _, in := range []any{"", "x", "1 2", "-1", "1e9", "4Xi", true, nil, "NaN"} {
		if got, ok := quantity(in); ok {
			t.Errorf("%v: %v", in, got)
		}
	}
}

// A folder that is mounted without a word of it is not written to.
func TestAMountedFolderIsReadOnlyUnlessItSaysOtherwise(t *testing.T) {
	for said, want := range map[string]bool{``: true, `,"read_only":true`: true, `,"read_only":false`: false} {
		var r Request
		if err := json.Unmarshal([]byte(`{"source":{"paths":[{"host_path":"/a","mount_path":"/mnt/a"`+said+`}]}}`), &r); err != nil || r.Source.Paths[0].ReadOnly != want {
			t.Errorf("%s: %+v %v", said, r.Source.Paths, err)
		}
		raw, err := json.Marshal(r)
		var again Request
		if err != nil || json.Unmarshal(raw, &again) != nil || again.Source.Paths[0].ReadOnly != want {
			t.Errorf("%s, stored: %s %v", said, raw, err)
		}
	}
}

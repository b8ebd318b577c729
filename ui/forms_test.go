package ui

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

func TestFormBecomesARequest(t *testing.T) {
	for _, c := range []struct {
		name, query string
		want        client.SessionCreate
		problem     string
	}{
		{"git", "name=a&source=git&repo=https://x/y&branch=b&base_branch=main&agent=claude&cpu=2&memory=4Gi&gpu=1",
			client.SessionCreate{Name: "a", Agent: "claude", Source: &client.Source{Type: client.SourceGit, Repo: "https://x/y", Branch: "b", BaseBranch: "main"}, ResourceConfig: map[string]any{"cpu": 2.0, "memory": "4Gi", "gpu": 1.0}}, ""},
		{"several", "name=a&source=git&repo=https://x/y&folder=why&more_repo=https://x/z&more_repo=&more_repo=/w&more_branch=&more_branch=&more_branch=b&more_base_branch=&more_base_branch=&more_base_branch=c&more_folder=&more_folder=&more_folder=d",
			client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit, Repo: "https://x/y", Folder: "why", AdditionalRepos: []client.AdditionalRepo{{Repo: "https://x/z"}, {Repo: "/w", Branch: "b", BaseBranch: "c", Folder: "d"}}}}, ""},
		{"one is left out", "name=a&source=git&repo=https://x/y&folder=why&more_repo=https://x/z&leave_out=0", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit, Repo: "https://x/y"}}, ""},
		{"a time to live", "name=a&source=empty&time_to_live=+8h+", client.SessionCreate{Name: "a", TimeToLive: "8h", Source: &client.Source{Type: client.SourceGit}}, ""},
		{"empty", "name=a&source=empty&repo=left-over", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit}}, ""},
		{"a folder is copied", "name=a&source=folder&local_path=/home/me/x", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceCopy, LocalPath: "/home/me/x"}}, ""},
		{"live when asked", "name=a&source=folder&local_path=/x&use=live&writable_git=on", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceMount, LocalPath: "/x", WritableGit: true}}, ""},
		{"env", "name=a&source=empty&env=A%3D1%0D%0AB%3Dx%3Dy%0D%0A", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit}, Env: map[string]string{"A": "1", "B": "x=y"}}, ""},
		{"no repository", "name=a&source=git", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit}}, "repo"},
		{"no folder", "name=a&source=folder", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceCopy}}, "local_path"},
		{"no command", "name=a&source=empty&agent=acp", client.SessionCreate{Name: "a", Agent: "acp", Source: &client.Source{Type: client.SourceGit}}, "command"},
		{"MCP servers", "name=a&source=empty&mcp_servers=docs%3Dnpx+-y+docs%0D%0Aweb%3Dhttps%3A%2F%2Fx%0D%0A&integration_ids=i1&integration_ids=i2",
			client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit}, IntegrationIDs: []string{"i1", "i2"},
				MCPServers: []client.MCPServer{{Name: "docs", Command: "npx", Args: []string{"-y", "docs"}}, {Name: "web", URL: "https://x"}}}, ""},
		{"a bad MCP server", "name=a&source=empty&mcp_servers=docs", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit}}, "mcp_servers"},
		{"an odd key in one", "name=a&source=empty&mcp_servers=%7B%22nam%22%3A1%7D", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit}}, "mcp_servers"},
		{"bad env", "name=a&source=empty&env=nonsense", client.SessionCreate{Name: "a", Source: &client.Source{Type: client.SourceGit}}, "env"},
	} {
		t.Run(c.name, func(t *testing.T) {
			values, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			got, problems := ReadForm(values).Create()
			if len(got.CredentialNames) == 0 {
				got.CredentialNames = nil
			}
			if len(got.Command) == 0 {
				got.Command = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if _, ok := problems[c.problem]; (c.problem != "") != (len(problems) > 0) || c.problem != "" && !ok {
				t.Errorf("problems %v, want %q", problems, c.problem)
			}
		})
	}
}

func TestRefusalStandsBesideItsField(t *testing.T) {
	p := newPage()
	p.Problems = nil
	p.Take(&client.Error{Status: 422, Problems: []client.Problem{
		{Loc: []any{"body", "source", "git", "branch"}, Msg: "No such branch."}, {Loc: []any{"body", "name"}, Msg: "Value error, Too long."}, {Loc: []any{"body", "odd"}, Msg: "Odd."},
		{Loc: []any{"body", "mcp_servers", 0, "command"}, Msg: "No command."}, {Loc: []any{"body", "time_to_live"}, Msg: "Too short."},
		{Loc: []any{"body", "source", "git", "additional_repos", 1, "repo"}, Msg: "Gone."}, {Loc: []any{"body", "source", "git", "additional_repos", 0., "base_branch"}, Msg: "No base."},
	}})
	if diff := cmp.Diff(map[string]string{"branch": "No such branch.", "name": "Too long.", "": "Odd.", "mcp_servers": "No command.", "time_to_live": "Too short.",
		"more_repo_1": "Gone.", "more_base_branch_0": "No base."}, p.Problems); diff != "" {
		t.Error(diff)
	}
}

func TestDashboardGroupsAndFilters(t *testing.T) {
	var got []string
	for _, g := range dashboard().Groups {
		for _, s := range g.Sessions {
			got = append(got, g.Name+"/"+s.Name)
		}
	}
	want := []string{"Empty workspaces/scratch", "acme/billing/rounding", "acme/billing/vat-rates", "acme/billing/upgrade-deps", "acme/website/docs", "acme/website/old-experiment"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	many := manyDashboard()
	if many.Groups[1].Total != 343 || many.fit(true) != 61 || many.fit(false) != 9_346 || !slices.Equal(many.Agents, []string{"claude", "codex"}) {
		t.Errorf("%+v", many.List)
	}
}

// What the server looks for is what is read in the rows.
func TestFiltersStandForWhatIsSeen(t *testing.T) {
	for _, f := range []Filter{{State: "off"}, {State: "wait"}, {State: "go"}, {State: "run"}, {Query: "WAIT"}, {Query: "stop"}, {Query: "not seen"}, {Query: "a"}, {Query: "claude code"}} {
		states, words, agents := f.OfState(), f.Words(), f.Agents()
		for _, a := range appearances {
			s := session("1", "x", a.Status, a.Activity)
			s.Unseen = a.Unseen
			if got, want := slices.Contains(states, a), LookOf(s).Class == f.State; got != want {
				t.Errorf("%+v: %+v is shown: %t, want %t", f, a, got, want)
			}
			s = client.Session{Status: s.Status, ActivityState: s.ActivityState, Unseen: s.Unseen}
			if got, want := slices.Contains(words, a), strings.Contains(haystack(s), strings.ToLower(f.Query)); got != want {
				t.Errorf("%+v: %+v is found: %t, want %t", f, a, got, want)
			}
		}
		for _, id := range []string{"claude", "codex", "acp"} {
			if got, want := slices.Contains(agents, id), strings.Contains(strings.ToLower(agentName(id)), strings.ToLower(f.Query)); got != want {
				t.Errorf("%+v: %s is found: %t, want %t", f, id, got, want)
			}
		}
	}
}

// Buttons that the state forbids are not there.
func TestActionsFollowTheState(t *testing.T) {
	for status, want := range map[string]string{
		client.Created: "Start Archive Again Delete", client.Starting: "Stop session Again Delete", client.Provisioning: "Stop session Again Delete", client.Running: "Stop session Again Delete",
		client.Stopping: "Again Delete", client.Stopped: "Start Archive Again Delete", client.Failed: "Start again Archive Again Delete", client.Archived: "Restore Again Delete",
	} {
		html, err := Render(t.Context(), actions(session("1", "x", status, "")))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(tags.ReplaceAllString(html, " ")), " ")
		if text != want {
			t.Errorf("%s: %q, want %q", status, text, want)
		}
	}
}

// What a request says, the form says, and gives it back; what has no field
// stays.
func TestFormsGiveBackTheRequestThatFilledThem(t *testing.T) {
	for name, want := range map[string]client.SessionCreate{
		"a repository": {Name: "a", Agent: "claude", Model: "m", Mode: "plan", Network: "none", SystemPrompt: "s\nt", InitialPrompt: "i",
			Source: &client.Source{Type: client.SourceGit, Repo: "https://a/b", Branch: "c", BaseBranch: "d"}, Env: map[string]string{"A": "1", "B": "x=y"},
			ResourceConfig: map[string]any{"cpu": 1.5, "memory": "4Gi", "gpu": 1.}, TemplateName: "t", ProfileName: "p", IssueID: "1", Image: "acme/go:1",
			Services:     []client.Sidecar{{Name: "db", Image: "postgres:17", Port: 5432, Env: map[string]string{"A": "b", "C": "d=e"}}, {Name: "q", Image: "redis", Env: map[string]string{"A": "b c"}, Data: "/data", User: 999}},
			SetupScripts: []string{"make", "set -x\nnpm ci"}, Files: []client.File{{From: ".env"}, {From: "/x", To: "y"}}, CredentialNames: []string{"k", "l"}},
		"several repositories": {Name: "a", Agent: "claude", Source: &client.Source{Type: client.SourceGit, Repo: "https://a/b", Folder: "bee",
			AdditionalRepos: []client.AdditionalRepo{{Repo: "https://a/c", Branch: "x", BaseBranch: "y", Folder: "z"}, {Repo: "/d"}}}},
		"servers of tools": {Name: "a", Agent: "claude", Source: &client.Source{Type: client.SourceGit, Repo: "https://a/b"}, IntegrationIDs: []string{"github", "i-2"},
			MCPServers: []client.MCPServer{{Name: "docs", Command: "npx", Args: []string{"-y", "@acme/docs"}}, {Name: "web", URL: "https://mcp.acme.io/x"},
				{Name: "old", Type: "sse", URL: "https://mcp.acme.io/sse"}, {Name: "db", Command: "my server", Args: []string{"a b", ""}, Env: map[string]string{"A": "<b>"}, EnvFrom: map[string]string{"KEY": "db:password"}},
				{Name: "odd=name", Command: "x"}, {Name: "curl", Command: "https://is-a-command", Args: []string{"x"}}}},
		"an agent of one's own": {Name: "a", Agent: "acp", Command: []string{"my", "agent"}, Source: &client.Source{Type: client.SourceGit, Repo: "https://a/b"}},
		"a copy":                {Name: "a", Agent: "codex", Source: &client.Source{Type: client.SourceCopy, LocalPath: "/x"}},
		"a live folder and more beside it": {Name: "a", Agent: "claude", Source: &client.Source{Type: client.SourceMount, LocalPath: "/x", WritableGit: true,
			Paths: []client.MountMapping{{HostPath: "/y", MountPath: "/mnt/y", ReadOnly: true}}}},
	} {
		got, problems := FormOf(want).Create()
		if len(got.CredentialNames) == 0 {
			got.CredentialNames = nil
		}
		if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
			t.Errorf("%s: %s %v", name, diff, problems)
		}
	}
}

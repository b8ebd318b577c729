package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

var now = time.Date(2026, 11, 21, 14, 30, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func session(id, name, status, activity string) client.Session {
	s := client.Session{
		ID: "00000000-0000-4000-8000-00000000000" + id, Name: name, Model: "claude-sonnet-4-6", Status: status, Agent: "claude",
		Source: client.Source{Type: client.SourceGit, Repo: "https://github.com/acme/billing.git", Branch: "main"},
		Repo:   "https://github.com/acme/billing.git", Branch: "fix-rounding",
		CreatedAt: now.Add(-3 * time.Hour), UpdatedAt: now, LastActive: now, StateSince: now.Add(-12 * time.Minute),
		TokensUsed: 48_210, CostUSD: 0.62, ModeName: "Accept edits", Mode: "acceptEdits", Runtime: "docker", Run: 1, Network: "open",
	}
	if activity != "" {
		s.ActivityState = &activity
	}
	return s
}

func sessions() []client.Session {
	working := session("1", "rounding", client.Running, client.ToolExecuting)
	working.ActivityText = "running go test ./invoice/…"
	at := now.Add(8 * time.Minute)
	working.TimeToLive, working.StopsAt, working.StopsSoon = "8h", &at, true
	waiting := session("2", "vat-rates", client.Running, client.Waiting)
	waiting.ActivityText = "May it run: git push origin vat-rates"
	waiting.Branch, waiting.StateSince = "vat-rates", now.Add(-2*time.Minute)
	waiting.Source.AdditionalRepos = []client.AdditionalRepo{{Repo: "https://github.com/acme/rates", Branch: "vat-rates", Folder: "rates"}, {Repo: "https://github.com/acme/docs", Folder: "docs"}}
	failed := session("3", "upgrade-deps", client.Failed, "")
	failed.Agent, failed.Model = "codex", "gpt-5-codex"
	failed.Failure = &client.Failure{
		Reason: "The branch \"upgrade\" does not exist on the remote; name an existing branch, or a base to create it from.",
		Part:   "agent", ExitCode: ptr(128), At: now,
		Lines: []string{"workspace: cloning https://github.com/acme/billing.git", "fatal: Remote branch upgrade not found in upstream origin"},
	}
	starting := session("4", "docs", client.Starting, "")
	starting.Repo, starting.Doing, starting.Branch = "https://github.com/acme/website", "making the session image: code-server 3/7", "main"
	starting.TokensUsed, starting.CostUSD = 0, 0
	stopped := session("5", "old-experiment", client.Stopped, "")
	stopped.Repo, stopped.StateSince = "https://github.com/acme/website", now.Add(-52*time.Hour)
	empty := session("6", "scratch", client.Running, client.Idle)
	empty.Repo, empty.Branch, empty.Source = "", "", client.Source{Type: client.SourceGit}
	archived := session("7", "prototype", client.Archived, "")
	return []client.Session{working, waiting, failed, starting, stopped, empty, archived}
}

func shell(title string) Shell { return Shell{Title: title, Version: "1.0.0", Now: now} }

func troubled(title string) Shell {
	s := shell(title)
	s.Trouble = []client.Trouble{{Runtime: "docker", Title: "Docker does not answer.", Detail: "look at docker: the Docker engine does not answer (unavailable): dial unix /var/run/docker.sock: connect: connection refused"}}
	return s
}

func troubledSession(s client.Session) SessionPage {
	p := sessionPage(s, "chat")
	p.Shell = troubled(s.Name)
	return p
}

func dashboard() Dashboard {
	stats := client.Stats{ActiveSessions: 3, TotalSessions: 7, TokensToday: 312_400, CostToday: 4.18}
	found := []client.Found{{ID: "f1", Name: "lost-and-found", Created: now.Add(-30 * time.Hour), Volumes: []string{"home", "journal", "workspace"}}}
	d := NewDashboard(shell("Sessions"), listOf(sessions()...), inbox(), stats, found)
	d.Templates = templates()
	return d
}

// listOf is the page of those who have no other sessions.
func listOf(all ...client.Session) List {
	l := List{Total: len(all)}
	for _, s := range all {
		l.Agents = append(l.Agents, s.Agent)
		archived := s.Status == client.Archived
		l.Counts = append(l.Counts, Count{Repo: s.Repo, Archived: archived, N: 1})
		if archived {
			l.Archived = append(l.Archived, s)
		} else {
			l.Sessions = append(l.Sessions, s)
		}
	}
	return l
}

// manyDashboard is a page of those who have very many.
func manyDashboard() Dashboard {
	d := dashboard()
	l := d.List
	l.Filter, l.Total = Filter{Query: "e", Agent: "claude"}, 10_000
	l.Counts = append(l.Counts, Count{Repo: l.Sessions[0].Repo, N: 340}, Count{Repo: "https://github.com/acme/elsewhere", N: 9_000}, Count{Archived: true, N: 60})
	l.Next, l.NextArchived = "1763700000000.a", "1763600000000.b"
	many := NewDashboard(d.Shell, l, inbox()[:1], client.Stats{ActiveSessions: 3, TotalSessions: 10_000}, nil)
	many.Failures = 12
	return many
}

// inbox has one need of each kind.
func inbox() []client.Need {
	all := sessions()
	need := func(kind string, s client.Session, waits time.Duration, text string) client.Need {
		return client.Need{ID: kind + ":" + s.ID, Kind: kind, SessionID: s.ID, Session: s.Name, At: now.Add(-waits), Text: text}
	}
	failed := need(client.NeedFailure, all[2], 40*time.Minute, all[2].Failure.Reason)
	stalled := need(client.NeedStall, all[0], 10*time.Minute, "The agent has made no progress for 10 minutes. Stop the turn, or wait.")
	asks := need(client.NeedPermission, all[1], 2*time.Minute, "running `git push origin vat-rates`")
	asks.Question, asks.Options, asks.Detail = "q1", askOptions, "description: Push the branch to the remote\ntimeout: 60000"
	long := need(client.NeedPermission, all[5], time.Minute, "running `python3`")
	long.Question, long.Options, long.Detail, long.Cut = "q2", askOptions, "stdin: import os\nfor path in os.listdir('.'):\n    print(path)…", true
	plan := need(client.NeedQuestion, all[5], 0, "Ready to code?")
	plan.Question, plan.Options = "q3", []client.Option{{ID: "a", Name: "Yes, and accept edits", Kind: "allow_always"}, {ID: "b", Name: "Yes, and ask", Kind: "allow_once"}}
	ends := need(client.NeedTime, all[0], 2*time.Minute, "is stopped when its time to live is over")
	ends.Until = all[0].StopsAt
	return []client.Need{failed, stalled, ends, asks, long, plan}
}

// script writes entries as a daemon would have recorded them.
type script struct {
	n       int64
	at      time.Time
	turn    string
	entries []client.Entry
}

func (s *script) add(source, typ string, data any) *script {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	s.n++
	s.at = s.at.Add(700 * time.Millisecond)
	s.entries = append(s.entries, client.Entry{N: s.n, Source: source, Run: 1, At: s.at, Turn: s.turn, Type: typ, Data: b})
	return s
}

func (s *script) say(typ string, data any) *script { return s.add("journal", typ, data) }

func (s *script) prompt(id, text string) *script {
	return s.add("daemon", client.EntryPrompt, client.Prompt{ID: id, Blocks: []client.Block{{Type: "text", Text: text}}})
}

func (s *script) begin(id string) *script {
	s.turn = id
	return s.say(client.EntryTurnStart, client.TurnStart{Prompt: id})
}

func (s *script) text(block, text string) *script {
	return s.say(client.EntryText, client.Text{Block: block, Text: text})
}

func (s *script) end(reason string) *script {
	return s.say(client.EntryTurnEnd, client.TurnEnd{Prompt: s.turn, StopReason: reason, Model: "claude-sonnet-4-6", Input: 8200, Output: 1130, CostUSD: 0.08})
}

func input(v any) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}

const roundOld = "package invoice\n\nimport \"math\"\n\n// Round gives v in cents.\nfunc Round(v float64) int64 {\n\treturn int64(v * 100)\n}\n"
const roundNew = "package invoice\n\nimport \"math\"\n\n// Round gives v in cents, half away from zero.\nfunc Round(v float64) int64 {\n\treturn int64(math.Round(v * 100))\n}\n"

var askOptions = []client.Option{
	{ID: "once", Name: "Allow once", Kind: "allow_once"}, {ID: "always", Name: "Always allow git push", Kind: "allow_always"}, {ID: "no", Name: "Deny", Kind: "reject_once"},
}

// conversation is one of everything, ending in an open question.
func conversation() []client.Entry {
	s := &script{at: now.Add(-20 * time.Minute)}
	s.say(client.EntryMode, client.Options{Current: "acceptEdits", Options: []client.Option{{ID: "default", Name: "Always ask"}, {ID: "acceptEdits", Name: "Accept edits"}, {ID: "plan", Name: "Plan"}}})
	s.say(client.EntryModel, client.Options{Current: "sonnet", Options: []client.Option{{ID: "sonnet", Name: "Sonnet 4.6"}, {ID: "opus", Name: "Opus 4.6"}}})
	s.say(client.EntryCommands, client.Options{Options: []client.Option{{ID: "compact", Name: "compact", Description: "Shorten the conversation, keeping what matters"}, {ID: "review", Name: "review", Description: "Review the changes of this branch"}, {ID: "init", Name: "init", Description: "Write down how this repository works"}}})
	s.prompt("p1", "Invoices of 0.285 € are rounded down. Find out why, fix it, and add a test.").begin("p1")
	s.say(client.EntryThought, client.Text{Block: "t1", Text: "The user reports a rounding problem. I should look at the invoice package first."})
	s.text("b1", "I'll look at how amounts are ").text("b1", "rounded first.")
	s.say(client.EntryPlan, client.Plan{Steps: []client.PlanStep{{Text: "Find the rounding code", Status: "completed"}, {Text: "Fix it", Status: "completed"}, {Text: "Add a test", Status: "in_progress"}, {Text: "Push the branch", Status: "pending"}}})
	start := now.Add(-19 * time.Minute).UnixMilli()
	s.say(client.EntryTool, client.Tool{ID: "c1", Title: "Grep", Kind: "search", Status: "completed", Input: input(map[string]any{"pattern": "func Round"}), StartedAt: start, EndedAt: start + 140,
		Content: []client.Content{{Type: "text", Text: "invoice/round.go:6:func Round(v float64) int64 {"}}})
	s.say(client.EntryTool, client.Tool{ID: "c2", Title: "Edit", Kind: "edit", Status: "completed", StartedAt: start, EndedAt: start + 60,
		Locations: []client.Location{{Path: "/workspace/invoice/round.go", Line: 6}},
		Content:   []client.Content{{Type: "diff", Path: "/workspace/invoice/round.go", Old: roundOld, New: roundNew}}})
	s.say(client.EntryTool, client.Tool{ID: "c3", Title: "`go test ./...`", Kind: "execute", Status: "failed", Input: input(map[string]any{"command": "go test ./invoice/..."}), StartedAt: start, EndedAt: start + 4300,
		Content: []client.Content{{Type: "text", Text: "```\n--- FAIL: TestRound (0.00s)\n    round_test.go:12: Round(0.285) = 28, want 29\nFAIL\n```"}}})
	s.text("b2", "The cause is **truncation**: `int64(v * 100)` cuts instead of rounding.\n\n```go\nfunc Round(v float64) int64 {\n\treturn int64(math.Round(v * 100)) // half away from zero\n}\n```\n\n| amount | before | now |\n|---|---|---|\n| 0.285 | 28 | 29 |\n\n1. `0.285 * 100` is `28.499999…`\n2. so a [decimal type](https://pkg.go.dev/math/big) would be safer\n")
	s.end("end_turn")
	s.prompt("p2", "Good. Push it.").begin("p2")
	s.text("b3", "Pushing the branch now.")
	tool := client.Tool{ID: "c4", Title: "git push", Kind: "execute", Status: "pending", Input: input(map[string]any{"command": "git push origin fix-rounding"})}
	s.say(client.EntryTool, tool)
	s.say(client.EntryUsage, client.Context{Used: 61_000, Size: 200_000})
	s.say(client.EntryPorts, []client.Port{{Port: 5173, Process: "vite"}, {Port: 8080, Process: "billing"}})
	s.say(client.EntryPermission, client.Permission{ID: "q1", Tool: tool, Options: askOptions})
	s.prompt("p3", "Then update the changelog.")
	return s.entries
}

func sessionPage(s client.Session, tab string) SessionPage {
	p := SessionPage{Shell: shell(s.Name), Session: s, Tab: tab}
	t := NewTranscript(s.ID)
	if s.Status == client.Running {
		p.Chat = Page(t, conversation(), true)
	}
	p.Fill(t)
	for i := range 12 {
		level := []string{"INFO", "INFO", "WARNING", "ERROR"}[i%4]
		p.Logs = append(p.Logs, client.LogLine{Timestamp: float64(now.Unix() + int64(i)), Time: stamp(now), Level: level, Logger: "agent", Message: fmt.Sprint("line ", i, ": session/update forwarded")})
	}
	return p
}

func templates() []client.Template {
	return []client.Template{{Name: "billing", Description: "The invoices, with their database", IsDefault: true},
		{Name: "website", Description: "The public website"}, {Name: "old", Problems: []string{"old.yaml:2: there is no key \"modell\" here: did you mean \"model\"?"}}}
}

// textPage is the new session as YAML, with what is wrong with it.
func textPage() NewPage {
	return NewPage{Shell: shell("New session"), Templates: templates(), AsText: true, Saved: "template invoices",
		Text:     "name: quiet-otter\nagent: claude\nmodell: claude-sonnet-4-6\nsource:\n  type: git\n  repo: https://github.com/acme/billing.git\nsetup_scripts:\n  - npm ci\nenv:\n  PORT: \"8080\"\n",
		Problems: map[string]string{"yaml": "Line 3: there is no key \"modell\" here: did you mean \"model\"?"}}
}

func newPage() NewPage {
	return NewPage{
		Presets:   []client.Preset{{ID: "p1", Name: "careful", Description: "Looks twice"}, {ID: "p2", Name: "quick"}},
		Templates: templates(), Profiles: []client.Template{{Name: "large", Description: "8 cores, 16Gi"}, {Name: "small"}},
		Shell: shell("New session"), Form: Form{Name: "quiet-otter", Source: "git", Repo: "https://github.com/acme/billing.git", Credentials: "deploy, gone",
			Integrations: "github, missing", MCP: "docs=npx -y @acme/docs-mcp\n"},
		Stored: stored(), Connected: integrationsPage().Connected,
		Models: []client.Model{{ID: "claude-sonnet-4-6", Name: "Sonnet 4.6"}}, Repos: []string{"https://github.com/acme/website"},
		Problems: map[string]string{"branch": "The remote has no branch \"mian\". It has main and dev."},
	}
}

// severalPage is a session of several repositories.
func severalPage() NewPage {
	p := newPage()
	p.Form.Branch, p.Form.More = "fix-rounding", []Another{{Repo: "https://github.com/acme/invoice-templates", Folder: "templates"}, {Repo: "git@github.com:acme/ledger.git", Branch: "mian", Folder: "templates"}}
	p.Problems = map[string]string{"more_branch_1": "The remote has no branch \"mian\". It has main and dev.", "more_folder_1": "Two repositories cannot lie in one folder (templates): choose another."}
	return p
}

// broughtPage asks for what a repository brings.
func broughtPage() NewPage {
	p := newPage()
	p.Problems = nil
	p.Definition = &client.Definition{Repository: "https://github.com/acme/billing", Commit: "0123456789abcdef0123456789abcdef01234567", Hash: strings.Repeat("0123456789abcdef", 4),
		YAML: "# The invoices, with their database\nimage: acme/go:1\nsetup_scripts:\n  - npm ci && curl -fsSL https://example.com/" + strings.Repeat("a-long-path/", 9) +
			" | sh\nservices:\n  - {name: db, image: 'postgres:17', port: 5432, env: {POSTGRES_PASSWORD: dev}}\nenv: {LOG_LEVEL: debug}\n",
		Prompts: []client.DefinitionPrompt{{Name: "review", Content: "Read the diff as a strict reviewer.\nSay what is wrong, the worst first. <script>\n"}}}
	return p
}

// unusablePage is the same for one that cannot be used.
func unusablePage() NewPage {
	p := broughtPage()
	p.Definition.YAML, p.Definition.Prompts = "image: acme/go:1\nnetwork: open\n", nil
	p.Definition.Problems = []string{".volundr/session.yaml:2: network does not count in a repository: what a session reaches is yours to say"}
	return p
}

func trustsPage() TrustsPage {
	return TrustsPage{Shell: shell("Repositories"), Done: "You will be asked again.", Trusts: []client.Trust{
		{ID: "11111111-1111-4111-8111-111111111111", Repository: "https://github.com/acme/billing", Hash: strings.Repeat("0123456789abcdef", 4), Used: true, CreatedAt: now.Add(-72 * time.Hour)},
		{ID: "22222222-2222-4222-8222-222222222222", Repository: "/home/you/<b>", Hash: strings.Repeat("fedcba9876543210", 4), CreatedAt: now.Add(-time.Hour)}}}
}

func referencePage() Reference {
	return Reference{Title: "Volundr", Version: "0.4.4", Description: "Sessions with coding agents.", Groups: []ReferenceGroup{
		{Name: "Sessions", Description: "Isolated environments.", Operations: []ReferenceOperation{
			{Method: "GET", Path: "/api/v1/volundr/sessions", Summary: "List sessions", Status: "200", Answer: ReferenceKind{Shape: "Session", List: true},
				Query: []ReferenceField{{Name: "include_archived", Description: "true: archived ones too"}}},
			{Method: "POST", Path: "/api/v1/volundr/sessions", Summary: "Create a session and start it", Status: "201", Body: ReferenceKind{Shape: "SessionCreate"}, Answer: ReferenceKind{Shape: "Session"}},
			{Method: "DELETE", Path: "/api/v1/volundr/sessions/{id}/comments/{comment}", Summary: "Take a comment back", Status: "204"}}}},
		Shapes: []ReferenceShape{{Name: "Session", Description: "A session, every key always present.", Fields: []ReferenceField{
			{Name: "error", Kind: ReferenceKind{Text: "string", Null: true}, Always: true, Description: "one sentence with the next step"},
			{Name: "failure", Kind: ReferenceKind{Shape: "Failure", Null: true}, Always: true},
			{Name: "template_name", Kind: ReferenceKind{Text: "string"}}}},
			{Name: "SessionCreate"}, {Name: "Failure"}}}
}

func credentialsPage() CredentialsPage {
	return CredentialsPage{Shell: shell("Credentials"), Type: "ssh_key", Name: "deploy", Problems: []string{"private_key must be in PEM form"},
		Warning: "There was no keyring on this system, so the key of the stored credentials lies in /home/you/.local/share/volundr/keys/vault.key, readable by you alone. Whoever can read your files can read the credentials.",
		Stored:  stored(), Types: []client.CredentialType{
			{Type: "api_key", Label: "API key", Description: "A key for a service.", Mount: "env", Fields: []client.CredentialField{{Key: "api_key", Label: "API key", Type: "password", Required: true}}},
			{Type: "ssh_key", Label: "SSH key", Description: "A private key.", Mount: "file", Fields: []client.CredentialField{
				{Key: "private_key", Label: "Private key", Type: "textarea", Required: true}, {Key: "public_key", Label: "Public key", Type: "textarea"}}},
			{Type: "generic", Label: "Generic", Description: "Any values by name.", Mount: "env"}}}
}

// sharedPage is the same for an admin who has others beside them.
func sharedPage() CredentialsPage {
	p := credentialsPage()
	p.Admin, p.Sharing, p.Warning, p.Problems = true, true, "", nil
	p.Stored = append(p.Stored, client.Credential{Name: "github", Type: "api_key", Keys: []string{"api_key"}, UpdatedAt: now, Shared: true},
		client.Credential{Name: "npm", Type: "api_key", Keys: []string{"api_key"}, UpdatedAt: now, Shared: true, InSessions: true})
	p.Hidden = []client.Credential{{Name: "anthropic", Type: "api_key", Keys: []string{"api_key"}, UpdatedAt: now, Shared: true}}
	return p
}

// watchedSession is another's, whose agent asks.
func watchedSession(s client.Session) SessionPage {
	s.ReadOnly, s.ReadOnlyWhy = true, "The session was shared with you: you can look at it."
	p := SessionPage{Shell: shell(s.Name), Session: s, Tab: "chat"}
	t := NewTranscript(s.ID)
	t.Watch("You look only: ann or an admin can answer.")
	p.Chat = Page(t, conversation(), true)
	p.Fill(t)
	return p
}

func integrationsPage() IntegrationsPage {
	field := func(label, kind string) client.ServiceField { return client.ServiceField{Label: label, Type: kind} }
	token := client.ServiceSchema{Required: []string{"token"}, Properties: map[string]client.ServiceField{"token": field("Access token", "password")}}
	key := client.ServiceSchema{Required: []string{"api_key"}, Properties: map[string]client.ServiceField{"api_key": field("API key", "password")}}
	return IntegrationsPage{Shell: shell("Integrations"), Done: "Connected.", Slug: "jira", Config: map[string]string{"url": "acme.atlassian.net"},
		Problems: map[string]string{"config": "The address of a service looks like https://host/path, without user, query or fragment."},
		Stored:   append(stored(), client.Credential{Name: "jira", Type: "api_key", Keys: []string{"api_key"}}),
		Connected: []client.Integration{
			{ID: "i1", Slug: "github", IntegrationType: "source_control", CredentialName: "github", Enabled: true, HasTools: true},
			{ID: "i2", Slug: "gitlab", IntegrationType: "source_control", CredentialName: "gitlab-work", Config: map[string]string{"url": "https://git.acme.io"}, HasTools: true},
			{ID: "i3", Slug: "jira", IntegrationType: "issue_tracker", CredentialName: "jira", Config: map[string]string{"url": "https://jira.acme.io", "email": "ann@acme.io"}, Enabled: true},
			{ID: "i4", Slug: "anthropic", IntegrationType: "ai_provider", CredentialName: "anthropic", Enabled: true},
		},
		Tested: map[string]client.IntegrationTest{"i1": {Success: true, Provider: "github", User: ptr("ann"), Workspace: ptr("@acme")},
			"i4": {Provider: "anthropic", Error: ptr("api.anthropic.com refused the key (401: invalid x-api-key) from the credential anthropic. Set another with `volundr credentials set anthropic`.")}},
		Services: []client.Service{
			{Slug: "github", Name: "GitHub", Description: "Repositories, issues and pull requests.", IntegrationType: "source_control", CredentialSchema: token, MCPServer: &client.ServiceTools{Name: "github"}},
			{Slug: "gitlab", Name: "GitLab", Description: "Projects, issues and merge requests.", IntegrationType: "source_control", CredentialSchema: token, MCPServer: &client.ServiceTools{Name: "gitlab"},
				ConfigSchema: client.ServiceSchema{Properties: map[string]client.ServiceField{"url": field("Address, where it is not gitlab.com", "text")}}},
			{Slug: "jira", Name: "Jira", Description: "Issues of a Jira site.", IntegrationType: "issue_tracker", CredentialSchema: key, MCPServer: &client.ServiceTools{Name: "jira"},
				ConfigSchema: client.ServiceSchema{Required: []string{"url", "email"}, Properties: map[string]client.ServiceField{"url": field("Address of the site", "text"), "email": field("E-mail address of the account", "text")}}},
			{Slug: "anthropic", Name: "Anthropic", Description: "Claude models.", IntegrationType: "ai_provider", CredentialSchema: key},
		}}
}

func presetsPage() PresetsPage {
	return PresetsPage{Shell: shell("Presets"), Done: "Saved.",
		Presets: []client.Preset{
			{ID: "p1", Name: "careful", Description: "Looks twice before it writes", IsDefault: true, CLITool: "claude", Model: ptr("claude-opus-4-6"), Source: &client.Source{Type: client.SourceGit, Repo: "https://github.com/acme/billing.git"},
				ResourceConfig: map[string]any{"cpu": 4., "memory": "8Gi"}},
			{ID: "p2", Name: "quick", CLITool: "codex"}, {ID: "p3", Name: "ours", CLITool: "claude", Shared: true}},
		Form:     PresetForm{ID: "p1", Name: "careful", Description: "Looks twice before it writes", Default: true, YAML: "agent: claude\nmodell: claude-opus-4-6\nresource_config:\n  cpu: 4\n"},
		Problems: map[string]string{"yaml": "Line 2: there is no key \"modell\" here: did you mean \"model\"?", "name": "There is a preset of this name: choose another."}}
}

func promptsPage() PromptsPage {
	return PromptsPage{Shell: shell("Prompts"), Repos: []string{"https://github.com/acme/website"},
		Prompts: []client.SavedPrompt{{ID: "r1", Name: "review", Content: "Read the diff as a strict reviewer.\nSay what is wrong, the worst first."},
			{ID: "r2", Name: "release-notes", Content: "Write the notes of this release.", ProjectRepo: ptr("https://github.com/acme/billing.git")}},
		Form: PromptForm{Name: "tests", Content: "Which tests are missing?"}, Problems: map[string]string{"project_repo": "String should have at most 500 characters"}}
}

func stored() []client.Credential {
	return []client.Credential{
		{Name: "anthropic", Type: "api_key", Keys: []string{"api_key"}, UpdatedAt: now.Add(-72 * time.Hour)},
		{Name: "database", Type: "generic", Keys: []string{"password", "user"}, UpdatedAt: now.Add(-time.Hour)},
		{Name: "deploy", Type: "ssh_key", Keys: []string{"private_key"}, UpdatedAt: now.Add(-26 * time.Hour)},
	}
}

func confirmPage(act string) ConfirmPage {
	return ConfirmPage{Shell: shell("Delete"), Session: sessions()[0], Act: act, Loss: client.Loss{
		Known: true, Repository: true, Busy: true, Files: 3, Names: []string{"invoice/round.go", "invoice/round_test.go", "notes.txt"}, Branches: []string{"fix-rounding"}, Commits: 2,
	}}
}

func tokensPage() TokensPage {
	used := now.Add(-time.Hour)
	ci := client.Token{ID: "11111111-1111-4111-8111-111111111111", Name: "ci", Scopes: []string{"work"}, User: "local", LastUsedAt: &used, ExpiresAt: now.Add(720 * time.Hour)}
	return TokensPage{Shell: shell("Access tokens"), Me: "local", Scopes: []string{"admin", "work", "sandboxes", "read"},
		Made:   &client.TokenMade{Token: ci, Secret: "volundr_abcdefghijklmnopqrstuvwxyz"},
		Tokens: []client.Token{ci, {ID: "22222222-2222-4222-8222-222222222222", Name: "old", Scopes: []string{"read"}, User: "ann", ExpiresAt: now.Add(-time.Hour)}}}
}

func usersPage() UsersPage {
	seen := now.Add(-time.Minute)
	p := UsersPage{Shell: shell("Users"), Me: "local", Link: "http://volundr-abcdefgh.localhost:7420/login/abcdefghijklmnopqrstuvwxyz", For: "ann",
		Users: []client.User{{ID: "33333333-3333-4333-8333-333333333333", DisplayName: "ann", Role: "viewer"}, {ID: "local", DisplayName: "local", Role: "admin", SeenAt: &seen}}}
	p.Admin = true
	p.Quotas = map[string]client.Quota{"local": {Used: client.Amounts{Sessions: 3, Memory: 8 << 30, Tokens: 512_000, Cost: 1.5}},
		client.AllUsers:                        {Limits: client.Amounts{Cost: 50, Storage: 100 << 30}, Used: client.Amounts{Sessions: 3, Memory: 8 << 30, Storage: 3 << 30, Tokens: 512_000, Cost: 1.5}},
		"33333333-3333-4333-8333-333333333333": {Limits: client.Amounts{Sessions: 5, Tokens: 2_000_000}}}
	return p
}

func someTenants() []client.Tenant {
	return []client.Tenant{{ID: "44444444-4444-4444-8444-444444444444", Name: "acme", Users: 1}, {ID: "default", Name: "default", Users: 2, Sessions: 3, Chronicles: 1}}
}

// usersOfPage is that of another tenant's users, for whoever runs the installation.
func usersOfPage() UsersPage {
	p := UsersPage{Shell: shell("Users"), Me: "local", OfTenant: OfTenant{All: someTenants(), Tenant: someTenants()[0].ID, Elsewhere: true},
		Users: []client.User{{ID: "55555555-5555-4555-8555-555555555555", DisplayName: "bob", Role: "admin"}}}
	p.Admin, p.Shell.Tenants = true, true
	return p
}

func tenantsPage() TenantsPage {
	p := TenantsPage{Shell: shell("Tenants"), Tenants: someTenants(), Problem: "In acme there are 1 user: move users to another tenant or remove them.",
		Quotas: map[string]client.Quota{"44444444-4444-4444-8444-444444444444": {Limits: client.Amounts{Sessions: 20}, Used: client.Amounts{Sessions: 3}}}}
	p.Admin, p.Shell.Tenants = true, true
	return p
}

func loginsPage() LoginsPage {
	login := func(id, agent, via string, current bool) client.Login {
		return client.Login{ID: id, Agent: agent, Via: via, CreatedAt: now.Add(-72 * time.Hour), LastUsedAt: now.Add(-time.Hour), ExpiresAt: now.Add(720 * time.Hour), Current: current}
	}
	return LoginsPage{Shell: shell("Browsers"), Logins: []client.Login{
		login("11111111-1111-4111-8111-111111111111", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "link", true),
		login("22222222-2222-4222-8222-222222222222", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1", "oidc", false),
		login("33333333-3333-4333-8333-333333333333", "<script>", "link", false)}}
}

func auditPage() AuditPage {
	deed := func(n int64, user, by, act, subject, detail string) client.Deed {
		return client.Deed{N: n, At: now.Add(-time.Duration(9-n) * time.Minute), UserID: "local", User: user, By: by, Act: act, Subject: subject, Detail: json.RawMessage(detail)}
	}
	p := AuditPage{Shell: shell("Audit"), Acts: []string{"login", "permission.answered", "push"}, Older: 3, Machine: true,
		Verified: &client.Chain{Records: 8, Head: strings.Repeat("0123456789abcdef", 4)},
		Deeds: []client.Deed{
			deed(8, "ann", "browser 44444444-4444-4444-8444-444444444444", "permission.answered", "33333333-3333-4333-8333-333333333333",
				`{"answer": "Always", "asked": "Run go test ./... <b>", "what": "go test ./..."}`),
			deed(7, "", "session 33333333-3333-4333-8333-333333333333", "push", "33333333-3333-4333-8333-333333333333",
				`{"name": "fix-rounding", "refs": "refs/heads/volundr/session/fix-rounding 0123456789ab", "remote": "https://github.com/acme/invoices"}`),
			deed(3, "local", "token file", "user.added", "55555555-5555-4555-8555-555555555555", `{"name": "ann", "role": "developer"}`),
		}}
	p.Admin = true
	return p
}

// auditOfPage is what was done in another tenant.
func auditOfPage() AuditPage {
	p := auditPage()
	p.Verified, p.OfTenant = nil, usersOfPage().OfTenant
	p.All = slices.Clone(p.All)
	for i := range p.All {
		p.All[i].Name += "_with_a_name_that_is_as_long_as_one_may_be_given_here"
	}
	return p
}

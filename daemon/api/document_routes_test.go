package api

import (
	"volundr/runtime/broker/wire"
	"volundr/ui/client"
)

// operation is a route as the document tells of it.
type operation struct {
	do      string // method and path; below Prefix, if it does not begin with /s/
	summary string
	query   []string // name, what it is, name, …
	in, out any      // of the types of the bodies; nil: none
	status  int      // when it succeeds; 0: 200
	media   string   // of an answer that is not JSON
}

var bases = []string{"base", "what is compared with: session (where it began), last-commit, default-branch",
	"repo", "the repository's folder in the workspace, where there are several; absent: the first"}

var insideBases = append([]string{"base", "what is compared with: last-commit (if absent), default-branch, session (where it began)"}, bases[2:]...)

var (
	ofRepo  = []string{"repo", "the repository's folder in the workspace, where there are several; absent: the first"}
	atForge = []string{"repo_url", "the repository's address"}
)

// below are the parameters of a path in a session.
func below(what string) []string {
	return []string{"path", what, "root", "where the path begins: workspace (if absent) or home; home is for who may work"}
}

var inTenant = []string{"tenant", "id or name of another tenant than one's own; for whoever runs the installation"}

// operations are all routes for programs, but those of the sandbox API.
var operations = []operation{
	{do: "GET /sessions", summary: "List sessions", query: []string{"status", "only those in this state", "include_archived", "true: archived ones too",
		"alive", "true: only those that run, are started or stopped", "search", "only those with this in name, repository, branch, agent, model, state or id",
		"limit", "only so many, the newest: 1 to 1000; the header Link leads to the next page; without it all are listed", "before", "the place in the list where a page begins, from the header Link"}, out: []client.Session{}},
	{do: "POST /sessions", summary: "Create a session and start it", in: client.SessionCreate{}, out: client.Session{}, status: 201},
	{do: "POST /sessions/archive-stopped", summary: "Archive all of one's own that are stopped: their ids", out: []string{}},
	{do: "GET /sessions/stream", summary: "What changes, as server-sent events with ids; Last-Event-ID goes on where a connection broke",
		query: []string{"after", "the id of the last event seen"}, media: "text/event-stream"},
	{do: "GET /sessions/{id}", summary: "A session", out: client.Session{}},
	{do: "PUT /sessions/{id}", summary: "Change its name, how long it runs, and model, branch or issue of the next start", in: sessionPatch{}, out: client.Session{}},
	{do: "PATCH /sessions/{id}", summary: "The same, by the verb that means it", in: sessionPatch{}, out: client.Session{}},
	{do: "DELETE /sessions/{id}", summary: "Delete it with containers and volumes; the header Volundr-Freed tells the bytes of packs that went too", in: deleteIn{}, status: 204},
	{do: "POST /sessions/{id}/start", summary: "Start it", in: startIn{}, out: client.Session{}},
	{do: "POST /sessions/{id}/stop", summary: "Stop it; asked twice, without the agent's last turn", query: []string{"now", "true: without the last turn"}, out: client.Session{}},
	{do: "POST /sessions/{id}/archive", summary: "Pack it away", out: client.Session{}},
	{do: "PATCH /sessions/{id}/archive", summary: "Pack it away", out: client.Session{}},
	{do: "POST /sessions/{id}/restore", summary: "Bring an archived one back to stopped", out: client.Session{}},
	{do: "PATCH /sessions/{id}/restore", summary: "Bring an archived one back to stopped", out: client.Session{}},
	{do: "GET /sessions/{id}/shares", summary: "Who may look at it, beside its owner", out: []client.Share{}},
	{do: "PUT /sessions/{id}/shares/{user}", summary: "Let a user of the same tenant, by id or name, look at it", out: client.Share{}},
	{do: "DELETE /sessions/{id}/shares/{user}", summary: "Let them look no more, also in the middle of a stream", status: 204},
	{do: "GET /sessions/{id}/loss", summary: "What deleting or stopping it would lose", out: client.Loss{}},
	{do: "GET /sessions/{id}/logs", summary: "Its last log lines", query: []string{"lines", "1 to 2000, 100 if absent", "level", "taken, and of no effect"}, out: client.Logs{}},
	{do: "GET /sessions/{id}/attach", summary: "A shell in it: a WebSocket of bytes", query: []string{"cols", "of the terminal", "rows", "of the terminal"}, status: 101},

	{do: "GET /sessions/{id}/conversation", summary: "The whole conversation, turn by turn", out: client.Conversation{}},
	{do: "POST /sessions/{id}/messages", summary: "Say something to the agent", in: messageIn{}, out: MessageSent{}},
	{do: "POST /sessions/{id}/answers", summary: "Answer a question of the agent", in: client.Answer{}, status: 204},
	{do: "POST /sessions/{id}/cancel", summary: "Stop the turn that is under way", status: 204},
	{do: "POST /sessions/{id}/activity", summary: "Tell what a program of one's own does in it beside the agent: active, idle, tool_executing; what is seen of the agent counts for more", in: activityIn{}, status: 204},
	{do: "POST /sessions/{id}/usage", summary: "Count what a program of one's own used in it, beside what is measured of the agent", in: usageIn{}, out: usageOut{}, status: 201},
	{do: "GET /inbox", summary: "What waits for a person", out: []client.Need{}},
	{do: "GET /sessions/{id}/checkpoints", summary: "What can be gone back to, oldest first", out: []client.Point{}},
	{do: "GET /sessions/{id}/checkpoints/{checkpoint}/loss", summary: "What going back would change", out: wire.Files{}},
	{do: "POST /sessions/{id}/checkpoints/{checkpoint}/rewind", summary: "Go back: files and conversation", status: 204},
	{do: "GET /s/{id}/session", summary: "The conversation as it happens, and the way to speak: a WebSocket", status: 101},
	{do: "GET /s/{id}/entries", summary: "A stretch of the journal", query: []string{"before", "entries before this number; absent: the newest", "limit", "at most 2000"}, out: []client.Entry{}},
	{do: "GET /s/{id}/api/conversation/history", summary: "The whole conversation, turn by turn", out: client.Conversation{}},
	{do: "GET /s/{id}/api/diff/files", summary: "The files that differ: new, mod or del", query: insideBases, out: insideFiles{}},
	{do: "GET /s/{id}/api/diff", summary: "The hunks of a file", query: append([]string{"file", "its path", "from", "its path before, if it was renamed"}, insideBases...), out: client.FileDiff{}},
	{do: "GET /s/{id}/api/capabilities", summary: "What the chat's client can do", out: client.Capabilities{}},
	{do: "GET /s/{id}/api/logs", summary: "Its last log lines", query: []string{"lines", "1 to 2000, 100 if absent", "level", "taken, and of no effect"}, out: client.Logs{}},
	{do: "GET /s/{id}/api/files", summary: "What lies in a folder, folders first; most names that begin with a dot, and what tools fill, are left out", query: below("the folder; absent: the root"), out: client.FileEntries{}},
	{do: "GET /s/{id}/api/files/download", summary: "A file; the body breaks off if it changes meanwhile", query: below("the file"), media: "application/octet-stream"},
	{do: "POST /s/{id}/api/files/upload", summary: "Put files (fields named files of a multipart form, 100 MB in all) into a folder, all or none, over what is there", query: below("the folder; absent: the root"), out: client.FileEntries{}},
	{do: "POST /s/{id}/api/files/mkdir", summary: "Make a folder, with those above it", in: folderIn{}, out: client.FileEntry{}},
	{do: "DELETE /s/{id}/api/files", summary: "Delete a file, or a folder with all in it", query: below("what to delete"), out: client.FileDeleted{}},
	{do: "GET /s/{id}/bodies/{hash}", summary: "Output that was too long for the journal", media: "application/octet-stream"},
	{do: "GET /s/{id}/files", summary: "Names of files in the workspace that fit a text", query: []string{"q", "the text"}, out: client.FileMatches{}},
	{do: "GET /s/{id}/prompts", summary: "Saved prompts that fit its repository", out: []client.SavedPrompt{}},
	{do: "GET /s/{id}/items", summary: "A stretch of the conversation as the page shows it", query: []string{"before", "items before this entry"}, media: "text/html"},
	{do: "GET /s/{id}/editor", summary: "To VS Code, on an origin of its own", status: 302},
	{do: "GET /s/{id}/terminal", summary: "To the terminal, on an origin of its own", status: 302},
	{do: "GET /s/{id}/terminal/ws/{terminal}", summary: "A terminal of it, main or one that was spawned: a WebSocket of JSON frames, input and resize from the client, output and exit to it", status: 101},
	{do: "GET /s/{id}/terminal/api/terminal/sessions", summary: "Its terminals", out: terminalList{}},
	{do: "POST /s/{id}/terminal/api/terminal/spawn", summary: "Begin one more", in: terminalSpawn{}, out: terminalView{}},
	{do: "POST /s/{id}/terminal/api/terminal/kill", summary: "End one, with what runs in it", in: terminalKill{}, out: terminalKilled{}},
	{do: "GET /s/{id}/terminal/api/terminal/mode", summary: "Whether its terminals are restricted", out: terminalMode{}},
	{do: "POST /s/{id}/terminal/api/terminal/mode", summary: "The same; 409 where that would change it, for it is settled when a session is created", in: terminalMode{}, out: terminalMode{}},
	{do: "GET /s/{id}/terminal/api/terminal/dotfiles", summary: "Dot files of its home, and the usual ones that are not there", out: dotfileList{}},
	{do: "POST /s/{id}/terminal/api/terminal/dotfiles", summary: "Write one, of at most 256 KiB", in: dotfileIn{}, out: dotfileDone{}},
	{do: "DELETE /s/{id}/terminal/api/terminal/dotfiles/{dotfile}", summary: "Delete one", out: dotfileDone{}},
	{do: "GET /s/{id}/terminal/api/terminal/preferences", summary: "The shell that its terminals begin with", out: terminalPreferences{}},
	{do: "POST /s/{id}/terminal/api/terminal/preferences", summary: "Begin new ones with bash or zsh", in: terminalPreferences{}, out: terminalPreferences{}},
	{do: "GET /s/{id}/preview/{port}", summary: "To what listens on a port inside, on an origin of its own", status: 302},

	{do: "GET /sessions/{id}/changes", summary: "What differs in the workspace", query: bases, out: client.Changes{}},
	{do: "GET /sessions/{id}/repositories", summary: "Its repositories, and how much changed in each", query: bases[:2], out: []client.Repository{}},
	{do: "GET /sessions/{id}/diff/files", summary: "The files that differ", query: bases, out: FileList{}},
	{do: "GET /sessions/{id}/diff", summary: "The unified diff of a file", query: append([]string{"path", "of the file", "from", "its path before, if it was renamed",
		"base_branch", "given: default-branch is the base"}, bases...), out: UnifiedDiff{}},
	{do: "GET /chronicles/{id}/diff", summary: "The hunks of a file of the session with this id", query: append([]string{"file", "its path", "from", "its path before, if it was renamed"}, bases...), out: client.FileDiff{}},
	{do: "GET /sessions/{id}/commits", summary: "Commits, newest first", query: append([]string{"since", "a date, as git takes it"}, bases...), out: CommitList{}},
	{do: "POST /sessions/{id}/changes/stage", summary: "Stage files", query: bases, in: pathsIn{}, status: 204},
	{do: "POST /sessions/{id}/changes/unstage", summary: "Unstage files", query: bases, in: pathsIn{}, status: 204},
	{do: "POST /sessions/{id}/changes/discard", summary: "Make a file as it was at the last commit", query: bases, in: discardIn{}, out: Discarded{}},
	{do: "POST /sessions/{id}/changes/commit", summary: "Commit", query: bases, in: commitIn{}, out: client.CommitName{}, status: 201},
	{do: "GET /sessions/{id}/comments", summary: "Comments on lines that were not sent yet", out: []client.Comment{}},
	{do: "POST /sessions/{id}/comments", summary: "Comment on a line", in: CommentNew{}, out: client.Comment{}, status: 201},
	{do: "DELETE /sessions/{id}/comments/{comment}", summary: "Take a comment back", status: 204},
	{do: "POST /sessions/{id}/review", summary: "Send all comments to the agent, as one message", in: reviewIn{}, out: ReviewSent{}},

	{do: "GET /sessions/{id}/branch", summary: "Where the work of its branch stands", query: ofRepo, out: client.Standing{}},
	{do: "POST /sessions/{id}/push", summary: "Push what is committed to its remote, by the daemon's git; 409 for a protected branch", query: ofRepo, in: client.Push{}, out: client.Pushed{}},
	{do: "GET /sessions/{id}/pr", summary: "The pull request of its branch with its checks; null: there is none", query: ofRepo, out: &client.SessionPR{}},
	{do: "GET /sessions/{id}/pr/text", summary: "What a pull request would say", query: ofRepo, out: client.Pitch{}},
	{do: "GET /providers", summary: "Forges for which the caller has a token", out: []Provider{}},
	{do: "GET /repos/branches", summary: "Branches of a repository, the default one first", query: atForge, out: []string{}},
	{do: "GET /repos/prs", summary: "Pull requests of a repository", query: append([]string{"status", "open (if absent), closed, merged, all"}, atForge...), out: []client.PullRequest{}},
	{do: "POST /repos/prs", summary: "Open a pull request for what a session pushed; title and text are its chronicle's where none are given", in: client.PullRequestCreate{}, out: client.PullRequest{}, status: 201},
	{do: "GET /repos/prs/{number}", summary: "A pull request", query: atForge, out: client.PullRequest{}},
	{do: "GET /repos/prs/{number}/ci", summary: "How its checks stand", query: append([]string{"branch", "taken, and of no effect"}, atForge...), out: CIStatus{}},
	{do: "POST /repos/prs/{number}/merge", summary: "Merge it: squash (if absent), merge, rebase", query: atForge, in: mergeIn{}, out: Merged{}},

	{do: "GET /chronicles", summary: "List chronicles, newest first", query: append([]string{"limit", "1 to 200, 50 if absent", "offset", "how many to leave out"}, chronicleFilter...), out: []client.Chronicle{}},
	{do: "POST /chronicles", summary: "The chronicle of a session's run", in: chronicleIn{}, out: client.Chronicle{}, status: 201},
	{do: "GET /chronicles/search", summary: "Search messages, commands, file names and summaries", query: append([]string{"limit", "1 to 200, 50 if absent"}, chronicleFilter...), out: []client.ChronicleHit{}},
	{do: "GET /chronicles/{id}", summary: "A chronicle", out: client.Chronicle{}},
	{do: "PATCH /chronicles/{id}", summary: "Change its texts, tags or status", in: patchIn{}, out: client.Chronicle{}},
	{do: "DELETE /chronicles/{id}", summary: "Delete it", status: 204},
	{do: "GET /chronicles/{id}/chain", summary: "It with all that it came from and that came from it", out: []client.Chronicle{}},
	{do: "GET /chronicles/{id}/export", summary: "The whole of it as a file", query: []string{"format", "md or json"}, media: "text/markdown"},
	{do: "POST /chronicles/{id}/reforge", summary: "Begin a new session where it ended, and start it", in: client.Reforge{}, out: client.Session{}},
	{do: "GET /chronicles/{id}/timeline", summary: "What happened; the id of a chronicle, or of a session for its last run",
		query: []string{"type", "session, message, file, git, terminal, error: several with commas", "limit", "1 to 10000 events; absent: all",
			"cursor", "next of the page before", "texts", "true: whole texts"}, out: client.Timeline{}},
	{do: "POST /chronicles/{id}/timeline", summary: "Add an event to a session's timeline", in: told{}, out: client.TimelineEvent{}, status: 201},
	{do: "GET /sessions/{id}/chronicle", summary: "The chronicle of its last run", out: client.Chronicle{}},
	{do: "POST /sessions/{id}/chronicle", summary: "Set the texts of its run's chronicle", in: reportIn{}, out: client.Chronicle{}, status: 201},
	{do: "GET /storage", summary: "What archives and snapshots take", out: client.Storage{}},

	{do: "POST /events", summary: "Report an event of a session", in: rawIn{}, out: client.RawEvent{}, status: 201},
	{do: "POST /events/batch", summary: "Report several, all or none", in: rawBatch{}, out: []client.RawEvent{}, status: 201},
	{do: "GET /events/health", summary: "Whether events can be kept", out: EventsHealth{}},
	{do: "GET /sessions/{id}/events", summary: "Its events", query: []string{"event_type", "only this type", "after", "RFC 3339", "before", "RFC 3339",
		"limit", "1 to 2000, 200 if absent", "offset", "how many to leave out"}, out: []client.RawEvent{}},
	{do: "GET /sessions/{id}/events/counts", summary: "How many of each type", out: map[string]int{}},
	{do: "GET /sessions/{id}/events/tokens", summary: "Tokens over time", query: []string{"bucket_seconds", "60 to 3600, 300 if absent"}, out: []burn{}},

	{do: "GET /templates", summary: "List templates", query: []string{"workload_type", "only this type"}, out: []client.Template{}},
	{do: "POST /templates", summary: "Write a template's file", in: client.TemplateSave{}, out: client.Template{}, status: 201},
	{do: "GET /templates/{name}", summary: "A template", out: client.Template{}},
	{do: "PUT /templates/{name}", summary: "Change a template's file", in: client.TemplateSave{}, out: client.Template{}},
	{do: "DELETE /templates/{name}", summary: "Remove a template's file", status: 204},
	{do: "GET /profiles", summary: "List profiles", query: []string{"workload_type", "only this type"}, out: []client.Template{}},
	{do: "POST /profiles", summary: "Write a profile's file", in: client.TemplateSave{}, out: client.Template{}, status: 201},
	{do: "GET /profiles/{name}", summary: "A profile", out: client.Template{}},
	{do: "PUT /profiles/{name}", summary: "Change a profile's file", in: client.TemplateSave{}, out: client.Template{}},
	{do: "DELETE /profiles/{name}", summary: "Remove a profile's file", status: 204},
	{do: "GET /presets", summary: "List one's presets", query: []string{"cli_tool", "only of this agent", "is_default", "true or false"}, out: []client.Preset{}},
	{do: "POST /presets", summary: "Keep a preset", in: client.PresetSave{}, out: client.Preset{}, status: 201},
	{do: "GET /presets/{id}", summary: "A preset", out: client.Preset{}},
	{do: "PUT /presets/{id}", summary: "Change a preset", in: client.PresetSave{}, out: client.Preset{}},
	{do: "DELETE /presets/{id}", summary: "Delete a preset", status: 204},
	{do: "PUT /presets/{id}/share", summary: "Give an admin's own preset to all of the tenant", out: client.Preset{}},
	{do: "DELETE /presets/{id}/share", summary: "Take a shared preset back: it is the caller's own then", out: client.Preset{}},
	{do: "GET /prompts", summary: "List saved prompts", query: []string{"scope", "global or project", "repo", "those of this repository"}, out: []client.SavedPrompt{}},
	{do: "POST /prompts", summary: "Save a prompt", in: client.PromptSave{}, out: client.SavedPrompt{}, status: 201},
	{do: "GET /prompts/search", summary: "Saved prompts that fit a text, the best first", query: []string{"q", "the text"}, out: []client.SavedPrompt{}},
	{do: "PUT /prompts/{id}", summary: "Change a saved prompt", in: client.PromptSave{}, out: client.SavedPrompt{}},
	{do: "DELETE /prompts/{id}", summary: "Delete a saved prompt", status: 204},
	{do: "GET /trusts", summary: "What the caller said to the session definitions of repositories, the last first", out: []client.Trust{}},
	{do: "DELETE /trusts/{id}", summary: "Forget it, and ask again", status: 204},

	{do: "GET /credentials", summary: "List credentials, never their values", query: []string{"secret_type", "only this type"}, out: CredentialList{}},
	{do: "GET /credentials/types", summary: "What types there are, and their fields", out: []client.CredentialType{}},
	{do: "POST /credentials", summary: "Store a credential, or replace it", in: credentialIn{}, out: StoredCredential{}, status: 201},
	{do: "GET /credentials/{name}", summary: "A credential without its values", out: StoredCredential{}},
	{do: "DELETE /credentials/{name}", summary: "Forget a credential", status: 204},
	{do: "GET /credentials/tenant/list", summary: "List credentials that admins share with all of the tenant, never their values", out: CredentialList{}},
	{do: "POST /credentials/tenant", summary: "Store a credential for all of the tenant; without data, share one's own of this name", in: client.SharedCredential{}, out: StoredCredential{}, status: 201},
	{do: "POST /credentials/tenant/{name}/unshare", summary: "Take a shared credential back: it is the caller's own then", out: StoredCredential{}},
	{do: "DELETE /credentials/tenant/{name}", summary: "Delete a shared credential", status: 204},
	{do: "GET /secrets", summary: "List generic credentials, never their values", out: []Secret{}},
	{do: "POST /secrets", summary: "Store a generic credential that is not there yet", in: secretIn{}, out: Secret{}, status: 201},
	{do: "GET /secrets/{name}", summary: "A generic credential without its values", out: Secret{}},

	{do: "GET /integrations/catalog", summary: "Services that can be connected", out: []client.Service{}},
	{do: "GET /integrations", summary: "List what one has connected", out: []client.Integration{}},
	{do: "POST /integrations", summary: "Connect a service with a stored credential", in: client.IntegrationSave{}, out: client.Integration{}, status: 201},
	{do: "PUT /integrations/{id}", summary: "Change its credential or settings, or switch it off", in: client.IntegrationSave{}, out: client.Integration{}},
	{do: "DELETE /integrations/{id}", summary: "Disconnect a service; the credential stays", status: 204},
	{do: "POST /integrations/{id}/test", summary: "Ask the service whose key it is", out: client.IntegrationTest{}},

	{do: "GET /mcp-servers", summary: "MCP servers that templates bring", out: []client.MCPServerInfo{}},
	{do: "GET /mcp-servers/{name}", summary: "An MCP server", out: client.MCPServerInfo{}},

	{do: "GET /models", summary: "Models that can be chosen", out: []client.Model{}},
	{do: "GET /stats", summary: "Totals of what the caller may see", out: client.Stats{}},
	{do: "GET /me", summary: "Who asks", out: client.Me{}},
	{do: "GET /users", query: inTenant, summary: "List users; for admins", out: []client.User{}},
	{do: "POST /users", query: inTenant, summary: "Add a user; for admins", in: client.UserNew{}, out: client.User{}, status: 201},
	{do: "PUT /users/{id}", query: inTenant, summary: "Give a user, by id or name, another role; for admins", in: roleIn{}, out: client.User{}},
	{do: "DELETE /users/{id}", query: inTenant, summary: "Log a user out everywhere, for good; what they own stays; for admins", status: 204},
	{do: "POST /users/{id}/login-links", query: inTenant, summary: "A link with which a browser logs in as a user, once; for admins", out: LoginLink{}, status: 201},
	{do: "GET /api/v1/users/tokens", summary: "List one's tokens, the newest first; for admins everybody's. Tokens are managed by a person, not with a token", out: []client.Token{}},
	{do: "POST /api/v1/users/tokens", summary: "Make a token, which is told this once", in: client.TokenNew{}, out: client.TokenMade{}, status: 201},
	{do: "DELETE /api/v1/users/tokens/{id}", summary: "Revoke a token, also in the middle of its use", status: 204},
	{do: "GET /logins", summary: "Browsers that are logged in as the caller, the last used first", out: []client.Login{}},
	{do: "DELETE /logins/{id}", summary: "Log a browser out, also in the middle of what it does", status: 204},
	{do: "GET /quota", summary: "What one may have, and has", out: client.Quota{}},
	{do: "GET /users/{id}/quota", query: inTenant, summary: "What a user may have, and has; @each is who has no quota of their own, @all everybody together, @tenant the same by the word of whoever runs the installation; for admins", out: client.Quota{}},
	{do: "PUT /users/{id}/quota", query: inTenant, summary: "Change it: what is left out stays, 0 takes a limit away; for admins", in: client.QuotaChange{}, out: client.Quota{}},
	{do: "PUT /users/{id}/tenant", query: inTenant, summary: "Move a user to another tenant with all that is theirs; what runs goes on; for whoever runs the installation", in: client.UserMove{}, out: client.User{}},
	{do: "GET /tenants", summary: "List tenants; for whoever runs the installation, as all of these", out: []client.Tenant{}},
	{do: "POST /tenants", summary: "Make a tenant", in: client.TenantNew{}, out: client.Tenant{}, status: 201},
	{do: "GET /tenants/{id}", summary: "A tenant, by id or name", out: client.Tenant{}},
	{do: "PUT /tenants/{id}", summary: "Give it another name", in: client.TenantNew{}, out: client.Tenant{}},
	{do: "DELETE /tenants/{id}", summary: "Take away a tenant in which nothing is any more", status: 204},
	{do: "GET /audit", summary: "What was done, the last first; for admins", query: []string{"act", "only this act", "user", "only by this user: id or name",
		"before", "only with lower numbers", "limit", "1 to 1000, 100 if absent", inTenant[0], inTenant[1]}, out: []client.Deed{}},
	{do: "GET /audit/verify", summary: "Read the whole chain of the audit, and say where it breaks; for admins of the installation", query: []string{"kept", "a head from before, which must be in it"}, out: client.Chain{}},
	{do: "GET /audit/export", summary: "The whole chain, a record a line; for admins of the installation", media: "application/x-ndjson"},
	{do: "GET /feature-flags", summary: "What this server does", out: map[string]bool{}},
	{do: "GET /features", summary: "The panes of a session", out: []client.Feature{}},
	{do: "GET /features/preferences", summary: "How one arranged them: nobody does here", out: []client.FeaturePreference{}},
	{do: "GET /api/v1/niuu/repos", summary: "Repositories by provider: none are listed here", out: map[string][]client.ProviderRepo{}},
	{do: "GET /status", summary: "What `volundr status` says", out: client.Status{}},
	{do: "GET /doctor", summary: "What `volundr doctor` finds", out: []client.Finding{}},
	{do: "GET /found", summary: "Workloads of ours that no record knows", out: []client.Found{}},
	{do: "POST /found/{id}/adopt", summary: "Make a session of one", out: client.Session{}, status: 201},
	{do: "DELETE /found/{id}", summary: "Remove one, volumes included", status: 204},
	{do: "POST /image", summary: "Make the session image anew after it failed", status: 202},
	{do: "POST /login-links", summary: "A link with which a browser logs in, once", out: LoginLink{}, status: 201},
	{do: "POST /shutdown", summary: "End the daemon; sessions go on", status: 202},
}

var chronicleFilter = []string{"q", "a text", "project", "only this project", "repo", "only this repository", "model_name", "only this model",
	"session_id", "only runs of this session", "tags", "only with all of these, with commas"}

// What follows are answers that handlers write field by field.

// CommentNew is a comment as it is written.
type CommentNew struct {
	Repo string `json:"repo,omitempty"` // folder of the repository; empty: the workspace
	Path string `json:"path"`
	Side string `json:"side"` // old, new
	Line int    `json:"line"`
	Text string `json:"text,omitempty"` // of the line
	Body string `json:"body"`
}

// MessageSent says that the message is stored.
type MessageSent struct {
	Status    string `json:"status"` // sent
	SessionID string `json:"session_id"`
}

// FileList are the files that differ.
type FileList struct {
	Files []client.ChangedFile `json:"files"`
}

// UnifiedDiff is a file's diff; null: nothing differs.
type UnifiedDiff struct {
	Path string  `json:"path"`
	Diff *string `json:"diff"`
}

// CommitList are commits.
type CommitList struct {
	Commits []client.CommitName `json:"commits"`
}

// Discarded says what became of a file.
type Discarded struct {
	Path   string `json:"path"`
	Kept   string `json:"kept"` // hash under which what it held is still there for a while
	Detail string `json:"detail"`
}

// ReviewSent says how many comments went.
type ReviewSent struct {
	Status   string `json:"status"` // sent
	Comments int    `json:"comments"`
}

// EventsHealth says by place whether events can be kept.
type EventsHealth struct {
	Sinks map[string]bool `json:"sinks"`
}

// StoredCredential is a credential without its values.
type StoredCredential struct {
	ID string `json:"id"`
	client.Credential
	CreatedAt string `json:"created_at"`
}

// CredentialList are credentials.
type CredentialList struct {
	Credentials []StoredCredential `json:"credentials"`
}

// Secret is a generic credential by its names.
type Secret struct {
	Name string   `json:"name"`
	Keys []string `json:"keys"`
}

// LoginLink works once.
type LoginLink struct {
	URL string `json:"url"`
}

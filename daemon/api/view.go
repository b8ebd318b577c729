package api

import (
	"encoding/json"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/daemon/launch"
	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// view is a session as clients see it: the contract's keys, then ours.
func (s *server) view(c echo.Context, row store.Session) client.Session {
	return s.viewer(c).view(row)
}

// viewer is what all sessions of one answer have in common.
type viewer struct {
	web, socket string // where surfaces and chats are
	p           store.Principal
	writes      bool             // their role and token do
	trouble     map[string]error // of runtimes
	now         time.Time
}

func (s *server) viewer(c echo.Context) viewer {
	web, socket := s.Auth.Endpoints(c.Request())
	return viewer{web: web, socket: socket, p: principal(c), writes: may(c, auth.Work), trouble: s.Engine.Trouble(), now: s.Now()}
}

func (in viewer) views(rows []store.Session) []client.Session {
	out := make([]client.Session, len(rows))
	for i, row := range rows {
		out[i] = in.view(row)
	}
	return out
}

func (in viewer) view(row store.Session) client.Session {
	v := in.whole(row)
	switch {
	case guest(in.p, row):
		v.ReadOnlyWhy = "The session was shared with you: you can look at it."
	case !in.writes:
		v.ReadOnlyWhy = "You can look at the session, and write nothing: your role or token looks only."
	default:
		return v
	}
	v.ReadOnly, v.CanHurry, v.CodeEndpoint = true, false, nil
	return v
}

func (in viewer) whole(row store.Session) client.Session {
	var req launch.Request
	_ = json.Unmarshal(row.Request, &req) // checked to be JSON by the store; an odd one shows empty
	v := client.Session{
		ID: row.ID, Name: row.Name, Model: req.Model, Source: sourceView(req.Source), Status: string(row.State),
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, LastActive: row.LastActive,
		MessageCount: row.MessageCount, TokensUsed: row.TokensUsed,
		TrackerIssueID: orNil(req.IssueID), IssueTrackerURL: orNil(req.IssueURL), PresetID: orNil(req.PresetID),
		OwnerID: &row.OwnerID, TenantID: &row.TenantID,
		ActivityMetadata: map[string]any{},

		Agent: req.Agent, Repo: repoOf(req.Source), Branch: req.Source.Branch, StateSince: row.Since, Doing: row.Doing,
		CostUSD: float64(row.CostMicros) / 1e6, Runtime: row.Runtime, Run: row.Run,
		Mode: row.Mode, ModeName: row.ModeName, Network: req.Network, TimeToLive: req.TimeToLive,
		Definition: broughtView(req.Definition),
	}
	if !row.ExpiresAt.IsZero() && row.Want == store.WantRunning && row.Failure == nil {
		v.StopsAt, v.StopsSoon = &row.ExpiresAt, row.State == store.Running && !in.now.Before(row.EndsSoon())
	}
	if in.unseen(row) {
		v.Unseen = true
		v.Doing = "waiting for " + runtimeTitle(row.Runtime) + ", which does not answer"
		if row.State == store.Running {
			v.Doing = runtimeTitle(row.Runtime) + " does not answer; the session ran when it was seen last"
		}
	}
	v.CanHurry = row.State == store.Stopping && !row.Hurry && row.Want != store.WantGone && row.Failure == nil
	if v.LastActive.IsZero() {
		v.LastActive = v.CreatedAt
	}
	if v.Network == "" {
		v.Network = string(runtime.NetworkOpen)
	}
	if row.Run > 0 {
		name := row.Runtime + "-" + row.ID[:8]
		v.PodName = &name
	}
	switch row.State {
	case store.Running:
		chat, code := in.socket+"/s/"+row.ID+"/session", in.web+"/s/"+row.ID+"/editor/"
		v.ChatEndpoint, v.CodeEndpoint = &chat, &code
		if !v.Unseen {
			v.ActivityText, v.Detail = row.ActivityText, row.Detail
			v.ActivityState = orNil(row.Activity)
		}
	case store.Failed:
		if f := row.Failure; f != nil {
			v.Error = &f.Reason
			lines := f.Lines
			if lines == nil {
				lines = []string{}
			}
			v.Failure = &client.Failure{Reason: f.Reason, Part: f.Part, ExitCode: f.ExitCode, OOM: f.OOM, Lines: lines, At: f.At}
		}
	case store.Archived:
		at := row.Since
		v.ArchivedAt = &at
	}
	return v
}

// unseen reports whether what is told of a session is only what was seen last.
// One that is at rest is as its record says, whatever can be seen.
func (in viewer) unseen(row store.Session) bool {
	switch row.State {
	case store.Starting, store.Provisioning, store.Running, store.Stopping:
		return in.trouble[row.Runtime] != nil
	}
	return false
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// repoOf is what sessions are grouped by.
func repoOf(src launch.Source) string {
	if src.Repo != "" {
		return src.Repo
	}
	if src.LocalPath == "" && len(src.Paths) > 0 {
		return src.Paths[0].HostPath
	}
	return src.LocalPath
}

func sourceView(src launch.Source) client.Source {
	out := client.Source{Type: src.Type, Repo: src.Repo, Branch: src.Branch, BaseBranch: src.BaseBranch, Folder: src.Folder,
		LocalPath: src.LocalPath, NodeSelector: src.NodeSelector, WritableGit: src.WritableGit}
	for _, p := range src.Paths {
		out.Paths = append(out.Paths, client.MountMapping(p))
	}
	for _, m := range src.Additional {
		out.AdditionalRepos = append(out.AdditionalRepos, client.AdditionalRepo(m))
	}
	return out
}

// entryView is an entry as clients see it.
func entryView(e store.Entry) client.Entry {
	return client.Entry{N: e.N, Source: e.Source, Run: e.Run, At: e.At, Turn: e.Turn, Type: e.Type, Data: e.Data}
}

func entryViews(entries []store.Entry) []client.Entry {
	out := make([]client.Entry, len(entries))
	for i, e := range entries {
		out[i] = entryView(e)
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

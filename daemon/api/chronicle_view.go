package api

import (
	"time"

	"volundr/daemon/chronicle"
	"volundr/store"
	"volundr/ui/client"
)

func (s *server) chronicleViews(rows []store.Chronicle) []client.Chronicle {
	out := make([]client.Chronicle, len(rows))
	for i, row := range rows {
		out[i] = s.chronicleView(row)
	}
	return out
}

// chronicleView is a chronicle as clients see it.
func (s *server) chronicleView(row store.Chronicle) client.Chronicle {
	cost, active := float64(row.CostMicros)/1e6, int64(row.Active/time.Second)
	v := client.Chronicle{
		ID: row.ID, SessionID: &row.SessionID, Status: row.Status, Project: row.Project, Repo: row.Repo, Branch: row.Branch,
		Model: row.Model, ConfigSnapshot: row.Config, Summary: orNil(row.Summary), KeyChanges: row.KeyChanges,
		UnfinishedWork: orNil(row.Unfinished), TokenUsage: row.Tokens, Cost: &cost, DurationSeconds: &active, Tags: row.Tags,
		ParentChronicleID: orNil(row.ParentID), CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,

		Name: row.Name, Run: row.Run, Author: row.Author, Reason: row.Reason, StartedAt: row.StartedAt,
		Models: []client.ModelUsage{}, BaseCommit: row.BaseCommit, FinalCommit: row.FinalCommit,
		Pack: row.Workspace != "", Missing: row.Missing,
	}
	for _, r := range row.Repositories {
		v.Repositories = append(v.Repositories, client.ChronicleRepository(r))
	}
	if row.Context != "" {
		v.Agent = row.Agent
	}
	end := s.Now()
	if !row.EndedAt.IsZero() {
		end = row.EndedAt
		v.EndedAt = &row.EndedAt
	}
	v.WallSeconds = max(0, int64(end.Sub(row.StartedAt)/time.Second))
	for _, m := range row.Models {
		v.Models = append(v.Models, client.ModelUsage{Model: m.Model, Provider: m.Provider, Turns: m.Turns, Input: m.Input, Output: m.Output,
			CacheRead: m.CacheRead, CacheWrite: m.CacheWrite, CostUSD: float64(m.CostMicros) / 1e6, Unpriced: m.Unpriced()})
	}
	if row.CostMicros == 0 && len(v.Unpriced()) > 0 {
		v.Cost = nil
	}
	return v
}

// eventView is an event of a timeline as clients see it.
func eventView(e chronicle.Event) client.TimelineEvent {
	return client.TimelineEvent{
		T: e.T, Type: e.Type, Label: e.Label, Tokens: e.Tokens, Action: orNil(e.Action), Ins: e.Ins, Del: e.Del, Hash: orNil(e.Hash), Exit: e.Exit,
		At: e.At, Kind: e.Kind, Who: e.Who, Turn: e.Turn, Text: e.Text, Automatic: e.Automatic, Via: e.Via, Model: e.Model,
		CostUSD: float64(e.CostMicros) / 1e6, DurationMS: e.DurationMS, StopReason: e.StopReason, Tool: e.Tool, Status: e.Status, Allowed: e.Allowed, From: e.From,
		Git: e.Git, Branch: e.Branch, Repo: e.Repo, Author: e.Author, Files: e.Files, Dir: e.Dir, Shell: e.Shell, Where: e.Where, Checkpoint: e.Checkpoint, More: e.More, Detail: e.Detail,
	}
}

func eventViews(events []chronicle.Event) []client.TimelineEvent {
	out := make([]client.TimelineEvent, len(events))
	for i, e := range events {
		out[i] = eventView(e)
	}
	return out
}

func sumsView(s chronicle.Sums) client.Timeline {
	v := client.Timeline{Files: []client.FileStat{}, Commits: []client.Commit{}, TokenBurn: s.TokenBurn}
	for _, f := range s.Files {
		v.Files = append(v.Files, client.FileStat(f))
	}
	for _, c := range s.Commits {
		v.Commits = append(v.Commits, client.Commit(c))
	}
	return v
}

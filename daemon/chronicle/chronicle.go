// Package chronicle keeps the record of every run of a session: opened as a
// draft when the run begins, complete when it has ended.
package chronicle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// endTimeout bounds how long the journal is read to its end.
const endTimeout = 5 * time.Second

// Options are what chronicles stand on. DB is required; without the others what
// needs them is left out.
type Options struct {
	DB *store.DB
	// Redact takes what must not be read out of a text.
	Redact func(string) string
	// Ask hands the session's agent a prompt, once by its id. Cancel ends the turn
	// under way, End the run: the journal is read to its end.
	Ask    func(ctx context.Context, id string, p wire.Prompt) error
	Cancel func(ctx context.Context, id string) error
	End    func(ctx context.Context, id string) error
	// Run runs a command in the session as the agent's user.
	Run func(ctx context.Context, id string, cmd wire.Command) (wire.RunResult, error)
	// CanAsk reports why the session's agent cannot be asked for a last word;
	// empty: it can.
	CanAsk func(ctx context.Context, s store.Session) string
	Log    *slog.Logger
}

// Chronicles writes the chronicles of runs.
type Chronicles struct {
	Options
	db *store.DB
}

// New gives chronicles.
func New(o Options) *Chronicles {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Redact == nil {
		o.Redact = func(text string) string { return text }
	}
	return &Chronicles{Options: o, db: o.DB}
}

// End ends a run politely, before its containers are stopped. It may last as
// long as ctx allows; what it could not do is left out, and doing it again does
// nothing twice.
func (c *Chronicles) End(ctx context.Context, s store.Session) error {
	if c.Options.End == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	return c.Options.End(ctx, s.ID)
}

// Opened notes that s.Run has begun. Once per run, however often it is called.
func (c *Chronicles) Opened(ctx context.Context, s store.Session) error {
	r := asked(s)
	config, err := json.Marshal(map[string]string{"name": s.Name, "model": r.Model, "repo": r.Source.Repo, "branch": r.Source.Branch})
	if err != nil {
		return err
	}
	err = c.db.OpenChronicle(ctx, store.Chronicle{
		SessionID: s.ID, Run: s.Run, OwnerID: s.OwnerID, TenantID: s.TenantID,
		Project: project(s.Name, r), Repo: r.Source.Repo, Branch: r.Source.Branch, Model: r.Model, Config: config,
	})
	if err != nil {
		return fmt.Errorf("open chronicle of session %s, run %d: %w", s.ID, s.Run, err)
	}
	return nil
}

// Completed notes that s.Run has ended, why and when, and puts its number on
// the session's row. The first reason stands. A run that was never opened is
// opened first.
func (c *Chronicles) Completed(ctx context.Context, s store.Session, reason string, at time.Time) error {
	err := c.db.CompleteChronicle(ctx, s.ID, s.Run, reason, at)
	if errors.Is(err, store.ErrNotFound) {
		if err := c.Opened(ctx, s); err != nil {
			return err
		}
		err = c.db.CompleteChronicle(ctx, s.ID, s.Run, reason, at)
	}
	if err != nil {
		return fmt.Errorf("complete chronicle of session %s: %w", s.ID, err)
	}
	return nil
}

// request is what a chronicle shows of the launch request.
type request struct {
	Model  string `json:"model"`
	Source struct {
		Repo      string `json:"repo"`
		Branch    string `json:"branch"`
		LocalPath string `json:"local_path"`
	} `json:"source"`
}

// asked reads the launch request. One that cannot be read leaves the fields
// empty: the run is worth its record all the same.
func asked(s store.Session) (r request) {
	_ = json.Unmarshal(s.Request, &r)
	return r
}

// project is what the run's work is filed under: the repository's or folder's
// name, else the session's.
func project(name string, r request) string {
	for _, p := range []string{r.Source.Repo, r.Source.LocalPath} {
		// "git@host:team/name.git" has its path behind a colon.
		if i := strings.LastIndexAny(p, ":/"); i >= 0 && strings.Trim(p, ":/.") != "" {
			p = strings.TrimRight(p, "/")
			p = path.Base(p[strings.LastIndex(p, ":")+1:])
		}
		if p = strings.TrimSuffix(p, ".git"); p != "" && p != "." && p != "/" {
			return p
		}
	}
	return name
}

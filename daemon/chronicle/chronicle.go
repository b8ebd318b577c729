// Package chronicle keeps the record of every run of a session: opened as a
// draft when the run begins, complete when it has ended.
package chronicle

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path"
	"strings"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Options are what chronicles stand on. DB is required; without the others what
// needs them is left out.
type Options struct {
	DB *store.DB
	// Redact takes out of texts of an owner's sessions what must not be read.
	Redact func(of store.Principal) func(string) string
	// Ask hands the session's agent a prompt, once by its id. Cancel ends the turn
	// under way, End the run: the journal is read to its end.
	Ask    func(ctx context.Context, id string, p wire.Prompt) error
	Cancel func(ctx context.Context, id string) error
	End    func(ctx context.Context, id string) error
	// Health gives what a session says of itself; false: it is not connected. Nil:
	// an agent is waited for whatever becomes of its session.
	Health func(id string) (wire.Health, bool)
	// Run runs a command in the session as the agent's user.
	Run func(ctx context.Context, id string, cmd wire.Command) (wire.RunResult, error)
	// CanAsk reports why the session's agent cannot be asked for a last word;
	// empty: it can.
	CanAsk func(ctx context.Context, s store.Session) string
	// Repositories are those of a session, by folder, where it has several.
	Repositories func(ctx context.Context, session string) ([]store.Repository, error)
	// Volumes take snapshots and archives; without them there are none.
	Volumes Volumes
	Log     *slog.Logger
}

// Chronicles writes the chronicles of runs.
type Chronicles struct {
	Options
	db      *store.DB
	folds   folds
	fresh   fresh
	kept    timelines
	tallies tallies
}

// New gives chronicles.
func New(o Options) *Chronicles {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Redact == nil {
		o.Redact = func(store.Principal) func(string) string { return func(text string) string { return text } }
	}
	return &Chronicles{Options: o, db: o.DB, fresh: fresh{m: map[string]archive{}}}
}

// request is what a chronicle shows of the launch request.
type request struct {
	Model  string `json:"model"`
	Source struct {
		Type      string `json:"type"`
		Repo      string `json:"repo"`
		Branch    string `json:"branch"`
		LocalPath string `json:"local_path"`
	} `json:"source"`
	From struct {
		Chronicle string `json:"chronicle"`
		Workspace string `json:"workspace"`
		Context   string `json:"context"`
	} `json:"from"`
	Agent string `json:"agent"`
}

// live reports whether the workspace is a folder of the host.
func (r request) live() bool { return r.Source.Type == "local_mount" && r.Source.LocalPath != "" }

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

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

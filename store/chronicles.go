package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// Chronicle is one row of chronicles: the record of one run of a session. It
// outlives the session.
type Chronicle struct {
	ID         string
	SessionID  string
	Run        int
	OwnerID    string
	TenantID   string
	ParentID   string // empty: none
	Status     string // "draft", "complete"
	Name       string // the session's, when the run began
	Project    string
	Repo       string
	Branch     string
	Model      string
	Config     json.RawMessage // the launch request, without secrets
	Reason     string          // why the run ended
	StartedAt  time.Time
	EndedAt    time.Time
	Tokens     int64
	CostMicros int64
	Active     time.Duration // turns under way
	Models     []ModelUsage
	Texts
	Tags        []string
	BaseCommit  string // of the workspace's repository; empty: none or not known
	FinalCommit string
	// Repositories are those of a workspace that has several, the first one, of
	// which Repo, Branch and the commits above tell, among them.
	Repositories []Repository
	Packs
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Authors of a chronicle's texts, the better one later.
const (
	AuthorRule   = "rule"   // made from the timeline
	AuthorAgent  = "agent"  // told in the last turn
	AuthorPerson = "person" // edited
)

// Texts are a chronicle in words.
type Texts struct {
	Summary    string
	KeyChanges []string
	Unfinished string
	Author     string // empty: there are none yet
}

// Repository is one of several in a run's workspace.
type Repository struct {
	Folder      string `json:"folder"` // in the workspace
	Repo        string `json:"repo"`
	Branch      string `json:"branch,omitempty"`
	BaseCommit  string `json:"base_commit,omitempty"` // where it stood when the run began; empty: not known
	FinalCommit string `json:"final_commit,omitempty"`
}

// Packs are what a chronicle can be continued from: digests of blobs.
type Packs struct {
	Workspace string
	Context   string
	Agent     string // whose context that is: claude, codex, acp
	Missing   string // why there is no pack, for people
}

// ModelUsage is what one model was used for in a run.
type ModelUsage struct {
	Model      string `json:"model"`
	Provider   string `json:"provider"` // cloud, local
	Turns      int    `json:"turns"`
	Input      int64  `json:"input_tokens"`
	Output     int64  `json:"output_tokens"`
	CacheRead  int64  `json:"cache_read_tokens"`
	CacheWrite int64  `json:"cache_write_tokens"`
	CostMicros int64  `json:"cost_micros"`
}

// Unpriced reports whether nobody knew what the model costs: it is asked for
// money, and none was counted.
func (m ModelUsage) Unpriced() bool {
	return m.Provider == "cloud" && m.CostMicros == 0 && m.Input+m.Output+m.CacheRead+m.CacheWrite > 0
}

const chronicleColumns = `id, session_id, run, owner_id, tenant_id, coalesce(parent_id, ''), status, name, project, repo, branch, model,
	config, reason, started_at, ended_at, tokens, cost_micros, active_ms, models, summary, key_changes, unfinished, author, tags,
	base_commit, final_commit, repositories, workspace, context, agent, missing, created_at, updated_at`

func scanChronicle(row scanner) (c Chronicle, err error) {
	var config, models, changes, tags, repos string
	var started, ended, active, created, updated int64
	if err := row.Scan(&c.ID, &c.SessionID, &c.Run, &c.OwnerID, &c.TenantID, &c.ParentID, &c.Status, &c.Name, &c.Project, &c.Repo, &c.Branch,
		&c.Model, &config, &c.Reason, &started, &ended, &c.Tokens, &c.CostMicros, &active, &models, &c.Summary, &changes, &c.Unfinished,
		&c.Author, &tags, &c.BaseCommit, &c.FinalCommit, &repos, &c.Workspace, &c.Context, &c.Agent, &c.Missing, &created, &updated); err != nil {
		return Chronicle{}, notFound(err)
	}
	c.Config, c.Active = json.RawMessage(config), time.Duration(active)*time.Millisecond
	c.StartedAt, c.EndedAt, c.CreatedAt, c.UpdatedAt = moment(started), moment(ended), moment(created), moment(updated)
	return c, errors.Join(json.Unmarshal([]byte(models), &c.Models), json.Unmarshal([]byte(changes), &c.KeyChanges),
		json.Unmarshal([]byte(tags), &c.Tags), json.Unmarshal([]byte(repos), &c.Repositories))
}

// chronicleRows reads all rows and closes them.
func chronicleRows(rows *sql.Rows, err error) ([]Chronicle, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Chronicle{}
	for rows.Next() {
		c, err := scanChronicle(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// list is a JSON array, of nothing too.
func list[T any](v []T) string {
	b, _ := json.Marshal(append([]T{}, v...)) // of texts and no more: it cannot fail
	return string(b)
}

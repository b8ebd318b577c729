package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Reforge says how a chronicle is continued. Empty fields are as they were.
type Reforge struct {
	Name       string   `json:"name,omitempty"` // empty: "<name>-2"
	Agent      string   `json:"agent,omitempty"`
	Command    []string `json:"command,omitempty"` // argv of an ACP agent, for "acp"
	Model      string   `json:"model,omitempty"`
	Checkpoint string   `json:"checkpoint,omitempty"` // empty: the run's end
	Runtime    string   `json:"runtime,omitempty"`
}

// Point is a checkpoint as one chooses among them: the state before a prompt.
type Point struct {
	ID     string    `json:"id"`
	Prompt string    `json:"prompt"`
	Text   string    `json:"text"` // of that prompt
	At     time.Time `json:"at"`
	Files  int       `json:"files"` // recorded
}

// Storage is what archives and snapshots take.
type Storage struct {
	Packs int   `json:"packs"`
	Bytes int64 `json:"bytes"` // on the disk
}

// HeaderFreed tells how many bytes of archives and snapshots a deletion freed.
const HeaderFreed = "Volundr-Freed"

// Reforge makes a session that continues a chronicle, named by its id or by that
// of a session (its last run), and starts it.
func (c *Client) Reforge(ctx context.Context, chronicle string, r Reforge) (Session, error) {
	return one[Session](c, ctx, "POST", "/chronicles/"+url.PathEscape(chronicle)+"/reforge", r)
}

// Archive packs a session away; it returns when that is done or takes long.
func (c *Client) Archive(ctx context.Context, id string) (Session, error) {
	return one[Session](c, ctx, "POST", "/sessions/"+url.PathEscape(id)+"/archive", nil)
}

// Restore brings an archived session back.
func (c *Client) Restore(ctx context.Context, id string) (Session, error) {
	return one[Session](c, ctx, "POST", "/sessions/"+url.PathEscape(id)+"/restore", nil)
}

// ArchiveStopped has all stopped sessions archived and gives their ids.
func (c *Client) ArchiveStopped(ctx context.Context) ([]string, error) {
	return one[[]string](c, ctx, "POST", "/sessions/archive-stopped", nil)
}

// Remove deletes a session with everything it holds, and with what cleanup
// names: "workspace_storage", "chronicles". It tells how many bytes of archives
// and snapshots that freed.
func (c *Client) Remove(ctx context.Context, id string, cleanup []string) (freed int64, err error) {
	res, err := c.send(ctx, http.MethodDelete, Base+"/sessions/"+url.PathEscape(id), map[string][]string{"cleanup": append([]string{}, cleanup...)})
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	freed, _ = strconv.ParseInt(res.Header.Get(HeaderFreed), 10, 64)
	return freed, nil
}

// Checkpoints gives what a session can go back to, oldest first.
func (c *Client) Checkpoints(ctx context.Context, id string) ([]Point, error) {
	return one[[]Point](c, ctx, "GET", "/sessions/"+url.PathEscape(id)+"/checkpoints", nil)
}

// CheckpointLoss tells what going back would change.
func (c *Client) CheckpointLoss(ctx context.Context, id, checkpoint string) (Files, error) {
	return one[Files](c, ctx, "GET", "/sessions/"+url.PathEscape(id)+"/checkpoints/"+url.PathEscape(checkpoint)+"/loss", nil)
}

// Rewind takes files and conversation back to a checkpoint.
func (c *Client) Rewind(ctx context.Context, id, checkpoint string) error {
	return c.Do(ctx, "POST", "/sessions/"+url.PathEscape(id)+"/checkpoints/"+url.PathEscape(checkpoint)+"/rewind", nil, nil)
}

// Storage gives what archives and snapshots take.
func (c *Client) Storage(ctx context.Context) (Storage, error) {
	return one[Storage](c, ctx, "GET", "/storage", nil)
}

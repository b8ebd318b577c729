package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// ChronicleOptions narrow Chronicles and SearchChronicles. Empty fields: any.
type ChronicleOptions struct {
	Project, Repo, Model, Tags string // Tags with commas between: all of them
	Limit                      int    // 1 to 200; 0: 50
}

// Chronicles gives chronicles, the newest first.
func (c *Client) Chronicles(ctx context.Context, o ChronicleOptions) ([]Chronicle, error) {
	return one[[]Chronicle](c, ctx, http.MethodGet, "/chronicles?"+o.query().Encode(), nil)
}

func (o ChronicleOptions) query() url.Values {
	q := url.Values{}
	for k, v := range map[string]string{"project": o.Project, "repo": o.Repo, "model_name": o.Model, "tags": o.Tags} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return q
}

// Chronicle gives one chronicle.
func (c *Client) Chronicle(ctx context.Context, id string) (Chronicle, error) {
	return one[Chronicle](c, ctx, http.MethodGet, "/chronicles/"+url.PathEscape(id), nil)
}

// SessionChronicle gives a session's last chronicle.
func (c *Client) SessionChronicle(ctx context.Context, session string) (Chronicle, error) {
	return one[Chronicle](c, ctx, http.MethodGet, "/sessions/"+url.PathEscape(session)+"/chronicle", nil)
}

// Timeline gives what happened in a run, all of it, by a chronicle's id.
func (c *Client) Timeline(ctx context.Context, chronicle string) (Timeline, error) {
	return one[Timeline](c, ctx, http.MethodGet, "/chronicles/"+url.PathEscape(chronicle)+"/timeline", nil)
}

// SearchChronicles finds words in messages, commands, file names and summaries.
func (c *Client) SearchChronicles(ctx context.Context, words string, o ChronicleOptions) ([]ChronicleHit, error) {
	q := o.query()
	q.Set("q", words)
	return one[[]ChronicleHit](c, ctx, http.MethodGet, "/chronicles/search?"+q.Encode(), nil)
}

// Export writes a whole chronicle to out, as a document ("md") or as JSON
// ("json").
func (c *Client) Export(ctx context.Context, chronicle, format string, out io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, "/chronicles/"+url.PathEscape(chronicle)+"/export?format="+url.QueryEscape(format), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(out, res.Body)
	return err
}

package client

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Deed is one of GET /audit: what was done by whom.
type Deed struct {
	N       int64           `json:"n"` // from 1, without gaps in the whole chain
	At      time.Time       `json:"at"`
	UserID  string          `json:"user_id"`
	User    string          `json:"user"` // name, as it was then; empty where a session acted by itself
	By      string          `json:"by"`   // the browser, token or session that it was done with
	Act     string          `json:"act"`
	Subject string          `json:"subject"` // what it was done to
	Detail  json.RawMessage `json:"detail"`
}

// Who did it: a name, or what stood for one where none was known.
func (d Deed) Who() string { return cmp.Or(d.User, d.UserID, "nobody") }

// About is what it was done to in one line: its name where it has one, and
// whatever else is known.
func (d Deed) About() string {
	var more map[string]string
	_ = json.Unmarshal(d.Detail, &more) // the server's; an odd one shows nothing
	var out []string
	if what := cmp.Or(more["name"], d.Subject); what != "" {
		out = append(out, what)
	}
	for _, k := range slices.Sorted(maps.Keys(more)) {
		if k != "name" && more[k] != "" {
			out = append(out, k+": "+more[k])
		}
	}
	return strings.Join(out, ", ")
}

// ChainedDeed is a line of GET /audit/export.
type ChainedDeed struct {
	Deed
	TenantID string `json:"tenant_id"`
	Previous string `json:"previous"` // hash of the record before
	Hash     string `json:"hash"`
}

// Chain is the answer of GET /audit/verify.
type Chain struct {
	Records int64  `json:"records"` // that are as they were written
	Head    string `json:"head"`    // hash of the last of them
	Broken  string `json:"broken"`  // what is wrong behind them; empty: nothing
}

// Deeds gives at most limit of what was done, the last first; act and user
// narrow it unless they are empty.
func (c *Client) Deeds(ctx context.Context, act, user string, limit int) ([]Deed, error) {
	q := url.Values{"act": {act}, "user": {user}, "limit": {strconv.Itoa(limit)}}
	if c.tenant != "" {
		q.Set("tenant", c.tenant)
	}
	return one[[]Deed](c, ctx, "GET", "/audit?"+q.Encode(), nil)
}

// VerifyAudit reads the whole chain on the daemon. kept is a head from before
// that must be in it, or empty.
func (c *Client) VerifyAudit(ctx context.Context, kept string) (Chain, error) {
	return one[Chain](c, ctx, "GET", "/audit/verify?"+url.Values{"kept": {kept}}.Encode(), nil)
}

// ExportAudit copies the whole chain to out, a ChainedDeed a line.
func (c *Client) ExportAudit(ctx context.Context, out io.Writer) error {
	res, err := c.send(ctx, "GET", Base+"/audit/export", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(out, res.Body)
	return err
}

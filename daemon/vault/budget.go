package vault

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"volundr/store"
)

// often is how often a request that is held asks whether it may go on.
const often = time.Second

// NoBudget begins what is told of a session whose requests are held.
const NoBudget = "no budget is left"

// hold lets a request to a model wait as long as nothing is left of today's budget
// of the session's owner, or of their tenant: the agent is paused, not ended, and
// goes on when an admin raises the budget or the day is over. Agents ask again
// when they have waited for long, also after a restart of the daemon. What is
// counted is what turns that ended have used. An error is the end of the request's
// context, one of its body, or the database's.
func (v *Vault) hold(w http.ResponseWriter, r *http.Request, row store.Session) error {
	ctx := r.Context()
	why, err := v.DB.Budget(ctx, row.TenantID, row.OwnerID, time.Now())
	if err != nil || why == "" {
		return err
	}
	// Only behind its whole body the server sees that a client goes away.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	look := time.NewTicker(v.often)
	defer look.Stop()
	for why != "" {
		v.Heard(row.ID, NoBudget+": "+why+". It goes on when an admin raises the quota, or at midnight UTC")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
		now, err := v.DB.SystemSession(ctx, row.ID) // its owner may have been moved
		if err != nil {
			return err
		}
		if why, err = v.DB.Budget(ctx, now.TenantID, now.OwnerID, time.Now()); err != nil {
			return err
		}
	}
	v.Heard(row.ID, "")
	return nil
}

// spends reports whether a request may cost something.
func spends(r *http.Request) bool { return r.Method == http.MethodPost }

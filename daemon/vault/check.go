package vault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"volundr/store"
)

// Check asks a provider whether it takes p's key, by a request that costs
// nothing, and says how things stand with the key then.
func (v *Vault) Check(ctx context.Context, p store.Principal, name string) KeyStatus {
	s := v.KeyStatus(ctx, p, name)
	if !s.Configured {
		return s
	}
	at := v.providers[name]
	k, err := v.keyFor(ctx, p, at)
	if err != nil {
		s.Problem = at.advice(err)
		return s
	}
	u, _, _ := at.target(http.MethodGet, "/v1/models", "")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		s.Problem = "The address of " + at.title + " cannot be used."
		return s
	}
	req.Header = sent(http.Header{"Accept": {"application/json"}})
	if at.name == "anthropic" {
		req.Header.Set("Anthropic-Version", "2023-06-01")
	}
	k.put(req.Header)
	res, err := v.transport.RoundTrip(req) // which follows no redirect
	if err != nil {
		s.Problem = fmt.Sprintf("%s could not be reached: %s.", at.base.Host, reason(err))
		return s
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, maxError))
	if k.text != "" {
		said = bytes.ReplaceAll(said, []byte(k.text), []byte("[key]"))
	}
	v.remember(p, at, res.StatusCode)
	switch {
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		s.Problem = at.refused(res.StatusCode, k, words(said))
	case res.StatusCode >= 300:
		s.Problem = fmt.Sprintf("%s answered %d, so it is not known whether it takes the key. Try again later.", at.base.Host, res.StatusCode)
	default:
		s.Problem = ""
	}
	return s
}

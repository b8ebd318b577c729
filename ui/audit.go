package ui

import (
	"fmt"
	"net/url"

	"volundr/ui/client"
)

// AuditPage shows what was done, the last first.
type AuditPage struct {
	Shell
	Deeds    []client.Deed
	Acts     []string // that can be asked for
	Act      string   // only this; empty: any
	User     string   // only theirs; empty: anybody's
	Older    int64    // the number before which more may be; 0: none
	Machine  bool     // the reader may look at the whole chain
	Verified *client.Chain
	Kept     string // a head that was asked for
	OfTenant
}

// older is the address of what was done before.
func (p AuditPage) older() string {
	q := url.Values{"act": {p.Act}, "user": {p.User}, "before": {fmt.Sprint(p.Older)}}
	if p.Elsewhere {
		q.Set("tenant", p.Tenant)
	}
	return "/audit?" + q.Encode()
}

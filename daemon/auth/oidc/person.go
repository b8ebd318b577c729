package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Person is whom a provider vouches for.
type Person struct {
	Issuer  string
	Subject string // the provider's own name for them, which never changes
	Name    string // for people; may be empty, and is nobody's proof
	Groups  []string
}

// claims are what is read of a token or of the provider's user information.
type claims map[string]json.RawMessage

// person reads who a verified token speaks of. Groups that it does not name are
// asked for at the provider's user information, where it has that.
func (p *Provider) person(ctx context.Context, d *discovered, id *oidc.IDToken, token *oauth2.Token) (Person, error) {
	var said claims
	if err := id.Claims(&said); err != nil {
		return Person{}, tokenRefused(err)
	}
	if party := said.text("azp"); party != "" && party != p.o.ClientID {
		return Person{}, tokenRefused(errors.New("expected audience: azp is another"))
	}
	if id.Subject == "" || len(id.Subject) > 255 {
		return Person{}, tokenRefused(errors.New("no subject of at most 255 characters"))
	}
	out := Person{Issuer: id.Issuer, Subject: id.Subject, Name: said.name()}
	groups, named := said.groups(p.o.GroupsClaim)
	if d.UserInfoEndpoint() != "" && p.safe(d.UserInfoEndpoint()) && (!named || out.Name == "") {
		info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return Person{}, p.down(err)
		}
		var more claims
		if err := info.Claims(&more); err != nil || info.Subject != id.Subject {
			return Person{}, refuse(err, "The identity provider speaks of somebody else, so nobody was logged in. Log in again; if that does not help, tell an admin.")
		}
		if !named {
			groups, _ = more.groups(p.o.GroupsClaim)
		}
		if out.Name == "" {
			out.Name = more.name()
		}
	}
	out.Groups = groups
	return out, nil
}

// text is a claim that is a text; empty when it is none.
func (c claims) text(claim string) (out string) {
	_ = json.Unmarshal(c[claim], &out)
	return out
}

// name is what to call somebody.
func (c claims) name() string {
	for _, claim := range []string{"preferred_username", "nickname", "email"} {
		if name := c.text(claim); name != "" {
			before, _, _ := strings.Cut(name, "@")
			return before
		}
	}
	return ""
}

// groups reads a claim of texts, or of one; not named: there is none. What else
// stands among them is left out.
func (c claims) groups(claim string) (out []string, named bool) {
	raw, ok := c[claim]
	for at, rest := c, claim; !ok; {
		var outer string
		if outer, rest, ok = strings.Cut(rest, "."); !ok {
			return nil, false
		}
		var inner claims
		if json.Unmarshal(at[outer], &inner) != nil {
			return nil, false
		}
		at = inner
		raw, ok = at[rest]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, true
	}
	var all []any
	if json.Unmarshal(raw, &all) != nil {
		return nil, true
	}
	for _, g := range all {
		if name, ok := g.(string); ok {
			out = append(out, name)
		}
	}
	return out, true
}

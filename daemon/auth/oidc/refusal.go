package oidc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Refusal is why somebody is not let in: a sentence for them, in which stands
// nothing that the provider or a stranger wrote, and the cause for the log.
type Refusal struct {
	Detail string
	Down   bool // the provider does not answer; nobody is to blame
	Err    error
}

func (r *Refusal) Error() string {
	if r.Err == nil {
		return r.Detail
	}
	return fmt.Sprintf("%s (%.300q)", r.Detail, r.Err.Error())
}

func (r *Refusal) Unwrap() error { return r.Err }

func refuse(err error, format string, args ...any) *Refusal {
	return &Refusal{Detail: fmt.Sprintf(format, args...), Err: err}
}

func (p *Provider) down(err error) *Refusal {
	r := refuse(err, "The identity provider at %s does not answer as it should. Try again in a while; whoever has the daemon's machine can log in by a link from `volundr open`.", p.o.Issuer)
	r.Down = true
	return r
}

// exchangeRefused says why no token came for a code. The provider's own words
// stay out of it.
func (p *Provider) exchangeRefused(err error) *Refusal {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return p.down(err)
	}
	err = fmt.Errorf("status %d, error %.100q", answer.Response.StatusCode, answer.ErrorCode)
	switch answer.ErrorCode {
	case "invalid_grant":
		return refuse(err, "This login was used already, or took too long. Log in again.")
	case "invalid_client", "unauthorized_client":
		return refuse(err, "The identity provider does not know this installation. An admin can correct oidc.client_id and oidc.client_secret_file in the configuration.")
	}
	return p.down(err)
}

// tokenRefused says in what a token lies. The words of the library only choose
// between sentences: a token is refused whatever they are.
func tokenRefused(err error) *Refusal {
	what := "could not be verified"
	var expired *oidc.TokenExpiredError
	switch text := err.Error(); {
	case errors.As(err, &expired):
		what = "has expired (or the clocks differ)"
	case strings.Contains(text, "expected audience"):
		what = "is meant for another application"
	case strings.Contains(text, "issued by a different provider"):
		what = "names another provider"
	case strings.Contains(text, "signature"), strings.Contains(text, "malformed jwt"), strings.Contains(text, "fetching keys"):
		what = "is not signed by it"
	}
	return refuse(err, "What the identity provider says of you %s, so nobody was logged in. Log in again; if that does not help, tell an admin.", what)
}

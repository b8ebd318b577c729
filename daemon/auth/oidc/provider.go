package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	patience = 10 * time.Second // with one answer of the provider
	longest  = 4 << 20          // bytes of one answer: 10,000 groups are a tenth of it
)

// Options are what is configured of a provider. Issuer and ClientID must be set.
type Options struct {
	Issuer       string // exactly as its discovery and its tokens name it
	ClientID     string
	ClientSecret string   // empty: a public client
	Scopes       []string // beside openid
	GroupsClaim  string   // "groups", "realm_access.roles"
}

// Provider is one identity provider. It is asked for nothing before the first
// login, and again after it did not answer.
type Provider struct {
	o      Options
	client *http.Client

	mu    sync.Mutex
	found *discovered
}

// discovered is what a provider says of itself.
type discovered struct {
	*oidc.Provider
	end string // where a logout goes on; empty: nowhere
}

// New gives the provider of o.
func New(o Options) *Provider {
	return &Provider{o: o, client: &http.Client{
		Timeout:   patience,
		Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the provider redirects, which is not followed")
		},
	}}
}

// Issuer names the provider.
func (p *Provider) Issuer() string { return p.o.Issuer }

// Check is nil when the provider answers and is whom it should be; else a
// *Refusal.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.discover(ctx)
	return err
}

// EndSession is where the browser goes on to be logged out by the provider too,
// and then to back; empty where the provider does not offer it.
func (p *Provider) EndSession(ctx context.Context, back string) string {
	d, err := p.discover(ctx)
	if err != nil || d.end == "" {
		return ""
	}
	u, err := url.Parse(d.end)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.o.ClientID)
	q.Set("post_logout_redirect_uri", back)
	u.RawQuery = q.Encode()
	return u.String()
}

// discover reads what the provider says of itself, once.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.o.Issuer)
	var other *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &other):
		return nil, refuse(err, "The identity provider at %s says that it is another one. An admin can correct oidc.issuer in the configuration.", p.o.Issuer)
	case err != nil:
		return nil, p.down(err)
	}
	var more struct {
		Keys string `json:"jwks_uri"`
		End  string `json:"end_session_endpoint"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, p.down(err)
	}
	for _, address := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL, more.Keys} {
		if !p.safe(address) {
			return nil, refuse(fmt.Errorf("endpoint %.200q", address), "The identity provider at %s names an address that is not https. Tell an admin.", p.o.Issuer)
		}
	}
	if !p.safe(more.End) {
		more.End = ""
	}
	p.found = &discovered{Provider: found, end: more.End}
	return p.found, nil
}

// safe reports whether an address of the provider's may be used: https, or, for
// one on this machine, http there.
func (p *Provider) safe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	issuer, err := url.Parse(p.o.Issuer)
	return u.Scheme == "https" || err == nil && u.Scheme == "http" && issuer.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (p *Provider) config(d *discovered, redirect string) oauth2.Config {
	return oauth2.Config{
		ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: d.Endpoint(), RedirectURL: redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, p.o.Scopes...),
	}
}

// bounded cuts every answer off where it gets too long.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, longest), res.Body}
	}
	return res, err
}

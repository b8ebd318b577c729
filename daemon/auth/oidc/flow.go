package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Flow is what one login remembers between its two halves. It is secret: who
// keeps it keeps it for the browser that began.
type Flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Redirect string `json:"r"`
}

// Begin gives the provider's page on which somebody logs in, from which they
// come back to redirect. Errors are *Refusal.
func (p *Provider) Begin(ctx context.Context, redirect string) (page string, f Flow, err error) {
	d, err := p.discover(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	f = Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
	c := p.config(d, redirect)
	return c.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// Finish takes what somebody came back with and says who they are. Errors are
// *Refusal.
func (p *Provider) Finish(ctx context.Context, f Flow, answer url.Values) (Person, error) {
	if f.State == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(f.State)) != 1 {
		return Person{}, refuse(nil, "This answer belongs to another login than the one that this browser began last. Log in again.")
	}
	if iss := answer.Get("iss"); iss != "" && iss != p.o.Issuer {
		return Person{}, refuse(nil, "This answer comes from another identity provider. Log in again.")
	}
	switch answer.Get("error") {
	case "":
	case "access_denied":
		return Person{}, refuse(nil, "The identity provider did not let you in. Ask whoever runs it.")
	case "temporarily_unavailable", "server_error":
		return Person{}, refuse(nil, "The identity provider is in trouble. Try again in a while.")
	default:
		return Person{}, refuse(nil, "The identity provider refused this login. Log in again; if that does not help, tell an admin.")
	}
	d, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), 2*patience)
	defer cancel()
	c := p.config(d, f.Redirect)
	token, err := c.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Person{}, p.exchangeRefused(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := d.Verifier(&oidc.Config{ClientID: p.o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Person{}, tokenRefused(err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return Person{}, refuse(nil, "What the identity provider says belongs to another login, so nobody was logged in. Log in again.")
	}
	return p.person(ctx, d, id, token)
}

// Package oidc asks an OpenID Connect provider who somebody is: code flow with
// PKCE, state and nonce, by the endpoints that the provider's discovery names.
// It decides nothing: what a person may do is for package auth to say.
//
// A provider is believed as far as its signature goes. What it answers is
// bounded in size and time, redirects are not followed, and of what it says
// only the subject, a name and the groups are read.
package oidc

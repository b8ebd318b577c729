package vault

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"volundr/store"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// minSecret is the shortest value that is looked for, in bytes: shorter ones
// stand in texts by chance.
const minSecret = 8

// secrets are what Redact takes out, by whose they are.
type secrets struct {
	known  map[whose]map[string]bool // in all the ways in which they are written
	sight  map[string][]string       // of a user: the tenants whose shared ones their sessions may hold
	cuts   map[string]*cut           // of a user, made of these when it is needed
	loaded bool
	retry  time.Time // not asked again before: the key was out of reach
}

// whose are secrets: a user's wherever they are, shared with all of a tenant, or
// (nobody's) of the daemon's environment.
type whose struct{ user, tenant string }

// cut takes secrets out of a text.
type cut struct {
	forms []string // the longest first
	swap  *strings.Replacer
}

func (c *cut) out(text string) string {
	for _, f := range c.forms {
		if strings.Contains(text, f) {
			return c.swap.Replace(text)
		}
	}
	return text
}

// Redact takes out of texts of somebody's sessions every value that these may
// hold: their own, those shared with their tenant, and those of the daemon's
// environment; as it is, as URLs, JSON and shells write it, and in base64. Values
// that were replaced or deleted are taken out until the daemon ends. Those of
// others are not: by what is missing in a text nobody finds out that a guess was
// right, and nobody blackens the records of others by what they store.
func (v *Vault) Redact(of store.Principal) func(text string) string {
	return func(text string) string { return v.cut(of).out(text) }
}

func (v *Vault) cut(of store.Principal) *cut {
	v.secretsMu.Lock()
	defer v.secretsMu.Unlock()
	s := &v.secrets
	if !s.loaded && time.Now().After(s.retry) {
		v.secretsMu.Unlock()
		if err := v.LearnSecrets(context.Background()); err != nil {
			v.Log.Warn("Credentials could not be read to be kept out of records", "error", err)
		}
		v.secretsMu.Lock()
	}
	if !slices.Contains(s.sight[of.UserID], of.TenantID) { // who is moved has what their sessions got before
		s.sight[of.UserID] = append(s.sight[of.UserID], of.TenantID)
		delete(s.cuts, of.UserID)
	}
	c, ok := s.cuts[of.UserID]
	if !ok {
		c = s.cut(of.UserID)
		s.cuts[of.UserID] = c
	}
	return c
}

// cut is made of what a user's sessions may hold.
func (s *secrets) cut(user string) *cut {
	theirs := []whose{{}, {user: user}}
	for _, tenant := range s.sight[user] {
		theirs = append(theirs, whose{tenant: tenant})
	}
	c := &cut{}
	for _, w := range theirs {
		c.forms = slices.AppendSeq(c.forms, maps.Keys(s.known[w]))
	}
	slices.SortFunc(c.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	c.forms = slices.Compact(c.forms)
	var pairs []string
	for _, f := range c.forms {
		pairs = append(pairs, f, Redacted)
	}
	c.swap = strings.NewReplacer(pairs...)
	return c
}

// LearnSecrets reads all credentials, so that Redact knows them.
func (v *Vault) LearnSecrets(ctx context.Context) error {
	err := v.readSecrets(ctx)
	v.secretsMu.Lock()
	defer v.secretsMu.Unlock()
	if v.secrets.loaded = err == nil; err != nil {
		v.secrets.retry = time.Now().Add(10 * time.Second)
	}
	return err
}

func (v *Vault) readSecrets(ctx context.Context) error {
	for _, p := range v.providers {
		for _, e := range p.env {
			v.learn(whose{}, e.text)
		}
	}
	for _, name := range []string{"GITHUB_TOKEN", "GITLAB_TOKEN"} { // of forges
		v.learn(whose{}, v.Env(name))
	}
	rows, err := v.DB.AllCredentials(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		values, err := v.open(ctx, row)
		if err != nil {
			return err
		}
		v.learnAll(ownerOf(row), row.Type, values)
	}
	return nil
}

// learnAll has the secret values of an owner's credential redacted from now on.
func (v *Vault) learnAll(owner store.Principal, typ string, values Values) {
	w := whose{user: owner.UserID}
	if owner == everybody(owner) {
		w = whose{tenant: owner.TenantID}
	}
	for k, text := range values {
		if typ == TLSCert && k == "certificate" || typ == SSHKey && k == "public_key" {
			continue // shown to everybody
		}
		v.learn(w, text)
		if u, err := url.Parse(strings.TrimSpace(text)); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				v.learn(w, password)
			}
		}
	}
}

func (v *Vault) learn(w whose, value string) {
	forms := formsOf(strings.TrimSpace(value))
	v.secretsMu.Lock()
	defer v.secretsMu.Unlock()
	s := &v.secrets
	if s.known[w] == nil {
		s.known[w] = map[string]bool{}
	}
	for _, f := range forms {
		if !s.known[w][f] {
			s.known[w][f] = true
			clear(s.cuts)
		}
	}
}

// formsOf are the ways in which a value is written.
func formsOf(value string) (forms []string) {
	add := func(f string) {
		if len(f) >= minSecret && !slices.Contains(forms, f) {
			forms = append(forms, f)
		}
	}
	if len(value) < minSecret {
		return nil
	}
	add(value)
	add(url.QueryEscape(value))
	add(url.PathEscape(value))
	quoted, _ := json.Marshal(value) // of a string: never fails
	add(string(quoted[1 : len(quoted)-1]))
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// The value may begin at any place within what was encoded: only the
		// digits that are all its own are looked for.
		for before := range 3 {
			digits := enc.EncodeToString(append(make([]byte, before), value...))
			add(digits[(before*8+5)/6 : (before+len(value))*8/6])
		}
	}
	if lines := strings.Split(value, "\n"); len(lines) > 1 { // a key in a file
		for _, l := range lines {
			if l = strings.TrimSpace(l); len(l) >= 32 && !strings.HasPrefix(l, "-----") {
				add(l)
			}
		}
	}
	return forms
}

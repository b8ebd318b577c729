package vault

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// minSecret is the shortest value that is looked for, in bytes: shorter ones
// stand in texts by chance.
const minSecret = 8

// secrets are what Redact takes out.
type secrets struct {
	forms  []string // the longest first
	swap   *strings.Replacer
	known  map[string]bool
	loaded bool
	retry  time.Time // not asked again before: the key was out of reach
}

// Redact takes every value that the vault knows out of a text: as it is, as URLs,
// JSON and shells write it, and in base64. Values that were replaced or deleted
// are taken out until the daemon ends.
func (v *Vault) Redact(text string) string {
	v.secretsMu.Lock()
	if !v.secrets.loaded && time.Now().After(v.secrets.retry) {
		v.secretsMu.Unlock()
		if err := v.LearnSecrets(context.Background()); err != nil {
			v.Log.Warn("Credentials could not be read to be kept out of records", "error", err)
		}
		v.secretsMu.Lock()
	}
	forms, swap := v.secrets.forms, v.secrets.swap
	v.secretsMu.Unlock()
	for _, f := range forms {
		if strings.Contains(text, f) {
			return swap.Replace(text)
		}
	}
	return text
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
			v.learn(e.text)
		}
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
		v.learnAll(row.Type, values)
	}
	return nil
}

// learnAll has the secret values of a credential redacted from now on.
func (v *Vault) learnAll(typ string, values Values) {
	for k, text := range values {
		if typ == TLSCert && k == "certificate" || typ == SSHKey && k == "public_key" {
			continue // shown to everybody
		}
		v.learn(text)
		if u, err := url.Parse(strings.TrimSpace(text)); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				v.learn(password)
			}
		}
	}
}

func (v *Vault) learn(value string) {
	forms := formsOf(strings.TrimSpace(value))
	v.secretsMu.Lock()
	defer v.secretsMu.Unlock()
	if v.secrets.known == nil {
		v.secrets.known = map[string]bool{}
	}
	n := len(v.secrets.known)
	for _, f := range forms {
		v.secrets.known[f] = true
	}
	if len(v.secrets.known) == n {
		return
	}
	all := make([]string, 0, len(v.secrets.known))
	for f := range v.secrets.known {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, f := range all {
		pairs = append(pairs, f, Redacted)
	}
	v.secrets.forms, v.secrets.swap = all, strings.NewReplacer(pairs...)
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

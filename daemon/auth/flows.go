package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"volundr/daemon/auth/oidc"
)

// flowLife is how long somebody may take to log in at the provider.
const flowLife = 10 * time.Minute

// flow is one login by a provider between its two halves.
type flow struct {
	oidc.Flow
	Next string    `json:"to"`
	End  time.Time `json:"e"`
}

// flows keep what a login remembers with the browser that began it, sealed.
// Nothing of logins that were begun is kept here: as many as anybody likes cost
// nothing, and a restart of the daemon loses none.
type flows struct{ seal cipher.AEAD }

func newFlows(token string) flows {
	key := sha256.Sum256([]byte("volundr login flows v1\n" + token))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // of keys of another length only
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // of other block sizes only
	}
	return flows{seal}
}

func (f flows) close(what flow) (string, error) {
	raw, err := json.Marshal(what)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, f.seal.NonceSize())
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(f.seal.Seal(nonce, nonce, raw, nil)), nil
}

func (f flows) open(text string) (what flow, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < f.seal.NonceSize() {
		return flow{}, false
	}
	raw, err = f.seal.Open(nil, raw[:f.seal.NonceSize()], raw[f.seal.NonceSize():], nil)
	if err != nil || json.Unmarshal(raw, &what) != nil {
		return flow{}, false
	}
	return what, time.Now().Before(what.End)
}

// flowCookie is Lax: it has to come along when the provider's page leads back.
func (a *Auth) flowCookie(r *http.Request, value string, age time.Duration) *http.Cookie {
	c := a.cookie(r, value, int(age/time.Second))
	c.Name, c.SameSite = a.flowName(r), http.SameSiteLaxMode
	return c
}

func (a *Auth) flowName(r *http.Request) string { return a.cookieName(r) + "-flow" }

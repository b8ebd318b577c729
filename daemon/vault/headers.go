package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Headers of a session's request that go on to a provider. Everything else,
// credentials, cookies and where it came from above all, stays here.
var (
	passed = map[string]bool{
		"Accept": true, "Content-Type": true, "Content-Encoding": true, "User-Agent": true, "X-App": true,
		"Openai-Beta": true, "Originator": true, "Session_id": true, "Session-Id": true, "Conversation_id": true, "Version": true,
		"Anthropic-Version": true, "Anthropic-Beta": true, "Anthropic-Dangerous-Direct-Browser-Access": true,
		"X-Client-Request-Id": true, "Idempotency-Key": true,
	}
	passedPrefixes = []string{"X-Stainless-", "X-Codex-", "X-Claude-Code-"}

	// Headers of a provider's answer that stay here.
	kept = []string{
		"Set-Cookie", "Set-Cookie2", "Location", "Content-Location", "Refresh", "Alt-Svc", "Clear-Site-Data", "Strict-Transport-Security",
		"Www-Authenticate", "Proxy-Authenticate", "Proxy-Authentication-Info", "Authentication-Info", "Nel", "Report-To", "Via",
	}
)

const (
	maxHeader = 8 << 10  // of one header that goes on
	maxError  = 64 << 10 // of an error's body, which is searched for the key
)

// sent gives the headers that go on.
func sent(in http.Header) http.Header {
	out := http.Header{}
	for name, values := range in {
		ok := passed[name]
		for _, prefix := range passedPrefixes {
			ok = ok || strings.HasPrefix(name, prefix)
		}
		for _, v := range values {
			if ok && len(v) <= maxHeader {
				out.Add(name, v)
			}
		}
	}
	if out.Get("User-Agent") == "" {
		out.Set("User-Agent", "volundr")
	}
	out.Set("Accept-Encoding", "identity") // so that an error can be searched
	return out
}

// received takes out of an answer what the session must not have.
func received(res *http.Response, at *provider, k key) error {
	for _, name := range kept {
		res.Header.Del(name)
	}
	for name, values := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") || holds(strings.Join(values, "\n"), k) {
			res.Header.Del(name)
		}
	}
	if res.StatusCode < 300 {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxError))
	res.Body.Close()
	if err != nil {
		return err
	}
	if k.text != "" {
		b = bytes.ReplaceAll(b, []byte(k.text), []byte("[key]"))
	}
	if res.StatusCode == http.StatusUnauthorized {
		if b, err = json.Marshal(at.problem(res.StatusCode, at.refused(res.StatusCode, k, words(b)))); err != nil {
			return err
		}
		res.Header.Set("Content-Type", "application/json")
		res.Header.Set("X-Should-Retry", "false")
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	res.TransferEncoding = nil
	res.Header.Set("Content-Length", fmt.Sprint(len(b)))
	return nil
}

// words are what a provider says in an error's body.
func words(body []byte) string {
	var said struct{ Error json.RawMessage }
	var plain string
	var full struct{ Message string }
	if json.Unmarshal(body, &said) != nil || json.Unmarshal(said.Error, &plain) != nil && json.Unmarshal(said.Error, &full) != nil {
		return ""
	}
	text := strings.Join(strings.Fields(plain+full.Message), " ")
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

func holds(s string, k key) bool { return k.text != "" && strings.Contains(s, k.text) }

// reason is why a provider was not reached, without addresses of proxies or
// anything of the request.
func reason(err error) string {
	var inner = err
	for next := errors.Unwrap(inner); next != nil; next = errors.Unwrap(inner) {
		inner = next
	}
	text := strings.Join(strings.Fields(inner.Error()), " ")
	if len(text) > 200 {
		text = text[:200]
	}
	return strings.TrimRight(text, ".")
}

package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// caller asks one forge about one repository.
type caller struct {
	at    Place
	token token
	http  *http.Client
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 8 << 20

// answer is one that is no success.
type answer struct {
	status int
	words  string // what the forge says, one line
}

func (a *answer) Error() string { return fmt.Sprintf("%d %s", a.status, a.words) }

// call sends in as JSON and reads the answer into out (nil: ignored). Its error
// is an *answer or a sentence.
func (c caller) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	address := c.at.API + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return said(ErrUnavailable, "The address of %s cannot be used. Check git.forges in config.yaml.", c.at.Title())
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "volundr")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.at.Kind == GitHub {
		req.Header.Set("Accept", "application/vnd.github+json")
		req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	}
	req.Header.Set("Authorization", "Bearer "+string(c.token))
	res, err := c.http.Do(req)
	if err != nil {
		return c.away(ctx, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return c.away(ctx, err)
	case len(raw) > maxAnswer:
		return said(ErrUnavailable, "%s answered with more than %d MiB.", c.at.Title(), maxAnswer>>20)
	case res.StatusCode >= 300:
		return &answer{res.StatusCode, words(raw)}
	case out == nil:
		return nil
	}
	if json.Unmarshal(raw, out) != nil {
		return said(ErrUnavailable, "%s answered with something else than its API does. Check the API's address in git.forges of config.yaml.", c.at.Title())
	}
	return nil
}

// away is the sentence for a forge that was not reached. The error itself may
// hold more than its reader should know.
func (c caller) away(ctx context.Context, err error) error {
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return said(ErrUnavailable, "%s did not answer in time. Try again later.", c.at.Title())
	}
	return said(ErrUnavailable, "%s could not be reached. Check the network, and try again.", c.at.Title())
}

// words are what a forge says of a refusal, as one line: GitHub's message and
// errors, GitLab's message or error, each a text or something around texts.
func words(raw []byte) string {
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		return ""
	}
	var all []string
	for _, key := range []string{"message", "error", "error_description", "errors"} {
		all = append(all, texts(body[key])...)
	}
	line := strings.Join(strings.Fields(strings.Join(all, "; ")), " ")
	return strings.TrimRight(strings.ToValidUTF8(line[:min(len(line), 300)], ""), ". ")
}

func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	case map[string]any:
		if m, ok := v["message"].(string); ok {
			return []string{m}
		}
		for k, e := range v {
			if k != "resource" && k != "code" && k != "field" && k != "documentation_url" {
				all = append(all, texts(e)...)
			}
		}
	}
	return all
}

// refused turns an *answer into a sentence; what names what was wanted, such as
// "the pull request #3". Other errors stay.
func (c caller) refused(err error, what string) error {
	var a *answer
	if !errors.As(err, &a) {
		return err
	}
	because := ""
	if a.words != "" {
		because = ": " + a.words
	}
	code := strconv.Itoa(a.status)
	switch {
	case a.status == http.StatusUnauthorized:
		return said(ErrRefused, "%s refused the token (%s%s). Store another one with `volundr credentials set %s`.", c.at.Title(), code, because, or(c.at.credential, c.at.Kind))
	case a.status == http.StatusForbidden && strings.Contains(strings.ToLower(a.words), "rate limit"), a.status == http.StatusTooManyRequests:
		return said(ErrUnavailable, "%s has had too many requests with this token. Try again later.", c.at.Title())
	case a.status == http.StatusForbidden:
		return said(ErrRefused, "The token has no right to %s at %s (%s%s). Give it write access to pull requests of %s, or store another one with `volundr credentials set %s`.",
			what, c.at.Title(), code, because, c.at.Path, or(c.at.credential, c.at.Kind))
	case a.status == http.StatusNotFound:
		return said(ErrNotFound, "%s knows no %s, or the token may not see it. Check the repository %s and the token's rights.", c.at.Title(), what, c.at.Path)
	case a.status >= 300 && a.status < 400:
		return said(ErrUnavailable, "%s says that %s has moved. Use its new address.", c.at.Title(), c.at.Path)
	case a.status == http.StatusConflict, a.status == http.StatusMethodNotAllowed, a.status == http.StatusNotAcceptable,
		a.status == http.StatusUnprocessableEntity, a.status == http.StatusBadRequest:
		return said(ErrConflict, "%s did not take it (%s%s).", c.at.Title(), code, because)
	}
	return said(ErrUnavailable, "%s answered %s%s. Try again later.", c.at.Title(), code, because)
}

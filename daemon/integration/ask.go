package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// question is a test under way.
type question struct {
	ctx        context.Context
	entry      Entry
	base       string
	key        string
	credential string
	config     map[string]string
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 1 << 20

// client follows no redirect: a key is for the host that it was given for.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// ask sends one request, a POST where there is a body, and reads the answer into
// out. Its error is a *Refused.
func (q question) ask(path, authorization string, body, out any) error {
	method, sent := http.MethodGet, io.Reader(nil)
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, sent = http.MethodPost, bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(q.ctx, method, q.base+path, sent)
	if err != nil {
		return refused("The address of %s cannot be used.", q.entry.Name)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "volundr")
	req.Header.Set("Authorization", authorization)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		return q.away(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return q.away(err)
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return q.no(res.StatusCode)
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500:
		return refused("%s answered %d. Try again later.", q.entry.Name, res.StatusCode)
	case res.StatusCode >= 300, json.Unmarshal(raw, out) != nil:
		return refused("%s (%s) did not answer as its API does (%d). Check the address.", q.entry.Name, req.URL.Host, res.StatusCode)
	}
	return nil
}

// no is the sentence for a key that is not taken.
func (q question) no(status int) error {
	return refused("%s refused the key (%d). Store another with `volundr credentials set %s`.", q.entry.Name, status, q.credential)
}

// away is the sentence for a service that was not reached. The error itself may
// hold more than its reader should know.
func (q question) away(err error) error {
	var timeout net.Error
	if q.ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return refused("%s did not answer in time. Try again later.", q.entry.Name)
	}
	return refused("%s could not be reached. Check the network and the address, and try again.", q.entry.Name)
}

func gitHub(q question) (a Account, err error) {
	var me struct{ Login, Company string }
	err = q.ask("/user", "Bearer "+q.key, nil, &me)
	return Account{me.Login, me.Company}, err
}

func gitLab(q question) (a Account, err error) {
	var me struct{ Username string }
	err = q.ask("/user", "Bearer "+q.key, nil, &me)
	return Account{User: me.Username}, err
}

func linear(q question) (a Account, err error) {
	var me struct {
		Data struct {
			Viewer       struct{ Name, Email string }
			Organization struct{ Name string }
		}
		Errors []json.RawMessage
	}
	show := q.key // a personal key stands there alone
	if !strings.HasPrefix(show, "lin_api_") {
		show = "Bearer " + show
	}
	err = q.ask("/graphql", show, map[string]string{"query": "{ viewer { name email } organization { name } }"}, &me)
	if err == nil && len(me.Errors) > 0 {
		err = q.no(http.StatusOK)
	}
	user := me.Data.Viewer.Email
	if user == "" {
		user = me.Data.Viewer.Name
	}
	return Account{user, me.Data.Organization.Name}, err
}

func jira(q question) (a Account, err error) {
	var me struct {
		DisplayName string `json:"displayName"`
	}
	basic := base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(q.config["email"]) + ":" + q.key))
	err = q.ask("/rest/api/3/myself", "Basic "+basic, nil, &me)
	site, _ := url.Parse(q.base) // CheckURL took it
	return Account{me.DisplayName, site.Host}, err
}

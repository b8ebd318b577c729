package vault

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// provider is one company's models, or a compatible server in its place.
type provider struct {
	name  string
	title string
	base  *url.URL
	// gateway: base is not the provider's own address.
	gateway bool
	// wrong says why requests cannot go out at all.
	wrong string
	env   []envKey

	routes  map[string]route // by method and path under /models/<name>
	problem func(status int, message string) any
}

// route is one request that may go out.
type route struct {
	path  string   // below base
	query []string // names that may stand in the query
}

// envKey is a variable of the daemon's environment that holds a key.
type envKey struct {
	name string
	how  how
	text string
}

// how a key is shown to the provider.
type how int

const (
	asKey    how = iota // x-api-key, or Bearer where that is all there is
	asBearer            // Authorization: Bearer
	asOAuth             // Authorization: Bearer of a subscription, with its beta header
)

func providers(gateways map[string]string, env func(string) string) map[string]*provider {
	a := &provider{
		name: "anthropic", title: "Anthropic",
		env: []envKey{{"ANTHROPIC_API_KEY", asKey, ""}, {"ANTHROPIC_AUTH_TOKEN", asBearer, ""}, {"CLAUDE_CODE_OAUTH_TOKEN", asOAuth, ""}},
		routes: map[string]route{
			"POST /v1/messages":              {"/v1/messages", []string{"beta"}},
			"POST /v1/messages/count_tokens": {"/v1/messages/count_tokens", []string{"beta"}},
			"GET /v1/models":                 {"/v1/models", []string{"beta", "limit", "after_id", "before_id"}},
		},
		problem: anthropicProblem,
	}
	o := &provider{
		name: "openai", title: "OpenAI",
		env: []envKey{{"OPENAI_API_KEY", asBearer, ""}},
		routes: map[string]route{ // its base URL ends in /v1
			"POST /v1/responses": {"/responses", nil},
			"GET /v1/models":     {"/models", []string{"client_version"}},
		},
		problem: openaiProblem,
	}
	a.at("https://api.anthropic.com", gateways[a.name], env("ANTHROPIC_BASE_URL"))
	o.at("https://api.openai.com/v1", gateways[o.name], env("OPENAI_BASE_URL"))
	for _, p := range []*provider{a, o} {
		for i, e := range p.env {
			p.env[i].text = strings.TrimSpace(env(e.name))
		}
	}
	return map[string]*provider{a.name: a, o.name: o}
}

// at sets the base URL: the provider's own unless another is given.
func (p *provider) at(own string, others ...string) {
	p.base, _ = url.Parse(own)
	for _, other := range others {
		other = strings.TrimRight(strings.TrimSpace(other), "/")
		if other == "" || other == own {
			continue
		}
		p.gateway = true
		base, err := url.Parse(other)
		if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" ||
			(base.Scheme != "https" && base.Scheme != "http") {
			p.wrong = fmt.Sprintf("The gateway for %s is not a base URL. It looks like https://host/path, without user, query or fragment.", p.title)
			return
		}
		if base.Scheme == "http" && !loopback(base.Hostname()) {
			p.wrong = fmt.Sprintf("The gateway for %s, %s, would get keys in clear. Use https; http is for this machine alone.", p.title, base.Host)
			return
		}
		p.base = base
		return
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// target is where a request goes, from nothing but its method, the path below
// /models/<provider> as it was sent, and its query; ok is false when it may not
// go anywhere. known is false when no method may ask for the path.
func (p *provider) target(method, path, query string) (u *url.URL, ok, known bool) {
	r, ok := p.routes[method+" "+path]
	if !ok {
		for key := range p.routes {
			_, there, _ := strings.Cut(key, " ")
			known = known || there == path
		}
		return nil, false, known
	}
	out := *p.base
	out.Path = strings.TrimRight(out.Path, "/") + r.path
	out.RawPath = ""
	out.RawQuery = r.allowed(query)
	return &out, true, true
}

var queryValue = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// allowed writes the query anew with the parameters that may be asked.
func (r route) allowed(query string) string {
	given, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	out := url.Values{}
	for _, k := range r.query {
		if v := given[k]; len(v) == 1 && queryValue.MatchString(v[0]) {
			out.Set(k, v[0])
		}
	}
	return out.Encode()
}

func anthropicProblem(status int, message string) any {
	kind := map[int]string{
		http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
		http.StatusMethodNotAllowed: "invalid_request_error", http.StatusBadRequest: "invalid_request_error",
		http.StatusRequestEntityTooLarge: "request_too_large",
	}[status]
	if kind == "" {
		kind = "api_error"
	}
	return map[string]any{"type": "error", "error": map[string]any{"type": kind, "message": message}}
}

func openaiProblem(status int, message string) any {
	kind, code := "server_error", any(nil)
	switch {
	case status == http.StatusUnauthorized:
		kind, code = "invalid_request_error", "invalid_api_key"
	case status < 500:
		kind = "invalid_request_error"
	}
	return map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": code}}
}

package vault

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A provider is asked for nothing that costs, with the key that sessions use,
// and what it says is remembered as if a session had asked.
func TestAKeyIsCheckedAtItsProvider(t *testing.T) {
	for name, c := range map[string]struct {
		provider string
		answer   http.HandlerFunc
		env      map[string]string
		problem  string
		asked    string // path, and the header that holds the key
	}{
		"taken":        {"anthropic", fine, map[string]string{"ANTHROPIC_API_KEY": canary}, "", "/v1/models X-Api-Key"},
		"OpenAI's":     {"openai", fine, map[string]string{"OPENAI_API_KEY": canary}, "", "/v1/models Authorization"},
		"subscription": {"anthropic", fine, map[string]string{"CLAUDE_CODE_OAUTH_TOKEN": canary}, "", "/v1/models Authorization"},
		"no provider":  {"song", fine, nil, "There is no provider song.", ""},
		"refused": {"anthropic", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":{"message":"invalid `+canary+`"}}`)
		}, map[string]string{"ANTHROPIC_API_KEY": canary}, "refused the key (401: invalid [key])", "/v1/models X-Api-Key"},
		"out of order": {"openai", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			map[string]string{"OPENAI_API_KEY": canary}, "answered 502, so it is not known", "/v1/models Authorization"},
		"elsewhere": {"openai", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			map[string]string{"OPENAI_API_KEY": canary}, "answered 302", "/v1/models Authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t, c.answer)
			v := newPlace(t).vault(&ring{}, towards(u, c.env))
			s := v.Check(t.Context(), anna, c.provider)
			if c.problem == "" && s.Problem != "" || !strings.Contains(s.Problem, c.problem) || strings.Contains(s.Problem, canary) {
				t.Errorf("%q", s.Problem)
			}
			var asked string
			for _, r := range u.requests() {
				asked = r.URL.Path
				for _, header := range []string{"X-Api-Key", "Authorization"} {
					if strings.Contains(r.Header.Get(header), canary) {
						asked += " " + header
					}
				}
			}
			if asked != c.asked || len(u.requests()) > 1 {
				t.Errorf("asked %q, %d times", asked, len(u.requests()))
			}
			if later := v.KeyStatus(t.Context(), anna, c.provider).Problem; name == "refused" && later == "" || name == "taken" && later != "" {
				t.Errorf("later: %q", later)
			}
		})
	}
	u := newUpstream(t, fine)
	u.Close()
	v := newPlace(t).vault(&ring{}, towards(u, map[string]string{"OPENAI_API_KEY": canary}))
	if s := v.Check(t.Context(), anna, "openai"); !strings.Contains(s.Problem, "could not be reached") {
		t.Errorf("gone: %q", s.Problem)
	}
}

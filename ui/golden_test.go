package ui

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

var update = flag.Bool("update", false, "write the golden files anew")

// pages are all pages, by the name of their golden file.
func pages() map[string]templ.Component {
	all := sessions()
	return map[string]templ.Component{
		"dashboard":       DashboardPage(dashboard()),
		"dashboard-empty": DashboardPage(NewDashboard(shell(""), List{}, nil, client.Stats{}, nil)),
		"dashboard-many":  DashboardPage(manyDashboard()),
		"trouble":         DashboardPage(NewDashboard(troubled(""), listOf(all[:2]...), nil, client.Stats{}, nil)),
		"trouble-session": SessionView(troubledSession(all[0])),
		"image-building":  DashboardPage(Dashboard{Shell: Shell{Now: now, Image: &Progress{Step: 3, Steps: 7, Text: "code-server"}}}),
		"image-failed":    DashboardPage(Dashboard{Shell: Shell{Now: now, Image: &Progress{Failed: true, Text: "Step 4/7 failed: npm did not answer.", Lines: []string{"npm ERR! network"}}}}),
		"chat":            SessionView(sessionPage(all[1], "chat")),
		"failed":          SessionView(sessionPage(all[2], "chat")),
		"starting":        SessionView(sessionPage(all[3], "editor")),
		"diffs":           SessionView(diffsPage(all[0], false)),
		"diffs-split":     SessionView(diffsPage(all[0], true)),
		"diffs-pr":        requested(all[0]),
		"diffs-repos":     SessionView(severalDiffs(all[0])),
		"rewind":          Rewind(rewindPage()),
		"timeline":        SessionView(timelineSession(all[0])),
		"chronicle":       ChronicleView(chroniclePage()),
		"chronicle-repos": ChronicleView(severalChronicle()),
		"chronicles":      Chronicles(ChroniclesPage{Shell: shell("Chronicles"), List: tales(), Projects: []string{"billing", "website"}, Models: []string{"claude-sonnet-4-6"}}),
		"chronicles-hits": Chronicles(ChroniclesPage{Shell: shell("Chronicles"), Query: "round", Projects: []string{"billing"}, Hits: []client.ChronicleHit{
			{Chronicle: tales()[0], Event: &tale3().Events[2], Snippet: []client.Piece{{Text: "go test ./"}, {Text: "invoice", Hit: true}, {Text: "/..."}}}, {Chronicle: tales()[0], Snippet: []client.Piece{{Text: "Round", Hit: true}, {Text: " once"}}}}}),
		"logs":               SessionView(sessionPage(all[0], "logs")),
		"preview":            SessionView(sessionPage(all[0], "preview")),
		"credentials":        Credentials(credentialsPage()),
		"credentials-shared": Credentials(sharedPage()),
		"chat-watched":       SessionView(watchedSession(all[1])),
		"integrations":       Integrations(integrationsPage()),
		"presets":            Presets(presetsPage()),
		"prompts":            Prompts(promptsPage()),
		"tokens":             Tokens(tokensPage()),
		"users":              Users(usersPage()),
		"users-of":           Users(usersOfPage()),
		"tenants":            Tenants(tenantsPage()),
		"logins":             Logins(loginsPage()),
		"trusts":             Trusts(trustsPage()),
		"new-brought":        NewSessionPage(broughtPage()),
		"new-unusable":       NewSessionPage(unusablePage()),
		"audit":              Audit(auditPage()),
		"audit-of":           Audit(auditOfPage()),
		"reference":          ReferencePage(referencePage()),
		"new":                NewSessionPage(newPage()),
		"new-text":           NewSessionPage(textPage()),
		"new-several":        NewSessionPage(severalPage()),
		"delete":             Confirm(confirmPage("delete")),
		"stop":               Confirm(confirmPage("stop")),
		"found-delete":       FoundDelete(FoundPage{Shell: shell("Delete"), Found: dashboard().Found[0]}),
		"error":              Failure(ErrorPage{Shell: shell("Not found"), Status: 404, Detail: "There is no such session. It may have been deleted."}),
		"login":              Login(LoginPage{Shell: shell("Log in"), Reason: "This link has been used already."}),
		"login-oidc":         Login(LoginPage{Shell: shell("Log in"), Provider: "Acme <ID>", Next: "/sessions/a?tab=chat"}),
		"share": Sharing(SharePage{Shell: shell("Share"), Session: all[0], Shares: []client.Share{{UserID: "ann", DisplayName: "Ann", CreatedAt: now.Add(-time.Hour)}},
			Problem: "User not found: bert", Name: "bert"}),
		"about": About(AboutPage{Shell: shell("About"), Status: client.Status{Version: "1.0.0", Runtime: "docker", UIURL: "http://volundr-abcdefgh.localhost:7420", URL: "http://127.0.0.1:7420", TokenFile: "/home/you/.config/volundr/token", PID: 4711},
			Findings: []client.Finding{{Name: "Docker engine", Status: "ok", Detail: "20.10.24 at unix:///var/run/docker.sock, from DOCKER_HOST"}, {Name: "Disk", Status: "warning", Detail: "4 GB free where the engine keeps its data", Advice: "Free some space: a session image takes 1.4 GB."}, {Name: "Model key", Status: "error", Detail: "There is none for Anthropic.", Advice: "Run `volundr credentials set anthropic`."}}}),
	}
}

// Each page that there is stands in pages, and so is looked at, by axe-core too.
func TestEveryPageIsAmongThem(t *testing.T) {
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	tests, err := os.ReadFile("golden_test.go")
	if err != nil {
		t.Fatal(err)
	}
	begins := regexp.MustCompile(`(?s)\ntempl (\w+)\([^\n]*\{\n\t@Layout\(`)
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range begins.FindAllStringSubmatch(string(text), -1) {
			if n++; !strings.Contains(string(tests), " "+m[1]+"(") {
				t.Errorf("%s: the page %s is looked at by no test", file, m[1])
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d pages were found", n)
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

var fingerprint = regexp.MustCompile(`/assets/[0-9a-f]{12}/`)

// Pages are what they were, down to the byte; their looks change on purpose.
func TestPagesAreTheirGoldenFiles(t *testing.T) {
	for name, page := range pages() {
		t.Run(name, func(t *testing.T) {
			html, err := Render(t.Context(), page)
			if err != nil {
				t.Fatal(err)
			}
			got := fingerprint.ReplaceAllString(html, "/assets/x/") + "\n"
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got (go test ./ui -update writes it anew)\n%s", diff)
			}
		})
	}
}

package api

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// A question of the agent has buttons for who can answer it; who looks only is
// told who that is, on the page, in the live chat and in the inbox.
func TestWhoLooksOnlySeesAQuestionWithoutButtons(t *testing.T) {
	w := newWorld(t)
	s := w.asking("asks", permission(t, "q1", "touch x", `{"command":"touch x"}`))
	w.link(s)
	admin, ann, vic := w.person("local", "default", store.RoleAdmin), w.person("ann", "default", store.RoleDeveloper), w.person("vic", "default", store.RoleViewer)
	for _, x := range []who{ann, vic} {
		if _, err := w.db.ShareSession(t.Context(), auth.Local, s.ID, x.p.UserID); err != nil {
			t.Fatal(err)
		}
	}
	told := store.Chronicle{ID: uuid.NewString(), SessionID: s.ID, Run: 1, Name: "asks", OwnerID: s.OwnerID, TenantID: s.TenantID, Config: []byte(`{}`)}
	if err := w.db.OpenChronicle(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		x       who
		buttons bool
	}{{admin, true}, {ann, false}, {vic, false}} {
		chat := w.dialAs(c.x, s.ID, client.PageProtocol)
		_, page := w.asks(c.x, "GET", "/sessions/"+s.ID)
		for where, text := range map[string]string{"page": page, "chat": w.hears(chat, "May the agent")} {
			text = strings.ReplaceAll(text, `\"`, `"`)
			if strings.Contains(text, `name="option" value="yes"`) != c.buttons || strings.Contains(text, "You look only: local or an admin can answer.") == c.buttons || !strings.Contains(text, "touch x") {
				t.Errorf("%s: %s: %s", c.x.name, where, text)
			}
		}
		if _, page := w.asks(c.x, "GET", "/chronicles/"+told.ID); !strings.Contains(page, "<h1>"+told.Name) || strings.Contains(page, `/reforge"`) != c.buttons {
			t.Errorf("%s: chronicle: %s", c.x.name, page)
		}
		if _, page := w.asks(c.x, "GET", "/"); strings.Contains(page, "data-new") != (c.x.name != "vic") {
			t.Errorf("%s: dashboard: %s", c.x.name, page)
		}
		if _, board := w.asks(c.x, "GET", "/board"); strings.Contains(board, "needs you") != c.buttons {
			t.Errorf("%s: inbox: %s", c.x.name, board)
		}
	}

	// Of their own, a viewer sees what waits, and no more.
	if _, err := w.db.SetRole(t.Context(), auth.Local, ann.p.UserID, store.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.SetRole(t.Context(), auth.Local, "local", store.RoleViewer); err != nil {
		t.Fatal(err)
	}
	if _, board := w.asks(admin, "GET", "/board"); !strings.Contains(board, "needs you") || strings.Contains(board, `name="option"`) || !strings.Contains(board, "You look only") {
		t.Errorf("a viewer's inbox: %s", board)
	}
}

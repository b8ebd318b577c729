package chronicle_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"volundr/daemon/chronicle"
	"volundr/daemon/chronicle/blob"
	"volundr/daemon/link"
	"volundr/store"
)

type plainly struct{ io.Writer }

func (plainly) Close() error { return nil }

func packs(t *testing.T, db *store.DB) (*chronicle.Chronicles, *blob.Blobs) {
	t.Helper()
	folder, err := blob.NewFolder(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	blobs := blob.New(blob.Options{DB: db, Place: folder,
		Seal: func(_ context.Context, w io.Writer) (io.WriteCloser, error) { return plainly{w}, nil },
		Open: func(_ context.Context, r io.Reader) (io.Reader, error) { return r, nil }})
	return chronicle.New(chronicle.Options{DB: db, Volumes: chronicle.Volumes{Blobs: blobs}}), blobs
}

// A session gets the packs that its own request names, if they are its owner's.
func TestASessionGetsItsOwnPacksOnly(t *testing.T) {
	db := open(t)
	book, blobs := packs(t, db)
	put := func(owner, text string) string {
		b, _, err := blobs.Put(t.Context(), blob.Owner{UserID: owner, TenantID: "tenant"}, strings.NewReader(text), 100)
		if err != nil {
			t.Fatal(err)
		}
		return b.Digest
	}
	mine, memory, other, foreign := put("owner", "work"), put("owner", "memory"), put("owner", "other work"), put("somebody", "foreign")
	begun := func(workspace string) string {
		raw, err := json.Marshal(map[string]any{"from": map[string]string{"workspace": workspace, "context": memory}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := db.CreateSession(t.Context(), store.Session{Name: "s", OwnerID: "owner", TenantID: "tenant", Runtime: "fake", Request: raw})
		if err != nil {
			t.Fatal(err)
		}
		return s.ID
	}
	a, b := begun(mine), begun(foreign)
	for _, c := range []struct {
		session, method, path string
		status                int
		body                  string
	}{
		{a, "GET", mine, 200, "work"},
		{a, "GET", memory, 200, "memory"},
		{a, "GET", other, 404, ""},
		{a, "GET", foreign, 404, ""},
		{b, "GET", foreign, 404, ""}, // named, but not the owner's
		{b, "GET", mine, 404, ""},
		{"", "GET", mine, 404, ""},
		{"nobody", "GET", mine, 404, ""},
		{a, "POST", mine, 404, ""},
		{a, "GET", "", 404, ""},
		{a, "GET", "../" + mine, 404, ""},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL.Path = "/blobs/" + c.path
		if c.session != "" {
			r = r.WithContext(link.WithSession(r.Context(), c.session))
		}
		w := httptest.NewRecorder()
		book.Packs().ServeHTTP(w, r)
		if w.Code != c.status || c.status == http.StatusOK && (w.Body.String() != c.body || w.Header().Get("Content-Length") != fmt.Sprint(len(c.body))) {
			t.Errorf("%+v: %d %q", c, w.Code, w.Body)
		}
	}
}

// What is told to another agent: the record and the end of the conversation, up
// to a checkpoint; the same agent remembers by itself.
func TestAnotherAgentIsTold(t *testing.T) {
	w := newWorld(t)
	book, blobs := packs(t, w.db)
	of := blob.Owner{UserID: owner.UserID, TenantID: owner.TenantID}
	workspace, release, err := blobs.Put(t.Context(), of, strings.NewReader("work"), 100)
	defer release()
	if err != nil {
		t.Fatal(err)
	}
	memory, release, err := blobs.Put(t.Context(), of, strings.NewReader("memory"), 100)
	defer release()
	if err != nil {
		t.Fatal(err)
	}
	rows := []store.TimelineEvent{}
	for i, text := range []string{"make it blue", "It is blue now.", "and now red"} {
		kind, typ := []string{"prompt", "turn"}[i%2], "message"
		data, _ := json.Marshal(map[string]string{"kind": kind, "checkpoint": map[int]string{2: "c2"}[i]})
		rows = append(rows, store.TimelineEvent{Run: 1, Key: fmt.Sprint("x", i), At: w.at, Type: typ, Label: "short", Text: text, Data: data})
	}
	if err := w.db.AppendTimeline(t.Context(), w.s.ID, 1, rows...); err != nil {
		t.Fatal(err)
	}
	c := w.chronicle()
	if err := w.db.SetTexts(t.Context(), c.ID, store.Texts{Summary: "Painted it.", Unfinished: "The door.", Author: store.AuthorAgent}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.SetPacks(t.Context(), w.s.ID, 1, store.Packs{Workspace: workspace.Digest, Context: memory.Digest, Agent: "claude"}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.CompleteChronicle(t.Context(), w.s.ID, 1, "stopped", w.at); err != nil {
		t.Fatal(err)
	}
	c = w.chronicle()
	for agent, told := range map[string]bool{"claude": false, "codex": true, "acp": true} {
		b, release, err := book.Reforge(t.Context(), chronicle.Order{Chronicle: c, Agent: agent, For: owner})
		if err != nil {
			t.Fatal(err)
		}
		release()
		if b.Workspace != workspace.Digest || (b.Context == memory.Digest) == told || (b.Briefing != "") != told {
			t.Errorf("%s: %+v", agent, b)
		}
		for _, text := range []string{"Painted it.", "The door.", "User: make it blue", "Agent: It is blue now.", "User: and now red"} {
			if told != strings.Contains(b.Briefing, text) {
				t.Errorf("%s is told %q; want %q in it: %v", agent, b.Briefing, text, told)
			}
		}
		if len(b.Briefing) > 41<<10 {
			t.Errorf("a briefing of %d bytes", len(b.Briefing))
		}
	}
}

package store

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
)

// Every method that takes a principal, asked by one who does not own the rows.
// What they return must be nothing or ErrNotFound.
func foreign(t *testing.T, db *DB, p Principal, s Session, chronicle, login string, token Token) map[string]func() (int, error) {
	ctx, name := t.Context(), "stolen"
	count := func(n int, err error) func() (int, error) { return func() (int, error) { return n, err } }
	one := func(err error) func() (int, error) {
		n := 1
		if err != nil {
			n = 0
		}
		return count(n, err)
	}
	_, session := db.Session(ctx, p, s.ID)
	sessions, sessionsErr := db.Sessions(ctx, p, SessionFilter{IncludeArchived: true})
	_, patch := db.PatchSession(ctx, p, s.ID, SessionPatch{Name: &name})
	_, wish := db.Wish(ctx, p, s.ID, WantGone)
	events, eventsErr := db.Events(ctx, p, 0, 100)
	entries, entriesErr := db.Entries(ctx, p, s.ID, 0, 0, 100)
	_, prompt := db.AddPrompt(ctx, p, Prompt{SessionID: s.ID, Blocks: json.RawMessage(`[]`)})
	stats, statsErr := db.Stats(ctx, p, time.Now())
	chronicles, chroniclesErr := db.Chronicles(ctx, p, ChronicleFilter{SessionID: s.ID})
	_, chron := db.Chronicle(ctx, p, chronicle)
	some, someErr := db.EntriesOf(ctx, p, s.ID, "note")
	_, comment := db.AddComment(ctx, p, Comment{SessionID: s.ID, Side: "new", Line: 1})
	comments, commentsErr := db.Comments(ctx, p, s.ID)
	file := must(db.AddFile(ctx, anna, File{Name: "a.txt"}))(t).ID
	box := sandbox(t, db, anna).ID
	_, oneBox := db.Sandbox(ctx, p, box)
	boxes, boxesErr := db.Sandboxes(ctx, p)
	_, extend := db.ExtendSandbox(ctx, p, box, time.Now().Add(time.Minute))
	_, end := db.EndSandbox(ctx, p, box)
	_, oneFile := db.File(ctx, p, file)
	files, filesErr := db.Files(ctx, p)
	logins, loginsErr := db.Logins(ctx, p)
	_, cred := db.Credential(ctx, p, "key")
	creds, credsErr := db.Credentials(ctx, p)
	preset := must(db.AddPreset(ctx, anna, Preset{Name: uuid.NewString(), Request: json.RawMessage(`{}`)}))(t).ID
	_, onePreset := db.Preset(ctx, p, preset)
	presets, presetsErr := db.Presets(ctx, p)
	_, changePreset := db.ChangePreset(ctx, p, preset, func(was Preset) (Preset, error) { return was, nil })
	saved := must(db.PutSavedPrompt(ctx, anna, SavedPrompt{Name: "a", Content: "b"}))(t).ID
	_, oneSaved := db.SavedPrompt(ctx, p, saved)
	prompts, promptsErr := db.SavedPrompts(ctx, p)
	tokens, tokensErr := db.Tokens(ctx, p)
	_, oneUser := db.User(ctx, p, "anna")
	_, changeSaved := db.PutSavedPrompt(ctx, p, SavedPrompt{ID: saved, Name: "a", Content: "c"})
	connected := must(db.AddIntegration(ctx, anna, Integration{Slug: "github"}))(t)
	_, oneConnected := db.Integration(ctx, p, connected.ID)
	integrations, integrationsErr := db.Integrations(ctx, p)
	_, changeConnected := db.ChangeIntegration(ctx, p, connected)
	trust := must(db.Trust(ctx, anna, "https://a/b", "h", true))(t)
	_, trusted := db.Trusted(ctx, p, trust.Repository, trust.Hash)
	trusts, trustsErr := db.Trusts(ctx, p)
	return map[string]func() (int, error){
		"Trusted": one(trusted), "Trusts": count(len(trusts), trustsErr), "ForgetTrust": one(db.ForgetTrust(ctx, p, trust.ID)),
		"Session": one(session), "Sessions": count(len(sessions), sessionsErr), "PatchSession": one(patch), "Wish": one(wish),
		"Events": count(len(events), eventsErr), "Entries": count(len(entries), entriesErr), "AddPrompt": one(prompt),
		"Stats": count(stats.Total+int(stats.TokensToday), statsErr), "Chronicles": count(len(chronicles), chroniclesErr),
		"Chronicle": one(chron), "Logins": count(len(logins), loginsErr), "DeleteLogin": one(db.DeleteLogin(ctx, p, login)),
		"EntriesOf": count(len(some), someErr), "AddComment": one(comment), "Comments": count(len(comments), commentsErr), "DeleteComments": one(db.DeleteComments(ctx, p, s.ID, "said")),
		"Sandbox": one(oneBox), "Sandboxes": count(len(boxes), boxesErr), "ExtendSandbox": one(extend), "EndSandbox": one(end),
		"File": one(oneFile), "Files": count(len(files), filesErr), "DeleteFile": one(db.DeleteFile(ctx, p, file)),
		"Credential": one(cred), "Credentials": count(len(creds), credsErr), "DeleteCredential": one(db.DeleteCredential(ctx, p, "key")),
		"Preset": one(onePreset), "Presets": count(len(presets), presetsErr), "ChangePreset": one(changePreset), "DeletePreset": one(db.DeletePreset(ctx, p, preset)),
		"Tokens": count(len(tokens), tokensErr), "DeleteToken": one(db.DeleteToken(ctx, p, token.ID)), "User": one(oneUser),
		"SavedPrompt": one(oneSaved), "SavedPrompts": count(len(prompts), promptsErr), "PutSavedPrompt": one(changeSaved), "DeleteSavedPrompt": one(db.DeleteSavedPrompt(ctx, p, saved)),
		"Integration": one(oneConnected), "Integrations": count(len(integrations), integrationsErr), "ChangeIntegration": one(changeConnected),
		"DeleteIntegration": one(db.DeleteIntegration(ctx, p, connected.ID)),
	}
}

func TestForeignPrincipalFindsNothing(t *testing.T) {
	db := open(t)
	people(t, db)
	s := create(t, db)
	must(db.AppendDaemon(t.Context(), s.ID, "note", "", "secret"))(t)
	check(t, db.OpenChronicle(t.Context(), Chronicle{ID: "c", SessionID: s.ID, Run: 1, OwnerID: "anna", TenantID: "t1"}))
	check(t, db.RecordUsage(t.Context(), Usage{SessionID: s.ID, Run: 1, Turn: "a", Provider: "cloud", Input: 5}))
	login := must(db.AddLogin(t.Context(), Login{Hash: "h", UserID: "anna", TenantID: "t1", ExpiresAt: time.Now().Add(time.Hour)}))(t)
	token := must(db.AddToken(t.Context(), anna, Token{Name: "ci", Hash: "k", ExpiresAt: time.Now().Add(time.Hour)}))(t)
	must(db.PutCredential(t.Context(), anna, Credential{Name: "key", Type: "api", Sealed: []byte("x")}))(t)
	must(db.w.ExecContext(t.Context(), `INSERT INTO comments VALUES ('said', ?, 'anna', 't1', '', 'a', 'new', 1, '', '', 0)`, s.ID))(t)
	for who, p := range map[string]Principal{"a colleague": bert, "another tenant's admin": other, "nobody": {},
		"a namesake elsewhere": {UserID: "anna", TenantID: "t2"}} {
		for name, ask := range foreign(t, db, p, s, "c", login.ID, token) {
			if n, err := ask(); n != 0 || err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("%s as %s: %d rows, %v", name, who, n, err)
			}
		}
	}
	// The same questions find everything when their owner asks: they can fail.
	for name, ask := range foreign(t, db, anna, s, "c", login.ID, token) {
		if n, err := ask(); n == 0 || err != nil {
			t.Errorf("%s as the owner: %d rows, %v", name, n, err)
		}
	}
}

func TestAdminSeesTheTenantButNoCredentials(t *testing.T) {
	db := open(t)
	s := create(t, db)
	if _, err := db.Session(t.Context(), chief, s.ID); err != nil {
		t.Error(err)
	}
	must(db.PutCredential(t.Context(), anna, Credential{Name: "key", Type: "api", Sealed: []byte("x")}))(t)
	if _, err := db.Credential(t.Context(), chief, "key"); !errors.Is(err, ErrNotFound) {
		t.Errorf("anna's credential for the admin: %v", err)
	}
}

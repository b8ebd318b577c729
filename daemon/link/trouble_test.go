package link

import (
	"encoding/json"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// What keeps a model from answering is what the agent does, for as long as the
// turn goes on.
func TestAModelThatDoesNotAnswerIsShown(t *testing.T) {
	w := newWorld(t)
	w.start()
	until(t, "idle", func() bool { return w.row(w.id).Activity == "idle" })
	w.links.Model(w.id, "of no turn")
	w.links.Model("nobody", "x")
	w.write("p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"})
	until(t, "thinking", func() bool { return w.row(w.id).ActivityText == "thinking" })
	w.links.Model(w.id, "it is away")
	if s := w.row(w.id); s.Activity != "active" || s.ActivityText != "waits for the model: it is away" {
		t.Errorf("%q %q", s.Activity, s.ActivityText)
	}
	w.links.Model(w.id, "")
	if s := w.row(w.id); s.ActivityText != "thinking" {
		t.Errorf("it answers: %q", s.ActivityText)
	}
	w.links.Model(w.id, "it is away")
	w.write("p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1", StopReason: "end_turn"})
	until(t, "idle again", func() bool { s := w.row(w.id); return s.Activity == "idle" && s.ActivityText == "" })
}

func TestAnAgentsErrorBecomesASentence(t *testing.T) {
	for raw, want := range map[string]string{
		`Internal error: Failed to authenticate. API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`: "refused the key (401)",
		`Internal error: API Error: 403 {"type":"error"}`:                                                            "refused the key (403)",
		`Internal error: API Error: 429 {"type":"error","error":{"type":"rate_limit_error"}}`:                        "(429)",
		`Internal error: API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`: "overloaded (529)",
		`Internal error: API Error: 500 {"type":"error"}`:                                                            "failed (500)",
		`Authentication required`:                                                                                                       "refused the key. Set one",
		`Not logged in · Please run /login`:                                                                                             "refused the key. Set one",
		`Internal error: API Error: Connection error.`:                                                                                  "could not be reached",
		`API Error (Connection error.) · Retrying in 1 seconds…`:                                                                        "could not be reached",
		`exceeded retry limit, last status: 429 Too Many Requests, request id: 1`:                                                       "(429)",
		`unexpected status 401 Unauthorized: {"detail":"Unauthorized"}`:                                                                 "refused the key (401)",
		`stream disconnected before completion: error sending request for url (http://127.0.0.1:1/)`:                                    "could not be reached",
		`Internal error: API Error: 401 {"error":{"message":"Volundr has no key. Run ` + "`volundr credentials set anthropic`" + `."}}`: "Volundr has no key.",
		`Internal error: API Error: 502 {"error":{"message":"api.example.org could not be reached: timeout."}}`:                         "api.example.org could not be reached",
		`Internal error: API Error: 400 {"type":"error","error":{"message":"prompt is too long"}}`:                                      "refused the request (400): prompt is too long",
		`API error: 404 {"error":{"message":"The model gpt-9 does not exist"}}`:                                                         "refused the request (404): The model gpt-9 does not exist",
		`API error: {"message":"Overloaded"}`:                                                                                           "ended its answer in an error: Overloaded",
		`API error: 400 <html>`:                                                                                                         "",
		`Internal error: the disk is full`:                                                                                              "",
		``:                                                                                                                              "",
	} {
		got := meaning(raw)
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
		if meaning(got) != "" {
			t.Errorf("what is said for people is taken for an agent's: %q", got)
		}
	}
}

func TestTheAgentsOwnWordsStandInTheDetail(t *testing.T) {
	raw := "Internal error: API Error: 401 {}"
	for name, want := range map[string]wire.TurnEnd{
		raw:        {Error: meaning(raw), Detail: raw},
		"a broken": {Error: "a broken"},
	} {
		data, _ := json.Marshal(wire.TurnEnd{Prompt: "p", StopReason: "error", Error: name})
		out, err := shapes[wire.EntryTurnEnd](data)
		var got wire.TurnEnd
		if err != nil || json.Unmarshal(out, &got) != nil || got.Error != want.Error || got.Detail != want.Detail {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func FuzzMeaning(f *testing.F) {
	f.Add(`API Error: 401 {"message":"\u0000 volundr credentials"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		if got := meaning(raw); len([]rune(got)) > maxNote+200 || strings.ContainsAny(got, "\n\x00\x1b") {
			t.Errorf("%q: %q", raw, got)
		}
	})
}

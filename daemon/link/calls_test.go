package link

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

func (w *world) prompt(id string) {
	w.t.Helper()
	blocks := json.RawMessage(`[{"type":"text","text":"say ` + id + `"}]`)
	if _, err := w.db.AddPrompt(w.t.Context(), anna, store.Prompt{ID: id, SessionID: w.id, Blocks: blocks}); err != nil {
		w.t.Fatal(err)
	}
	w.links.Deliver(w.id)
}

func (w *world) delivered() []string {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	var ids []string
	for _, p := range w.prompts {
		ids = append(ids, p.ID)
	}
	return ids
}

func (w *world) allSent() bool {
	unsent, err := w.db.UnsentPrompts(w.t.Context(), w.id)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(unsent) == 0
}

func TestPromptsArriveOnceAndInOrder(t *testing.T) {
	w := newWorld(t)
	w.dropNext[wire.PathPrompt] = 3 // taken, and the link cut before that is told
	w.refuse["p3"], w.refuse["p5"] = 422, 503
	w.start()
	for i := range 8 {
		w.prompt(fmt.Sprint("p", i))
		if i == 4 {
			w.kill()
			w.start()
		}
	}
	until(t, "the refused one is told", func() bool { return len(w.of("daemon", wire.EntryError)) == 1 })
	until(t, "four taken", func() bool { return len(w.delivered()) == 4 })
	w.set(func() { w.refuse["p5"] = 0 })
	until(t, "all sent", w.allSent)
	if d := cmp.Diff([]string{"p0", "p1", "p2", "p4", "p5", "p6", "p7"}, w.delivered()); d != "" {
		t.Error(d)
	}
	if e := w.of("daemon", wire.EntryError)[0]; e.Turn != "p3" || !strings.Contains(string(e.Data), "did not take the message: No.") {
		t.Errorf("told %s of %s", e.Data, e.Turn)
	}
	if d := cmp.Diff(wire.Block{Type: "text", Text: "say p0"}, w.prompts[0].Blocks[0]); d != "" {
		t.Error(d)
	}
}

// question has the agent ask whether it may.
func (w *world) question(id string) {
	w.t.Helper()
	w.set(func() { w.open[id] = true })
	w.write("p", wire.EntryPermission, wire.Permission{ID: id, Tool: wire.Tool{ID: "t"}, Options: []wire.Option{{ID: "yes"}, {ID: "no"}}})
	w.caughtUp()
	until(w.t, "question known", func() bool { s := w.links.session(w.id); return s != nil && s.asks(id) })
}

func (s *session) asks(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.talk != nil && s.talk.question(id) != nil
}

func (w *world) sentAnswers() string {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	return strings.Join(w.answers, " ")
}

func TestTheFirstAnswerCountsAndIsSentUntilItIsTaken(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.question("q/1")
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "q/1", "maybe"); !errors.Is(err, runtime.ErrInvalid) {
		t.Errorf("an option that is not offered: %v", err)
	}
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "other", "yes"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a question that nobody asked: %v", err)
	}
	w.set(func() { w.dropNext[wire.PathPermission] = 1 })
	ann := store.Principal{UserID: "ann", TenantID: "default", By: "browser 1"}
	if err := w.links.Answer(t.Context(), ann, w.id, "q/1", "yes"); err != nil {
		t.Fatal(err)
	}
	if got, err := w.db.Deeds(t.Context(), ann, store.DeedFilter{Act: store.ActAnswer, Limit: 9}); err != nil || len(got) != 1 || got[0].Subject != w.id {
		t.Errorf("audited, once, with the answer that counts: %+v, %v", got, err)
	} else if about := string(got[0].Detail); !strings.Contains(about, `"answer":"`) || !strings.Contains(about, `"asked":"`) {
		t.Errorf("audited: %s", about)
	}
	if got := w.of("daemon", EntryAnswer); len(got) != 1 || string(got[0].Data) != `{"id":"q/1","option":"yes"}` || got[0].Turn != "p" {
		t.Errorf("written down: %+v", got)
	}
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "q/1", "no"); !errors.Is(err, ErrNotOpen) {
		t.Errorf("the second answer: %v", err)
	}
	until(t, "sent again after the cut", func() bool { return w.sentAnswers() == "q/1=yes q/1=yes" })

	w.kill() // still open: the daemon that comes back sends it again
	w.start()
	until(t, "sent again after a restart", func() bool { return w.sentAnswers() == "q/1=yes q/1=yes q/1=yes" })
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "q/1", "no"); !errors.Is(err, ErrNotOpen) {
		t.Errorf("the second answer after a restart: %v", err)
	}
	w.write("p", wire.EntryPermissionDone, wire.PermissionDone{ID: "q/1", Option: "yes", Allowed: true})
	w.caughtUp()
	w.kill()
	w.start()
	until(t, "connected", func() bool { _, ok := w.links.Health(w.id); return ok })
	w.question("q2")
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "q2", ""); err != nil {
		t.Fatal(err)
	}
	until(t, "only the new one is sent", func() bool { return strings.HasSuffix(w.sentAnswers(), " q2=") })
	if n := strings.Count(w.sentAnswers(), "q/1"); n != 3 {
		t.Errorf("a settled answer was sent again: %s", w.sentAnswers())
	}
}

func TestAnAnswerGivenWhileAwayIsSentLater(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.question("q")
	w.set(func() { w.version = 99 }) // nobody to connect to
	w.cut()
	until(t, "away", func() bool { _, c := w.links.connected(w.id); return c == nil })
	if err := w.links.Answer(t.Context(), store.Principal{}, w.id, "q", "no"); err != nil {
		t.Fatal(err)
	}
	w.set(func() { w.version = wire.Version })
	until(t, "sent", func() bool { return w.sentAnswers() == "q=no" })
}

func TestOrdersAreGivenAndWrittenDown(t *testing.T) {
	w := newWorld(t)
	w.ports = []wire.Port{{Port: 3000, Process: "node"}, {Port: wire.EditorPort}, {Port: 99999}}
	w.command = wire.RunResult{Exit: 3, Stdout: []byte("out")}
	w.start()
	until(t, "connected", func() bool { _, c := w.links.connected(w.id); return c != nil })
	ctx, id := t.Context(), w.id
	if err := errors.Join(w.links.Cancel(ctx, id), w.links.SetMode(ctx, id, "plan"), w.links.SetModel(ctx, id, "opus")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"cancel", "mode plan", "model opus"}, w.did); d != "" {
		t.Error(d)
	}
	for typ, want := range map[string]string{EntryStop: `{}`, EntryMode: `{"id":"plan"}`, EntryModel: `{"id":"opus"}`} {
		if got := w.of("daemon", typ); len(got) != 1 || string(got[0].Data) != want {
			t.Errorf("%s: %+v", typ, got)
		}
	}
	if ports, err := w.links.Ports(ctx, id); err != nil || len(ports) != 1 || ports[0].Port != 3000 {
		t.Errorf("ports %v, %v", ports, err)
	}
	if res, err := w.links.RunCommand(ctx, id, wire.Command{Argv: []string{"x"}}); err != nil || res.Exit != 3 || string(res.Stdout) != "out" {
		t.Errorf("command %+v, %v", res, err)
	}
	w.set(func() { w.command.Stdout = make([]byte, 4<<20) })
	if _, err := w.links.RunCommand(ctx, id, wire.Command{Argv: []string{"x"}}); err == nil {
		t.Error("a command's output without bound was taken")
	}
}

func TestABodyIsWhatItsNameSays(t *testing.T) {
	w := newWorld(t)
	sum := sha256.Sum256([]byte("long text"))
	name, wrong := hex.EncodeToString(sum[:]), strings.Repeat("0", 64)
	w.bodies[name], w.bodies[wrong] = "long text", "something else"
	w.start()
	until(t, "connected", func() bool { _, c := w.links.connected(w.id); return c != nil })
	if b, err := w.links.Body(t.Context(), w.id, name); err != nil || string(b) != "long text" {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := w.links.Body(t.Context(), w.id, wrong); err == nil {
		t.Errorf("%q was taken for %s", b, wrong)
	}
	if _, err := w.links.Body(t.Context(), w.id, strings.Repeat("1", 64)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a body that is not there: %v", err)
	}
	for _, bad := range []string{"", "../hello", strings.ToUpper(name), name + "0"} {
		if _, err := w.links.Body(t.Context(), w.id, bad); !errors.Is(err, ErrBadHash) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestEndReadsTheJournalToItsEnd(t *testing.T) {
	w := newWorld(t)
	w.start()
	until(t, "connected", func() bool { _, c := w.links.connected(w.id); return c != nil })
	for range 500 {
		w.write("p", wire.EntryText, wire.Text{Block: "a", Text: "x"})
	}
	if err := w.links.End(t.Context(), w.id); err != nil {
		t.Fatal(err)
	}
	if n := len(w.entries()); n != 500 {
		t.Errorf("%d entries when the end was told", n)
	}
	w.links.Keep(nil)
	until(t, "let go", func() bool { return errors.Is(w.links.End(t.Context(), w.id), ErrNotConnected) })
}

func TestTheOutsideKnowsWhoAsksAndEndsWithTheLink(t *testing.T) {
	w := newWorld(t)
	asked, ended := make(chan string), make(chan struct{})
	w.outside = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, "for "+SessionFrom(r.Context()))
		rw.(http.Flusher).Flush()
		if r.URL.Path == "/models/wait" {
			asked <- SessionFrom(r.Context())
			<-r.Context().Done()
			close(ended)
		}
	})
	w.start()
	until(t, "connected", func() bool { _, c := w.links.connected(w.id); return c != nil })
	for path, want := range map[string]int{"/models/anthropic/v1/messages": 200, "/git/x/info/refs": 200, "/api/v1/volundr/me": 404, "/": 404} {
		res, err := w.ask(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want || want == 200 && string(b) != "for "+w.id {
			t.Errorf("%s: %d %s", path, res.StatusCode, b)
		}
	}
	go func() {
		res, err := w.ask(t.Context(), "/models/wait")
		if err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}()
	if id := <-asked; id != w.id {
		t.Errorf("session %q", id)
	}
	w.kill() // returns when the handler has
	select {
	case <-ended:
	default:
		t.Error("the links ended before what they served")
	}
	if SessionFrom(t.Context()) != "" {
		t.Error("a request of nobody has a session")
	}
}

func TestBodiesAreTakenOverAndOutliveTheSession(t *testing.T) {
	w := newWorld(t)
	named := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		name := hex.EncodeToString(sum[:])
		w.set(func() { w.bodies[name] = text })
		return name
	}
	output, input, question := named("a long output"), named(`{"command":"a long one"}`), named("a long diff")
	huge, forged, missing := named(strings.Repeat("x", store.MaxBody+1)), strings.Repeat("0", 64), strings.Repeat("1", 64)
	w.set(func() { w.bodies[forged] = "not what its name says" })
	w.write("p", wire.EntryTool, wire.Tool{ID: "c1", Status: "completed", InputBody: input, Content: []wire.Content{
		{Type: "text", Text: "a lo", Body: output}, {Type: "text", Body: forged}, {Type: "text", Body: missing}, {Type: "text", Body: huge}}})
	w.write("p", wire.EntryPermission, wire.Permission{ID: "q", Tool: wire.Tool{ID: "c2", Content: []wire.Content{{Type: "diff", Body: question}}}})
	w.start()
	until(t, "taken over", func() bool {
		// The position first: before it, no entry has named anything.
		if w.row(w.id).JournalSeq != 2 {
			return false
		}
		left, err := w.db.NamedBodies(t.Context(), w.id, 10)
		return err == nil && len(left) == 0
	})
	w.kill() // of the session nothing answers from here on
	for name, want := range map[string]string{output: "a long output", input: `{"command":"a long one"}`, question: "a long diff"} {
		if b, err := w.links.Body(t.Context(), w.id, name); err != nil || string(b) != want {
			t.Errorf("%q, %v, want %q", b, err, want)
		}
	}
	for what, name := range map[string]string{"forged": forged, "missing": missing, "huge": huge} {
		if _, err := w.links.Body(t.Context(), w.id, name); !errors.Is(err, runtime.ErrUnavailable) || !strings.Contains(err.Error(), "Start the session") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheEndOfARunTakesWhatWasNamedLast(t *testing.T) {
	w := newWorld(t)
	w.start()
	until(t, "connected", func() bool { _, c := w.links.connected(w.id); return c != nil })
	sum := sha256.Sum256([]byte("the last words"))
	name := hex.EncodeToString(sum[:])
	w.set(func() { w.bodies[name] = "the last words" })
	w.write("p", wire.EntryTool, wire.Tool{ID: "c", Status: "completed", Content: []wire.Content{{Type: "text", Body: name}}})
	if err := w.links.End(t.Context(), w.id); err != nil {
		t.Fatal(err)
	}
	if b, err := w.db.SystemBody(t.Context(), w.id, name); err != nil || string(b) != "the last words" {
		t.Errorf("%q, %v", b, err)
	}
}

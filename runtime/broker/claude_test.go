package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"volundr/runtime/broker/wire"
)

func claude(mode string) wire.Config {
	return wire.Config{Agent: wire.Agent{Kind: "claude", Mode: mode}}
}

// The real Claude Code through one session's days.
func TestClaude(t *testing.T) {
	p := newPod(t, claude("default"))
	d := newDaemon(t, p)
	began := time.Now()
	p.up()
	d.connect()
	d.ready()
	t.Logf("agent ready %s after the first container was asked for", time.Since(began).Round(time.Millisecond))

	t.Run("an answer streams and ends with its usage", func(t *testing.T) {
		d.prompt("p1", "say something")
		end := d.end("p1")
		if end.StopReason != "end_turn" || end.Input == 0 || end.Output == 0 || end.CostUSD <= 0 || end.Error != "" {
			t.Errorf("turn ended as %+v", end)
		}
		if got := d.text("p1"); got != "You said: say something" {
			t.Errorf("text %q", got)
		}
		first := end.CostUSD
		d.prompt("p1b", "say something")
		if second := d.end("p1b").CostUSD; second > 1.8*first {
			t.Errorf("cost of the second turn is %v after %v: it is the sum", second, first)
		}
	})
	t.Run("a prompt is accepted once", func(t *testing.T) {
		code, _ := d.post("/v1/prompts", wire.Prompt{ID: "p1", Blocks: []wire.Block{{Type: "text", Text: "again"}}})
		if code != 200 {
			t.Errorf("status %d, want 200", code)
		}
	})
	t.Run("a question is asked, answered and the file written with its diff shown", func(t *testing.T) {
		d.prompt("p2", "write hello.txt")
		q := await(d, "p2", wire.EntryPermission, func(wire.Permission) bool { return true })
		if len(q.Options) < 2 || q.Tool.Input == nil {
			t.Errorf("question %+v", q)
		}
		var h wire.Health
		if d.get("/v1/health", &h); !h.Waiting || !h.Busy {
			t.Errorf("health %+v, want busy and waiting", h)
		}
		if code, _ := d.post("/v1/permissions/"+q.ID, wire.Answer{Option: "no-such-option"}); code != 422 {
			t.Errorf("unknown option: %d, want 422", code)
		}
		if code, body := d.post("/v1/permissions/"+q.ID, wire.Answer{Option: allow(q)}); code != 204 {
			t.Fatalf("answer: %d %s", code, body)
		}
		if code, _ := d.post("/v1/permissions/"+q.ID, wire.Answer{Option: allow(q)}); code != 404 {
			t.Errorf("second answer: %d, want 404", code)
		}
		d.end("p2")
		tool := await(d, "p2", wire.EntryTool, func(t wire.Tool) bool { return t.Status == "completed" })
		if len(tool.Content) == 0 || tool.Content[0].Type != "diff" || tool.Content[0].New == "" {
			t.Errorf("tool without a diff: %+v", tool)
		}
		if got := p.exec("cat /workspace/hello.txt"); got != "hello from the model" {
			t.Errorf("file holds %q", got)
		}
	})
	t.Run("thinking is told apart from the answer", func(t *testing.T) {
		d.prompt("p3", "think nothing special")
		d.end("p3")
		if got := all[wire.Text](d, "p3", wire.EntryThought); len(got) == 0 || !strings.Contains(got[0].Text, "think") {
			t.Errorf("thoughts %+v", got)
		}
		if got := d.text("p3"); got != "nothing special" {
			t.Errorf("text %q", got)
		}
	})
	t.Run("an image reaches the model", func(t *testing.T) {
		d.send(wire.Prompt{ID: "p4", Blocks: []wire.Block{{Type: "text", Text: "look"}, {Type: "image", MIME: "image/png", Data: pixel}}})
		d.end("p4")
		if got := d.text("p4"); !strings.Contains(got, "image/png") {
			t.Errorf("text %q", got)
		}
	})
	t.Run("cancel stops a running answer", func(t *testing.T) {
		d.prompt("p5", "slow 2000")
		await(d, "p5", wire.EntryText, func(x wire.Text) bool { return strings.Contains(d.text("p5"), "word3") })
		began := time.Now()
		d.post("/v1/cancel", nil)
		if end := d.end("p5"); end.StopReason != "cancelled" {
			t.Errorf("turn ended as %+v", end)
		}
		t.Logf("cancelled after %s", time.Since(began).Round(time.Millisecond))
	})
	t.Run("the mode is changed and edits are no longer asked about", func(t *testing.T) {
		if code, body := d.post("/v1/mode", wire.Choice{ID: "acceptEdits"}); code != 204 {
			t.Fatalf("mode: %d %s", code, body)
		}
		await(d, "", wire.EntryMode, func(o wire.Options) bool { return o.Current == "acceptEdits" && len(o.Options) > 2 })
		d.prompt("p6", "write second.txt")
		if end := d.end("p6"); len(all[wire.Tool](d, "p6", wire.EntryTool)) == 0 {
			t.Fatalf("no tool was called: the turn said %q and ended as %+v", d.text("p6"), end)
		}
		if q := all[wire.Permission](d, "p6", wire.EntryPermission); len(q) != 0 {
			t.Errorf("asked %+v", q)
		}
		if got := p.exec("cat /workspace/second.txt"); got != "hello from the model" {
			t.Errorf("file holds %q", got)
		}
		if code, _ := d.post("/v1/mode", wire.Choice{ID: "nonsense"}); code != 422 {
			t.Errorf("unknown mode: %d, want 422", code)
		}
	})
	t.Run("a command is asked about also when edits are not", func(t *testing.T) {
		d.prompt("p7", "run setsid sleep 4711 >/dev/null 2>&1 & echo out > /tmp/made; curl -s localhost:1")
		q := await(d, "p7", wire.EntryPermission, func(wire.Permission) bool { return true })
		d.post("/v1/permissions/"+q.ID, wire.Answer{Option: allow(q)})
		d.end("p7")
	})
	t.Run("the folder of a command is told, wherever the shell stands", func(t *testing.T) {
		if code, body := d.post("/v1/mode", wire.Choice{ID: "bypassPermissions"}); code != 204 {
			t.Fatalf("mode: %d %s", code, body)
		}
		for i, c := range []struct{ line, dir string }{{"mkdir -p inner && cd inner", "/workspace"}, {"pwd", "/workspace/inner"}, {"cd /workspace", "/workspace/inner"}, {"pwd", "/workspace"}} {
			turn := fmt.Sprint("p7-", i)
			d.prompt(turn, "run "+c.line)
			d.end(turn)
			calls := all[wire.Tool](d, turn, wire.EntryTool)
			if last := calls[len(calls)-1]; last.Dir != c.dir || last.Status != "completed" {
				t.Errorf("%q ran in %q: %+v", c.line, last.Dir, last)
			}
		}
	})
	t.Run("an error of the provider ends the turn with its words", func(t *testing.T) {
		d.prompt("p8", "fail 401")
		end := d.end("p8")
		t.Logf("%+v %q", end, d.text("p8"))
		if !strings.Contains(end.Error+d.text("p8"), "authentication") {
			t.Errorf("turn ended as %+v", end)
		}
	})
	t.Run("a killed adapter is started again and remembers", func(t *testing.T) {
		d.prompt("p9", "slow 2000")
		await(d, "p9", wire.EntryText, func(x wire.Text) bool { return strings.Contains(d.text("p9"), "word3") })
		before := len(all[wire.AgentState](d, "", wire.EntryAgent))
		// By the mark of its tree: how many Claude processes run says nothing, for
		// the adapter asks "claude auth status" of one at its start and each prompt.
		tree := p.exec("tr '\\0' '\\n' < /proc/$(pgrep -of claude-agent-acp)/environ | grep ^VOLUNDR_TREE=")
		living := func() string {
			return p.exec("for e in $(grep -lsazx " + tree + " /proc/[0-9]*/environ); do tr '\\0' ' ' < ${e%environ}cmdline; echo; done")
		}
		if old := living(); !strings.Contains(old, "/usr/local/bin/claude ") || !strings.Contains(old, "sleep 4711") {
			t.Fatalf("the tree has no Claude, or not what the agent left running:\n%s", old)
		}
		p.exec("pkill -9 -f claude-agent-acp")
		if end := d.end("p9"); end.StopReason != "error" || end.Error == "" {
			t.Errorf("turn ended as %+v", end)
		}
		until(t, 30*time.Second, "the agent to be back", func() bool { return len(all[wire.AgentState](d, "", wire.EntryAgent)) >= before+2 })
		states := all[wire.AgentState](d, "", wire.EntryAgent)
		if last := states[len(states)-1]; last.State != "resumed" || last.Session != states[0].Session {
			t.Errorf("agent came back as %+v", last)
		}
		if old := living(); old != "" {
			t.Errorf("the old tree lives:\n%s", old)
		}
		d.prompt("p10", "back again")
		d.end("p10")
		if !remembers(d, "say something") {
			t.Error("the model was not told the conversation's beginning")
		}
	})
	t.Run("new containers go on with the same ACP session", func(t *testing.T) {
		d.cut()
		p.down()
		p.up()
		d.connect()
		d.ready()
		d.prompt("p11", "and again")
		d.end("p11")
		states := all[wire.AgentState](d, "", wire.EntryAgent)
		if last := states[len(states)-1]; last.State != "resumed" || last.Session != states[0].Session {
			t.Errorf("agent came back as %+v", last)
		}
		if !remembers(d, "say something") {
			t.Error("the model was not told the conversation's beginning")
		}
		if n := strings.Count(d.text("p1"), "You said"); n != 1 {
			t.Errorf("the first answer stands %d times in the journal", n)
		}
		if code, _ := d.post("/v1/prompts", wire.Prompt{ID: "p2", Blocks: []wire.Block{{Type: "text", Text: "x"}}}); code != 200 {
			t.Errorf("an old prompt again: %d, want 200", code)
		}
	})
}

// A link that is cut in the middle of an answer: no word is lost or doubled.
func TestClaudeLinkCut(t *testing.T) {
	p := newPod(t, claude(""))
	d := newDaemon(t, p)
	p.up()
	d.connect()
	d.ready()
	d.prompt("c1", "slow 150")
	await(d, "c1", wire.EntryText, func(x wire.Text) bool { return strings.Contains(d.text("c1"), "word20") })
	d.cut()
	d.connect()
	end := d.end("c1")
	t.Logf("the turn ended as %+v", end)
	got := d.text("c1")
	if end.StopReason == "error" {
		auto := d.end("auto-c1")
		if auto.StopReason != "end_turn" {
			t.Errorf("automatic turn ended as %+v", auto)
		}
		return
	}
	if words := strings.Fields(got); len(words) != 150 {
		t.Errorf("%d words, want 150, each once: %q", len(words), got)
	}
	if blocks := blocksOf(d, "c1"); blocks != 1 {
		t.Errorf("the answer stands in %d blocks, want 1", blocks)
	}
}

func blocksOf(d *daemon, turn string) int {
	set := map[string]bool{}
	for _, x := range all[wire.Text](d, turn, wire.EntryText) {
		set[x.Block] = true
	}
	return len(set)
}

func allow(q wire.Permission) string {
	for _, o := range q.Options {
		if o.Kind == "allow_once" {
			return o.ID
		}
	}
	return ""
}

// remembers reports whether the last request to the model held words of an
// earlier turn.
func remembers(d *daemon, words string) bool {
	reqs := d.model.Requests()
	for i := len(reqs) - 1; i >= 0; i-- {
		if strings.HasSuffix(reqs[i].Path, "/messages") || strings.HasSuffix(reqs[i].Path, "/responses") {
			if strings.Contains(string(reqs[i].Body), words) {
				return true
			}
			if len(reqs)-i > 4 {
				return false
			}
		}
	}
	return false
}

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

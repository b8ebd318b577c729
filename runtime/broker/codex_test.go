package broker_test

import (
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// The real Codex: a tool call without a question, a patch, cancel, a kill, and
// new containers.
func TestCodex(t *testing.T) {
	p := newPod(t, wire.Config{Agent: wire.Agent{Kind: "codex", Model: "gpt-5.5"}})
	d := newDaemon(t, p)
	p.up()
	d.connect()
	d.ready()

	t.Run("an answer streams and ends with its usage", func(t *testing.T) {
		d.prompt("x1", "say something")
		if end := d.end("x1"); end.StopReason != "end_turn" || end.Input == 0 || end.Output == 0 || end.Error != "" {
			t.Errorf("turn ended as %+v", end)
		}
		if got := d.text("x1"); !strings.Contains(got, "You said: say something") {
			t.Errorf("text %q", got)
		}
	})
	t.Run("a command runs, for the container is the sandbox", func(t *testing.T) {
		d.prompt("x2", "run echo made by codex | tee /workspace/made.txt")
		d.end("x2")
		tool := await(d, "x2", wire.EntryTool, func(t wire.Tool) bool { return t.Status == "completed" })
		t.Logf("%+v", tool)
		if got := p.exec("cat /workspace/made.txt"); got != "made by codex" {
			t.Errorf("file holds %q", got)
		}
		if len(tool.Content) == 0 || !strings.Contains(tool.Content[0].Text, "made by codex") {
			t.Errorf("the tool's output is missing: %+v", tool)
		}
	})
	t.Run("a file is written with its diff shown", func(t *testing.T) {
		d.prompt("x3", "write patched.txt")
		d.end("x3")
		tool := await(d, "x3", wire.EntryTool, func(t wire.Tool) bool { return t.Status == "completed" })
		t.Logf("%+v", tool)
		if got := p.exec("cat /workspace/patched.txt"); got != "hello from the model" {
			t.Errorf("file holds %q", got)
		}
	})
	t.Run("cancel stops a running answer", func(t *testing.T) {
		d.prompt("x4", "slow 2000")
		await(d, "x4", wire.EntryText, func(x wire.Text) bool { return strings.Contains(d.text("x4"), "word3") })
		d.post("/v1/cancel", nil)
		if end := d.end("x4"); end.StopReason != "cancelled" {
			t.Errorf("turn ended as %+v", end)
		}
	})
	t.Run("a killed adapter is started again in the same mode", func(t *testing.T) {
		before := len(all[wire.AgentState](d, "", wire.EntryAgent))
		p.exec("pkill -9 -f codex-acp")
		until(t, 30e9, "the agent to be back", func() bool { return len(all[wire.AgentState](d, "", wire.EntryAgent)) >= before+2 })
		d.prompt("x5", "run echo still allowed > /workspace/more.txt")
		d.end("x5")
		if got := p.exec("cat /workspace/more.txt"); got != "still allowed" {
			t.Errorf("file holds %q", got)
		}
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
		d.prompt("x6", "and again")
		d.end("x6")
		states := all[wire.AgentState](d, "", wire.EntryAgent)
		if last := states[len(states)-1]; last.State != "resumed" || last.Session != states[0].Session {
			t.Errorf("agent came back as %+v", last)
		}
		if !remembers(d, "say something") {
			t.Error("the model was not told the conversation's beginning")
		}
	})
	if t.Failed() {
		d.dump()
	}
}

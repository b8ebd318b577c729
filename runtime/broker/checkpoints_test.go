package broker_test

import (
	"net/http"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// last is what the model was asked last, but for the agent's side questions:
// one for a title may come after the turn.
func last(d *daemon) string {
	reqs := d.model.Requests()
	for i := len(reqs) - 1; i >= 0; i-- {
		if !reqs[i].Side && (strings.HasSuffix(reqs[i].Path, "/messages") || strings.HasSuffix(reqs[i].Path, "/responses")) {
			return string(reqs[i].Body)
		}
	}
	return ""
}

// Before every prompt files and conversation are recorded; going back brings
// both to where they were, and can be undone.
func TestRewind(t *testing.T) {
	for _, agent := range []wire.Agent{{Kind: "claude"}, {Kind: "codex", Model: "gpt-5.5"}} {
		t.Run(agent.Kind, func(t *testing.T) {
			p := newPod(t, wire.Config{Agent: agent})
			d := newDaemon(t, p)
			p.up()
			d.connect()
			d.ready()
			p.exec(`cd /workspace && git init -q -b main && git config user.name a && git config user.email a@x && echo one > f && git add f && git commit -q -m one`)
			const look = `cd /workspace; git log --all --format=%s; git status --porcelain; cat * | sort; ls -A`
			ask := func(id, text string) (point string) {
				t.Helper()
				d.prompt(id, text)
				d.end(id)
				c := await(d, "", wire.EntryCheckpoint, func(c wire.Checkpoint) bool { return c.Prompt == id })
				if c.ID == "" || c.Error != "" {
					t.Fatalf("checkpoint %+v", c)
				}
				return c.ID
			}
			first := ask("r1", "apples")
			before := p.exec(look)
			second := ask("r2", "bananas")
			p.exec(`cd /workspace && echo two > f && git commit -q -am two && echo three > g && rm f`)
			after := p.exec(look)
			ask("r3", "cherries")

			var loss wire.Files
			if code := d.get("/v1/checkpoints/"+second+"/loss", &loss); code != 200 || len(loss.Changes) != 3 {
				t.Errorf("loss %d %+v, want f, g and the branch", code, loss)
			}
			rewind := func(id string) {
				t.Helper()
				n := len(all[wire.Rewound](d, "", wire.EntryRewound))
				if code, body := d.post("/v1/checkpoints/"+id+"/restore", nil); code != 204 {
					t.Fatalf("restore: %d %s", code, body)
				}
				await(d, "", wire.EntryRewound, func(wire.Rewound) bool { return len(all[wire.Rewound](d, "", wire.EntryRewound)) > n })
				d.ready()
			}
			rewind(second)
			if got := p.exec(look); got != before {
				t.Errorf("the workspace is\n%s\nwant\n%s", got, before)
			}
			ask("r4", "durians")
			if said := last(d); !strings.Contains(said, "apples") || strings.Contains(said, "bananas") || strings.Contains(said, "cherries") || !strings.Contains(said, "durians") {
				t.Errorf("the model was told %.3000s", said)
			}
			// The undo stands before the rewinding.
			var undo string
			for _, c := range all[wire.Checkpoint](d, "", wire.EntryCheckpoint) {
				if c.Prompt == "" {
					undo = c.ID
				}
			}
			rewind(undo)
			if got := p.exec(look); got != after {
				t.Errorf("undone, the workspace is\n%s\nwant\n%s", got, after)
			}
			ask("r5", "elderberries")
			if said := last(d); !strings.Contains(said, "cherries") || strings.Contains(said, "durians") {
				t.Errorf("after the undo the model was told %.3000s", said)
			}
			rewind(first)
			ask("r6", "figs")
			if said := last(d); strings.Contains(said, "apples") || !strings.Contains(said, "figs") {
				t.Errorf("at the beginning the model was told %.3000s", said)
			}

			d.prompt("busy", "slow 500")
			await(d, "busy", wire.EntryText, func(wire.Text) bool { return true })
			if code, body := d.post("/v1/checkpoints/"+first+"/restore", nil); code != http.StatusConflict {
				t.Errorf("in the middle of a turn: %d %s, want 409", code, body)
			}
			d.post("/v1/cancel", nil)
			d.end("busy")
			if code, body := d.post("/v1/checkpoints/0000000000000000001/restore", nil); code != http.StatusNotFound {
				t.Errorf("an unknown one: %d %s, want 404", code, body)
			}
			d.ready()
			var list []wire.Checkpoint
			if code := d.get("/v1/checkpoints", &list); code != 200 || len(list) < 9 || list[0].ID != first {
				t.Errorf("list %d %+v", code, list)
			}

			// A fork from the second: workspace and conversation as they were.
			_, whole := d.pack("workspace?checkpoint=" + second)
			if _, again := d.pack("workspace?checkpoint=" + second); again != whole {
				t.Error("the same checkpoint packs differently")
			}
			packs := map[string][]byte{}
			source := wire.Source{}
			packs["workspace"], source.Workspace = d.pack("workspace?checkpoint=" + second)
			packs["context"], source.Context = d.pack("context?checkpoint=" + second)
			d.cut()
			p.down()
			next := newPod(t, wire.Config{Agent: agent, Source: source})
			e := newDaemon(t, next)
			serve(e, map[string][]byte{source.Workspace: packs["workspace"], source.Context: packs["context"]})
			next.up()
			e.connect()
			e.ready()
			if got := next.exec(look); got != before {
				t.Errorf("the fork's workspace is\n%s\nwant\n%s", got, before)
			}
			e.prompt("f1", "grapes")
			e.end("f1")
			if said := last(e); !strings.Contains(said, "apples") || strings.Contains(said, "bananas") {
				t.Errorf("the fork's model was told %.3000s", said)
			}
		})
	}
}

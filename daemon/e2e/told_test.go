package e2e

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// isTold compares the first run's chronicle with what was really done.
func (s *tale) isTold() {
	s.t.Helper()
	c := s.oneEach(s.id)[0]
	s.first = c
	text := func(v *string) string {
		if v == nil {
			return ""
		}
		return *v
	}
	type record struct {
		Session, Status, Project, Repo, Branch, Name, Author, Reason, Base, Final, Agent, Missing, Summary, Unfinished, Parent string
		Changes, Tags                                                                                                          []string
		Run                                                                                                                    int
		Pack                                                                                                                   bool
	}
	got := record{text(c.SessionID), c.Status, c.Project, c.Repo, c.Branch, c.Name, c.Author, c.Reason, c.BaseCommit, c.FinalCommit, c.Agent, c.Missing,
		text(c.Summary), text(c.UnfinishedWork), text(c.ParentChronicleID), c.KeyChanges, c.Tags, c.Run, c.Pack}
	want := record{s.id, "complete", path.Base(s.repo), s.repo, "main", "tale", "agent", "stopped", s.base, s.final, s.agent, "",
		"Hello was said.", "The widgets do not exist.", "", []string{"hello.txt is new", "tool.sh is staged"}, []string{}, 1, true}
	if d := cmp.Diff(want, got); d != "" {
		s.t.Errorf("the chronicle (-done +told):\n%s", d)
	}
	t := s.timeline(c.ID)
	s.toldConfig(c)
	s.toldUsage(c, t)
	s.toldTimes(c, t)
	s.toldTalk(t)
	s.toldCommands(t)
	s.toldFiles(t)
	s.toldGit(t)
}

// toldConfig: the whole launch request, and no secret.
func (s *tale) toldConfig(c client.Chronicle) {
	var config struct {
		Name, Model, Repo, Branch, Agent, Mode string
		Env                                    map[string]string
		Source                                 client.Source
	}
	if err := json.Unmarshal(c.ConfigSnapshot, &config); err != nil {
		s.t.Fatal(err)
	}
	if config.Name != "tale" || config.Repo != s.repo || config.Branch != "main" || config.Agent != s.agent || config.Mode != modes[s.agent] ||
		config.Source.Repo != s.repo || config.Env["PLAIN"] != "yes" || config.Env["API_TOKEN"] != "[redacted]" {
		s.t.Errorf("the configuration: %s", c.ConfigSnapshot)
	}
	for _, all := range []any{c, s.timeline(c.ID)} {
		if raw, _ := json.Marshal(all); strings.Contains(string(raw), hush) || strings.Contains(string(raw), secret) {
			s.t.Errorf("a secret is told: %s", raw)
		}
	}
}

// toldUsage: each turn has its own tokens and cost, as the model counted them,
// and the sums are theirs, by the models' real names.
func (s *tale) toldUsage(c client.Chronicle, t client.Timeline) {
	s.t.Helper()
	counted, by := map[string]int64{}, map[string]client.ModelUsage{} // by what the user said last; by model
	total, aside := int64(0), int64(0)
	for _, r := range s.m.Requests() {
		used := int64(r.Input + r.Output)
		if used == 0 {
			continue
		}
		var q struct{ Model string }
		if err := json.Unmarshal(r.Body, &q); err != nil || q.Model == "" || q.Model == "default" {
			s.t.Errorf("the model was asked for as %q: %v", q.Model, err)
		}
		m := by[q.Model]
		m.Model, m.Input, m.Output = q.Model, m.Input+int64(r.Input), m.Output+int64(r.Output)
		by[q.Model] = m
		total += used
		switch asked := r.Text; {
		case r.Side: // a title, in a turn or beside it
			aside += used
		case isLast(asked):
			counted[""] += used // the timeline does not tell what was asked
		default:
			counted[asked] += used
		}
	}
	asked := map[string]string{}
	tokens, cost, extra := int64(0), 0.0, int64(0)
	for _, e := range t.Events {
		switch e.Kind {
		case "prompt":
			asked[e.Turn] = e.Text
		case "beside":
			tokens, cost, extra = tokens+*e.Tokens, cost+e.CostUSD, extra+*e.Tokens
		case "turn":
			more := int64(0)
			if e.Tokens != nil {
				more = *e.Tokens - counted[asked[e.Turn]]
			}
			if e.Tokens == nil || more < 0 || more > aside || *e.Tokens > 0 && e.CostUSD <= 0 {
				s.t.Errorf("the turn of %q took %v for $%g, the model counted %d", asked[e.Turn], e.Tokens, e.CostUSD, counted[asked[e.Turn]])
				continue
			}
			tokens, cost, extra = tokens+*e.Tokens, cost+e.CostUSD, extra+more
		}
	}
	if extra != aside {
		s.t.Errorf("%d tokens of titles are told of %d", extra, aside)
	}
	for _, m := range c.Models {
		want := by[m.Model]
		if m.Input != want.Input || m.Output != want.Output || m.Turns > 0 && m.CostUSD <= 0 { // a title may be asked of a model without a price
			s.t.Errorf("%+v is told of %+v", m, want)
		}
	}
	if len(c.Models) != len(by) {
		s.t.Errorf("%d models are told of %d: %+v", len(c.Models), len(by), c.Models)
	}
	session, err := s.client().Get(s.t.Context(), s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	burnt := int64(0)
	for _, n := range t.TokenBurn {
		burnt += n
	}
	model := client.ModelUsage{}
	for _, m := range c.Models {
		model.Turns, model.Input, model.Output, model.CostUSD = model.Turns+m.Turns, model.Input+m.Input, model.Output+m.Output, model.CostUSD+m.CostUSD
	}
	if c.TokenUsage != total || tokens != total || burnt != total || session.TokensUsed != total || model.Input+model.Output != total {
		s.t.Errorf("tokens: chronicle %d, turns %d, burn %d, session %d, models %d; the model counted %d",
			c.TokenUsage, tokens, burnt, session.TokensUsed, model.Input+model.Output, total)
	}
	if c.Cost == nil || !near(*c.Cost, cost) || !near(session.CostUSD, cost) || !near(model.CostUSD, cost) {
		s.t.Errorf("cost: chronicle %v, turns %g, session %g, models %g", c.Cost, cost, session.CostUSD, model.CostUSD)
	}
	if want := len(agentDeeds) + 3; model.Turns != want {
		s.t.Errorf("%d turns are told of %d", model.Turns, want)
	}
}

func near(a, b float64) bool { return a-b < 1e-5 && b-a < 1e-5 }

// toldTimes: events are in order and within the run, durations are those of the
// turns and of the run.
func (s *tale) toldTimes(c client.Chronicle, t client.Timeline) {
	if !slices.IsSortedFunc(t.Events, func(a, b client.TimelineEvent) int { return a.At.Compare(b.At) }) {
		s.t.Error("the timeline is not in order")
	}
	active := int64(0)
	for _, e := range t.Events {
		if want := int64(e.At.Sub(c.StartedAt).Seconds()); e.T != want || e.At.Before(c.StartedAt) || e.At.After(*c.EndedAt) {
			s.t.Errorf("%q stands at %s (t=%d, want %d) of a run from %s to %s", e.Label, e.At, e.T, want, c.StartedAt, c.EndedAt)
		}
		if e.Kind == "turn" {
			active += e.DurationMS
		}
	}
	if c.DurationSeconds == nil || *c.DurationSeconds != active/1000 {
		s.t.Errorf("active for %v s, the turns took %d ms", c.DurationSeconds, active)
	}
	if want := int64(c.EndedAt.Sub(c.StartedAt).Seconds()); c.WallSeconds != want {
		s.t.Errorf("the run took %d s, want %d", c.WallSeconds, want)
	}
	first, end := t.Events[0], t.Events[len(t.Events)-1]
	if first.Type != "session" || first.Kind != "start" || end.Type != "session" || end.Kind != "end" || end.Label != "Stopped" {
		s.t.Errorf("the timeline begins with %q and ends with %q", first.Label, end.Label)
	}
}

// toldTalk: what was asked and answered, each once, and what went wrong.
func (s *tale) toldTalk(t client.Timeline) {
	want := []string{"write hello.txt"}
	for _, d := range agentDeeds {
		want = append(want, "run "+d.line)
	}
	want = append(want, "fail 400")
	var prompts, errors []string
	answers := map[string]string{}
	last := false
	for _, e := range t.Events {
		switch {
		case e.Kind == "prompt":
			prompts = append(prompts, e.Text)
			if e.Who != "user" || e.Checkpoint == "" {
				s.t.Errorf("%q was asked by %s, after checkpoint %q", e.Text, e.Who, e.Checkpoint)
			}
		case e.Kind == "turn" && e.Automatic:
			last = e.Who == "daemon" && e.Label == "Asked for a summary" && e.Text == ""
		case e.Kind == "turn":
			answers[e.Turn] = e.Text
		case e.Type == "error":
			errors = append(errors, e.Text)
		}
	}
	if d := cmp.Diff(want, prompts); d != "" {
		s.t.Errorf("prompts (-asked +told):\n%s", d)
	}
	if len(answers) != len(want) || !last {
		s.t.Errorf("%d prompts have %d answers, the last turn is told: %t", len(want), len(answers), last)
	}
	if len(errors) != 1 || !strings.Contains(errors[0], "400") {
		s.t.Errorf("errors: %q", errors)
	}
}

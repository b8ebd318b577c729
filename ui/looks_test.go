package ui

import (
	"strings"
	"testing"

	"github.com/a-h/templ"

	"volundr/ui/client"
)

// Who only looks has no button that would be refused: each page, as somebody who
// works reads it and as somebody who looks.
func TestWhoLooksHasNoButtonsThatAreRefused(t *testing.T) {
	pages := map[string]func(looks bool) templ.Component{
		"diffs": func(looks bool) templ.Component {
			p := diffsPage(sessions()[0], false)
			p.Changes.Session.ReadOnly, p.Changes.Open.Looks = looks, looks
			return ChangesView(*p.Changes)
		},
		"timeline": func(looks bool) templ.Component {
			p := timelineSession(sessions()[0])
			p.Timeline.Session.ReadOnly = looks
			p.Timeline.Timeline.Events = append(p.Timeline.Timeline.Events, client.TimelineEvent{Type: "message", Checkpoint: "c1"})
			return TimelineView(*p.Timeline)
		},
		"chronicle": func(looks bool) templ.Component {
			p := chroniclePage()
			p.Looks, p.Session = looks, true
			p.Timeline.Events = append(p.Timeline.Events, client.TimelineEvent{Type: "message", Checkpoint: "c1"})
			return ChronicleView(p)
		},
		"dashboard": func(looks bool) templ.Component {
			d := dashboard()
			d.Looks = looks
			return DashboardPage(d)
		},
		"dashboard, empty": func(looks bool) templ.Component {
			return Board(NewDashboard(Shell{Looks: looks}, List{}, nil, client.Stats{}, nil))
		},
		"presets": func(looks bool) templ.Component { p := presetsPage(); p.Looks = looks; return Presets(p) },
		"prompts": func(looks bool) templ.Component { p := promptsPage(); p.Looks = looks; return Prompts(p) },
		"trusts":  func(looks bool) templ.Component { p := trustsPage(); p.Looks = looks; return Trusts(p) },
	}
	for name, marks := range map[string][]string{
		"diffs":            {`data-file-act`, `data-commit`, `data-review`, `data-push`, `data-open-pr`, `c comments on it`},
		"timeline":         {`Back to here…`},
		"chronicle":        {`?edit=1`, `/reforge"`, `Back to here…`},
		"dashboard":        {`data-new`, `data-begin`, `href="/credentials"`},
		"dashboard, empty": {`/sessions/new`},
		"presets":          {`action="/presets`, `preset=`, `href="/credentials"`, `href="/integrations"`},
		"prompts":          {`action="/prompts`, `?edit=`},
		"trusts":           {`action="/trusts/`},
	} {
		for _, looks := range []bool{false, true} {
			html, err := Render(t.Context(), pages[name](looks))
			if err != nil {
				t.Fatal(err)
			}
			for _, mark := range marks {
				if strings.Contains(html, mark) == looks {
					t.Errorf("%s, looks %t: %s is there: %t", name, looks, mark, !looks)
				}
			}
		}
	}
}

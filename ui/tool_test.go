package ui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

func TestToolInOneLine(t *testing.T) {
	for _, c := range []struct {
		name string
		tool client.Tool
		want string
	}{
		{"command", client.Tool{Kind: "execute", Input: input(map[string]any{"command": "go test"})}, "Run go test"},
		{"command of codex", client.Tool{Kind: "execute", Input: input(map[string]any{"command": []string{"bash", "-lc", "ls -l"}})}, "Run ls -l"},
		{"argv", client.Tool{Kind: "execute", Input: input(map[string]any{"cmd": []string{"echo", "a b"}})}, `Run echo "a b"`},
		{"file", client.Tool{Kind: "read", Locations: []client.Location{{Path: "/workspace/a/b.go", Line: 7}}}, "Read a/b.go:7"},
		{"files", client.Tool{Kind: "edit", Locations: []client.Location{{Path: "/etc/x"}, {Path: "y"}}}, "Edit /etc/x and 1 more"},
		{"search", client.Tool{Kind: "search", Input: input(map[string]any{"pattern": "TODO"})}, "Search TODO"},
		{"title only", client.Tool{Kind: "execute", Title: "`make`"}, "Run make"},
		{"unknown", client.Tool{Kind: "dance", Title: "Tango"}, "Tool Tango"},
		{"input that is no object", client.Tool{Kind: "read", Title: "x", Input: []byte(`[1]`)}, "Read x"},
	} {
		look := toolLook(c.tool)
		if got := look.Verb + " " + look.Target; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	d := DiffOf(client.Content{Path: "/workspace/invoice/round.go", Old: roundOld, New: roundNew})
	var got []string
	for _, r := range d.Rows {
		if r.Op == "+" || r.Op == "-" {
			got = append(got, r.Op+strings.TrimSpace(r.Text))
		}
	}
	want := []string{"-// Round gives v in cents.", "+// Round gives v in cents, half away from zero.", "-return int64(v * 100)", "+return int64(math.Round(v * 100))"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d.Ins != 2 || d.Del != 2 || d.Rows[0].No != 2 || d.Path != "invoice/round.go" {
		t.Errorf("%d in, %d out, first line %d of %s", d.Ins, d.Del, d.Rows[0].No, d.Path)
	}
	if d := DiffOf(client.Content{New: strings.Repeat("x\n", 1000)}); !d.New || len(d.Rows) != diffLines || d.Omitted != 1000-diffLines {
		t.Errorf("a new file of 1000 lines: %d rows, %d left out", len(d.Rows), d.Omitted)
	}
	if d := DiffOf(client.Content{New: strings.Repeat("x", maxDiff+1)}); d.Note == "" || d.Rows != nil {
		t.Error("a diff that is too long is compared")
	}
}

func TestOutputIsBounded(t *testing.T) {
	text, omitted := bounded(strings.Repeat("a\n", 500))
	if strings.Count(text, "\n")+1 != outputLines || omitted != 500-outputLines {
		t.Errorf("%d lines left out", omitted)
	}
	if text, _ := bounded(strings.Repeat("é", outputBytes)); len(text) > outputBytes || strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("one long line gave %d bytes", len(text))
	}
}

func TestImagesThatCanHoldScriptsAreNotShown(t *testing.T) {
	look := toolLook(client.Tool{Content: []client.Content{{Type: "image", MIME: "image/svg+xml", Text: "PHN2Zz4="}, {Type: "image", MIME: "image/png", Text: "iVBO"}}})
	var shown []string
	for _, o := range look.Output {
		if o.Image != "" {
			shown = append(shown, o.Image)
		}
	}
	if diff := cmp.Diff([]string{"data:image/png;base64,iVBO"}, shown); diff != "" {
		t.Error(diff)
	}
}

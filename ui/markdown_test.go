package ui

import (
	"regexp"
	"strings"
	"testing"
)

func TestMarkdownIsHarmless(t *testing.T) {
	for _, c := range []struct{ name, in, want, never string }{
		{"raw html", "<script>alert(1)</script> <b onclick=x>hi</b>", "", "<script"},
		{"remote image becomes a link", "![cat](https://evil.example/c.png)", `<a href="https://evil.example/c.png"`, "<img"},
		{"image without text", "![](https://evil.example/c.png)", `>https://evil.example/c.png</a>`, "<img"},
		{"image in a link", "[![x](https://a.example/b.png)](https://c.example)", "c.example", "<img"},
		{"script address", "[x](javascript:alert(1))", "x", "javascript:"},
		{"data address", "[x](data:text/html,<script>)", "x", "data:"},
		{"own address", "[x](/sessions/1/delete)", "x", "<script"},
		{"link", "[x](https://go.dev)", `target="_blank"`, "<script"},
		{"code", "```go\nvar x = 1 // <b>\n```", `class="chroma"`, "style="},
		{"code in no language", "```\n<b>\n```", "&lt;b&gt;", "<b>"},
		{"code has a copy button", "```go\nx\n```", "data-copy", "style="},
		{"indented code", "    x := 1", "x := 1", "style="},
		{"a copy button of the text's own", `<div class="code">`, "", "data-copy"},
		{"table", "|a|b|\n|:-|-:|\n|1|2|", "<table>", "style="},
		{"task list", "- [x] done", "done", "<input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Markdown(c.in)
			if !strings.Contains(got, c.want) {
				t.Errorf("%s\nlacks %s", got, c.want)
			}
			if strings.Contains(got, c.never) {
				t.Errorf("%s\nhas %s", got, c.never)
			}
			if strings.Contains(got, `target="_blank"`) && !strings.Contains(got, "noopener") {
				t.Errorf("%s\nhands out its window", got)
			}
		})
	}
}

var loads = regexp.MustCompile(`(?i)<(script|img|iframe|object|embed|link|style|svg|video|audio|form|input|meta|base)\b|\son\w+\s*=\s*["']|\sstyle\s*=\s*["']|href="\s*(javascript|data|vbscript):`)

func FuzzMarkdown(f *testing.F) {
	f.Add("# a\n\n```js\n<script>\n```\n![x](http://y)<img src=x onerror=y>")
	f.Add("[a]: javascript:alert(1)\n\n[a] <http://x\" onclick=\"y>")
	f.Fuzz(func(t *testing.T, in string) {
		if got := Markdown(in); loads.MatchString(regexp.MustCompile(`>[^<]*<`).ReplaceAllString(got, "><")) {
			t.Errorf("%q gave %s", in, got)
		}
	})
}

func TestLongTextIsShownAsItIs(t *testing.T) {
	got := Markdown(strings.Repeat("**a** <b> ", maxMarkdown/8))
	if !strings.HasPrefix(got, "<pre") || strings.Contains(got, "<b>") {
		t.Errorf("%.80s", got)
	}
}

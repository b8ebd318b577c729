package ui

import (
	"bytes"
	"html"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// maxMarkdown is the longest text that is read as markdown; what is longer is
// shown as it is. (Highlighting costs, and an agent can say anything.)
const maxMarkdown = 256 << 10

var markdown = goldmark.New(
	goldmark.WithExtensions(
		extension.NewTable(), extension.Strikethrough, extension.TaskList,
		extension.NewLinkify(extension.WithLinkifyAllowedProtocols([]string{"http", "https"})),
	),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(codeBlocks{}, 100))),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(noImages{}, 100))),
)

// policy lets through what goldmark makes of markdown, and nothing that loads.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "em", "strong", "del", "blockquote", "ul", "ol", "li", "code", "pre",
		"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "div")
	p.AllowAttrs("class").Matching(bluemonday.SpaceSeparatedTokens).OnElements("span", "pre", "code", "div")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireNoFollowOnLinks(false)
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	return p
}()

const codeOpen = `<div class="code">`

// Markdown renders what an agent said: no raw HTML, nothing fetched by itself,
// code highlighted by classes and with a copy button.
func Markdown(source string) string {
	if len(source) > maxMarkdown {
		return `<pre class="plain">` + html.EscapeString(source) + `</pre>`
	}
	var out bytes.Buffer
	if err := markdown.Convert([]byte(source), &out); err != nil {
		return `<pre class="plain">` + html.EscapeString(source) + `</pre>`
	}
	// Markers can only come from codeBlocks: the text's own "<" are escaped.
	clean := policy.Sanitize(out.String())
	clean = strings.ReplaceAll(clean, "<pre", `<pre tabindex="0"`) // scrolls, so keys have to reach it
	return strings.ReplaceAll(clean, codeOpen, codeOpen+`<button type="button" class="copy" data-copy>Copy</button>`)
}

// noImages turns images into links: a picture's address tells its server who
// reads, and when.
type noImages struct{}

func (noImages) Transform(doc *ast.Document, r text.Reader, _ parser.Context) {
	var images []*ast.Image
	ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if img, ok := n.(*ast.Image); ok && entering {
			images = append(images, img)
		}
		return ast.WalkContinue, nil
	})
	for _, img := range images {
		link := ast.NewLink()
		link.Destination = img.Destination
		for c := img.FirstChild(); c != nil; {
			next := c.NextSibling()
			link.AppendChild(link, c)
			c = next
		}
		if !link.HasChildren() {
			link.AppendChild(link, ast.NewString(util.EscapeHTML(img.Destination)))
		}
		img.Parent().ReplaceChild(img.Parent(), img, link)
	}
}

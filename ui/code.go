package ui

import (
	"html"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// codeBlocks renders markdown's blocks of code: highlighted by classes where
// their language is known, in the div that carries the copy button.
// (goldmark-highlighting does the same; it also loads all of chroma's styles at
// every start of the executable.)
type codeBlocks struct{}

func (b codeBlocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, b.render)
	r.Register(ast.KindCodeBlock, b.render)
}

func (codeBlocks) render(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	var language string
	if fenced, ok := n.(*ast.FencedCodeBlock); ok {
		language = string(fenced.Language(source))
	}
	w.WriteString(codeOpen + `<pre class="chroma"><code>`)
	for _, s := range highlight(language, string(n.Lines().Value(source))) {
		text := html.EscapeString(s.Text)
		if s.Class != "" {
			text = `<span class="` + s.Class + `">` + text + `</span>`
		}
		w.WriteString(text)
	}
	w.WriteString("</code></pre></div>")
	return ast.WalkSkipChildren, nil
}

// highlight gives the code in pieces; in one where the language is not known.
func highlight(language, code string) (pieces []Span) {
	plain := []Span{{Text: code}}
	lexer := lexers.Get(language)
	if language == "" || lexer == nil {
		return plain
	}
	tokens, err := chroma.Tokenise(chroma.Coalesce(lexer), nil, code)
	if err != nil {
		return plain
	}
	for _, t := range tokens {
		pieces = append(pieces, Span{class(t.Type), t.Value})
	}
	if strings.TrimRight(joined(pieces), "\n") != strings.TrimRight(code, "\n") {
		return plain
	}
	return pieces
}

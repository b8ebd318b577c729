package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
)

// Page is a short answer: one sentence and a next step, as a page for people
// or as {"detail": …} for programs.
type Page struct {
	Title     string
	Detail    string // the sentence; all that programs see
	Hint      string // shown as something to type
	Link      string // where to go next, in the whole tab
	LinkText  string
	Retry     int    // seconds after which the page asks again by itself; 0: never
	Ancestors string // CSP sources that may frame the page; empty: 'none'
}

const pageStyle = `:root{color-scheme:light dark}body{font:14px/1.5 system-ui,sans-serif;margin:12vh auto 0;max-width:60ch;padding:0 16px}h1{font-size:18px}code{font:13px ui-monospace,monospace;padding:2px 4px;border:1px solid #8888;border-radius:4px}`

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title><style>` + pageStyle + `</style>
<main><h1>{{.Title}}</h1><p>{{.Detail}}</p>{{with .Hint}}<p><code>{{.}}</code></p>{{end}}
{{with .Link}}<p><a href="{{.}}" target="_top">{{$.LinkText}}</a></p>{{end}}{{if .Retry}}<p><a href="">Try again</a></p>{{end}}</main></html>
`))

var styleHash = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// Answer writes the page, or its sentence as JSON where no person waits.
func Answer(w http.ResponseWriter, r *http.Request, status int, p Page) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if !IsPageLoad(r) {
		h.Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]string{"detail": p.Detail})
		return
	}
	if p.Ancestors == "" {
		p.Ancestors = "'none'"
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+styleHash+"; base-uri 'none'; form-action 'none'; frame-ancestors "+p.Ancestors)
	h.Set("Referrer-Policy", referrerPolicy)
	if p.Retry > 0 {
		h.Set("Refresh", strconv.Itoa(p.Retry))
	}
	w.WriteHeader(status)
	pageTemplate.Execute(w, p)
}

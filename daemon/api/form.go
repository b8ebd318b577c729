package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// postForm reads what a page's form says.
func postForm(c echo.Context) (url.Values, error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, fail(http.StatusRequestEntityTooLarge, "What was typed is larger than %d MiB, and nothing was done. Go back, and put long texts into a file of the workspace.", maxBody>>20)
	}
	return r.PostForm, nil
}

// typed is a text as it was typed: browsers send CR LF.
func typed(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}

// doneText is what a page says after a redirect.
func doneText(c echo.Context) string {
	return map[string]string{"saved": "Saved.", "deleted": "Deleted.",
		"shared": "Everybody can begin with it now.", "unshared": "It is yours alone now."}[c.QueryParam("done")]
}

package api

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// maxComment and maxComments bound a review.
const (
	maxComment  = 8 << 10
	maxComments = 200
)

func (s *server) listComments(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	list, err := s.comments(c, row)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list)
}

func (s *server) comments(c echo.Context, row store.Session) ([]client.Comment, error) {
	rows, err := s.DB.Comments(c.Request().Context(), principal(c), row.ID)
	out := []client.Comment{}
	for _, r := range rows {
		out = append(out, commentView(r))
	}
	return out, err
}

func commentView(r store.Comment) client.Comment {
	return client.Comment{ID: r.ID, Repo: r.Repo, Path: r.Path, Side: r.Side, Line: r.Line, Text: r.Text, Body: r.Body}
}

func (s *server) addComment(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in client.Comment
	if err := c.Bind(&in); err != nil {
		return err
	}
	in.Body = strings.TrimSpace(in.Body)
	switch {
	case in.Body == "":
		return fail(http.StatusUnprocessableEntity, "The comment is empty.")
	case len(in.Body) > maxComment:
		return fail(http.StatusUnprocessableEntity, "A comment has %d KiB at most. Write long texts as a message to the agent.", maxComment>>10)
	case in.Side != "old" && in.Side != "new", in.Line < 1, in.Path == "", !utf8.ValidString(in.Path + in.Text + in.Body):
		return fail(http.StatusUnprocessableEntity, "A comment names a file, a side (old or new) and a line from 1.")
	}
	if in.Repo, err = s.folderOf(c.Request().Context(), row, in.Repo); err != nil {
		return err
	}
	old, err := s.comments(c, row)
	if err != nil {
		return err
	}
	if len(old) >= maxComments {
		return fail(http.StatusConflict, "There are %d comments already. Send them, then go on.", maxComments)
	}
	r, err := s.DB.AddComment(c.Request().Context(), principal(c), store.Comment{SessionID: row.ID, Repo: in.Repo, Path: in.Path,
		Side: in.Side, Line: in.Line, Text: strings.ToValidUTF8(in.Text[:min(len(in.Text), maxComment)], ""), Body: in.Body})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, commentView(r))
}

func (s *server) deleteComment(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	id := c.Param("comment")
	if err := s.DB.DeleteComments(c.Request().Context(), principal(c), row.ID, id); isNotFound(err) {
		return fail(http.StatusNotFound, "Comment not found: %s", id)
	} else if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

type reviewIn struct {
	ID   string `json:"id,omitempty"`   // of the prompt; the same twice is one
	Text string `json:"text,omitempty"` // before the comments
}

// sendReview gives the collected comments to the agent as one message. They are
// gone here once the message is written down.
func (s *server) sendReview(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in reviewIn
	if err := c.Bind(&in); err != nil {
		return err
	}
	list, err := s.comments(c, row)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fail(http.StatusConflict, "There is no comment to send. Choose a line's number to write one.")
	}
	blocks := []wire.Block{{Type: "text", Text: reviewText(in.Text, list)}}
	if _, err := s.prompt(c.Request().Context(), principal(c), row, store.Prompt{ID: in.ID, Via: via(c)}, blocks); err != nil {
		return err
	}
	ids := make([]string, len(list))
	for i, x := range list {
		ids[i] = x.ID
	}
	if err := s.DB.DeleteComments(c.Request().Context(), principal(c), row.ID, ids...); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"status": "sent", "comments": len(list)})
}

// reviewText is a review in words that any agent understands: each comment
// under its place and the line as it was read.
func reviewText(intro string, list []client.Comment) string {
	var b strings.Builder
	if intro = strings.TrimSpace(intro); intro == "" {
		intro = "I reviewed your changes. Please go through these comments, one by one."
	}
	b.WriteString(intro + "\n")
	for _, c := range list {
		place := c.Path
		if c.Repo != "" {
			place = c.Repo + "/" + c.Path
		}
		where := fmt.Sprintf("line %d", c.Line)
		if c.Side == "old" {
			where = fmt.Sprintf("removed line %d", c.Line)
		}
		fmt.Fprintf(&b, "\n**%s**, %s:\n", place, where)
		if c.Text != "" {
			fmt.Fprintf(&b, "\n    %s\n", c.Text)
		}
		fmt.Fprintf(&b, "\n%s\n", c.Body)
	}
	return b.String()
}

package api

import (
	"cmp"
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/singleflight"

	"volundr/runtime/broker/wire"
	"volundr/ui/client"
)

// listFiles prints the files of the workspace, each with a zero byte after it:
// those that git knows or would add, or, where there is no repository at the
// top, those that no ignore file leaves out.
const listFiles = `git ls-files -z --cached --others --exclude-standard --deduplicate 2>/dev/null || rg --files --hidden --null --glob '!.git' 2>/dev/null`

const (
	filesLimit = 4 << 20         // bytes that a session may list
	filesAge   = 5 * time.Second // how old a list may be: it is asked for with every letter
	filesGiven = 20
)

// fileLists are the workspaces' files as sessions listed them lately.
type fileLists struct {
	asking singleflight.Group
	mu     sync.Mutex
	lists  map[string]fileList // by session
}

type fileList struct {
	names []string
	cut   bool
	at    time.Time
}

// files are those whose names fit a query, the best first.
func (s *server) files(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	q := c.QueryParam("q")
	if len(q) > 200 {
		return fail(http.StatusUnprocessableEntity, "A name to look for has at most 200 bytes.")
	}
	list, err := s.listed(c.Request().Context(), row.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, client.FileMatches{Files: fitting(list.names, q, filesGiven), Cut: list.cut})
}

// listed asks the session, once for all who want to know at the same time.
func (s *server) listed(ctx context.Context, id string) (fileList, error) {
	s.workspaces.mu.Lock()
	list, ok := s.workspaces.lists[id]
	s.workspaces.mu.Unlock()
	if ok && s.Now().Sub(list.at) < filesAge {
		return list, nil
	}
	got, err, _ := s.workspaces.asking.Do(id, func() (any, error) {
		res, err := s.Links.RunCommand(context.WithoutCancel(ctx), id, wire.Command{
			Argv: []string{"sh", "-c", listFiles}, Env: []string{"GIT_OPTIONAL_LOCKS=0"}, TimeoutMS: 5000, Limit: filesLimit})
		if err != nil {
			return fileList{}, err
		}
		list := fileList{names: fileNames(res.Stdout), cut: res.Truncated || res.TimedOut, at: s.Now()}
		s.workspaces.mu.Lock()
		defer s.workspaces.mu.Unlock()
		for other, old := range s.workspaces.lists {
			if list.at.Sub(old.at) > filesAge {
				delete(s.workspaces.lists, other)
			}
		}
		s.workspaces.lists[id] = list
		return list, nil
	})
	if err != nil {
		return fileList{}, err
	}
	return got.(fileList), nil
}

// fileNames reads what listFiles printed: the session's word, so names that no
// person could read or type are left out, and so is a last one without its end.
func fileNames(out []byte) (names []string) {
	for name := range strings.SplitSeq(string(out[:max(0, strings.LastIndexByte(string(out), 0))]), "\x00") {
		if name == "" || len(name) > 1000 || !utf8.ValidString(name) || strings.HasSuffix(name, "/") || path.Clean("/"+name) != "/"+name ||
			strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || !unicode.IsGraphic(r) }) {
			continue
		}
		names = append(names, name)
	}
	return names
}

// fitting gives the names that q stands in, the best first: at the beginning of
// the file's own name, in it, in the path, and last with its letters scattered.
func fitting(names []string, q string, most int) []string {
	q = strings.ToLower(q)
	type hit struct {
		name string
		rank int
	}
	var hits []hit
	for _, name := range names {
		low := strings.ToLower(name)
		base := low[strings.LastIndexByte(low, '/')+1:]
		rank := 0
		switch {
		case strings.HasPrefix(base, q):
		case strings.Contains(base, q):
			rank = 1
		case strings.Contains(low, q):
			rank = 2
		case scattered(low, q):
			rank = 3
		default:
			continue
		}
		hits = append(hits, hit{name, rank})
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(a.rank-b.rank, strings.Count(a.name, "/")-strings.Count(b.name, "/"), len(a.name)-len(b.name), strings.Compare(a.name, b.name))
	})
	out := make([]string, 0, most)
	for _, h := range hits[:min(most, len(hits))] {
		out = append(out, h.name)
	}
	return out
}

// scattered reports whether q's letters stand in name in their order.
func scattered(name, q string) bool {
	for _, r := range q {
		i := strings.IndexRune(name, r)
		if i < 0 {
			return false
		}
		name = name[i+utf8.RuneLen(r):]
	}
	return true
}

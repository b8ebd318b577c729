package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// countLoss prints, for each repository at the top of the workspace: R, then
// changed files (F and a status line), branches with commits that no remote has
// (B, commits, name), stashes (S, count). Without any: W and the number of
// files. Names are quoted by git, one a line, behind the repository's folder.
const countLoss = `cd /workspace || exit 1
n=0
for g in .git */.git; do
  [ -e "$g" ] || continue; d=$(dirname "$g"); n=$((n+1)); echo R
  at=; [ "$d" = . ] || at=$d/
  git -C "$d" status --porcelain | head -1000 | while IFS= read -r l; do f=${l#???}; printf 'F %s%s%s\n' "${l%"$f"}" "$at" "$f"; done
  git -C "$d" for-each-ref --format='%(refname:short)' refs/heads | while read -r b; do
    c=$(git -C "$d" rev-list --count "$b" --not --remotes 2>/dev/null); [ "${c:-0}" = 0 ] || printf 'B %s %s\n' "$c" "${at:+${at%/}: }$b"; done
  echo "S $(git -C "$d" stash list | wc -l)"
done
[ $n -gt 0 ] || echo "W $(find . -xdev -type f | head -100000 | wc -l)"`

// loss is what stopping or deleting a session takes away. Only the session can
// say: the daemon never runs git where an agent can write.
func (s *server) loss(ctx context.Context, row store.Session) client.Loss {
	l := client.Loss{Names: []string{}, Branches: []string{}, Busy: row.Activity != "" && row.Activity != client.Idle}
	var req launch.Request
	if json.Unmarshal(row.Request, &req) == nil && req.Source.Type == client.SourceMount {
		l.Live = repoOf(req.Source)
	}
	if row.State != store.Running {
		l.Reason = "The session does not run, so its workspace was not looked at. Start it to see what it holds."
		return l
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	res, err := s.Links.RunCommand(ctx, row.ID, wire.Command{Argv: []string{"sh", "-c", countLoss}, TimeoutMS: 8000, Limit: 256 << 10})
	if err != nil || res.Exit != 0 || res.TimedOut || !readLoss(string(res.Stdout), &l) {
		l.Reason = "The session did not say what its workspace holds."
	}
	return l
}

// readLoss reads what countLoss printed; it is the session's word, so anything
// odd is refused.
func readLoss(out string, l *client.Loss) bool {
	const shown = 20
	for line := range strings.Lines(out) {
		kind, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch kind {
		case "R":
			l.Repository = true
		case "F":
			l.Files++
			if len(l.Names) < shown && len(rest) > 3 {
				l.Names = append(l.Names, rest[3:])
			}
		case "B":
			count, name, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(count)
			if err != nil || n < 0 {
				return false
			}
			l.Commits += n
			if len(l.Branches) < shown {
				l.Branches = append(l.Branches, name)
			}
		case "S", "W":
			n, err := strconv.Atoi(rest)
			if err != nil || n < 0 {
				return false
			}
			if kind == "S" {
				l.Stashes += n
			} else {
				l.Files = n
			}
		default:
			return false
		}
	}
	l.Known = true
	return true
}

func (s *server) lossJSON(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.loss(c.Request().Context(), row))
}

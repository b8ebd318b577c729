package source

import (
	"os"
	"strings"
)

// preReceive is the one hook that is ever run, and it is ours: receive-pack
// calls it with the new objects still in quarantine and before any ref of the
// mirror moves. It pushes them on to the real remote, each ref only if it is
// there what the session was told it is, and what that says is what the session
// sees. Lines come from the session: refs are checked before they are used, and
// stand where git takes nothing for an option.
const preReceive = `#!/bin/sh
set -f
zero=0000000000000000000000000000000000000000
leases= specs=
while read -r old new ref; do
	case $old$new in *[!0-9a-f]*|'') echo 'not an object name' >&2; exit 1 ;; esac
	case $ref in
	*[!A-Za-z0-9._/+@=,%-]*|*:*) echo "this name cannot be pushed from a session: $ref" >&2; exit 1 ;;
	refs/heads/?*|refs/tags/?*) git check-ref-format "$ref" || { echo "not a valid name: $ref" >&2; exit 1; } ;;
	*) echo "only branches and tags can be pushed: $ref" >&2; exit 1 ;;
	esac
	[ "$old" = "$zero" ] && lease= || lease=$old
	[ "$new" = "$zero" ] && new=
	# A repository without branches gets its first one, whatever it is called.
	if [ -n "$(git for-each-ref --count=1 refs/heads)" ]; then
		name=$(printf %s "${ref#refs/heads/}" | tr '[:upper:]' '[:lower:]')
		for p in $VOLUNDR_PROTECTED; do
			[ "$ref" = "${ref#refs/heads/}" ] || case $name in $p)
				echo "${ref#refs/heads/} is protected: push to a branch of the session, as in: git push origin HEAD:$VOLUNDR_BRANCH, and open a pull request" >&2
				exit 1 ;;
			esac
		done
	fi
	leases="$leases --force-with-lease=$ref:$lease"
	specs="$specs $new:$ref"
done
[ -n "$specs" ] || exit 0
# A remote in a folder would take our quarantine for its own.
unset GIT_QUARANTINE_PATH
# Every word was checked above to hold no space and no pattern.
if [ -n "$VOLUNDR_RECEIVE_PACK" ]; then
	exec git push --no-verify --no-recurse-submodules "--receive-pack=$VOLUNDR_RECEIVE_PACK" $leases -- "$VOLUNDR_REMOTE" $specs
fi
exec git push --no-verify --no-recurse-submodules $leases -- "$VOLUNDR_REMOTE" $specs
`

// pushEnv tells the hook where to push to, and which branches are not for that.
func (s *Sources) pushEnv(r Remote, o origin) []string {
	env := []string{"VOLUNDR_REMOTE=" + r.URL, "VOLUNDR_RECEIVE_PACK=", "VOLUNDR_PROTECTED=" + strings.Join(s.protected(o), " "),
		"VOLUNDR_BRANCH=" + o.own}
	if r.Local != "" {
		env[1] += "git -c core.hooksPath=" + os.DevNull + " -c core.fsmonitor=false -c gc.auto=0 receive-pack"
	}
	return env
}

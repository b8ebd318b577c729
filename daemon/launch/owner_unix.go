//go:build unix

package launch

import (
	"os"
	"syscall"
)

// owner of a folder. A group of root's is not taken over.
func owner(info os.FileInfo) (uid, gid int) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return userUID, userUID
	}
	if st.Gid == 0 {
		return int(st.Uid), userUID
	}
	return int(st.Uid), int(st.Gid)
}

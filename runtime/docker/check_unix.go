//go:build unix

package docker

import "golang.org/x/sys/unix"

// freeDisk gives the bytes that an ordinary user may still write at path.
func freeDisk(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

package runner

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"volundr/runtime/broker/wire"
)

// Ports lists the ports that this network namespace listens on for loopback,
// reserved ones left out, ascending. A process's name stands with those that a
// process seen from here holds open.
func Ports() []wire.Port {
	inodes := map[int]string{}
	for _, f := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeners(f, inodes)
	}
	if len(inodes) == 0 {
		return []wire.Port{}
	}
	names := owners(inodes)
	ports := make([]wire.Port, 0, len(inodes))
	for port, inode := range inodes {
		ports = append(ports, wire.Port{Port: port, Process: names[inode]})
	}
	slices.SortFunc(ports, func(a, b wire.Port) int { return a.Port - b.Port })
	return ports
}

// Addresses in /proc/net/tcp that a connection to loopback reaches: bytes of
// each 32-bit word in host order.
var reachable = map[string]bool{
	"0100007F": true, "00000000": true, // 127.0.0.1, 0.0.0.0
	"00000000000000000000000001000000": true, // ::1
	"00000000000000000000000000000000": true, // ::
	"0000000000000000FFFF00000100007F": true, // ::ffff:127.0.0.1
}

const stateListen = "0A"

func listeners(file string, inodes map[int]string) {
	f, err := os.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		port, inode, ok := listener(sc.Text())
		if ok && !wire.Reserved(port) {
			inodes[port] = inode
		}
	}
}

func listener(line string) (port int, inode string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != stateListen {
		return 0, "", false
	}
	addr, hex, _ := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(hex, 16, 16)
	return int(n), f[9], err == nil && reachable[addr]
}

// owners finds which process holds which socket.
func owners(inodes map[int]string) map[string]string {
	want := map[string]bool{}
	for _, i := range inodes {
		want[fmt.Sprintf("socket:[%s]", i)] = true
	}
	names := map[string]string{}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		link, err := os.Readlink(fd)
		if err != nil || !want[link] {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(fd)), "comm"))
		if err == nil {
			names[link[len("socket:["):len(link)-1]] = strings.TrimSpace(string(comm))
		}
	}
	return names
}

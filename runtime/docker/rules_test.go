package docker

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
)

func TestOwnResolvers(t *testing.T) {
	var own []net.Addr
	for _, a := range []string{"127.0.0.1/8", "10.0.0.5/24", "10.255.255.254/32", "fe80::1/64"} {
		ip, n, err := net.ParseCIDR(a)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, &net.IPNet{IP: ip, Mask: n.Mask})
	}
	for conf, want := range map[string][]string{
		"":                        nil,
		"nameserver 10.0.0.1\n":   nil, // a neighbour
		"nameserver 127.0.0.53\n": nil, // asked by the engine
		"nameserver fe80::1\nnameserver\nnameserver x\n":                            nil,
		"# nameserver 10.0.0.5\nsearch x\n\tnameserver 10.0.0.5 # us\n":             {"10.0.0.5"},
		"nameserver 10.255.255.254\nnameserver 10.0.0.5\nnameserver 10.255.255.254": {"10.255.255.254", "10.0.0.5"},
	} {
		if diff := cmp.Diff(want, ownResolvers(conf, own)); diff != "" {
			t.Errorf("%q: %s", conf, diff)
		}
	}
}

func TestMarkedRules(t *testing.T) {
	list := `-P INPUT ACCEPT
-N DOCKER-USER
-A INPUT -i volundr1 -m conntrack --ctstate NEW -m comment --comment volundr-ab -j DROP
-A INPUT -i volundr2 -m comment --comment volundr-abc -j DROP
-A DOCKER-USER -d 169.254.0.0/16 -i volundr1 -m comment --comment "volundr-ab" -j DROP
-A DOCKER-USER -m comment --comment
-A DOCKER-USER -j RETURN
`
	want := []rule{
		{"INPUT", strings.Fields("-i volundr1 -m conntrack --ctstate NEW -m comment --comment volundr-ab -j DROP")},
		{"DOCKER-USER", strings.Fields("-d 169.254.0.0/16 -i volundr1 -m comment --comment volundr-ab -j DROP")},
	}
	if diff := cmp.Diff(want, marked(list, "volundr-ab"), cmp.AllowUnexported(rule{})); diff != "" {
		t.Error(diff)
	}
}

// No packet to a metadata service leaves: the rule that drops it counts it.
func TestSessionsDoNotReachMetadata(t *testing.T) {
	path, missing := exec.LookPath("iptables")
	if os.Geteuid() != 0 || missing != nil {
		t.Skip("layer not run: rules need root and iptables")
	}
	r, s := running(t, nil)
	if !r.bridgeHere() {
		t.Skip("layer not run: the engine's bridge is not in this network namespace")
	}
	dropped := func() (n int) {
		out, err := exec.Command(path, "-w", "5", "-nvxL", "DOCKER-USER").Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); strings.Contains(line, r.bridge()) && len(f) > 0 {
				count, _ := strconv.Atoi(f[0])
				n += count
			}
		}
		return n
	}
	before := dropped()
	for _, to := range []string{"169.254.169.254", "100.100.100.200"} {
		if exit, err := r.Exec(t.Context(), s.ID, runtime.ExecOptions{Command: []string{"timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/" + to + "/80"}}); err != nil || exit == 0 {
			t.Errorf("%s: exit %d %v", to, exit, err)
		}
	}
	if got := dropped() - before; got < 2 {
		t.Errorf("%d packets dropped, want one for each address at least", got)
	}
}

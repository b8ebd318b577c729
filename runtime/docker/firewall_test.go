package docker

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"volundr/runtime"
)

// TestSessionsDoNotReachTheHost: what listens on every address of the engine's
// machine is not there for sessions, and the rules go with the last session.
func TestSessionsDoNotReachTheHost(t *testing.T) {
	e := engine(t)
	iptables, missing := exec.LookPath("iptables")
	if os.Geteuid() != 0 || missing != nil || !strings.HasPrefix(e.Host, "unix://") {
		t.Skip("layer not run: rules need root, iptables and an engine on this machine")
	}
	r := installation(t, e, false)
	image, err := r.EnsureImage(t.Context(), runtime.Session, func(runtime.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, image)
	if err := r.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	bridge, err := net.InterfaceByName(r.bridge())
	if err != nil {
		t.Skip("layer not run: the engine's bridge is not in this network namespace")
	}
	addrs, err := bridge.Addrs()
	if err != nil || len(addrs) == 0 {
		t.Fatal(addrs, err)
	}
	gateway, _, _ := net.ParseCIDR(addrs[0].String())
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	reaches := func() bool {
		exit, err := r.Exec(t.Context(), s.ID, runtime.ExecOptions{
			Command: []string{"timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/" + gateway.String() + "/" + port}})
		if err != nil {
			t.Fatal(err)
		}
		return exit == 0
	}
	if reaches() {
		t.Errorf("a session reaches port %s of the host", port)
	}
	if r.openFirewall(t.Context()); !reaches() {
		t.Error("without the rules it is closed as well: this test shows nothing")
	}
	if err := r.Start(t.Context(), s); err != nil { // sets what is missing
		t.Fatal(err)
	}
	if reaches() {
		t.Error("the rules are not set again")
	}
	if err := r.Remove(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	rules, err := exec.Command(iptables, "-S").CombinedOutput()
	if err != nil || strings.Contains(string(rules), r.prefix()) {
		t.Errorf("rules stay: %v\n%s", err, rules)
	}
}

package docker

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/system"

	"volundr/runtime"
)

// The engine keeps sessions from each other, but not from the machine they run
// on, nor from the metadata services of clouds, which hand out credentials.
// Where we are root on the engine's machine, rules on our bridge close both.
// Only new connections: what the host opens to a session goes on.

// metadata are the addresses of clouds' metadata services; the first covers
// nearly all of them.
var metadata = []string{"169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32"}

// rule is one of ours in a chain of the filter table.
type rule struct {
	chain string
	spec  []string
}

// rules are those of the installation, in the order in which they stand in the
// chain. resolvers are name servers at addresses of this machine, which
// sessions ask directly.
func (r *Runtime) rules(resolvers []string) []rule {
	ours := []string{"-m", "comment", "--comment", r.prefix()}
	var all []rule
	for _, ip := range resolvers {
		for _, proto := range []string{"udp", "tcp"} {
			all = append(all, rule{"INPUT", append([]string{"-d", ip, "-i", r.bridge(), "-p", proto, "-m", proto, "--dport", "53"}, append(ours, "-j", "ACCEPT")...)})
		}
	}
	all = append(all, rule{"INPUT", append([]string{"-i", r.bridge(), "-m", "conntrack", "--ctstate", "NEW"}, append(ours, "-j", "DROP")...)})
	for _, to := range metadata {
		all = append(all, rule{"DOCKER-USER", append([]string{"-d", to, "-i", r.bridge()}, append(ours, "-j", "DROP")...)})
	}
	return all
}

// closeFirewall sets the rules that are missing. A machine on which that fails
// still runs sessions; the check says so.
func (r *Runtime) closeFirewall(ctx context.Context) {
	path, err := exec.LookPath("iptables")
	if err != nil || os.Geteuid() != 0 || !r.bridgeHere() {
		return
	}
	r.rulesMu.Lock()
	defer r.rulesMu.Unlock()
	for _, rule := range slices.Backward(r.rules(hostResolvers())) { // each goes on top
		if iptables(ctx, path, "-C", rule) == nil {
			continue
		}
		if err := iptables(ctx, path, "-I", rule); err != nil && ctx.Err() == nil {
			r.log.Warn("Sessions can reach this machine", "chain", rule.chain, "error", err)
		}
	}
}

// openFirewall takes all rules of the installation away, known by their comment.
func (r *Runtime) openFirewall(ctx context.Context) {
	path, err := exec.LookPath("iptables")
	if err != nil || os.Geteuid() != 0 {
		return
	}
	r.rulesMu.Lock()
	defer r.rulesMu.Unlock()
	for _, chain := range []string{"INPUT", "DOCKER-USER"} {
		list, err := exec.CommandContext(ctx, path, "-w", "5", "-S", chain).Output()
		if err != nil {
			continue // not every engine has both
		}
		for _, rule := range marked(string(list), r.prefix()) {
			if err := iptables(ctx, path, "-D", rule); err != nil {
				r.log.Warn("A rule for sessions that are gone stays", "chain", chain, "error", err)
			}
		}
	}
}

// marked finds the rules with a comment in what iptables -S prints.
func marked(list, comment string) (out []rule) {
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		for i := range f {
			f[i] = strings.Trim(f[i], `"`)
		}
		if i := slices.Index(f, "--comment"); len(f) > 2 && f[0] == "-A" && i > 0 && i+1 < len(f) && f[i+1] == comment {
			out = append(out, rule{f[1], f[2:]})
		}
	}
	return out
}

func iptables(ctx context.Context, path, do string, r rule) error {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, path, append([]string{"-w", "5", do, r.chain}, r.spec...)...)
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("iptables %s %s: %w: %s", do, r.chain, err, strings.TrimSpace(errs.String()))
	}
	return nil
}

// hostResolvers gives the name servers of this machine that are addresses of
// its own, other than 127.0.0.0/8, which the engine asks for the session.
func hostResolvers() []string {
	text, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	return ownResolvers(string(text), own)
}

func ownResolvers(resolvConf string, own []net.Addr) (out []string) {
	for line := range strings.Lines(resolvConf) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		ip, err := netip.ParseAddr(f[1])
		if err != nil || !ip.Is4() || ip.IsLoopback() {
			continue
		}
		for _, a := range own {
			if n, err := netip.ParsePrefix(a.String()); err == nil && n.Addr() == ip && !slices.Contains(out, f[1]) {
				out = append(out, f[1])
			}
		}
	}
	return out
}

// isolation says for `volundr doctor` what sessions can reach of the machine.
func (r *Runtime) isolation(ctx context.Context) runtime.Finding {
	f := runtime.Finding{Name: "Isolation", Status: statusOK}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	info, err := r.api.Info(ctx)
	if err != nil {
		f.Status, f.Detail = statusWarning, "not known while the engine does not answer"
		return f
	}
	_, missing := exec.LookPath("iptables")
	switch {
	case !r.bridgeHere() && !onThisMachine(info, r.api.DaemonHost()):
		f.Detail = "sessions reach no port of each other; what else they reach is decided on the engine's machine"
		f.Advice = "Its firewall should refuse new connections from sessions' networks to itself and to " + metadata[0] + "."
	case os.Geteuid() == 0 && missing == nil:
		f.Detail = "sessions reach no port of each other, nor this machine, nor metadata services (iptables rules)"
	default:
		why := "the daemon is not root"
		if os.Geteuid() == 0 {
			why = "iptables is not installed"
		}
		f.Status = statusWarning
		f.Detail = "sessions can reach services of this machine that listen on more than 127.0.0.1, and metadata services: " + why
		f.Advice = "Bind such services to 127.0.0.1; on a machine in a cloud, drop " + metadata[0] + " in the chain DOCKER-USER."
	}
	return f
}

// onThisMachine reports whether the engine's networks are ours to see.
func onThisMachine(info system.Info, engine string) bool {
	return goruntime.GOOS == "linux" && strings.HasPrefix(engine, "unix://") &&
		!strings.Contains(strings.Join(info.SecurityOptions, " "), "rootless") && !strings.Contains(info.OperatingSystem, "Docker Desktop")
}

package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"

	"volundr/runtime"
)

// The engine keeps sessions from each other, but not from the machine they run
// on, nor from the metadata services of clouds, which hand out credentials.
// Where we are root on the engine's machine, rules on our bridge close both.
// Only new connections: what the host opens to a session goes on.

// metadata are the addresses of clouds' metadata services; the first covers
// nearly all of them.
var metadata = []string{"169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32"}

// errNoRules says why rules cannot be set.
var errNoRules = errors.New("no rules can be set")

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

// mayFirewall gives the program that sets rules, or why we cannot.
func (r *Runtime) mayFirewall() (string, error) {
	switch path, err := exec.LookPath("iptables"); {
	case !r.bridgeHere():
		return "", fmt.Errorf("%w: the engine's network is not on this machine", errNoRules)
	case os.Geteuid() != 0:
		return "", fmt.Errorf("%w: that takes root", errNoRules)
	case err != nil:
		return "", fmt.Errorf("%w: iptables is not installed", errNoRules)
	default:
		return path, nil
	}
}

// closeFirewall sets the rules that are missing. A machine on which that fails
// still runs sessions; the check says so.
func (r *Runtime) closeFirewall(ctx context.Context) {
	path, err := r.mayFirewall()
	if err != nil {
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

// openFirewall takes all rules of the installation away.
func (r *Runtime) openFirewall(ctx context.Context) {
	path, err := exec.LookPath("iptables")
	if err != nil || os.Geteuid() != 0 {
		return
	}
	r.rulesMu.Lock()
	defer r.rulesMu.Unlock()
	for _, rule := range r.rules(hostResolvers()) {
		for iptables(ctx, path, "-D", rule) == nil { // until there is none
			continue
		}
	}
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

// isolation says for `volundr doctor` what sessions can reach of this machine.
func (r *Runtime) isolation(ctx context.Context) runtime.Finding {
	f := runtime.Finding{Name: "Isolation", Status: "ok"}
	path, err := r.mayFirewall()
	switch {
	case err == nil:
		for _, rule := range r.rules(hostResolvers()) {
			if err = iptables(ctx, path, "-C", rule); err != nil {
				f.Status, f.Detail = "warning", "rules that keep sessions from this machine are missing"
				f.Advice = "They are set again when a session starts."
				return f
			}
		}
		f.Detail = "sessions reach neither this machine nor metadata services (iptables rules on " + r.bridge() + ")"
	case !r.bridgeHere():
		f.Detail = "sessions reach no port of each other; no session has run on this machine's own network"
		f.Advice = "Where the engine is in a virtual machine or remote, that machine's firewall decides what else they reach."
	default:
		f.Status = "warning"
		f.Detail = fmt.Sprintf("sessions can reach services of this machine that do not listen on 127.0.0.1 only, and metadata services (%v)", err)
		f.Advice = fmt.Sprintf("Bind them to 127.0.0.1, or run as root: iptables -I INPUT -i %[1]s -m conntrack --ctstate NEW -j DROP; iptables -I DOCKER-USER -i %[1]s -d %[2]s -j DROP",
			r.bridge(), metadata[0])
	}
	return f
}

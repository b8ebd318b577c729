package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"time"

	"volundr/daemon/config"
	"volundr/ui/client"
)

// renewal is how long before its end a certificate is warned of.
const renewal = 14 * 24 * time.Hour

// doctorPublic looks at the public address: what it is called, until when its
// certificate is good and for which names, and whether they are found.
func doctorPublic(ctx context.Context, cfg config.Config, installation string, now time.Time) []client.Finding {
	p := cfg.Public
	if p == nil {
		return nil
	}
	probe, _, _ := strings.Cut(strings.TrimPrefix(p.Suffix(), "."), ":")
	probe = "probe-" + installation + "." + probe
	out := []client.Finding{{Name: "Public address", Status: "ok", Detail: p.Origin() + ", listened for on " + p.Address}, apart(p)}
	if p.TLS.Cert != "" {
		out = append(out, certified(p, probe, now))
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for _, name := range []string{p.Host(), probe} {
		out = append(out, found(ctx, name, name == probe))
	}
	return out
}

// apart tells how far browsers keep surfaces from the UI.
func apart(p *config.Public) client.Finding {
	f := client.Finding{Name: "Surfaces", Status: "ok"}
	switch p.Apart() {
	case config.SiteForEach:
		f.Detail = p.Surfaces + ": a site for each"
	case config.SharedSite:
		f.Detail = p.Surfaces + ": of another site than the UI; among themselves they can set cookies for each other"
	default:
		f.Status, f.Detail = "warning", p.Surfaces+": of the same site as the UI"
		f.Advice = "What runs in sessions can set cookies that the browser sends to the UI too (ours it cannot set). Give public.surfaces names under another domain."
	}
	return f
}

// certified looks at the certificate as it lies there now.
func certified(p *config.Public, probe string, now time.Time) client.Finding {
	f := client.Finding{Name: "Certificate", Status: "error"}
	pair, err := tls.LoadX509KeyPair(p.TLS.Cert, p.TLS.Key)
	if err == nil && pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	if err != nil {
		f.Detail, f.Advice = err.Error(), "See that public.tls.cert and public.tls.key are a pair in PEM. Until then the one before it is used."
		return f
	}
	leaf := pair.Leaf
	f.Detail = "good until " + leaf.NotAfter.UTC().Format("2 January 2006")
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		f.Detail, f.Advice = "ended on "+leaf.NotAfter.UTC().Format("2 January 2006"), "Renew it: the daemon takes the new files by itself."
		return f
	case now.Before(leaf.NotBefore):
		f.Detail, f.Advice = "begins on "+leaf.NotBefore.UTC().Format("2 January 2006"), "See that the clock of this machine is right."
		return f
	case left < renewal:
		f.Status, f.Advice = "warning", fmt.Sprintf("It ends in %d days. Renew it: the daemon takes the new files by itself.", int(left.Hours()/24))
	default:
		f.Status = "ok"
	}
	for _, name := range []string{p.Host(), probe} {
		if leaf.VerifyHostname(name) != nil {
			f.Status, f.Advice = "error", fmt.Sprintf("It is not for %s. It has to be for %s and %s.", name, p.Host(), p.Surfaces)
		}
	}
	return f
}

// found tells whether a name is found. Surfaces have names of their own each.
func found(ctx context.Context, name string, wildcard bool) client.Finding {
	f := client.Finding{Name: "Name " + name, Status: "ok"}
	addrs, err := net.DefaultResolver.LookupHost(ctx, name)
	if err == nil {
		f.Detail = strings.Join(addrs, ", ")
		return f
	}
	f.Status, f.Detail, f.Advice = "warning", "this machine's resolver does not find it", "Give it an address in your DNS."
	if wildcard {
		f.Advice = "Give all names below it (*" + name[strings.Index(name, "."):] + ") the address of the public one in your DNS: editors, terminals and previews have names of their own."
	}
	return f
}

package daemon

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"

	"volundr/daemon/auth"
	"volundr/daemon/config"
)

// public is the address that other machines reach, beside the one on loopback.
type public struct {
	cfg      *config.Public
	listener net.Listener
}

// newPublic takes the address, where one is configured.
func newPublic(cfg config.Config, log *slog.Logger) (*public, error) {
	c := cfg.Public
	if c == nil {
		return nil, nil
	}
	var pair *certificate
	if c.TLS.Cert != "" {
		var err error
		if pair, err = newCertificate(c.TLS.Cert, c.TLS.Key, log); err != nil {
			return nil, fmt.Errorf("the certificate of the public address cannot be used (%w): see that public.tls.cert and public.tls.key are a pair in PEM", err)
		}
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("the public address %s cannot be listened on (%w): end the program that has it, or choose another for public.address", c.Address, err)
	}
	if pair != nil {
		// HTTP/1.1 alone: sockets of terminals and editors need it, and large
		// bodies go from connection to connection.
		l = tls.NewListener(l, &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	return &public{cfg: c, listener: l}, nil
}

func (p *public) close() {
	if p != nil {
		p.listener.Close()
	}
}

// names are what it is called, and whom it believes.
func (p *public) names() *auth.Public {
	if p == nil {
		return nil
	}
	out := &auth.Public{Origin: p.cfg.Origin(), Suffix: p.cfg.Suffix(), Proxies: p.cfg.Proxies()}
	if l := p.cfg.ProxyLogin; l != nil {
		out.Login = &auth.ProxyLogin{User: l.UserHeader, Email: l.EmailHeader, Tenant: l.TenantHeader, Groups: l.RolesHeader,
			Roles: rolesOf(l.Roles, l.DefaultRole), Life: l.LoginLife, Logout: l.LogoutURL}
	}
	return out
}

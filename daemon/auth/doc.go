// Package auth decides who a request comes from and whether it may come in at
// all: host names, Origin and Sec-Fetch checks, logins, tokens, what each
// may be used for, and the unguessable host names of surfaces.
//
// The listener on loopback serves three kinds of host names:
//
//	volundr-<installation>.localhost:<port>                  control: the UI, by cookie
//	127.0.0.1:<port>, localhost:<port>                       programs, by bearer token
//	<surface>--<session>--<token>.localhost:<port>           one surface of one session
//
// A public address, where there is one, has a listener and names of its own, all
// over TLS; the names of one open nothing at the other. AtPublic stands before
// everything there, and alone reads what proxies say:
//
//	volundr.example.com                                       control: by cookie or a person's token
//	<surface>--<session>--<token>.volundr-surfaces.example    one surface of one session
//
// The control host is a site of its own. Cookies ignore ports, so a cookie on
// bare localhost would be sent to every other server of the machine; on those
// names this package never sets or reads one. SameSite protects nobody (WebKit
// sends Strict cookies with the requests of a frame): exact Host, Origin and
// Sec-Fetch checks do.
package auth

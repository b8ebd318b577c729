package auth

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"volundr/store"
)

var someProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}

func TestTheClientIsTheRightMostThatIsNoProxy(t *testing.T) {
	for _, c := range []struct {
		hops []string
		want string
	}{
		{nil, "10.0.0.7"},
		{[]string{"192.0.2.1"}, "192.0.2.1"},
		{[]string{"6.6.6.6, 192.0.2.1"}, "192.0.2.1"},
		{[]string{"6.6.6.6", "192.0.2.1"}, "192.0.2.1"},
		{[]string{"192.0.2.1, 10.1.1.1"}, "192.0.2.1"},
		{[]string{"192.0.2.1", "10.1.1.1", "10.2.2.2"}, "192.0.2.1"},
		{[]string{"10.1.1.1, 10.2.2.2"}, "10.1.1.1"},
		{[]string{"192.0.2.1:4711"}, "192.0.2.1"},
		{[]string{"2001:db8::1"}, "2001:db8::1"},
		{[]string{"[2001:db8::1]"}, "2001:db8::1"},
		{[]string{"[2001:db8::1]:443, 2001:db8:1::5"}, "2001:db8::1"},
		{[]string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{[]string{"::ffff:10.0.0.9"}, "10.0.0.9"},
		{[]string{"6.6.6.6, ::ffff:10.0.0.9"}, "6.6.6.6"},
		{[]string{"fe80::1%eth0"}, "fe80::1"},
		{[]string{"192.0.2.1, unknown"}, "10.0.0.7"},
		{[]string{"192.0.2.1, unknown, 10.1.1.1"}, "10.1.1.1"},
		{[]string{"192.0.2.1,"}, "10.0.0.7"},
		{[]string{""}, "10.0.0.7"},
		{[]string{"192.0.2.256"}, "10.0.0.7"},
		{[]string{"[2001:db8::1"}, "10.0.0.7"},
		{[]string{"0300.0.2.1"}, "10.0.0.7"},
		{[]string{"192.0.2.1" + strings.Repeat(", 10.0.0.1", 100)}, "10.0.0.1"},
	} {
		h := http.Header{"X-Forwarded-For": c.hops}
		if got := readForwarded(h).client(someProxies, netip.MustParseAddr("10.0.0.7")); got.String() != c.want {
			t.Errorf("%q: %s, want %s", c.hops, got, c.want)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add("192.0.2.1, 10.0.0.1", "https", "volundr.example.com", "ann", "staff, chiefs")
	f.Add("[2001:db8::1]:443", "HTTPS,http", "a, b", "ann\xff", ",,")
	f.Add("fe80::1%eth0,,unknown", "", "", "a,b", "")
	f.Fuzz(func(t *testing.T, hops, proto, host, user, groups string) {
		h := http.Header{"X-Forwarded-For": {hops}, "X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {host}, "X-Auth-User-Id": {user}, "X-Auth-Roles": {groups}}
		f := readForwarded(h)
		from := netip.MustParseAddr("10.0.0.7")
		got := f.client(someProxies, from)
		switch {
		case !got.IsValid() || got.Is4In6() || got.Zone() != "":
			t.Errorf("%q: the client is %s", hops, got)
		case got != from: // then it stands there, and all on its right are proxies
			at := slices.IndexFunc(f.hops, func(s string) bool { a, ok := address(s); return ok && a == got })
			if at < 0 {
				t.Errorf("%q: %s does not stand there", hops, got)
			}
		}
		if f.encrypted(false) && !strings.EqualFold(strings.Trim(strings.Split(proto, ",")[0], " \t"), "https") {
			t.Errorf("%q is taken for TLS", proto)
		}
		if f.host != nil && (strings.Contains(*f.host, ",") || *f.host != "" && !strings.Contains(host, *f.host)) {
			t.Errorf("%q names the host %q", host, *f.host)
		}
		if s, bad := readIdentity(h, &headerLogin); bad == "" && s != nil && (s.User != strings.Trim(user, " \t") || strings.ContainsAny(s.User, ",\r\n\x00") || s.User == "") {
			t.Errorf("%q is user %q", user, s.User)
		}
	})
}

// Of refused logins the first of an address in a minute is noted, whatever they
// came by.
func TestRefusedLoginsAreAudited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := atPublic(t)
		try := func(addr, path string, headers ...string) {
			serve(a.AtPublic(door(a)), encrypted(from(addr, request("GET", path, publicName, headers...))))
		}
		noted := func() (out []string) {
			t.Helper()
			deeds, err := a.db.Deeds(t.Context(), store.Principal{TenantID: Local.TenantID, Admin: true}, store.DeedFilter{Act: store.ActLoginRefused, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range deeds {
				out = append(out, d.By+" "+d.Subject)
			}
			return out
		}
		for range 50 {
			try("192.0.2.1:1", "/", "Authorization", "Bearer wrong")
			try("192.0.2.2:1", "/login/wrong")
			try("192.0.2.3:1", "/", "X-Auth-User-Id", "ann")
		}
		want := []string{"address 192.0.2.3 headers", "address 192.0.2.2 link", "address 192.0.2.1 token"}
		if got := noted(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		time.Sleep(time.Minute)
		try("192.0.2.1:1", "/login/wrong")
		if got := noted(); len(got) != 4 || got[0] != "address 192.0.2.1 link" {
			t.Errorf("a minute later %q", got)
		}
		for i := range 500 {
			try(fmt.Sprintf("198.51.%d.%d:1", i/250, i%250), "/", "Authorization", "Bearer wrong")
		}
		if got := noted(); len(got) > 4+30 {
			t.Errorf("of five hundred addresses at once %d are noted", len(got)-4)
		}
	})
}

// Each address has a measure of its own, and a network of IPv6 one for all; more
// addresses than are counted cost no memory.
func TestLimitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(time.Second, 2)
		one := func(text string) bool { return l.allow(netip.MustParseAddr(text)) }
		for i, want := range []bool{true, true, false} {
			if got := one(fmt.Sprintf("2001:db8::%d", i)); got != want {
				t.Errorf("%d: %v", i, got)
			}
		}
		if !one("2001:db8:0:1::1") || !l.allow(netip.Addr{}) {
			t.Error("another network is counted with it")
		}
		for i := range 3 * mostLimits {
			one(netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)}).String())
		}
		if len(l.each) > mostLimits {
			t.Errorf("%d are kept", len(l.each))
		}
		if one("9.9.9.9") {
			t.Error("those that are too many are not counted")
		}
		time.Sleep(time.Minute)
		if !one("9.9.9.9") || len(l.each) != 1 {
			t.Errorf("a minute later %d are kept", len(l.each))
		}
	})
}

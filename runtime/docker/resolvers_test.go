package docker

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
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

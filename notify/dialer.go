package notify

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dialTimeout bounds how long a connection may take.
const dialTimeout = 10 * time.Second

// errPrivate is the answer of a dialer that must not leave for its own network. A
// workflow file may come from somebody who cannot reach what the server can.
var errPrivate = errors.New("the address is of the own machine or of a private network, where webhooks go only with --allow-private-webhooks")

// notPublic are networks beyond those that netip knows: shared and reserved ones, and
// those that stand for IPv4 addresses in IPv6.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// isPublic reports whether an address may be one of the internet.
func isPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	for _, network := range notPublic {
		if network.Contains(address) {
			return false
		}
	}
	return true
}

// newDialer returns what connects to webhooks. Addresses are looked at when the
// connection is made, after names were resolved: a name that leads elsewhere the second
// time gains nothing.
func newDialer(allowPrivate bool) *net.Dialer {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if allowPrivate {
		return dialer
	}
	dialer.Control = func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("read address %q: %w", address, err)
		}
		if !isPublic(to.Addr()) {
			return errPrivate
		}
		return nil
	}
	return dialer
}

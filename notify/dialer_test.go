package notify

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPublicAddresses(t *testing.T) {
	for _, public := range []string{"93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "172.32.0.1"} {
		require.True(t, isPublic(netip.MustParseAddr(public)), public)
	}
	for _, private := range []string{
		"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
		"fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.0.1", "198.18.0.1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001::1",
	} {
		require.False(t, isPublic(netip.MustParseAddr(private)), private)
	}
}

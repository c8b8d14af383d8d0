package backhaul

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/pion/mdns/v2"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// localWithin is how long the local network has to answer: well below the time
// that dialling has, so that it is told what was not found.
const localWithin = 2500 * time.Millisecond

// resolveLocal asks the local network for a name that ends with .local.
func resolveLocal(ctx context.Context, name string) (string, error) {
	var v4 *ipv4.PacketConn
	var v6 *ipv6.PacketConn
	if c, err := listenMulticast("udp4", mdns.DefaultAddressIPv4); err == nil {
		v4 = ipv4.NewPacketConn(c)
	}
	if c, err := listenMulticast("udp6", mdns.DefaultAddressIPv6); err == nil {
		v6 = ipv6.NewPacketConn(c)
	}
	if v4 == nil && v6 == nil {
		return "", fmt.Errorf("%s: this machine has no multicast DNS", name)
	}
	conn, err := mdns.NewServer(v4, v6, mdns.WithQueryInterval(500*time.Millisecond))
	if err != nil {
		return "", fmt.Errorf("%s: multicast DNS: %w", name, err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, localWithin)
	defer cancel()
	_, addr, err := conn.QueryAddr(ctx, strings.TrimSuffix(name, "."))
	if err != nil {
		return "", fmt.Errorf("%s is not found on the local network by multicast DNS", name)
	}
	return addr.String(), nil
}

func listenMulticast(network, address string) (*net.UDPConn, error) {
	a, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP(network, a)
}

package rtc

import (
	"net"

	"github.com/pion/ice/v4"
	network "github.com/pion/transport/v5"
)

// pion is shown one machine with one address of each family, whatever this
// machine has and however that changes: the media port is on all of them, and
// what peers are told is for addresses to say. These two never leave the
// process.
var (
	local4 = net.IPv4(192, 0, 2, 1).To4() // RFC 5737
	local6 = net.ParseIP("2001:db8::1")   // RFC 3849
)

// localNet is that machine's network. pion asks it for nothing but its
// interfaces: all it sends goes through the muxes.
type localNet struct{ network.Net }

func (localNet) Interfaces() ([]*network.Interface, error) {
	i := network.NewInterface(net.Interface{Index: 1, MTU: 1500, Name: "media", Flags: net.FlagUp})
	i.AddAddress(&net.IPNet{IP: local4, Mask: net.CIDRMask(24, 32)})
	i.AddAddress(&net.IPNet{IP: local6, Mask: net.CIDRMask(64, 128)})
	return []*network.Interface{i}, nil
}

// localMux is the media port's UDP on that machine.
type localMux struct{ *ice.UDPMuxDefault }

func (m localMux) GetListenAddresses() []net.Addr {
	port := m.LocalAddr().(*net.UDPAddr).Port
	return []net.Addr{&net.UDPAddr{IP: local4, Port: port}, &net.UDPAddr{IP: local6, Port: port}}
}

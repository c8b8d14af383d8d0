package ubus

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// neighbours reads the kernel's neighbour table, ARP and NDP, as `ip neigh`
// shows it: the MAC address, as "02:00:00:00:00:01", of each IP address.
func neighbours() (map[netip.Addr]string, error) {
	dump, err := syscall.NetlinkRIB(unix.RTM_GETNEIGH, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("reading the neighbour table: %w", err)
	}
	return parseNeighbours(dump)
}

// parseNeighbours reads what the kernel answers to RTM_GETNEIGH: see
// rtnetlink(7). Entries that are no way to anybody now are left out.
func parseNeighbours(dump []byte) (map[netip.Addr]string, error) {
	messages, err := syscall.ParseNetlinkMessage(dump)
	if err != nil {
		return nil, fmt.Errorf("neighbour table: %w", err)
	}
	table := map[netip.Addr]string{}
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWNEIGH || len(m.Data) < unix.SizeofNdMsg {
			continue
		}
		const stateAt = 8
		state := binary.NativeEndian.Uint16(m.Data[stateAt:])
		if state&(unix.NUD_INCOMPLETE|unix.NUD_FAILED|unix.NUD_NOARP) != 0 {
			continue
		}
		ip, mac := neighbour(m.Data[unix.SizeofNdMsg:])
		if ip.IsValid() && len(mac) == 6 {
			table[ip.Unmap()] = mac.String()
		}
	}
	return table, nil
}

// neighbour reads an entry's attributes.
func neighbour(b []byte) (ip netip.Addr, mac net.HardwareAddr) {
	for len(b) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofRtAttr || length > len(b) {
			break
		}
		data := b[unix.SizeofRtAttr:length]
		switch binary.NativeEndian.Uint16(b[2:]) {
		case unix.NDA_DST:
			ip, _ = netip.AddrFromSlice(data)
		case unix.NDA_LLADDR:
			mac = data
		}
		b = b[min((length+3)&^3, len(b)):]
	}
	return ip, mac
}

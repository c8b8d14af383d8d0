package inet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Address is an IP address of one of this machine's interfaces, with its subnet.
type Address struct {
	netip.Prefix
	Interface string
	// Temporary is an IPv6 privacy address (RFC 8981): another one replaces it within
	// days, and nobody should be told of it.
	Temporary bool
	// Deprecated is an address that new connections should not use (RFC 4862 §5.5.4),
	// such as one of a prefix that the provider has replaced.
	Deprecated bool
}

// IsLasting reports whether the address may be told to others: it is neither temporary
// nor deprecated.
func (a Address) IsLasting() bool { return !a.Temporary && !a.Deprecated }

// Addresses returns the addresses of all interfaces that are up, in the order of the
// kernel. Addresses that the kernel does not use yet, or refuses as duplicates (RFC 4862
// §5.4), are left out.
func Addresses() ([]Address, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("interfaces of this machine: %w", err)
	}
	names := map[uint32]string{}
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 {
			names[uint32(i.Index)] = i.Name
		}
	}
	dump, err := syscall.NetlinkRIB(unix.RTM_GETADDR, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("addresses of this machine: %w", err)
	}
	return parseAddresses(dump, names)
}

// parseAddresses reads what the kernel answers to RTM_GETADDR: see rtnetlink(7).
func parseAddresses(dump []byte, names map[uint32]string) (list []Address, err error) {
	messages, err := syscall.ParseNetlinkMessage(dump)
	if err != nil {
		return nil, fmt.Errorf("addresses of this machine: %w", err)
	}
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWADDR || len(m.Data) < unix.SizeofIfAddrmsg {
			continue
		}
		bits, flags := int(m.Data[1]), uint32(m.Data[2])
		name, up := names[binary.NativeEndian.Uint32(m.Data[4:])]
		var ip, local netip.Addr
		attributes, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return nil, fmt.Errorf("addresses of this machine: %w", err)
		}
		for _, a := range attributes {
			switch a.Attr.Type {
			case unix.IFA_ADDRESS:
				ip, _ = netip.AddrFromSlice(a.Value)
			case unix.IFA_LOCAL: // where it differs, the other one is the far end of a tunnel
				local, _ = netip.AddrFromSlice(a.Value)
			case unix.IFA_FLAGS:
				if len(a.Value) == 4 {
					flags = binary.NativeEndian.Uint32(a.Value)
				}
			}
		}
		if local.IsValid() {
			ip = local
		}
		const unused = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
		if !up || !ip.IsValid() || flags&unused != 0 && flags&unix.IFA_F_OPTIMISTIC == 0 {
			continue
		}
		list = append(list, Address{
			Prefix: netip.PrefixFrom(ip, bits), Interface: name,
			// The same bit has another meaning for IPv4.
			Temporary: ip.Is6() && flags&unix.IFA_F_TEMPORARY != 0, Deprecated: flags&unix.IFA_F_DEPRECATED != 0,
		})
	}
	return list, nil
}

// HasAddress reports whether an interface that is up has an address. The unspecified
// address always counts as one.
func HasAddress(ip netip.Addr) bool {
	if ip.IsUnspecified() || ip.IsLoopback() {
		return true
	}
	list, err := Addresses()
	if err != nil {
		return true // nothing is known, so nothing is wrong
	}
	ip = ip.Unmap()
	return slices.ContainsFunc(list, func(a Address) bool {
		return a.Addr() == ip.WithZone("") && (ip.Zone() == "" || ip.Zone() == a.Interface)
	})
}

// virtual are beginnings of names of bridges and ports of containers and virtual
// machines, remote are those of VPNs.
var (
	virtual = []string{"docker", "podman", "cni", "flannel", "cali", "veth", "lxcbr", "lxdbr", "incusbr", "virbr", "vnet", "vmnet", "vboxnet"}
	remote  = []string{"tun", "tap", "wg", "tailscale", "zt", "nebula", "ipsec", "vti", "xfrm", "gre", "sit"}
)

// dockerBridge is a network that somebody made with docker.
var dockerBridge = regexp.MustCompile(`^br-[0-9a-f]{12}$`)

func hasPrefixOf(list []string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(list, func(begin string) bool { return strings.HasPrefix(name, begin) })
	}
}

// IsVirtual reports whether an interface, by its name, belongs to containers or virtual
// machines of this machine.
func IsVirtual(name string) bool {
	return dockerBridge.MatchString(name) || hasPrefixOf(virtual)(name)
}

// IsRemote reports whether an interface, by its name, is a tunnel or a VPN.
func IsRemote(name string) bool { return hasPrefixOf(remote)(name) }

// gatherTime is how long changes are gathered before they are reported: an interface
// that comes up brings many at once.
const gatherTime = 100 * time.Millisecond

// pollInterval is how often changes are assumed where the kernel reports none.
const pollInterval = 2 * time.Second

// WatchAddresses calls changed after changes of interfaces and addresses, until ctx
// ends. Where the kernel does not report changes, it calls it every 2 s.
func WatchAddresses(ctx context.Context, changed func()) {
	events, err := addressEvents(ctx)
	for {
		if err != nil {
			if !sleep(ctx, pollInterval) {
				return
			}
			changed()
			continue
		}
		if _, open := <-events; !open {
			if ctx.Err() != nil {
				return
			}
			err = errors.New("the kernel reports no more")
			continue
		}
		if !sleep(ctx, gatherTime) {
			return
		}
		select {
		case <-events:
		default:
		}
		changed()
	}
}

// sleep waits, and reports whether ctx lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// addressEvents opens a socket on which the kernel reports changes (rtnetlink(7)). The
// channel is closed when ctx ends, or the socket fails.
func addressEvents(ctx context.Context) (<-chan struct{}, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	const groups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	f := os.NewFile(uintptr(fd), "netlink") // non-blocking, so that Close ends Read
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	events := make(chan struct{}, 1)
	go func() {
		defer close(events)
		defer f.Close()
		defer stop()
		buffer := make([]byte, 8<<10)
		for {
			// What a full socket has lost (ENOBUFS) was a change as well.
			if _, err := f.Read(buffer); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case events <- struct{}{}:
			default:
			}
		}
	}()
	return events, nil
}

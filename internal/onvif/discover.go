package onvif

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"umbrella/internal/crash"
)

// Options say how to look for cameras. The zero value looks everywhere on the
// local network.
type Options struct {
	// Interfaces are the names of those to look on. Empty: all that are up, can do
	// multicast and have a private IPv4 or a unique local IPv6 address.
	Interfaces []string
	// Wait is how long to gather answers, at most 30 s; 0 is 4 s.
	Wait time.Duration
	// Log gets what went wrong on one interface while others work. May be nil.
	Log *slog.Logger
}

const (
	discoveryPort = 3702
	defaultWait   = 4 * time.Second
	maxWait       = 30 * time.Second
	// A probe may be lost, on Wi-Fi easily: it is sent this often.
	probeTimes    = 3
	probeInterval = 400 * time.Millisecond
	// maxTaken is how many bytes of answers are read on one interface.
	maxTaken = 8 << 20
)

var (
	group4 = netip.MustParseAddr("239.255.255.250")
	group6 = netip.MustParseAddr("ff02::c")
)

// Discover looks for cameras until the wait is over, or ctx is, and gives what
// it found by then, sorted by address; each endpoint once. It fails when there
// is no interface to look on, or none that works.
func Discover(ctx context.Context, o Options) ([]Device, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	places, err := places(o.Interfaces)
	if err != nil {
		return nil, fmt.Errorf("looking for cameras: %w", err)
	}
	wait := o.Wait
	if wait <= 0 {
		wait = defaultWait
	}
	ctx, cancel := context.WithTimeout(ctx, min(wait, maxWait))
	defer cancel()

	var (
		running sync.WaitGroup
		mu      sync.Mutex
		found   gathering
		failed  []error
	)
	messages := probes()
	for _, p := range places {
		running.Go(func() {
			err := p.probe(ctx, messages, func(a answer) {
				mu.Lock()
				defer mu.Unlock()
				found.add(a)
			})
			if err != nil {
				log.Warn("cannot look for cameras", "interface", p.name, "address", p.source, "error", err)
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("on %s: %w", p.name, err))
			}
		})
	}
	running.Wait()
	if len(failed) == len(places) {
		return nil, fmt.Errorf("looking for cameras: %w", errors.Join(failed...))
	}
	return found.devices(), nil
}

// place is one address of one interface, from which is probed.
type place struct {
	name   string
	source netip.Addr
}

// places are where to probe from: on each interface the first address of IPv4
// and the link-local one of IPv6.
func places(names []string) ([]place, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing the interfaces: %w", err)
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(i net.Interface) bool { return i.Name == n }) {
			return nil, fmt.Errorf("there is no interface %q", clean(n))
		}
	}
	var found []place
	for _, i := range all {
		named := slices.Contains(names, i.Name)
		if i.Flags&net.FlagUp == 0 || len(names) > 0 && !named ||
			!named && i.Flags&(net.FlagMulticast|net.FlagLoopback) != net.FlagMulticast {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has gone in this moment
		}
		found = append(found, choose(i.Name, addrs, named)...)
	}
	if len(found) == 0 && len(names) > 0 {
		return nil, fmt.Errorf("%s: not up, or without an address", strings.Join(names, ", "))
	}
	if len(found) == 0 {
		return nil, errors.New("no interface has a private address")
	}
	return found, nil
}

// choose picks the places of one interface. One that is not named must have a
// private address: what has only public ones is no place for cameras.
func choose(name string, addrs []net.Addr, named bool) []place {
	var v4, v6 netip.Addr
	private := false
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := p.Addr()
		private = private || ip.IsPrivate() || ip.Is4() && ip.IsLinkLocalUnicast()
		switch {
		case ip.Is4() && (named || local(ip, false)) && !v4.IsValid():
			v4 = ip
		case ip.Is6() && ip.IsLinkLocalUnicast() && !v6.IsValid():
			v6 = ip
		}
	}
	var found []place
	for _, p := range []netip.Addr{v4, v6} {
		if p.IsValid() && (named || private) {
			found = append(found, place{name, p})
		}
	}
	return found
}

// probe sends the messages from one place and gives each answer to take, until
// ctx is over.
func (p place) probe(ctx context.Context, messages [][]byte, take func(answer)) (err error) {
	defer crash.Contain(crash.ONVIF, p.name, &err)
	// The address that it is bound to, and the zone of IPv6, let the multicast
	// out on this interface. It also keeps others' datagrams away.
	source, group := p.source, group4
	if source.Is6() {
		source, group = source.WithZone(p.name), group6.WithZone(p.name)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)))
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	defer conn.Close()

	send := func() error {
		for _, m := range messages {
			if _, err := conn.WriteToUDPAddrPort(m, netip.AddrPortFrom(group, discoveryPort)); err != nil {
				return fmt.Errorf("sending a probe: %w", err)
			}
		}
		return nil
	}
	if err := send(); err != nil {
		return err
	}
	var sender sync.WaitGroup
	sender.Go(func() {
		defer conn.SetReadDeadline(time.Unix(1, 0)) // ends the reading
		for range probeTimes - 1 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(probeInterval):
				_ = send() // the first one went out: what became of the interface since is no matter
			}
		}
		<-ctx.Done()
	})
	defer sender.Wait()

	buf := make([]byte, 64<<10)
	for taken := 0; taken < maxTaken; {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			// An error of one datagram, as a port that is unreachable: go on, slowly.
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		taken += n
		addr := from.Addr().Unmap()
		if !local(addr, source.IsLoopback()) {
			continue
		}
		answers, err := parseMatches(buf[:n], addr, p.name)
		if err != nil {
			continue // anybody may send anything
		}
		for _, a := range answers {
			take(a)
		}
	}
	return nil // somebody floods
}

// gathering puts the answers of one device together: it may answer on several
// interfaces, by IPv4 and IPv6, and to each probe. The zero value is empty.
type gathering struct {
	answers []answer
}

func (g *gathering) add(a answer) {
	i := slices.IndexFunc(g.answers, func(k answer) bool { return same(a, k) })
	if i < 0 {
		if len(g.answers) < maxDevices {
			g.answers = append(g.answers, a)
		}
		return
	}
	k := &g.answers[i]
	d := &k.device
	mine, other := addressOf(k.services[0].host), addressOf(a.services[0].host)
	switch {
	case mine == other:
		k.services = best(append(k.services, a.services...))
	case other.Is4():
		// The device is asked at one address only: what a stranger who claims to be
		// the device says of another one is not used.
		k.services, d.Interface, d.reach, d.Named = a.services, a.device.Interface, a.device.reach, a.device.Named
	}
	d.Endpoint = cmp.Or(d.Endpoint, a.device.Endpoint)
	d.Name = cmp.Or(d.Name, a.device.Name)
	d.Hardware = cmp.Or(d.Hardware, a.device.Hardware)
	d.Location = cmp.Or(d.Location, a.device.Location)
}

// same reports whether two answers are of one device: they came from one address, or
// they have one endpoint and came by IPv4 and by IPv6. Two addresses of IPv4 are listed
// as two devices, whatever they call themselves: else one device could stand in another's
// place.
func same(a, b answer) bool {
	if a.device.Endpoint == "" || b.device.Endpoint == "" {
		return a.services[0].host == b.services[0].host
	}
	from, other := addressOf(a.services[0].host), addressOf(b.services[0].host)
	return a.device.Endpoint == b.device.Endpoint && (from == other || from.Is4() != other.Is4())
}

func (g *gathering) devices() []Device {
	var all []Device
	for _, a := range g.answers {
		a.device.Address = a.services[0].host
		for _, s := range a.services {
			a.device.Services = append(a.device.Services, s.url)
		}
		all = append(all, a.device)
	}
	slices.SortFunc(all, func(a, b Device) int {
		return cmp.Or(addressOf(a.Address).Compare(addressOf(b.Address)),
			strings.Compare(a.Address, b.Address), strings.Compare(a.Endpoint, b.Endpoint))
	})
	return all
}

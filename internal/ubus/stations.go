package ubus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// stationsMaxAge is how old what hostapd told may be: asking costs its driver
	// something, and it does not change faster than one can see.
	stationsMaxAge = 2 * time.Second
	// stationsTimeout bounds the questions to all of hostapd's objects.
	stationsTimeout = 2 * time.Second
	// hostapdPrefix begins the name of each access point's object; its interface
	// follows.
	hostapdPrefix = "hostapd."
)

// Station is a Wi-Fi client of this machine's access points.
type Station struct {
	// MAC as "02:00:00:00:00:01".
	MAC string
	// Interface of the access point, as "phy0-ap0", and its channel in MHz.
	Interface string
	Frequency int
	// Signal of what the station sends, in dBm: -30 is next to the access point,
	// -80 barely there. 0: not known.
	Signal int
	// ReceiveRate and TransmitRate of the last frames from and to the station, in
	// bits per second; 0: not known.
	ReceiveRate, TransmitRate uint64
	// ReceiveAirtime and TransmitAirtime that frames from and to the station have
	// taken so far; 0 where the driver does not count it.
	ReceiveAirtime, TransmitAirtime time.Duration
}

// Stations knows the Wi-Fi stations, as hostapd tells them, and their addresses.
// It asks when it is asked, at most every 2 s, and waits at most 2 s for answers.
// Set Client; there is nothing to start or to close. Safe for concurrent use.
type Stations struct {
	Client *Client

	// readNeighbours replaces the kernel's table in tests.
	readNeighbours func() (map[netip.Addr]string, error)

	mu       sync.Mutex
	at       time.Time // of the last answer
	stations map[string]Station
	macs     map[netip.Addr]string
	err      error
}

// List is every station, in the order of interfaces and MACs. Some may be there
// in spite of an error, which tells what else could not be read: it is
// ErrNotConnected without a bus.
func (s *Stations) List() ([]Station, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	list := make([]Station, 0, len(s.stations))
	for _, st := range s.stations {
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b Station) int {
		return strings.Compare(a.Interface+" "+a.MAC, b.Interface+" "+b.MAC)
	})
	return list, s.err
}

// Find is the station that the IP address belongs to. There is none if whoever
// has it came by wire, through another access point or a router, or if nothing
// is known.
func (s *Stations) Find(ip netip.Addr) (Station, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	st, ok := s.stations[s.macs[ip.Unmap().WithZone("")]]
	return st, ok
}

// refresh asks anew if the last answer is old.
func (s *Stations) refresh() {
	if !s.at.IsZero() && time.Since(s.at) < stationsMaxAge {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stationsTimeout)
	defer cancel()
	read := s.readNeighbours
	if read == nil {
		read = neighbours
	}
	s.stations, s.err = s.Client.stations(ctx)
	var err error
	if s.macs, err = read(); err != nil {
		s.err = errors.Join(s.err, err)
	}
	s.at = time.Now()
}

// stations asks each of hostapd's objects. What some of them told is returned
// with the error of others.
func (c *Client) stations(ctx context.Context) (map[string]Station, error) {
	session := c.session.Load()
	if session == nil {
		return nil, fmt.Errorf("stations: %w", ErrNotConnected)
	}
	objects, err := session.lookup(ctx, hostapdPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("stations: looking up hostapd: %w", err)
	}
	all := map[string]Station{}
	var problems []error
	for _, o := range objects {
		if _, ok := o.Methods["get_clients"]; !ok {
			continue
		}
		var clients hostapdClients
		if err := session.invoke(ctx, o.id, "get_clients", nil, &clients); err != nil {
			problems = append(problems, fmt.Errorf("stations of %s: %w", o.Path, err))
			continue
		}
		clients.addTo(all, strings.TrimPrefix(o.Path, hostapdPrefix))
	}
	return all, errors.Join(problems...)
}

// hostapdClients is what hostapd's get_clients answers. Drivers that know less
// leave things out.
type hostapdClients struct {
	Frequency int `json:"freq"`
	Clients   map[string]struct {
		Associated bool `json:"assoc"`
		Signal     int  `json:"signal"` // dBm
		Rate       struct {
			Receive  int64 `json:"rx"` // kbit/s
			Transmit int64 `json:"tx"`
		} `json:"rate"`
		Airtime struct {
			Receive  int64 `json:"rx"` // µs
			Transmit int64 `json:"tx"`
		} `json:"airtime"`
	} `json:"clients"`
}

func (h *hostapdClients) addTo(all map[string]Station, iface string) {
	for name, c := range h.Clients {
		mac, err := net.ParseMAC(name)
		if err != nil || !c.Associated {
			continue
		}
		all[mac.String()] = Station{
			MAC: mac.String(), Interface: iface, Frequency: h.Frequency, Signal: c.Signal,
			ReceiveRate: uint64(max(0, c.Rate.Receive)) * 1000, TransmitRate: uint64(max(0, c.Rate.Transmit)) * 1000,
			ReceiveAirtime:  time.Duration(max(0, c.Airtime.Receive)) * time.Microsecond,
			TransmitAirtime: time.Duration(max(0, c.Airtime.Transmit)) * time.Microsecond,
		}
	}
}

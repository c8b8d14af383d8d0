package reach

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/inet"
)

const (
	// lookInterval is how often the firewall is looked at without a change of addresses,
	// and nameInterval how often names are: those under .local are asked for by multicast,
	// which costs a Wi-Fi much air.
	lookInterval = 30 * time.Second
	nameInterval = 10 * time.Minute
	// lookTimeout bounds the answers of DNS, mDNS and netifd.
	lookTimeout = 4 * time.Second
	// soon is when they are looked at again while netifd has not answered, at most
	// mostSoon times.
	soon     = time.Second
	mostSoon = 30
	// firstLook is how long Start waits for them on OpenWrt, so that the log of the
	// start does not name addresses that are closed.
	firstLook = 500 * time.Millisecond
)

// Watcher keeps a Machine up to date. Set the exported fields, Start, and Close.
type Watcher struct {
	// Dir is where the firewall's settings are, as config.Zones reads them.
	Dir string
	// Zones are those that people may come from, as config.Main.Zones.
	Zones []string
	// Networks returns the devices of netifd's networks, by name; nil: there is no netifd.
	Networks func(context.Context) (map[string][]string, error)
	// Names returns the names that this machine may have on the local network.
	Names func() []string
	// Changed is called after changes of interfaces and addresses; may be nil.
	Changed func()

	// For tests: how a name is looked up.
	lookup func(context.Context, string) ([]netip.Addr, error)

	mu     sync.Mutex
	zones  []string
	names  []Name
	closed map[string]bool

	pokes   [2]chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Look returns what is known of this machine at once, without its names and without netifd.
func Look(dir string, zones []string) Machine {
	w := &Watcher{Dir: dir, zones: zones}
	w.look(context.Background())
	return w.Machine()
}

// Start begins to watch.
func (w *Watcher) Start() {
	if w.lookup == nil {
		w.lookup = inet.Lookup
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.zones = stop, w.Zones
	looked := make(chan struct{})
	once := sync.OnceFunc(func() { close(looked) })
	look := func(ctx context.Context) bool {
		known := w.look(ctx)
		if known {
			once()
		}
		return known
	}
	for i := range w.pokes {
		w.pokes[i] = make(chan struct{}, 1)
	}
	w.running.Go(func() { repeat(ctx, w.pokes[0], lookInterval, look) })
	w.running.Go(func() { repeat(ctx, w.pokes[1], nameInterval, w.lookUp) })
	w.running.Go(func() {
		before, _ := inet.Addresses()
		inet.WatchAddresses(ctx, func() {
			// The kernel reports much that changes no address, such as phones that come
			// and go on the Wi-Fi.
			if now, err := inet.Addresses(); err != nil || !slices.Equal(now, before) {
				before = now
				w.Look()
			}
			if w.Changed != nil {
				w.Changed()
			}
		})
	})
	if _, known := config.Zones(w.Dir); known {
		select {
		case <-looked:
		case <-time.After(firstLook):
		}
	}
}

// Close stops watching, if it was started.
func (w *Watcher) Close() {
	if w.stop == nil {
		return
	}
	w.stop()
	w.running.Wait()
}

// SetZones replaces the zones that people may come from.
func (w *Watcher) SetZones(zones []string) {
	w.mu.Lock()
	w.zones = slices.Clone(zones)
	w.mu.Unlock()
	w.Look()
}

// Look has names and the firewall looked at again, and does not wait for it.
func (w *Watcher) Look() {
	for _, poke := range w.pokes {
		select { // a nil channel, before Start, takes nothing
		case poke <- struct{}{}:
		default:
		}
	}
}

// Machine is what is known now.
func (w *Watcher) Machine() Machine {
	addresses, _ := inet.Addresses() // none are known then, and none are shown
	w.mu.Lock()
	defer w.mu.Unlock()
	return Machine{Addresses: addresses, Names: w.names, Closed: w.closed}
}

// repeat calls f now, after each poke, and after each interval; sooner while it returns
// false.
func repeat(ctx context.Context, poke <-chan struct{}, interval time.Duration, f func(context.Context) bool) {
	for failed := 0; ; {
		wait := interval
		if f(ctx) {
			failed = 0
		} else if failed++; failed < mostSoon {
			wait = soon
		}
		select {
		case <-ctx.Done():
			return
		case <-poke:
		case <-time.After(wait):
		}
	}
}

// look finds out which interfaces are closed. It returns false where the firewall has
// zones and netifd does not say which interfaces are in them.
func (w *Watcher) look(ctx context.Context) bool {
	zones, known := config.Zones(w.Dir)
	if !known {
		w.mu.Lock()
		w.closed = nil
		w.mu.Unlock()
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var devices map[string][]string
	if w.Networks != nil {
		devices, _ = w.Networks(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = closed(zones, w.zones, devices)
	return devices != nil
}

// closed returns the interfaces that are in a zone from which people may not come, and in
// none from which they may. devices are those of networks; nil: not known, so that the
// names which netifd usually gives them count.
func closed(zones []config.Zone, wanted []string, devices map[string][]string) map[string]bool {
	closed, open := map[string]bool{}, map[string]bool{}
	for _, z := range zones {
		in := closed
		if z.Open || slices.Contains(wanted, z.Name) {
			in = open
		}
		for _, d := range z.Devices {
			in[d] = true
		}
		for _, network := range z.Networks {
			of := devices[network]
			if devices == nil {
				of = []string{network, "br-" + network, "pppoe-" + network}
			}
			for _, d := range of {
				in[d] = true
			}
		}
	}
	maps.DeleteFunc(closed, func(name string, _ bool) bool { return open[name] })
	return closed
}

// lookUp finds out which names lead to this machine.
func (w *Watcher) lookUp(ctx context.Context) bool {
	if w.Names == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	hosts := w.Names()
	found := make([]Name, len(hosts))
	var all sync.WaitGroup
	for i, host := range hosts {
		all.Go(func() {
			list, err := w.lookup(ctx, host)
			if err != nil {
				return
			}
			found[i] = Name{Host: host}
			for _, a := range list {
				found[i].Addresses = append(found[i].Addresses, a.Unmap().WithZone(""))
			}
		})
	}
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names = slices.DeleteFunc(found, func(n Name) bool { return n.Host == "" })
	return true
}

package memory

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// ErrShort is why nobody else can join: memory runs out.
var ErrShort = errors.New("this access point is short of memory")

// Figures are the memory of the process and of what it runs in at one moment.
type Figures struct {
	// Limit is what the Go runtime tries to stay below, in bytes; 0 is none.
	Limit uint64
	// Needed is the part of it that collecting garbage cannot free, in bytes.
	Needed uint64
	// Machine and Cgroup are what the process runs in.
	Machine, Cgroup Area
}

// Available is what the machine and the cgroups still have, in bytes: the least
// of both; 0 if neither is known.
func (f Figures) Available() uint64 {
	switch {
	case f.Machine.Total == 0:
		return f.Cgroup.Available
	case f.Cgroup.Total == 0:
		return f.Machine.Available
	}
	return min(f.Machine.Available, f.Cgroup.Available)
}

// Total is how much the machine has, or what a cgroup leaves of it, in bytes; 0 if
// neither is known.
func (f Figures) Total() uint64 { return whole(f.Machine, f.Cgroup) }

// The thresholds. Between those at which joins begin to be refused and those at
// which they are let in again lies more than what one participant takes (up to
// 2.5 MB in a call of eight), so that one who leaves does not let one in who is
// too many.
const (
	// Above this share of its limit, too little is left for garbage: beside the
	// messages of many that come at once, the collector would run without pause.
	neededRefuse, neededAdmit = 0.55, 0.45
	// What others on the machine may come to need at once, Wi-Fi drivers first:
	// a sixteenth of the whole, within these bounds. The kernel's own reserve is
	// taken off MemAvailable already.
	reserveShare              = 16
	leastReserve, mostReserve = 8 * mib, 64 * mib
	reserveAdmit              = 1.5
	sampleInterval            = time.Second
	// joinCost is what each that was let in since the last sample is counted for, in
	// bytes: what the connection of a viewer takes.
	joinCost        = 256 << 10
	collectInterval = 3 * time.Second
)

// Admission says whether there is memory for somebody else. Set the fields, and
// ask it; it is safe for concurrent use, and has nothing that runs. A nil
// Admission lets everyone in.
type Admission struct {
	// Read gives the figures: Read of a System.
	Read func() Figures
	// Collect frees garbage; nil is runtime.GC.
	Collect func()
	// Now is the time; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
	// LimitedBy says for people what Limits come from: their Why.
	LimitedBy string

	mu                 sync.Mutex
	figures            Figures
	short              error  // nil while there is enough
	admitted           uint64 // since the last sample
	sampled, collected time.Time
}

// Admit is nil while there is memory for one more, or an ErrShort that says of
// what there is too little. The figures are at most a second old; those that were
// let in since then are counted as well, so that not everybody gets in at once.
func (a *Admission) Admit() error {
	if _, err := a.State(); a == nil || err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.figures.with(a.admitted * joinCost).shortage(false); err != nil {
		return err
	}
	a.admitted++
	return nil
}

// with are the figures once n more bytes are in use.
func (f Figures) with(n uint64) Figures {
	f.Needed += n
	f.Machine.Available -= min(n, f.Machine.Available)
	f.Cgroup.Available -= min(n, f.Cgroup.Available)
	return f
}

// State is what Admit goes by, and what it says.
func (a *Admission) State() (Figures, error) {
	if a == nil {
		return Figures{}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.sampled.IsZero() || now.Sub(a.sampled) >= sampleInterval {
		a.sample(now)
	}
	return a.figures, a.short
}

func (a *Admission) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

func (a *Admission) sample(now time.Time) {
	a.sampled, a.figures, a.admitted = now, a.Read(), 0
	short := a.figures.shortage(a.short != nil)
	// What is in use is known from the last collection, and after a busy time
	// the next one may be minutes away: nobody is refused for garbage.
	if short != nil && (a.collected.IsZero() || now.Sub(a.collected) >= collectInterval) {
		a.collect()
		a.collected, a.figures = now, a.Read()
		short = a.figures.shortage(a.short != nil)
	}
	switch {
	case short != nil && a.short == nil:
		a.Log.Warn("nobody else can join", "reason", short)
	case short == nil && a.short != nil:
		a.Log.Info("there is memory for others again")
	}
	a.short = short
}

func (a *Admission) collect() {
	if a.Collect != nil {
		a.Collect()
		return
	}
	runtime.GC()
}

// MostNeeded is how much of Limit may be needed before nobody else can join, in bytes;
// 0 where there is no limit.
func (f Figures) MostNeeded() uint64 { return uint64(float64(f.Limit) * neededRefuse) }

// shortage says of what there is too little; refusing, until there is enough
// again.
func (f Figures) shortage(refusing bool) error {
	share, factor := neededRefuse, 1.0
	if refusing {
		share, factor = neededAdmit, reserveAdmit
	}
	if most := uint64(float64(f.Limit) * share); f.Limit > 0 && f.Needed > most {
		return fmt.Errorf("%w: its calls need %s of the %s that Umbrella may use, and others can join once that is %s",
			ErrShort, inMiB(f.Needed), inMiB(f.Limit), inMiB(uint64(float64(f.Limit)*neededAdmit)))
	}
	for _, area := range []Area{f.Machine, f.Cgroup} {
		if area.Total == 0 {
			continue
		}
		reserve := min(max(area.Total/reserveShare, leastReserve), mostReserve)
		if float64(area.Available) < float64(reserve)*factor {
			return fmt.Errorf("%w: %s of %s are left, and others can join from %s on",
				ErrShort, inMiB(area.Available), inMiB(area.Total), inMiB(uint64(float64(reserve)*reserveAdmit)))
		}
	}
	return nil
}

func inMiB(n uint64) string { return fmt.Sprintf("%.0f MiB", float64(n)/mib) }

// Read takes the figures of this process. It costs about a tenth of a
// millisecond.
func (s System) Read() Figures {
	const (
		limit = iota
		total
		released
		objects
		unused
		free
		live
	)
	samples := []metrics.Sample{
		limit:    {Name: "/gc/gomemlimit:bytes"},
		total:    {Name: "/memory/classes/total:bytes"},
		released: {Name: "/memory/classes/heap/released:bytes"},
		objects:  {Name: "/memory/classes/heap/objects:bytes"},
		unused:   {Name: "/memory/classes/heap/unused:bytes"},
		free:     {Name: "/memory/classes/heap/free:bytes"},
		live:     {Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(samples)
	get := func(i int) uint64 { return samples[i].Value.Uint64() }
	f := Figures{Machine: s.Machine(), Cgroup: s.Cgroup()}
	if l := get(limit); l < math.MaxInt64 {
		f.Limit = l
	}
	heap := get(released) + get(objects) + get(unused) + get(free)
	f.Needed = get(live) + get(total) - min(get(total), heap)
	return f
}

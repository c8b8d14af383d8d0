package memory

import (
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
)

const (
	mib = 1 << 20
	// leastLimit is what a node needs to carry a call of four without
	// collecting garbage all the time.
	leastLimit = 64 * mib
	// gcPercent is by how much the heap may grow before it is collected.
	// Forwarding makes no garbage; what joins make is collected somewhat oftener
	// than Go would, and a hundred watchers take 8 MB less for it.
	gcPercent = 30
)

// Limits are the settings of the Go runtime's garbage collector.
type Limits struct {
	// Memory is what the runtime tries to stay below, in bytes (GOMEMLIMIT).
	// math.MaxInt64 is no limit.
	Memory int64
	// GCPercent is by how much the heap grows before it is collected, in
	// percent of what was in use after the last time (GOGC). -1 is not at all.
	GCPercent int
	// Why says where the two come from.
	Why string
}

// Choose picks the limits by the memory there is: about a third of it, for an
// access point has other work to do, but not less than a call takes, and never
// so much that the rest of the process, which the runtime does not count, would
// not fit. The environment variables GOMEMLIMIT and GOGC stand where they are
// set: the runtime has read them already, and they are kept as now has them.
func Choose(machine, cgroup Area, environ []string, now Limits) Limits {
	chosen := Limits{Memory: math.MaxInt64, GCPercent: gcPercent, Why: "the memory of the machine is not known"}
	least, whose := whole(machine, cgroup), "the machine's memory"
	if least != machine.Total {
		whose = "the cgroup's memory"
	}
	if least > 0 {
		limit := max(leastLimit, least/100*35)
		limit = min(limit, least/100*80)
		chosen.Memory = int64(min(limit, math.MaxInt64))
		chosen.Why = whose
	}
	if isSet(environ, "GOMEMLIMIT") {
		chosen.Memory = now.Memory
		chosen.Why += ", and GOMEMLIMIT"
	}
	if isSet(environ, "GOGC") {
		chosen.GCPercent = now.GCPercent
		chosen.Why += ", and GOGC"
	}
	return chosen
}

// whole is how much memory there is to be had, in bytes: what the cgroup leaves of
// the machine's, where there is one; 0 if neither is known.
func whole(machine, cgroup Area) uint64 {
	if cgroup.Total > 0 && (machine.Total == 0 || cgroup.Total < machine.Total) {
		return cgroup.Total
	}
	return machine.Total
}

func isSet(environ []string, name string) bool {
	for _, v := range environ {
		if value, ok := strings.CutPrefix(v, name+"="); ok && value != "" {
			return true
		}
	}
	return false
}

// Set chooses the limits of this process, applies them, and logs what they are
// and why.
func Set(s System, environ []string, log *slog.Logger) Limits {
	machine, cgroup := s.Machine(), s.Cgroup()
	now := Limits{Memory: debug.SetMemoryLimit(-1), GCPercent: debug.SetGCPercent(100)}
	chosen := Choose(machine, cgroup, environ, now)
	debug.SetMemoryLimit(chosen.Memory)
	debug.SetGCPercent(chosen.GCPercent)
	attrs := []any{"gc_percent", chosen.GCPercent, "by", chosen.Why}
	if chosen.Memory < math.MaxInt64 {
		attrs = append(attrs, "limit_mib", math.Round(float64(chosen.Memory)/mib))
	}
	if machine.Total > 0 {
		attrs = append(attrs, "machine_mib", machine.Total/mib)
	}
	if cgroup.Total > 0 {
		attrs = append(attrs, "cgroup_mib", cgroup.Total/mib)
	}
	log.Info("memory", attrs...)
	return chosen
}

package memory

import (
	"bytes"
	"log/slog"
	"math"
	"runtime/debug"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	const gib = 1 << 30
	fromEnvironment := Limits{Memory: 40 * mib, GCPercent: 33}
	for name, test := range map[string]struct {
		machine, cgroup uint64
		environ         []string
		memory          int64
		percent         int
		why             string
	}{
		"unknown":                  {memory: math.MaxInt64, percent: gcPercent, why: "not known"},
		"64 MB":                    {machine: 56 * mib, memory: 56 * mib / 100 * 80, percent: gcPercent, why: "machine"},
		"128 MB":                   {machine: 121604 << 10, memory: 64 * mib, percent: gcPercent, why: "machine"},
		"256 MB":                   {machine: 247 * mib, memory: 247 * mib / 100 * 35, percent: gcPercent, why: "machine"},
		"512 MB":                   {machine: 500 * mib, memory: 500 * mib / 100 * 35, percent: gcPercent, why: "machine"},
		"a cgroup in a server":     {machine: 32 * gib, cgroup: 128 * mib, memory: 64 * mib, percent: gcPercent, why: "cgroup"},
		"a narrow cgroup":          {machine: 32 * gib, cgroup: 40 * mib, memory: 40 * mib / 100 * 80, percent: gcPercent, why: "cgroup"},
		"a cgroup without use":     {machine: 128 * mib, cgroup: 32 * gib, memory: 64 * mib, percent: gcPercent, why: "machine"},
		"a cgroup, nothing else":   {cgroup: 128 * mib, memory: 64 * mib, percent: gcPercent, why: "cgroup"},
		"GOMEMLIMIT":               {machine: 128 * mib, environ: []string{"GOMEMLIMIT=40MiB"}, memory: 40 * mib, percent: gcPercent, why: "machine's memory, and GOMEMLIMIT"},
		"GOGC":                     {machine: 128 * mib, environ: []string{"A=b", "GOGC=33"}, memory: 64 * mib, percent: 33, why: "and GOGC"},
		"both":                     {environ: []string{"GOGC=33", "GOMEMLIMIT=40MiB"}, memory: 40 * mib, percent: 33, why: "and GOMEMLIMIT, and GOGC"},
		"variables that are empty": {machine: 128 * mib, environ: []string{"GOGC=", "GOMEMLIMIT="}, memory: 64 * mib, percent: gcPercent, why: "machine"},
		"variables of like a name": {machine: 128 * mib, environ: []string{"GOGCX=1", "XGOMEMLIMIT=1"}, memory: 64 * mib, percent: gcPercent, why: "machine"},
		"more than can be written": {machine: math.MaxUint64, memory: math.MaxUint64 / 100 * 35, percent: gcPercent, why: "machine"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Choose(Area{Total: test.machine}, Area{Total: test.cgroup}, test.environ, fromEnvironment)
			if got.Memory != test.memory || got.GCPercent != test.percent || !strings.Contains(got.Why, test.why) {
				t.Errorf("%+v, want %d, %d and %q", got, test.memory, test.percent, test.why)
			}
		})
	}
}

func TestSet(t *testing.T) {
	memory, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(77)
	t.Cleanup(func() {
		debug.SetMemoryLimit(memory)
		debug.SetGCPercent(percent)
	})
	s := System{Files: files(map[string]string{"proc/meminfo": "MemTotal: 204800 kB\nMemAvailable: 100000 kB\n"})}

	var text bytes.Buffer
	Set(s, []string{"GOGC=77"}, slog.New(slog.NewTextHandler(&text, nil)))
	if l := debug.SetMemoryLimit(-1); l != 200*mib/100*35 {
		t.Errorf("the limit is %d", l)
	}
	if p := debug.SetGCPercent(77); p != 77 {
		t.Errorf("GOGC=77 did not stand: %d", p)
	}
	for _, want := range []string{"limit_mib=70", "gc_percent=77", "machine_mib=200", "the machine's memory, and GOGC"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the log: %s", want, text.String())
		}
	}
	if l := s.Read().Limit; l != 200*mib/100*35 {
		t.Errorf("the limit is read as %d", l)
	}

	Set(s, nil, slog.New(slog.DiscardHandler))
	if p := debug.SetGCPercent(77); p != gcPercent {
		t.Errorf("it is %d %%", p)
	}
}

package memory

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// enough is a small machine at rest.
func enough() Figures {
	return Figures{
		Limit: 64 * mib, Needed: 20 * mib,
		Machine: Area{Total: 120 * mib, Available: 40 * mib},
		Cgroup:  Area{Total: 100 * mib, Available: 60 * mib},
	}
}

// desk is an Admission whose figures and time are ours.
type desk struct {
	Admission
	now       time.Time
	reads     int
	collected int
	log       bytes.Buffer
	is        Figures
	// garbage is what a collection takes from Needed.
	garbage uint64
}

func newDesk() *desk {
	d := &desk{now: time.Unix(1e9, 0), is: enough()}
	d.Read = func() Figures { d.reads++; return d.is }
	d.Collect = func() { d.collected++; d.is.Needed -= d.garbage; d.garbage = 0 }
	d.Now = func() time.Time { return d.now }
	d.Log = slog.New(slog.NewTextHandler(&d.log, nil))
	return d
}

// later asks when new figures are due.
func (d *desk) later(f func(*Figures)) error {
	d.now = d.now.Add(sampleInterval)
	f(&d.is)
	return d.Admit()
}

func TestAdmission(t *testing.T) {
	type step struct {
		change func(*Figures)
		admit  bool
	}
	needed := func(n uint64) func(*Figures) { return func(f *Figures) { f.Needed = n * mib } }
	machine := func(n uint64) func(*Figures) { return func(f *Figures) { f.Machine.Available = n * mib } }
	cgroup := func(n uint64) func(*Figures) { return func(f *Figures) { f.Cgroup.Available = n * mib } }
	for name, test := range map[string]struct {
		steps []step
		says  string
	}{
		// 64 MiB: 35.2 is 55 %, 28.8 is 45 %.
		"the runtime's limit":   {[]step{{needed(35), true}, {needed(36), false}, {needed(29), false}, {needed(28), true}, {needed(35), true}}, "calls need 36 MiB of the 64 MiB"},
		"the machine's memory":  {[]step{{machine(8), true}, {machine(7), false}, {machine(11), false}, {machine(12), true}, {machine(8), true}}, "7 MiB of 120 MiB are left, and others can join from 12 MiB on"},
		"the cgroup's memory":   {[]step{{cgroup(8), true}, {cgroup(0), false}, {cgroup(11), false}, {cgroup(12), true}}, "0 MiB of 100 MiB are left"},
		"a server":              {[]step{{func(f *Figures) { f.Machine = Area{Total: 32 << 30, Available: 65 * mib} }, true}, {machine(63), false}, {machine(95), false}, {machine(96), true}}, "63 MiB of 32768 MiB are left"},
		"another is short next": {[]step{{machine(7), false}, {func(f *Figures) { f.Machine.Available = 60 * mib; f.Needed = 29 * mib }, false}, {needed(20), true}}, "7 MiB"},
		"nothing is known":      {[]step{{func(f *Figures) { *f = Figures{Needed: 1 << 40} }, true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			said := ""
			for i, s := range test.steps {
				err := d.later(s.change)
				if (err == nil) != s.admit {
					t.Fatalf("step %d: %v with %+v", i, err, d.is)
				}
				if err != nil && !errors.Is(err, ErrShort) {
					t.Errorf("step %d: %v", i, err)
				}
				if err != nil && said == "" {
					said = err.Error()
				}
			}
			if !strings.Contains(said, test.says) {
				t.Errorf("says %q, want %q", said, test.says)
			}
		})
	}
}

// Those who come between two samples are counted for what they will take.
func TestManyJoinAtOnce(t *testing.T) {
	d := newDesk()
	crowd := func() (admitted int) {
		for range 1000 {
			if d.Admit() == nil {
				admitted++
			}
		}
		return admitted
	}
	if err := d.later(func(f *Figures) { f.Needed = 30 * mib }); err != nil {
		t.Fatal(err)
	}
	const room = 52 * mib / 10 // to 55 % of 64 MiB
	if n, most := crowd(), int(room/joinCost); n < most-1 || n > most+1 {
		t.Errorf("%d are let in at once, want %d", n, most)
	}
	if err := d.later(func(f *Figures) { f.Needed = 31 * mib }); err != nil || crowd() == 0 {
		t.Errorf("nobody is let in a second later: %v", err)
	}
}

func TestAdmissionLogsChanges(t *testing.T) {
	d := newDesk()
	none := func(f *Figures) { f.Machine.Available = 0 }
	for _, change := range []func(*Figures){none, none, none, func(f *Figures) { *f = enough() }, func(*Figures) {}} {
		_ = d.later(change)
	}
	if text := d.log.String(); strings.Count(text, "nobody else can join") != 1 || strings.Count(text, "for others again") != 1 {
		t.Error(text)
	}
}

func TestAdmissionReadsOnceASecond(t *testing.T) {
	d := newDesk()
	for range 10 {
		_ = d.Admit()
		d.now = d.now.Add(sampleInterval/10 - 1)
	}
	if d.reads != 1 {
		t.Errorf("read %d times in less than a second", d.reads)
	}
	_ = d.later(func(*Figures) {})
	if d.reads != 2 {
		t.Errorf("read %d times in the next", d.reads)
	}
}

func TestNobodyIsRefusedForGarbage(t *testing.T) {
	d := newDesk()
	d.garbage = 25 * mib
	if err := d.later(func(f *Figures) { f.Needed = 60 * mib }); err != nil || d.collected != 1 {
		t.Fatalf("%v after %d collections", err, d.collected)
	}
	// Short in earnest: collecting is no use, and not done each time.
	every := int(collectInterval / sampleInterval)
	for range every - 1 {
		if err := d.later(func(f *Figures) { f.Needed = 60 * mib }); err == nil {
			t.Fatal("let in")
		}
	}
	if d.collected != 1 {
		t.Errorf("collected %d times in %v", d.collected, collectInterval)
	}
	if err := d.later(func(*Figures) {}); err == nil || d.collected != 2 {
		t.Errorf("%v after %d collections", err, d.collected)
	}
}

func TestAvailable(t *testing.T) {
	for _, test := range []struct {
		machine, cgroup Area
		want            uint64
	}{
		{Area{}, Area{}, 0},
		{Area{9, 5}, Area{}, 5},
		{Area{}, Area{9, 4}, 4},
		{Area{9, 5}, Area{9, 4}, 4},
		{Area{9, 5}, Area{9, 0}, 0},
		{Area{9, 3}, Area{9, 4}, 3},
	} {
		if got := (Figures{Machine: test.machine, Cgroup: test.cgroup}).Available(); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

func TestWithoutAdmission(t *testing.T) {
	if err := (*Admission)(nil).Admit(); err != nil {
		t.Error(err)
	}
}

func TestManyAskAtOnce(t *testing.T) {
	a := &Admission{Read: System{Files: files()}.Read, Log: slog.New(slog.DiscardHandler)}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if err := a.Admit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

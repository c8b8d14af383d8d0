package attacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// machine is how much memory the node has, in bytes.
const machine = 128 << 20

// cgroup bounds the memory of the node. What the kernel keeps for it counts, too.
// Where there can be none, what the process has of it is counted, and its garbage
// collector knows the limit that it would have chosen.
type cgroup struct {
	dir   string // empty where there is none
	usage string // name of the file with what is in use
	pid   atomic.Int64

	mu   sync.Mutex
	peak uint64
}

// newCgroup makes a cgroup of version 2 or 1, and says so by a test that is skipped
// where neither has the memory controller or may be changed.
func newCgroup(t *testing.T, name string) *cgroup {
	t.Helper()
	g := &cgroup{}
	var problems []error
	for _, c := range []struct{ root, limit, usage string }{
		{"/sys/fs/cgroup", "memory.max", "memory.current"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"},
	} {
		dir := filepath.Join(c.root, name)
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			if err = write(filepath.Join(dir, c.limit), machine); err != nil {
				_ = os.Remove(dir)
			}
		}
		if err == nil {
			g.dir, g.usage = dir, c.usage
			t.Cleanup(func() {
				if err := os.Remove(dir); err != nil {
					t.Error(err)
				}
			})
			break
		}
		problems = append(problems, err)
	}
	if g.dir == "" {
		t.Run("cgroup", func(t *testing.T) {
			t.Skipf("SKIPPED: a limit of %d MiB: no cgroup can be made here: %v", machine>>20, errors.Join(problems...))
		})
	}
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { g.watch(stop) })
	t.Cleanup(func() { close(stop); watching.Wait() })
	return g
}

// processes is the file that a process writes itself into, or empty.
func (g *cgroup) processes() string {
	if g.dir == "" {
		return ""
	}
	return filepath.Join(g.dir, "cgroup.procs")
}

// environment of a node that is in none.
func (g *cgroup) environment() []string {
	if g.dir == "" {
		return []string{fmt.Sprint("GOMEMLIMIT=", machine/2)}
	}
	return nil
}

// write sets a number in a file that is there: where no cgroups are mounted, there
// is none.
func write(name string, number int) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(number))
	return errors.Join(err, f.Close())
}

// watch follows what is in use: version 1 alone knows the most since some moment
// on every kernel.
func (g *cgroup) watch(stop <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			is := g.now()
			g.mu.Lock()
			g.peak = max(g.peak, is)
			g.mu.Unlock()
		}
	}
}

// now is how much is in use, in bytes.
func (g *cgroup) now() uint64 {
	name, field, unit := filepath.Join(g.dir, g.usage), 0, uint64(1)
	if g.dir == "" {
		name, field, unit = fmt.Sprintf("/proc/%d/statm", g.pid.Load()), 1, uint64(os.Getpagesize())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	words := strings.Fields(string(b))
	if len(words) <= field {
		return 0
	}
	n, _ := strconv.ParseUint(words[field], 10, 64)
	return n * unit
}

// restart begins to look for the most in use anew, and returns what it is now.
func (g *cgroup) restart() uint64 {
	is := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peak = is
	return is
}

// most is the most in use since restart.
func (g *cgroup) most() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.peak
}

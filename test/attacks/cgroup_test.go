package attacks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// machine is how much memory the node has, in bytes.
const machine = 128 << 20

// cgroup bounds the memory of the node. What the kernel keeps for it counts, too.
type cgroup struct {
	dir   string
	usage string // name of the file with what is in use
	kind  string

	mu   sync.Mutex
	peak uint64
}

// newCgroup makes a cgroup of that many bytes, of version 2 or 1, and skips the
// test where neither has the memory controller or may be changed.
func newCgroup(t *testing.T, name string, bytes int) *cgroup {
	t.Helper()
	var problems []error
	for _, c := range []struct{ kind, root, limit, usage string }{
		{"cgroup v2", "/sys/fs/cgroup", "memory.max", "memory.current"},
		{"cgroup v1", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"},
	} {
		g := &cgroup{dir: filepath.Join(c.root, name), usage: c.usage, kind: c.kind}
		err := os.Mkdir(g.dir, 0o755)
		if err == nil {
			if err = write(filepath.Join(g.dir, c.limit), bytes); err != nil {
				_ = os.Remove(g.dir)
			}
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", c.kind, err))
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(g.dir); err != nil {
				t.Error(err)
			}
		})
		stop := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() { g.watch(stop) })
		t.Cleanup(func() { close(stop); watching.Wait() })
		return g
	}
	t.Skipf("SKIPPED: no cgroup with the memory controller can be made here: %v", errors.Join(problems...))
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
	b, err := os.ReadFile(filepath.Join(g.dir, g.usage))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n
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

// Package trunks has real daemons, each in a network namespace of its own, and
// joins them by trunks over links whose bytes are counted and that are cut.
package trunks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const secret = "a-secret-for-all-the-nodes"

// network is namespaces with links between them.
type network struct {
	t     *testing.T
	name  string
	bin   string
	dir   string
	nodes []*node
	links []*link
}

// node is one daemon.
type node struct {
	net     *network
	name    string // of its namespace
	number  int
	config  strings.Builder
	process *exec.Cmd
	log     string
	people  *people
}

// link joins two nodes; the first one dials.
type link struct {
	net    *network
	number int
	a, b   *node
}

var networks int

// newNetwork makes so many namespaces.
func newNetwork(t *testing.T, n int) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	networks++
	w := &network{t: t, name: fmt.Sprintf("umbt%d-%d", os.Getpid()%10000, networks), bin: daemon(t), dir: t.TempDir()}
	for i := range n {
		nd := &node{net: w, name: fmt.Sprintf("%s-%d", w.name, i), number: i}
		nd.log = filepath.Join(w.dir, fmt.Sprintf("%d.log", i))
		w.must("ip", "netns", "add", nd.name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", nd.name).Run() })
		w.must("ip", "-n", nd.name, "link", "set", "lo", "up")
		w.nodes = append(w.nodes, nd)
	}
	return w
}

var built string

// daemon builds the daemon once.
func daemon(t *testing.T) string {
	t.Helper()
	if built == "" {
		dir, err := os.MkdirTemp("", "umbrellad")
		if err != nil {
			t.Fatal(err)
		}
		built = filepath.Join(dir, "umbrellad")
		if out, err := exec.Command("go", "build", "-o", built, "umbrella/cmd/umbrellad").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return built
}

func (w *network) must(name string, args ...string) string {
	w.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// link joins two nodes by a link of its own, and a dials b over it.
func (w *network) link(a, b int) *link {
	w.t.Helper()
	l := w.cable(a, b)
	l.dial(l.address("b"))
	return l
}

// dial has a dial b by that name.
func (l *link) dial(host string) {
	fmt.Fprintf(&l.a.config, "config backhaul 'to%d'\n\toption url 'ws://%s:8081/wsb'\n\toption secret '%s'\n", l.b.number, host, secret)
}

// cable joins two nodes by a link, and no more.
func (w *network) cable(a, b int) *link {
	w.t.Helper()
	l := &link{net: w, number: len(w.links), a: w.nodes[a], b: w.nodes[b]}
	w.links = append(w.links, l)
	w.must("ip", "link", "add", l.dev("a"), "netns", l.a.name, "type", "veth", "peer", "name", l.dev("b"), "netns", l.b.name)
	for end, n := range map[string]*node{"a": l.a, "b": l.b} {
		w.must("ip", "-n", n.name, "addr", "add", l.address(end)+"/24", "dev", l.dev(end))
		w.must("ip", "-n", n.name, "link", "set", l.dev(end), "up")
	}
	return l
}

func (l *link) dev(end string) string { return fmt.Sprintf("l%d%s", l.number, end) }

func (l *link) address(end string) string {
	return fmt.Sprintf("10.88.%d.%d", l.number, map[string]int{"a": 1, "b": 2}[end])
}

// set makes the link work, or not.
func (l *link) set(state string) {
	l.net.t.Helper()
	l.net.must("ip", "-n", l.a.name, "link", "set", l.dev("a"), state)
}

// bytes that have crossed the link, both ways.
func (l *link) bytes() (n int64) {
	l.net.t.Helper()
	for _, dir := range []string{"rx", "tx"} {
		s := l.net.must("ip", "netns", "exec", l.a.name, "cat", "/sys/class/net/"+l.dev("a")+"/statistics/"+dir+"_bytes")
		v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		if err != nil {
			l.net.t.Fatal(err)
		}
		n += v
	}
	return n
}

// start starts all daemons.
func (w *network) start() {
	w.t.Helper()
	for _, n := range w.nodes {
		n.start()
	}
	for _, n := range w.nodes {
		eventually(w.t, 10*time.Second, n.name+" serves", func() bool { return n.people.report() != nil })
	}
}

func (n *node) start() {
	t := n.net.t
	t.Helper()
	path := filepath.Join(n.net.dir, n.name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&n.config, "config backhaul 'in'\n\toption secret '%s'\nconfig umbrella 'main'\n\toption enabled '1'\n\toption tls 'off'\n\toption state_dir '%s'\n",
		secret, path+".state")
	if err := os.WriteFile(filepath.Join(path, "umbrella"), []byte(n.config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(n.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.process = exec.Command("ip", "netns", "exec", n.name, n.net.bin, "-config", path)
	n.process.Stdout, n.process.Stderr = log, log
	n.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
	n.people = newPeople(t, n.name)
	t.Cleanup(func() {
		_ = n.process.Process.Signal(syscall.SIGTERM)
		_ = n.process.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(n.log)
			t.Logf("%s:\n%s", n.name, b)
		}
	})
}

func eventually(t *testing.T, within time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > within {
			t.Fatalf("%s: not within %v", what, within)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

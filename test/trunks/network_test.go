// Package trunks has real daemons, each in a network namespace of its own, and
// joins them by trunks over links whose bytes are counted and that are cut.
package trunks

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"umbrella/test/netns"
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
	// secure nodes are reached by TLS, with CAs of their own, and over IPv6, with
	// both over IPv4 too.
	secure, both bool
}

// node is one daemon.
type node struct {
	net     *network
	name    string // of its namespace
	space   *netns.Space
	number  int
	config  strings.Builder
	dials   []func() // writes what is only known when others serve
	main    string   // more of its main section
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

var networks atomic.Int32

// newNetwork makes so many namespaces. The test goes on beside others: most of its
// time it waits.
func newNetwork(t *testing.T, n int) *network {
	t.Helper()
	t.Parallel()
	w := &network{t: t, name: fmt.Sprintf("umbt%d-%d", os.Getpid()%10000, networks.Add(1)), dir: t.TempDir()}
	for i := range n {
		nd := &node{net: w, name: fmt.Sprintf("%s-%d", w.name, i), number: i}
		nd.log = filepath.Join(w.dir, fmt.Sprintf("%d.log", i))
		nd.space = netns.New(t, nd.name)
		w.nodes = append(w.nodes, nd)
	}
	w.bin = netns.Daemon(t)
	return w
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
	if l.net.secure {
		l.a.dials = append(l.a.dials, func() {
			l.a.backhaul(fmt.Sprintf("to%d", l.b.number), l.url(), secret, "fingerprint", fingerprint(l.net.t, l.b.caFile()))
		})
		return
	}
	fmt.Fprintf(&l.a.config, "config backhaul 'to%d'\n\toption url 'ws://%s:8081/wsb'\n\toption secret '%s'\n", l.b.number, host, secret)
}

// backhaul writes a section that dials.
func (n *node) backhaul(name, url, secret string, options ...string) {
	fmt.Fprintf(&n.config, "config backhaul '%s'\n\toption url '%s'\n\toption secret '%s'\n", name, url, secret)
	for i := 0; i < len(options); i += 2 {
		fmt.Fprintf(&n.config, "\toption %s '%s'\n", options[i], options[i+1])
	}
}

func (l *link) url() string { return fmt.Sprintf("wss://[%s]:8081/wsb", l.address6("b")) }

func (n *node) caFile() string { return filepath.Join(n.net.dir, n.name+".state", "ca.crt") }

// fingerprint of the first certificate in a file.
func fingerprint(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		t.Fatalf("%s has no certificate", file)
	}
	return fmt.Sprintf("%x", sha256.Sum256(block.Bytes))
}

// cable joins two nodes by a link, and no more.
func (w *network) cable(a, b int) *link {
	w.t.Helper()
	l := &link{net: w, number: len(w.links), a: w.nodes[a], b: w.nodes[b]}
	w.links = append(w.links, l)
	netns.Must(w.t, "ip", "link", "add", l.dev("a"), "netns", l.a.name, "type", "veth", "peer", "name", l.dev("b"), "netns", l.b.name)
	for end, n := range map[string]*node{"a": l.a, "b": l.b} {
		if !w.secure || w.both {
			netns.Must(w.t, "ip", "-n", n.name, "addr", "add", l.address(end)+"/24", "dev", l.dev(end))
		}
		// A cable that takes many packets as one would also delay and lose them so.
		netns.Must(w.t, "ip", "-n", n.name, "link", "set", l.dev(end), "gso_max_segs", "1", "up")
		if w.secure {
			netns.Must(w.t, "ip", "-n", n.name, "addr", "add", l.address6(end)+"/64", "dev", l.dev(end), "nodad")
		}
	}
	return l
}

func (l *link) dev(end string) string { return fmt.Sprintf("l%d%s", l.number, end) }

func (l *link) address(end string) string {
	return fmt.Sprintf("10.88.%d.%d", l.number, map[string]int{"a": 1, "b": 2}[end])
}

func (l *link) address6(end string) string {
	return fmt.Sprintf("fd88:0:0:%d::%d", l.number, map[string]int{"a": 1, "b": 2}[end])
}

// narrow has the link carry no more than a rate, such as "1mbit", each way.
func (l *link) narrow(rate string) {
	l.net.t.Helper()
	for end, n := range map[string]*node{"a": l.a, "b": l.b} {
		netns.Must(l.net.t, "tc", "-n", n.name, "qdisc", "replace", "dev", l.dev(end), "root", "tbf", "rate", rate, "burst", "4kb", "latency", "150ms")
	}
}

// block drops what crosses the link by a protocol and port of b, until unblock.
func (l *link) block(protocol string, port int) {
	l.net.t.Helper()
	l.b.space.NFT(fmt.Sprintf(`table inet cut {
		chain in { type filter hook input priority 0; iifname %[1]s %[2]s dport %[3]d drop; }
		chain out { type filter hook output priority 0; oifname %[1]s %[2]s sport %[3]d drop; }
	}`, l.dev("b"), protocol, port))
}

// cut drops all that crosses the link, until unblock. The addresses stay.
func (l *link) cut() {
	l.net.t.Helper()
	l.b.space.NFT(fmt.Sprintf(`table inet cut {
		chain in { type filter hook input priority 0; iifname %[1]s drop; }
		chain out { type filter hook output priority 0; oifname %[1]s drop; }
	}`, l.dev("b")))
}

func (l *link) unblock() { l.net.t.Helper(); l.b.space.NFT("delete table inet cut") }

// set makes the link work, or not.
func (l *link) set(state string) {
	l.net.t.Helper()
	netns.Must(l.net.t, "ip", "-n", l.a.name, "link", "set", l.dev("a"), state)
}

// bytes that have crossed the link, both ways.
func (l *link) bytes() int64 { l.net.t.Helper(); return l.from("a") + l.from("b") }

// from is how many bytes have crossed it from one end.
func (l *link) from(end string) int64 {
	l.net.t.Helper()
	counter := map[string]string{"a": "tx_bytes", "b": "rx_bytes"}[end]
	s := netns.Must(l.net.t, "ip", "netns", "exec", l.a.name, "cat", "/sys/class/net/"+l.dev("a")+"/statistics/"+counter)
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		l.net.t.Fatal(err)
	}
	return n
}

// start starts all daemons.
func (w *network) start() {
	w.t.Helper()
	serves := func(n *node) {
		netns.Eventually(w.t, 20*time.Second, n.name+" serves", func() bool { return n.people.report() != nil })
	}
	for _, n := range slices.Backward(w.nodes) { // those that are dialled first
		for _, dial := range n.dials {
			dial()
		}
		n.start()
		if w.secure {
			serves(n)
		}
	}
	for _, n := range w.nodes {
		serves(n)
	}
}

func (n *node) start() {
	t := n.net.t
	t.Helper()
	path := filepath.Join(n.net.dir, n.name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&n.config, "config backhaul 'in'\n\toption secret '%s'\nconfig umbrella 'main'\n\toption enabled '1'\n\toption state_dir '%s'\n%s",
		secret, path+".state", n.main)
	if !n.net.secure {
		n.config.WriteString("\toption tls 'off'\n")
	}
	if err := os.WriteFile(filepath.Join(path, "umbrella"), []byte(n.config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(n.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.run(path, log)
	n.people = newPeople(t, n.space, n.net.secure)
	t.Cleanup(func() {
		_ = n.process.Process.Signal(syscall.SIGTERM)
		_ = n.process.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(n.log)
			t.Logf("%s:\n%s", n.name, b)
		}
	})
}

// run starts the daemon by the settings in a directory.
func (n *node) run(settings string, log *os.File) {
	n.net.t.Helper()
	n.process = n.space.Command(n.net.bin, "-config", settings)
	n.process.Stdout, n.process.Stderr = log, log
	if err := n.process.Start(); err != nil {
		n.net.t.Fatal(err)
	}
}

// restart ends the daemon, and starts it anew by the same settings.
func (n *node) restart() {
	t := n.net.t
	t.Helper()
	if err := n.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = n.process.Wait()
	log, err := os.OpenFile(n.log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	n.run(filepath.Join(n.net.dir, n.name), log)
}

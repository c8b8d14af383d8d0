// Package attacks has the real daemon on a machine as small as an access point,
// beside a call of four, and attacks it from addresses of their own. It measures
// what that costs the call and the node, and what leaves the node to whom.
package attacks

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"umbrella/test/netns"
)

// Addresses. All namespaces are on one bridge, in 10.89.0.0/16 and fd89::/32.
const (
	apAddress = "10.89.0.1"
	// The attacker has these networks besides its own address.
	attackers4, attackers6 = "10.66.0.0/16", "fd66::/48"
	attacker4, attacker6   = "10.89.2.1", "fd89:0:2::1"
	// Nothing ever comes from the victims. The attacker forges packets of those
	// that are spoofed.
	victims4, spoofed4 = "10.89.3.", "10.89.4."
	victim6            = "fd89:0:3::1"
)

func TestMain(m *testing.M) {
	netns.Main(m, func(role string) error {
		switch role {
		case "members":
			return netns.Serve(newMembers().do)
		case "attacker":
			return netns.Serve(attack)
		case "watcher":
			return netns.Serve(look)
		}
		return errors.New("no such role: " + role)
	})
}

// site is an access point with those around it.
type site struct {
	t                *testing.T
	ap               *netns.Space
	members, attacks *netns.Child
	watcher          *netns.Child // beside the node
	cgroup           *cgroup
	bin, config, log string
	process          *exec.Cmd
	ended            chan struct{} // closed when the process has
}

// newSite makes the namespaces, starts the daemon, and has the call of four begin.
func newSite(t *testing.T) *site {
	t.Helper()
	for _, program := range []string{"ip", "nft", "nsenter", "nice", "setsid", "sysctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: there is no %s here", program)
		}
	}
	name := fmt.Sprintf("umba%d", os.Getpid())
	s := &site{t: t, ap: netns.New(t, name+"-ap")}
	s.ap.IP("link", "add", "br-lan", "type", "bridge")
	s.ap.IP("addr", "add", apAddress+"/16", "dev", "br-lan")
	s.ap.IP("link", "set", "br-lan", "up")
	s.ap.IP("-6", "addr", "add", "fd89::1/32", "dev", "br-lan", "nodad")
	members := s.join(name+"-members", "10.89.1.1", "fd89:0:1::1")
	attacker := s.join(name+"-attacker", attacker4, attacker6)
	victim := s.join(name+"-victim", victims4+"1", victim6)
	for i := 2; i <= 20; i++ {
		victim.IP("addr", "add", fmt.Sprint(victims4, i, "/16"), "dev", "eth0")
		victim.IP("addr", "add", fmt.Sprint(spoofed4, i, "/16"), "dev", "eth0")
	}
	// Whatever comes to the victims, they say nothing; and so the way out of the
	// site leads to them.
	victim.NFT(`table inet silent {
		chain out {
			type filter hook output priority 0; policy drop;
			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		}
	}`)
	s.ap.IP("route", "add", "default", "via", victims4+"1")
	s.ap.IP("-6", "route", "add", "default", "via", victim6)
	// All of the attacker's networks are its own, without an address being set.
	for family, network := range map[string]string{"-4": attackers4, "-6": attackers6} {
		attacker.IP(family, "route", "add", "local", network, "dev", "lo")
	}
	attacker.Sysctl("net.ipv6.ip_nonlocal_bind", "1")
	s.ap.IP("route", "add", attackers4, "via", attacker4)
	s.ap.IP("-6", "route", "add", attackers6, "via", attacker6)
	s.count()

	s.bin = netns.Daemon(t)
	s.cgroup = newCgroup(t, name)
	dir := t.TempDir()
	s.config, s.log = filepath.Join(dir, "config"), filepath.Join(dir, "log")
	if err := os.Mkdir(s.config, 0o700); err != nil {
		t.Fatal(err)
	}
	settings := "config umbrella 'main'\n\toption enabled '1'\n\toption access 'open'\n\toption state_dir '" + filepath.Join(dir, "state") + "'\n"
	if err := os.WriteFile(filepath.Join(s.config, "umbrella"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	// Attackers are on other machines, and so are those who call: here they share one
	// with the node, and are not to take its CPUs.
	s.attacks = attacker.Child("attacker", "nice", "-n", "10")
	s.members = members.Child("members", preferred...)
	s.watcher = s.ap.Child("watcher")
	s.start()
	t.Cleanup(s.stop)
	return s
}

// preferred has a program come before others on this machine, also where the kernel
// gives each session of processes one share (autogroup).
var preferred = []string{"nice", "-n", "-10", "setsid", "sh", "-c", `{ echo -10 >/proc/self/autogroup; } 2>/dev/null; exec "$0" "$@"`}

// join makes a namespace with a cable to the bridge.
func (s *site) join(name, address4, address6 string) *netns.Space {
	n := netns.New(s.t, name)
	end := name[strings.LastIndexByte(name, '-')+1:]
	s.ap.IP("link", "add", "to-"+end, "type", "veth", "peer", "name", "eth0", "netns", name)
	s.ap.IP("link", "set", "to-"+end, "master", "br-lan", "up")
	n.IP("addr", "add", address4+"/16", "dev", "eth0")
	n.IP("link", "set", "eth0", "up")
	n.IP("-6", "addr", "add", address6+"/32", "dev", "eth0", "nodad")
	n.IP("route", "add", "default", "via", apAddress)
	return n
}

// start starts the daemon as procd does on OpenWrt, in the cgroup, and the call.
func (s *site) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	start := append(preferred[1:], "sh", "-c", `[ -z "$0" ] || echo $$ >"$0" && ulimit -c 0 && ulimit -n 4096 && exec "$@"`,
		s.cgroup.processes(), s.bin, "-config", s.config)
	s.process = s.ap.Command(preferred[0], start...)
	s.process.Env = append(os.Environ(), s.cgroup.environment()...)
	s.process.Stdout, s.process.Stderr = log, log
	began := time.Now()
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cgroup.pid.Store(int64(s.process.Process.Pid))
	s.ended = make(chan struct{})
	go func(p *exec.Cmd, ended chan struct{}) { _ = p.Wait(); close(ended) }(s.process, s.ended)
	netns.Eventually(s.t, 20*time.Second, "the node answers", func() bool {
		if !s.alive() {
			s.t.Fatalf("the node has ended: %v\n%s", s.process.ProcessState, s.logged())
		}
		return s.goroutines() > 0
	})
	if r := s.ask(order{Call: true}); r.Problem != "" {
		s.t.Fatal(r.Problem)
	}
	time.Sleep(time.Until(began.Add(ownNames)))
}

// ownNames is how long a node that has started looks for its own names, which no attack
// causes.
const ownNames = 4500 * time.Millisecond

func (s *site) stop() {
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		s.kill()
		s.t.Error("the node did not end in 15 s")
	}
	if s.t.Failed() {
		s.t.Logf("the end of its log:\n%s", s.logged())
	}
}

func (s *site) kill() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// restart has another node, and a call that begins there.
func (s *site) restart() {
	s.t.Helper()
	s.kill()
	s.start()
}

func (s *site) logSize() int64 {
	info, err := os.Stat(s.log)
	if err != nil {
		return 0
	}
	return info.Size()
}

// logged is the end of what the daemon has written.
func (s *site) logged() string {
	b, _ := os.ReadFile(s.log)
	return string(b[max(0, len(b)-4000):])
}

func (s *site) alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

func (s *site) ask(o order) (r report) {
	s.t.Helper()
	s.members.Ask(o, &r)
	return r
}

// cpu is how many seconds of a CPU the daemon took so far, and for how long its
// threads waited for one together.
func (s *site) cpu() (took, waited float64) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.process.Process.Pid))
	for _, name := range tasks {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		var run, wait float64 // ns
		if _, err := fmt.Sscan(string(b), &run, &wait); err == nil {
			took, waited = took+run/1e9, waited+wait/1e9
		}
	}
	return took, waited
}

// counters are what the daemon sends to whom, in packets or bytes.
type counters struct {
	// silent packets go to an address and port that has sent nothing before.
	silent uint64
	// dials are TCP connections that the node opens.
	dials uint64
	// names are packets to ports of DNS and multicast DNS.
	names uint64
	// spoofed addresses have sent nothing, but the attacker in their name: forged
	// is how many bytes that was, answered how many went there, and media how many
	// packets of these were SRTP or SRTCP.
	forged, answered, media uint64
}

// count counts, at the node, what leaves: ARP, neighbour discovery, group
// membership and ICMP errors aside, nothing may leave to those that never spoke.
func (s *site) count() {
	s.ap.NFT(`table inet watch {
		set spoke4 { type ipv4_addr . inet_service; flags dynamic; size 2000000; }
		set spoke6 { type ipv6_addr . inet_service; flags dynamic; size 2000000; }
		set silent4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; size 65535; counter; }
		set silent6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; size 65535; counter; }
		counter silent {}
		counter dials {}
		counter names {}
		counter forged {}
		counter answered {}
		counter media {}
		chain in {
			type filter hook input priority -10; policy accept;
			iifname "lo" accept
			ip saddr ` + spoofed4 + `0/24 counter name forged
			meta nfproto ipv4 meta l4proto { tcp, udp } add @spoke4 { ip saddr . th sport } accept
			meta nfproto ipv6 meta l4proto { tcp, udp } add @spoke6 { ip6 saddr . th sport } accept
		}
		chain out {
			type filter hook output priority 10; policy accept;
			oifname "lo" meta l4proto { tcp, udp } th dport { 53, 5353 } counter name names
			oifname "lo" accept
			ip daddr ` + spoofed4 + `0/24 counter name answered
			ip daddr ` + spoofed4 + `0/24 meta l4proto udp @th,64,2 2 counter name media
			tcp flags & (syn | ack) == syn counter name dials
			meta l4proto { icmp, icmpv6, igmp } accept
			ip daddr . th dport @spoke4 accept
			ip6 daddr . th dport @spoke6 accept
			counter name silent
			meta l4proto { tcp, udp } th dport { 53, 5353 } counter name names
			meta nfproto ipv4 add @silent4 { ip daddr . meta l4proto . th dport }
			meta nfproto ipv6 add @silent6 { ip6 daddr . meta l4proto . th dport }
		}
	}`)
}

// counted is what was counted so far.
func (s *site) counted() counters {
	s.t.Helper()
	out, err := s.ap.Command("nft", "-j", "list", "counters", "table", "inet", "watch").Output()
	if err != nil {
		s.t.Fatalf("nft: %v", err)
	}
	var list struct {
		Nftables []struct {
			Counter *struct {
				Name           string
				Packets, Bytes uint64
			}
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		s.t.Fatal(err)
	}
	var c counters
	for _, e := range list.Nftables {
		if e.Counter == nil {
			continue
		}
		switch n := e.Counter; n.Name {
		case "silent":
			c.silent = n.Packets
		case "dials":
			c.dials = n.Packets
		case "names":
			c.names = n.Packets
		case "forged":
			c.forged = n.Bytes
		case "answered":
			c.answered = n.Bytes
		case "media":
			c.media = n.Packets
		}
	}
	return c
}

func (c counters) since(was counters) counters {
	return counters{
		c.silent - was.silent, c.dials - was.dials, c.names - was.names,
		c.forged - was.forged, c.answered - was.answered, c.media - was.media,
	}
}

// unasked names the addresses that packets went to though they never spoke, and
// forgets them.
func (s *site) unasked() string {
	s.t.Helper()
	var text string
	for _, set := range []string{"silent4", "silent6"} {
		out := netns.Must(s.t, "ip", "netns", "exec", s.ap.Name, "nft", "list", "set", "inet", "watch", set)
		if _, elements, ok := strings.Cut(out, "elements = {"); ok {
			list := strings.Split(elements[:strings.IndexByte(elements, '}')], ",")
			for _, e := range list[:min(2, len(list))] {
				text += strings.Join(strings.Fields(e), " ") + ", "
			}
			text += fmt.Sprintf("%d in all; ", len(list))
		}
		netns.Must(s.t, "ip", "netns", "exec", s.ap.Name, "nft", "flush", "set", "inet", "watch", set)
	}
	return text
}

// goroutines of the node, as it says itself; 0 while it does not answer.
func (s *site) goroutines() (n int) {
	s.t.Helper()
	s.watcher.Ask(struct{}{}, &n)
	return n
}

// look is what the watcher does: programs on the node's machine may see everything.
func look(struct{}) (int, error) {
	client := strangers(nil, 5*time.Second)
	defer client.CloseIdleConnections() // which have goroutines as well
	answer, err := client.Get("https://127.0.0.1:8081/metrics")
	if err != nil {
		return 0, nil
	}
	defer answer.Body.Close()
	for in := bufio.NewScanner(answer.Body); in.Scan(); {
		if n, ok := strings.CutPrefix(in.Text(), "umbrella_goroutines "); ok {
			return strconv.Atoi(n)
		}
	}
	return 0, fmt.Errorf("metrics: %s", answer.Status)
}

// strangers makes a client for HTTP that comes from an address, nil for any, and
// takes the node's certificate for what it is.
func strangers(from net.IP, patience time.Duration) *http.Client {
	dialer := &net.Dialer{}
	if from != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: from}
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

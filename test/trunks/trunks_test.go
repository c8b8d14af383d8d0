package trunks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/netns"
)

// rate counts bytes a second that something carries over a while.
func rate(count func() int64, while time.Duration) float64 {
	was, began := count(), time.Now()
	time.Sleep(while)
	return float64(count()-was) / time.Since(began).Seconds()
}

// What a packet has on a link besides what it came with: the extension for
// congestion control, SRTP's tag, UDP, IPv4 and Ethernet, in bytes.
const below = 8 + 16 + 8 + 20 + 14

// published is how many bytes, as they are on a link, people at a node have
// sent so far.
func published(n *node) (sum int64) {
	for _, r := range n.people.report().status.Rooms {
		for _, p := range r.Participants {
			if p.NodeId != "" {
				continue
			}
			for _, t := range p.Tracks {
				for _, l := range t.Layers {
					sum += int64(l.Bytes) + below*int64(l.Packets)
				}
			}
		}
	}
	return sum
}

// during counts two things over the same while, in bytes a second.
func during(while time.Duration, a, b func() int64) (x, y float64) {
	wasA, wasB, began := a(), b(), time.Now()
	time.Sleep(while)
	isA, isB, d := a(), b(), time.Since(began).Seconds()
	return float64(isA-wasA) / d, float64(isB-wasB) / d
}

// sees waits until somebody sees just the people named, each once.
func (w *network) sees(who string, n *node, names ...string) {
	w.t.Helper()
	want := map[string]int{who: 1}
	for _, name := range names {
		want[name] = 1
	}
	netns.Eventually(w.t, 20*time.Second, fmt.Sprintf("%s sees %v", who, names), func() bool {
		return maps.Equal(n.people.report().Views[who].Seen, want)
	})
}

// plays waits until more of somebody's picture comes, and says after how long.
func (w *network) plays(who string, n *node, whom string, within time.Duration) time.Duration {
	w.t.Helper()
	was := n.people.report().Views[who].Video[whom]
	return netns.Eventually(w.t, within, who+" gets pictures of "+whom, func() bool { return n.people.report().Views[who].Video[whom] > was+5 })
}

func TestAccessPointAndCloud(t *testing.T) {
	w := newNetwork(t, 2)
	wan := w.link(0, 1)
	ap, cloud := w.nodes[0], w.nodes[1]
	w.start()
	ap.people.join("Ada", false)
	cloud.people.join("Bob", false)
	w.sees("Ada", ap, "Bob")
	w.sees("Bob", cloud, "Ada")
	w.plays("Bob", cloud, "Ada", 10*time.Second)
	w.plays("Ada", ap, "Bob", 10*time.Second)
	cloud.people.leave("Bob")
	w.sees("Ada", ap)

	time.Sleep(5 * time.Second) // patience; and the nodes look for their names by multicast at first
	if got := 8 * rate(wan.bytes, 4*time.Second); got > 10_000 {
		t.Errorf("%.0f bit/s cross though nobody watches", got)
	} else {
		t.Logf("nobody watches: %.0f bit/s cross", got)
	}
	for i := range 20 {
		cloud.people.join(fmt.Sprintf("v%d", i), true)
	}
	w.plays("v0", cloud, "Ada", 10*time.Second)
	w.plays("v19", cloud, "Ada", 10*time.Second)
	want, got := during(4*time.Second, func() int64 { return published(ap) }, wan.bytes)
	t.Logf("20 watch: %.0f bit/s cross, of a stream of %.0f", 8*got, 8*want)
	if got < 0.9*want || got > 1.1*want {
		t.Errorf("%.0f bytes a second cross, of a stream of %.0f", got, want)
	}
	if at := cloud.people.report().Views["v0"].At["Ada"]; at == "" {
		t.Error("it is not told where Ada is")
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name  string
		nodes int
		links [][2]int
	}{
		{"chain of 4", 4, [][2]int{{0, 1}, {1, 2}, {2, 3}}},
		{"star of 5", 5, [][2]int{{1, 0}, {2, 0}, {3, 0}, {4, 0}}},
		{"ring of 4", 4, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 0}}},
		{"mesh of 4", 4, [][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newNetwork(t, c.nodes)
			for _, l := range c.links {
				w.link(l[0], l[1])
			}
			w.start()
			for i, n := range w.nodes {
				n.people.join(fmt.Sprintf("p%d", i), false)
			}
			for i, n := range w.nodes {
				var others []string
				for j := range w.nodes {
					if j != i {
						others = append(others, fmt.Sprintf("p%d", j))
					}
				}
				w.sees(fmt.Sprintf("p%d", i), n, others...)
				for _, o := range others {
					w.plays(fmt.Sprintf("p%d", i), n, o, 15*time.Second)
				}
			}
			time.Sleep(time.Second)
			w.followRoutes(2)
			w.weigh(3 * time.Second)
			for _, n := range w.nodes {
				if d := distinct(n.people.report().status); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// neighbour is a trunk of a node to another one.
func neighbour(st *umbrellav1.Status, id string) *umbrellav1.TrunkLink {
	for _, s := range st.Trunks {
		for _, l := range s.Links {
			if l.NodeId == id {
				return l
			}
		}
	}
	return nil
}

// reached is who a node reaches by another one, and whether anybody does so who
// came in there.
func reached(st *umbrellav1.Status, by string) (names []string) {
	for _, r := range st.Rooms {
		for _, p := range r.Participants {
			if len(p.Path) > 0 && p.Path[0] == by {
				names = append(names, p.Name)
			}
		}
	}
	return names
}

// followRoutes waits until exactly what the routes say crosses each link in each
// direction: so many streams of each participant, where everybody watches
// everybody. What came from a node does not go back to it.
func (w *network) followRoutes(each int) {
	w.t.Helper()
	problem := ""
	netns.Eventually(w.t, 10*time.Second, "just what the routes say crosses each link", func() bool {
		problem = ""
		var list []*umbrellav1.Status
		for _, n := range w.nodes {
			list = append(list, n.people.report().status)
		}
		for _, l := range w.links {
			for _, ends := range [][2]*umbrellav1.Status{{list[l.a.number], list[l.b.number]}, {list[l.b.number], list[l.a.number]}} {
				from, to := ends[0], ends[1]
				names := reached(to, from.NodeId)
				out, in := neighbour(from, to.NodeId), neighbour(to, from.NodeId)
				if out == nil || in == nil || int(in.Routes) != len(names) || int(in.ReceivedStreams) != each*len(names) ||
					out.SentStreams != in.ReceivedStreams {
					problem = fmt.Sprintf("%s to %s: %v, %v of %v", from.NodeId, to.NodeId, out, in, names)
				}
				for _, r := range to.Rooms {
					for _, p := range r.Participants {
						if slices.Contains(p.Path, to.NodeId) || len(p.Path) > 0 && p.Path[len(p.Path)-1] != p.NodeId {
							problem = fmt.Sprintf("%s comes by %v", p.Name, p.Path)
						}
					}
				}
			}
		}
		if problem != "" {
			w.t.Log(problem)
		}
		return problem == ""
	})
}

// weigh looks whether the bytes that cross each link in each direction for a
// while are those of the participants who are reached that way.
func (w *network) weigh(while time.Duration) {
	w.t.Helper()
	// A count, and when it was taken: many are, one after the other.
	type count struct {
		n  int64
		at time.Time
	}
	take := func(n int64) count { return count{n, time.Now()} }
	perSecond := func(a, b count) float64 { return float64(b.n-a.n) / b.at.Sub(a.at).Seconds() }
	type sample struct {
		links, people []count
		names         [][]string // of those who come by each link
	}
	measure := func() (s sample) {
		var list []*umbrellav1.Status
		for _, n := range w.nodes {
			list = append(list, n.people.report().status)
			s.people = append(s.people, take(published(n)))
		}
		for _, l := range w.links {
			s.links = append(s.links, take(l.from("a")), take(l.from("b")))
			s.names = append(s.names, reached(list[l.b.number], list[l.a.number].NodeId), reached(list[l.a.number], list[l.b.number].NodeId))
		}
		return s
	}
	before, after := sample{}, measure()
	for again := 0; !slices.EqualFunc(before.names, after.names, slices.Equal); again++ {
		if again == 3 {
			w.t.Fatalf("routes change all the time: %v and %v", before.names, after.names)
		}
		before = measure()
		time.Sleep(while)
		after = measure()
	}
	var got, want float64
	for i, names := range before.names {
		x := 0.0
		for _, name := range names {
			var n int
			if _, err := fmt.Sscanf(name, "p%d", &n); err != nil {
				w.t.Fatal(err)
			}
			x += perSecond(before.people[n], after.people[n])
		}
		g := perSecond(before.links[i], after.links[i])
		got, want = got+g, want+x
		// Signalling and reports cross as well, of what goes the other way too.
		if g < 0.95*x || g > 1.05*x+5000 {
			w.t.Errorf("%.0f bytes a second cross link %d from end %d, and %.0f by the routes", g, i/2, i%2, x)
		}
	}
	w.t.Logf("%.0f bit/s cross all links, %.0f by the routes: %+.2f %%", 8*got, 8*want, 100*(got/want-1))
	if got < 0.97*want || got > 1.04*want {
		w.t.Errorf("%.0f bytes a second cross all links, %.0f by the routes", got, want)
	}
}

// distinct says what is in a room twice.
func distinct(st *umbrellav1.Status) string {
	for _, r := range st.Rooms {
		seen := map[string]bool{}
		for _, p := range r.Participants {
			if seen[p.Name] {
				return fmt.Sprintf("%s is there twice", p.Name)
			}
			seen[p.Name] = true
		}
	}
	return ""
}

func TestRingIsCutAndHeals(t *testing.T) {
	w := newNetwork(t, 4)
	direct := w.link(0, 1)
	w.link(1, 2)
	w.link(2, 3)
	w.link(3, 0)
	w.start()
	w.nodes[0].people.join("Ada", false)
	w.nodes[1].people.join("Bob", true)
	w.sees("Bob", w.nodes[1], "Ada")
	w.plays("Bob", w.nodes[1], "Ada", 10*time.Second)
	direct.set("down")
	time.Sleep(300 * time.Millisecond) // what was on its way
	took := w.plays("Bob", w.nodes[1], "Ada", 10*time.Second) + 300*time.Millisecond
	t.Logf("pictures are back after %v", took)
	if took > 3*time.Second {
		t.Errorf("pictures were back after %v", took)
	}
	direct.set("up")
	sends := func(n *node, to *node) bool {
		id := to.people.report().status.NodeId
		l := neighbour(n.people.report().status, id)
		return l != nil && l.SentStreams > 0
	}
	netns.Eventually(t, 20*time.Second, "the short way is taken again", func() bool { return sends(w.nodes[0], w.nodes[1]) })
	netns.Eventually(t, 5*time.Second, "the long way is given back", func() bool { return !sends(w.nodes[2], w.nodes[1]) })
	w.plays("Bob", w.nodes[1], "Ada", 3*time.Second)
	// And so it stays.
	was := w.nodes[1].people.report().Views["Bob"]
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(250 * time.Millisecond) {
		v := w.nodes[1].people.report().Views["Bob"]
		if !maps.Equal(v.Seen, map[string]int{"Bob": 1, "Ada": 1}) {
			t.Fatalf("Bob sees %v", v.Seen)
		}
		if !sends(w.nodes[0], w.nodes[1]) || sends(w.nodes[2], w.nodes[1]) {
			t.Fatal("the picture comes by another way again")
		}
	}
	is := w.nodes[1].people.report().Views["Bob"]
	if is.Gaps != was.Gaps || is.Keyframes != was.Keyframes {
		t.Errorf("%d packets were left out, and %d keyframes came", is.Gaps-was.Gaps, is.Keyframes-was.Keyframes)
	}
	if got := is.Video["Ada"] - was.Video["Ada"]; got < 900 {
		t.Errorf("%d packets of 1000 came", got)
	}
}

// watched has two nodes, on the second of which Bob watches Ada.
func watched(t *testing.T) (*network, *link) {
	t.Helper()
	w := newNetwork(t, 2)
	wan := w.link(0, 1)
	w.start()
	w.nodes[0].people.join("Ada", false)
	w.nodes[1].people.join("Bob", true)
	w.plays("Bob", w.nodes[1], "Ada", 20*time.Second)
	return w, wan
}

// The firewall closes for media, and the signalling goes on: TCP is used then.
func TestMediaIsBlocked(t *testing.T) {
	w, wan := watched(t)
	wan.block("udp", 8082)
	time.Sleep(300 * time.Millisecond) // what was on its way
	took := w.plays("Bob", w.nodes[1], "Ada", 20*time.Second) + 300*time.Millisecond
	t.Logf("pictures are back after %v", took)
	if took > 9*time.Second {
		t.Errorf("pictures were back after %v", took)
	}
	st := w.nodes[0].people.report().status
	if l := neighbour(st, w.nodes[1].people.report().status.NodeId); l == nil || !strings.HasPrefix(l.Media, "tcp ") {
		t.Errorf("media goes by %v", l)
	}
}

// The signalling stands still for longer than a node may be silent, and media
// does not.
func TestSignallingStandsStill(t *testing.T) {
	w, wan := watched(t)
	far := w.nodes[1].people.report().status.NodeId
	since := neighbour(w.nodes[0].people.report().status, far).SinceMs
	was := w.nodes[1].people.report().Views["Bob"]
	wan.block("tcp", 8081)
	time.Sleep(2500 * time.Millisecond)
	wan.unblock()
	time.Sleep(3 * time.Second)
	is := w.nodes[1].people.report().Views["Bob"]
	if l := neighbour(w.nodes[0].people.report().status, far); l == nil || l.SinceMs != since {
		t.Errorf("the trunk was given up: %v", l)
	}
	if is.Gaps != was.Gaps || is.Keyframes != was.Keyframes || is.Video["Ada"]-was.Video["Ada"] < 500 {
		t.Errorf("%d packets came, %d were left out, %d keyframes were asked for",
			is.Video["Ada"]-was.Video["Ada"], is.Gaps-was.Gaps, is.Keyframes-was.Keyframes)
	}
}

// Three pictures want 1.7 Mbit/s of a link that carries 1: they come with fewer
// frames, and nothing is left out of what is heard.
func TestNarrowLink(t *testing.T) {
	w := newNetwork(t, 2)
	w.link(0, 1).narrow("1mbit")
	w.start()
	names := []string{"Ada", "Bea", "Cy"}
	for _, name := range names {
		if r := w.nodes[0].people.ask(order{Join: name, Temporal: true}); r.Problem != "" {
			t.Fatal(r.Problem)
		}
	}
	w.nodes[1].people.join("Bob", true)
	for _, name := range names {
		w.plays("Bob", w.nodes[1], name, 20*time.Second)
	}
	time.Sleep(6 * time.Second) // until it is known what the link carries
	const while = 6
	was := w.nodes[1].people.report().Views["Bob"]
	time.Sleep(while * time.Second)
	is := w.nodes[1].people.report().Views["Bob"]
	all := uint64(0)
	for _, name := range names {
		sound, picture := is.Sound[name]-was.Sound[name], is.Video[name]-was.Video[name]
		t.Logf("of %s %d packets of sound and %d of the picture come a second", name, sound/while, picture/while)
		all += picture
		if sound < 45*while {
			t.Errorf("%d packets of the sound of %s came", sound, name)
		}
		if picture < 20*while { // 25 a second are of the lowest layer
			t.Errorf("%d packets of the picture of %s came", picture, name)
		}
	}
	if is.SoundGaps != was.SoundGaps {
		t.Errorf("%d packets of sound were left out", is.SoundGaps-was.SoundGaps)
	}
	if all > 270*while {
		t.Error("the link was not narrow")
	}
}

// A node is found by the name that it has on the local network.
func TestLocalName(t *testing.T) {
	w := newNetwork(t, 2)
	w.cable(0, 1).dial("far-node.local")
	w.start()
	near := func() *umbrellav1.TrunkStatus {
		for _, s := range w.nodes[0].people.report().status.Trunks {
			if s.Name == "to1" {
				return s
			}
		}
		return &umbrellav1.TrunkStatus{}
	}
	netns.Eventually(t, 20*time.Second, "the name is not found", func() bool {
		return strings.Contains(near().Problem, "far-node.local is not found on the local network by multicast DNS")
	})
	if r := w.nodes[1].people.ask(order{Announce: "far-node.local"}); r.Problem != "" {
		t.Fatal(r.Problem)
	}
	netns.Eventually(t, 20*time.Second, "the trunk is up", func() bool { return len(near().Links) == 1 })
	w.nodes[0].people.join("Ada", false)
	w.nodes[1].people.join("Bob", false)
	w.plays("Bob", w.nodes[1], "Ada", 10*time.Second)
}

func TestLinkIsDownForAWhile(t *testing.T) {
	while := outage(t, 12*time.Second)
	w := newNetwork(t, 2)
	wan := w.link(0, 1)
	ap, cloud := w.nodes[0], w.nodes[1]
	w.start()
	ap.people.join("Ada", false)
	ap.people.join("Eve", false)
	cloud.people.join("Bob", false)
	w.sees("Eve", ap, "Ada", "Bob")
	w.plays("Bob", cloud, "Ada", 10*time.Second)
	w.plays("Eve", ap, "Ada", 10*time.Second)
	was := ap.people.report().Views["Eve"]
	wan.set("down")
	began := time.Now()
	w.sees("Eve", ap, "Ada") // Bob is gone
	time.Sleep(while - time.Since(began))
	is := ap.people.report().Views["Eve"]
	if got, want := float64(is.Video["Ada"]-was.Video["Ada"]), 100*time.Since(began).Seconds(); got < 0.9*want {
		t.Errorf("%.0f packets of the call within the house came, of %.0f", got, want)
	}
	if is.Gaps != was.Gaps {
		t.Errorf("%d packets were lost in the house", is.Gaps-was.Gaps)
	}
	wan.set("up")
	back := netns.Eventually(t, 20*time.Second, "Bob is back", func() bool { return ap.people.report().Views["Eve"].Seen["Bob"] == 1 })
	back += w.plays("Eve", ap, "Bob", 10*time.Second)
	t.Logf("back after %v", back)
	if back > 5*time.Second {
		t.Errorf("the far side was back after %v", back)
	}
}

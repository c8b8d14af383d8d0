package trunks

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// rate counts bytes a second that something carries over a while.
func rate(count func() int64, while time.Duration) float64 {
	was, began := count(), time.Now()
	time.Sleep(while)
	return float64(count()-was) / time.Since(began).Seconds()
}

// Below the RTP packet: SRTP's tag, UDP, IPv4 and Ethernet, in bytes.
const below = 16 + 8 + 20 + 14

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
	eventually(w.t, 20*time.Second, fmt.Sprintf("%s sees %v", who, names), func() bool {
		return maps.Equal(n.people.report().Views[who].Seen, want)
	})
}

// plays waits until more of somebody's picture comes, and says after how long.
func (w *network) plays(who string, n *node, whom string, within time.Duration) time.Duration {
	w.t.Helper()
	was := n.people.report().Views[who].Video[whom]
	return eventually(w.t, within, who+" gets pictures of "+whom, func() bool { return n.people.report().Views[who].Video[whom] > was+5 })
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

	time.Sleep(2 * time.Second) // patience
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
			// Each picture and sound crosses the links of one tree: one fewer than
			// there are nodes.
			want, got := during(3*time.Second, func() (sum int64) {
				for _, n := range w.nodes {
					sum += published(n) * int64(c.nodes-1)
				}
				return sum
			}, func() (sum int64) {
				for _, l := range w.links {
					sum += l.bytes()
				}
				return sum
			})
			t.Logf("%.0f bit/s cross all links, %.0f by the routes", 8*got, 8*want)
			if got < 0.9*want || got > 1.1*want {
				t.Errorf("%.0f bytes a second cross all links, %.0f by the routes", got, want)
			}
			for _, n := range w.nodes {
				if d := distinct(n.people.report().status); d != "" {
					t.Error(d)
				}
			}
		})
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
	eventually(t, 15*time.Second, "the short way is taken again", func() bool {
		for _, s := range w.nodes[0].people.report().status.Trunks {
			for _, l := range s.Links {
				if s.Name == "to1" && l.SentStreams > 0 {
					return true
				}
			}
		}
		return false
	})
	w.sees("Bob", w.nodes[1], "Ada")
	w.plays("Bob", w.nodes[1], "Ada", 3*time.Second)
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
	eventually(t, 20*time.Second, "the name is not found", func() bool {
		return strings.Contains(near().Problem, "far-node.local is not found on the local network by multicast DNS")
	})
	if r := w.nodes[1].people.ask(order{Announce: "far-node.local"}); r.Problem != "" {
		t.Fatal(r.Problem)
	}
	eventually(t, 20*time.Second, "the trunk is up", func() bool { return len(near().Links) == 1 })
	w.nodes[0].people.join("Ada", false)
	w.nodes[1].people.join("Bob", false)
	w.plays("Bob", w.nodes[1], "Ada", 10*time.Second)
}

func TestLinkIsDownForAWhile(t *testing.T) {
	while := 12 * time.Second
	if s := os.Getenv("UMBRELLA_TEST_OUTAGE"); s != "" { // such as 60s
		var err error
		if while, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
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
	back := eventually(t, 20*time.Second, "Bob is back", func() bool { return ap.people.report().Views["Eve"].Seen["Bob"] == 1 })
	back += w.plays("Eve", ap, "Bob", 10*time.Second)
	t.Logf("back after %v", back)
	if back > 5*time.Second {
		t.Errorf("the far side was back after %v", back)
	}
}

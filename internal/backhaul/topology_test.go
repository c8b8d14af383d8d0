package backhaul

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"umbrella/internal/config"
)

// network makes so many nodes, with somebody at each, and joins them by links:
// each pair is who dials whom.
func network(t *testing.T, n int, links [][2]int) (nodes []*testNode, people []*somebody) {
	t.Helper()
	for i := range n {
		node := newNode(t, fmt.Sprintf("n%d", i)).accept(secret)
		nodes = append(nodes, node)
		people = append(people, node.join(t, "den", fmt.Sprintf("p%d", i)))
	}
	for _, l := range links {
		nodes[l[0]].dialTo(nodes[l[1]], fmt.Sprintf("to%d", l[1]))
	}
	return nodes, people
}

// everybody waits until each node's room has each participant once.
func everybody(t *testing.T, nodes []*testNode) {
	t.Helper()
	eventually(t, "everybody sees everybody", func() bool {
		for _, n := range nodes {
			r := n.sfu.Room("den")
			if r == nil || len(r.Participants()) != len(nodes) {
				return false
			}
			for i, other := range nodes {
				if other != n && n.see("den", fmt.Sprintf("p%d", i), other) == nil {
					return false
				}
			}
		}
		return true
	})
}

// crossing counts the layers that cross links, both ways.
func crossing(nodes []*testNode) (streams int) {
	for _, n := range nodes {
		trunks, _ := n.Status(time.Now())
		for _, s := range trunks {
			for _, l := range s.Links {
				streams += int(l.SentStreams)
			}
		}
	}
	return streams
}

// turnsBack says what leaves a node over the link that it came by, or comes home
// to its origin, or is asked of a node that is not on the way.
func turnsBack(t *testing.T, n *testNode) {
	t.Helper()
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	for _, l := range n.hub.links {
		for _, o := range l.outputs {
			if o.key.Origin == l.peer {
				t.Errorf("%s sends %v home", n.Name, o.key)
			}
			if r := n.hub.remotes[o.key]; o.key.Origin != n.id && (r == nil || r.link == l || slices.Contains(r.path, l.peer)) {
				t.Errorf("%s sends %v back to %s", n.Name, o.key, l.name)
			}
		}
	}
	for key, r := range n.hub.remotes {
		if key.Origin == n.id {
			t.Errorf("%s shows %v of its own as another's", n.Name, key)
		}
		for id, rt := range r.tracks {
			for rid, rl := range rt.layers {
				if p := rl.by.Load(); p != nil && (p.link != r.link || p.link.peer != r.path[0]) {
					t.Errorf("%s asks for %s %s of %v beside the route", n.Name, id, rid, key)
				}
			}
		}
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name  string
		nodes int
		links [][2]int
		// crossing is how many layers cross links when everybody watches everybody,
		// each link counted by itself.
		crossing int
	}{
		// Each picture goes over a tree that spans all nodes: n-1 links.
		{"chain", 4, [][2]int{{0, 1}, {1, 2}, {2, 3}}, 4 * 3},
		{"star", 5, [][2]int{{1, 0}, {2, 0}, {3, 0}, {4, 0}}, 5 * 4},
		{"ring", 4, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 0}}, 4 * 3},
		{"mesh", 4, [][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}, 4 * 3},
		{"two trunks between two", 2, [][2]int{{0, 1}, {1, 0}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			nodes, people := network(t, c.nodes, c.links)
			everybody(t, nodes)
			if n := crossing(nodes); n != 0 {
				t.Errorf("%d layers cross though nobody watches", n)
			}
			var sinks []*sink
			for _, n := range nodes {
				for i, other := range nodes {
					if other != n {
						out, _ := watch(t, n.see("den", fmt.Sprintf("p%d", i), other))
						sinks = append(sinks, out)
					}
				}
			}
			eventually(t, "everybody gets every picture", func() bool {
				for _, s := range sinks {
					if s.packets.Load() < 10 {
						return false
					}
				}
				return true
			})
			eventually(t, "each picture crosses each link of its tree once", func() bool { return crossing(nodes) == c.crossing })
			for i, p := range people {
				if n := p.layer.Subscribers(); n == 0 || n > len(nodes[i].hub.connected()) {
					t.Errorf("p%d is sent %d times over %d links", i, n, len(nodes[i].hub.connected()))
				}
			}
			for _, n := range nodes {
				turnsBack(t, n)
			}
		})
	}
}

func TestRingIsCutAndHeals(t *testing.T) {
	nodes, _ := network(t, 4, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 0}})
	everybody(t, nodes)
	p := nodes[1].see("den", "p0", nodes[0])
	out, _ := watch(t, p)
	eventually(t, "the picture comes", func() bool { return out.packets.Load() > 10 })
	all := nodes[0].trunks
	var cut []config.Backhaul
	for _, b := range all {
		if b.Section != "to1" {
			cut = append(cut, b)
		}
	}
	nodes[0].Apply(cut)
	eventually(t, "another way is found", func() bool {
		trunks, _ := nodes[2].Status(time.Now())
		sends := 0
		for _, t := range trunks {
			for _, l := range t.Links {
				if l.NodeId == nodes[1].ID() {
					sends += int(l.SentStreams)
				}
			}
		}
		return sends == 1
	})
	was := out.packets.Load()
	eventually(t, "the picture comes by it", func() bool { return out.packets.Load() > was+10 })
	if nodes[1].see("den", "p0", nodes[0]) != p {
		t.Error("the participant left and came back")
	}
	nodes[0].Apply(all)
	eventually(t, "the short way is taken again", func() bool {
		trunks, _ := nodes[2].Status(time.Now())
		for _, t := range trunks {
			for _, l := range t.Links {
				if l.SentStreams != 0 {
					return false
				}
			}
		}
		return true
	})
	everybody(t, nodes)
}

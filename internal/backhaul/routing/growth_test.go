package routing

import (
	"fmt"
	"strings"
	"testing"
)

// TestGrowth shows what docs/backhaul.md tells: how messages and state grow with
// the nodes and with who is on them.
//
//	go test -v -run Growth ./internal/backhaul/routing
func TestGrowth(t *testing.T) {
	var table strings.Builder
	table.WriteString("\n| nodes | links | people | messages, one joins | messages, one changes | messages, a link is cut | entries a node |\n|---:|---:|---:|---:|---:|---:|---:|\n")
	cases := []struct{ nodes, people int }{{10, 10}, {10, 100}, {100, 100}, {100, 1000}, {1000, 100}}
	if testing.Verbose() {
		cases = append(cases, struct{ nodes, people int }{1000, 1000}) // half a minute
	}
	for _, c := range cases {
		w := newWorld(t, c.nodes, 3)
		w.randomGraph(c.nodes * 7 / 10)
		for i := range c.people {
			w.tables[i%c.nodes].SetLocal(fmt.Sprint(i), "den", "1")
		}
		w.settle()
		during := func(change func()) int {
			was := w.messages
			change()
			w.settle()
			return w.messages - was
		}
		joins := during(func() { w.tables[0].SetLocal("new", "den", "1") })
		changes := during(func() { w.tables[0].SetLocal("new", "den", "2") })
		cuts, links := 0, len(w.links)
		const times = 5
		for i := range times {
			var l [2]int
			for l = range w.links {
				break
			}
			cuts += during(func() { w.cut(l[0], l[1]) })
			w.link(l[0], l[1])
			w.settle()
			w.check(i%c.nodes, fmt.Sprint(i%c.nodes), true)
		}
		entries := 0
		for _, tab := range w.tables {
			entries += len(tab.entries)
		}
		// Whoever joins is told once by each node to each of its neighbours, at
		// most both ways over each link, and again where a shorter way follows.
		if joins > 6*links || changes > 4*links {
			t.Errorf("%d nodes: %d messages for one who joins, %d for a change", c.nodes, joins, changes)
		}
		if entries != (c.people+1)*c.nodes {
			t.Errorf("%d nodes keep %d entries", c.nodes, entries)
		}
		fmt.Fprintf(&table, "| %d | %d | %d | %d | %d | %d | %d |\n", c.nodes, links, c.people, joins, changes, cuts/times, entries/c.nodes)
	}
	t.Log(table.String())
}

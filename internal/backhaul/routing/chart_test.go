package routing

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// panel is a chart of lines over the number of nodes, on logarithmic scales.
type panel struct {
	title, note string
	lines       []line
}

type line struct {
	name   string
	points []point
}

type point struct {
	nodes int
	value float64
}

// drawGrowth draws what random networks cost.
func drawGrowth(all []growth) string {
	pick := func(name string, people int, value func(growth) int) line {
		l := line{name: name}
		for _, g := range all {
			if g.shape == "random" && g.people == people {
				l.points = append(l.points, point{g.nodes, float64(value(g))})
			}
		}
		return l
	}
	cut := func(g growth) int { return g.cut.told }
	memory := func(g growth) int { return g.heapBytes / 1024 }
	panels := []panel{
		{"Announcements on all trunks together", "4 trunks a node; somebody comes, mutes, goes", []line{
			pick("goes", 10, func(g growth) int { return g.leave.told }),
			pick("comes", 10, func(g growth) int { return g.join.told }),
			pick("mutes", 10, func(g growth) int { return g.change.told }),
		}},
		{"Announcements on all trunks together", "4 trunks a node; one is cut", []line{
			pick("100 participants", 100, cut), pick("10 participants", 10, cut),
		}},
		{"Memory for routes, each node", "4 trunks a node; KB", []line{
			pick("1,000 participants", 1000, memory), pick("100 participants", 100, memory), pick("10 participants", 10, memory),
		}},
	}
	const width, height = 760, 300
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="Announcements and memory by the number of nodes">
<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}
.note,.tick{fill:#59636e}
.grid{stroke:#d1d9e0;stroke-width:1}
.l0,.l1,.l2{fill:none;stroke-width:2.5;stroke-linejoin:round}
.l0{stroke:#1a6fb5}.l1{stroke:#b35900}.l2{stroke:#59636e}
.t0{fill:#1a6fb5}.t1{fill:#b35900}.t2{fill:#59636e}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note,.tick{fill:#9198a1}.grid{stroke:#3d444d}.l0{stroke:#4aa3ea}.l1{stroke:#f0883e}.l2{stroke:#9198a1}.t0{fill:#4aa3ea}.t1{fill:#f0883e}.t2{fill:#9198a1}}
</style>
`, width, height*len(panels), width, height*len(panels))
	for i, p := range panels {
		p.draw(&b, width, float64(i*height), height)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (p panel) draw(b *strings.Builder, width, top, height float64) {
	const left, right, above, below = 76, 172, 52, 40
	var nodes []int
	low, high := math.Inf(1), 0.0
	for _, l := range p.lines {
		for _, pt := range l.points {
			nodes = append(nodes, pt.nodes)
			low, high = min(low, max(pt.value, 1)), max(high, pt.value)
		}
	}
	if len(nodes) == 0 {
		return
	}
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	bottom, ceiling := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	x := func(n int) float64 {
		span := math.Log(float64(nodes[len(nodes)-1])) - math.Log(float64(nodes[0]))
		return left + (width-left-right)*(math.Log(float64(n))-math.Log(float64(nodes[0])))/max(span, 1)
	}
	y := func(v float64) float64 {
		return top + height - below - (height-above-below)*(math.Log10(max(v, 1))-bottom)/max(ceiling-bottom, 1)
	}
	fmt.Fprintf(b, `<text class="title" x="8" y="%.0f">%s</text><text class="note" x="%.0f" y="%.0f" text-anchor="end">%s</text>`+"\n",
		top+26, p.title, width-8, top+26, p.note)
	for e := bottom; e <= ceiling; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%.0f" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, width-right, y(v), y(v), left-8, y(v)+4, thousands(int(v)))
	}
	for _, n := range nodes {
		label := thousands(n)
		if n == nodes[0] {
			label += " nodes"
		}
		fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", x(n), top+height-below+20, label)
	}
	free := math.Inf(-1) // names must not lie on each other
	for i, l := range p.lines {
		if len(l.points) == 0 {
			continue
		}
		var at []string
		for _, pt := range l.points {
			at = append(at, fmt.Sprintf("%.1f,%.1f", x(pt.nodes), y(pt.value)))
		}
		last := l.points[len(l.points)-1]
		text := max(y(last.value)+4, free)
		free = text + 16
		fmt.Fprintf(b, `<polyline class="l%d" points="%s"/><text class="t%d" x="%.1f" y="%.1f">%s <tspan class="note">%s</tspan></text>`+"\n",
			i, strings.Join(at, " "), i, x(last.nodes)+8, text, l.name, thousands(int(last.value)))
	}
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

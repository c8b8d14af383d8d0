package report

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// Sizes of the chart, in pixels.
const (
	chartWidth  = 760
	labelWidth  = 150
	barHeight   = 18
	barGap      = 4
	groupGap    = 22
	panelTop    = 48
	valueMargin = 120
)

// A look that is read on light and dark pages.
const style = `
text{font:13px system-ui,sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}
.note{fill:#59636e}
.bar{fill:#1a6fb5}.other{fill:#9aa4af}
.line{stroke:#59636e;stroke-width:1.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}.bar{fill:#4aa3ea}.other{fill:#6e7681}.line{stroke:#9198a1}}
`

// panel is one figure of all rows.
type panel struct {
	title, unit string
	value       func(Row) Spread
}

var panels = []panel{
	{"CPU for a forwarded packet", "µs", func(r Row) Spread { return r.CPU }},
	{"Memory at most", "MB", func(r Row) Spread { return Spread{r.Peak, r.Peak, r.Peak} }},
	{"Latency, 99 of 100 packets", "ms", func(r Row) Spread { return r.P99 }},
}

// Chart draws the rows as bars, one panel a figure, as an SVG. The first server
// of the rows stands out; a thin line shows least and most of the windows.
func Chart(rows []Row) string {
	var b strings.Builder
	var works, servers []string
	for _, r := range rows {
		if !slices.Contains(works, r.Work) {
			works = append(works, r.Work)
		}
		if !slices.Contains(servers, r.Server) {
			servers = append(servers, r.Server)
		}
	}
	y := 0
	for _, p := range panels {
		most := 0.0
		for _, r := range rows {
			most = max(most, p.value(r).Most)
		}
		if most == 0 {
			most = 1
		}
		scale := float64(chartWidth-labelWidth-valueMargin) / most
		fmt.Fprintf(&b, `<text class="title" x="8" y="%d">%s</text><text class="note" x="%d" y="%d" text-anchor="end">%s, less is better</text>`+"\n",
			y+26, html.EscapeString(p.title), chartWidth-8, y+26, html.EscapeString(p.unit))
		at := y + panelTop
		for _, work := range works {
			first := at
			for _, r := range rows {
				if r.Work != work {
					continue
				}
				class := "bar"
				if r.Server != servers[0] {
					class = "other"
				}
				v := p.value(r)
				mid := at + barHeight/2
				fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, labelWidth, at, v.Median*scale, barHeight)
				if v.Most > v.Least {
					fmt.Fprintf(&b, `<line class="line" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`,
						labelWidth+v.Least*scale, labelWidth+v.Most*scale, mid, mid)
				}
				fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.1f <tspan class="note">%s</tspan></text>`+"\n",
					labelWidth+v.Most*scale+6, mid+5, v.Median, html.EscapeString(r.Server))
				at += barHeight + barGap
			}
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-10, (first+at-barGap)/2+5, html.EscapeString(work))
			at += groupGap - barGap
		}
		y = at
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="CPU, memory and latency by work">`+
		"\n<style>%s</style>\n%s</svg>\n", chartWidth, y, chartWidth, y, style, b.String())
}

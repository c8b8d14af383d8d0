// Package report turns measurements into a table, a chart and JSON.
package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Row is one server under one work.
type Row struct {
	Server string `json:"server"`
	Work   string `json:"work"`
	// CPU of the server for a forwarded packet, in µs.
	CPU Spread `json:"cpu_us_per_forwarded_packet"`
	// Rate is packets forwarded in a second.
	Rate Spread `json:"forwarded_packets_per_second"`
	// Loss in percent.
	Loss Spread `json:"loss_percent"`
	// One way, from just before the publisher sends a picture until the packet
	// that carries its stamp is there, in milliseconds.
	P50 Spread `json:"latency_p50_ms"`
	P99 Spread `json:"latency_p99_ms"`
	// Memory resident under load, at most since the server started, and what
	// each subscriber added to it, in MB.
	RSS, Peak, PerSubscriber float64
	// Join is the median time from the request to the first packet, in
	// milliseconds.
	Join float64 `json:"join_median_ms"`
	// Idle is how many cores of the machine had nothing to do: near 0 the
	// machine was the limit.
	Idle Spread `json:"idle_cores"`
	// Silent is how many streams never came.
	Silent int `json:"silent_streams"`
}

// Spread is the median of some windows, with the least and the most.
type Spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Of makes a Spread of one value a window.
func Of(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	return Spread{Median: median(v), Least: v[0], Most: v[len(v)-1]}
}

// Median of durations, in milliseconds; 0 of none.
func Median(list []time.Duration) float64 {
	if len(list) == 0 {
		return 0
	}
	v := slices.Clone(list)
	slices.SortFunc(v, cmp.Compare[time.Duration])
	return float64(v[len(v)/2]) / float64(time.Millisecond)
}

func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

var columns = []string{
	"server", "work", "µs a packet", "packets/s", "MB", "peak MB", "MB a subscriber",
	"loss %", "p50 ms", "p99 ms", "join ms", "idle cores",
}

func (r Row) cells() []string {
	name := r.Server
	if r.Silent > 0 {
		name += fmt.Sprintf(" (%d streams silent)", r.Silent)
	}
	return []string{
		name, r.Work, fmt.Sprintf("%.1f (%.1f–%.1f)", r.CPU.Median, r.CPU.Least, r.CPU.Most),
		fmt.Sprintf("%.0f", r.Rate.Median), fmt.Sprintf("%.1f", r.RSS), fmt.Sprintf("%.1f", r.Peak),
		fmt.Sprintf("%.2f", r.PerSubscriber), fmt.Sprintf("%.2f", r.Loss.Median),
		fmt.Sprintf("%.1f", r.P50.Median), fmt.Sprintf("%.1f", r.P99.Median),
		fmt.Sprintf("%.0f", r.Join), fmt.Sprintf("%.2f", r.Idle.Median),
	}
}

// Text writes the rows as a table for a terminal.
func Text(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r.cells(), "\t"))
	}
	return t.Flush()
}

// Markdown is the same table for a document.
func Markdown(rows []Row) string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(columns)
	rule := []string{"---", "---"}
	for range len(columns) - len(rule) {
		rule = append(rule, "---:")
	}
	line(rule)
	for _, r := range rows {
		line(r.cells())
	}
	return b.String()
}

const beginMark, endMark = "<!-- measured: begin -->\n", "<!-- measured: end -->"

// Splice puts text between the marks of a document.
func Splice(document, text string) (string, error) {
	begin := strings.Index(document, beginMark)
	end := strings.Index(document, endMark)
	if begin < 0 || end < begin {
		return "", fmt.Errorf("the document has no lines %q and %q", strings.TrimSpace(beginMark), endMark)
	}
	return document[:begin+len(beginMark)] + text + document[end:], nil
}

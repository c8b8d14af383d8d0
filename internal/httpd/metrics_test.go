package httpd

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// parseMetrics reads Prometheus' text format as far as it is used here: a
// name, labels, a value.
func parseMetrics(text string) (map[string]float64, error) {
	line := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*")*\})? (\S+)$`)
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line does not end")
	}
	m := map[string]float64{}
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		part := line.FindStringSubmatch(l)
		if part == nil {
			return nil, fmt.Errorf("%q is no metric", l)
		}
		v, err := strconv.ParseFloat(part[3], 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", l, err)
		}
		if _, twice := m[part[1]+part[2]]; twice {
			return nil, fmt.Errorf("%q is there twice", l)
		}
		m[part[1]+part[2]] = v
	}
	return m, nil
}

func TestMetrics(t *testing.T) {
	w := ask(handler(t, newServer(t, "", nil)), "GET", home, "/metrics")
	got, err := parseMetrics(w.Body.String())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		// What is not fit for a label is left out of the version.
		`umbrella_info{version="1.2x"}`:                   1,
		"umbrella_uptime_seconds":                         2.5,
		"umbrella_rooms":                                  1,
		"umbrella_participants":                           2,
		"umbrella_tracks":                                 1,
		"umbrella_subscriptions":                          1,
		"umbrella_received_packets_total":                 15,
		"umbrella_received_bytes_total":                   1500,
		"umbrella_sent_packets_total":                     20,
		"umbrella_sent_bytes_total":                       2000,
		"umbrella_nacks_total":                            4,
		"umbrella_retransmissions_total":                  5,
		"umbrella_keyframe_requests_total":                3,
		"umbrella_heap_bytes":                             4096,
		"umbrella_system_bytes":                           8192,
		"umbrella_goroutines":                             7,
		"umbrella_memory_limit_bytes":                     16384,
		"umbrella_memory_available_bytes":                 32768,
		"umbrella_memory_total_bytes":                     65536,
		"umbrella_memory_needed_bytes":                    2048,
		"umbrella_memory_most_needed_bytes":               3072,
		"umbrella_short_of_memory":                        1,
		`umbrella_panics_total{where="camera"}`:           2,
		`umbrella_panics_total{where="process"}`:          3,
		`umbrella_peer_connections{state="new"}`:          0,
		`umbrella_peer_connections{state="connecting"}`:   0,
		`umbrella_peer_connections{state="connected"}`:    2,
		`umbrella_peer_connections{state="disconnected"}`: 0,
		`umbrella_peer_connections{state="failed"}`:       1,
		`umbrella_peer_connections{state="closed"}`:       0,
		`umbrella_limit_used{limit="history"}`:            1024,
		`umbrella_limit_most{limit="history"}`:            4096,
		`umbrella_limit_refused_total{limit="history"}`:   3,
	}
	for name, v := range want {
		if g, ok := got[name]; !ok || g != v {
			t.Errorf("%s is %v, want %v", name, g, v)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is there, too", name)
		}
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", w.Header().Get("Cache-Control"))
	}
}

func TestMetricsOfNothing(t *testing.T) {
	s := newServer(t, "", nil)
	s.Status = func() *umbrellav1.Status { return &umbrellav1.Status{} }
	got, err := parseMetrics(ask(handler(t, s), "GET", home, "/metrics").Body.String())
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := got["umbrella_participants"]; !ok || v != 0 {
		t.Errorf("participants are %v, %v", v, ok)
	}
}

package httpd

import (
	"net/http"

	"github.com/VictoriaMetrics/metrics"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// serveMetrics writes the state in Prometheus' text format. Everything is
// counted at this moment, out of the status.
func (s *Server) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	writeMetrics(w, s.Status())
}

// present counts what is there now.
type present struct {
	participants, tracks, subscriptions int
	connections                         map[string]int // by state
}

func count(st *umbrellav1.Status) present {
	n := present{connections: map[string]int{
		"new": 0, "connecting": 0, "connected": 0, "disconnected": 0, "failed": 0, "closed": 0,
	}}
	for _, room := range st.Rooms {
		n.participants += len(room.Participants)
		for _, p := range room.Participants {
			n.tracks += len(p.Tracks)
			n.subscriptions += len(p.Subscriptions)
			for _, c := range p.PeerConnections {
				n.connections[c.State]++
			}
		}
	}
	return n
}

// writeMetrics names what is there now as gauges, and what went through since
// the start as counters.
func writeMetrics(w http.ResponseWriter, st *umbrellav1.Status) {
	set := metrics.NewSet()
	gauge := func(name string, v float64) { set.NewGauge(name, func() float64 { return v }) }
	counter := func(name string, v uint64) { set.NewCounter(name).Set(v) }
	n, t := count(st), st.Totals
	gauge(`umbrella_info{version="`+label(st.Version)+`"}`, 1)
	gauge("umbrella_uptime_seconds", float64(st.NowMs-st.StartedAtMs)/1000)
	gauge("umbrella_rooms", float64(len(st.Rooms)))
	gauge("umbrella_participants", float64(n.participants))
	gauge("umbrella_tracks", float64(n.tracks))
	gauge("umbrella_subscriptions", float64(n.subscriptions))
	for state, is := range n.connections {
		gauge(`umbrella_peer_connections{state="`+state+`"}`, float64(is))
	}
	counter("umbrella_received_packets_total", t.GetReceivedPackets())
	counter("umbrella_received_bytes_total", t.GetReceivedBytes())
	counter("umbrella_sent_packets_total", t.GetSentPackets())
	counter("umbrella_sent_bytes_total", t.GetSentBytes())
	counter("umbrella_nacks_total", t.GetNacks())
	counter("umbrella_retransmissions_total", t.GetRetransmissions())
	counter("umbrella_keyframe_requests_total", t.GetKeyframeRequests())
	gauge("umbrella_heap_bytes", float64(st.Process.GetHeapBytes()))
	gauge("umbrella_system_bytes", float64(st.Process.GetSystemBytes()))
	gauge("umbrella_goroutines", float64(st.Process.GetGoroutines()))
	gauge("umbrella_memory_limit_bytes", float64(st.Process.GetMemoryLimitBytes()))
	gauge("umbrella_memory_available_bytes", float64(st.Process.GetMemoryAvailableBytes()))
	gauge("umbrella_memory_total_bytes", float64(st.Process.GetMemoryTotalBytes()))
	gauge("umbrella_memory_needed_bytes", float64(st.Process.GetMemoryNeededBytes()))
	gauge("umbrella_memory_most_needed_bytes", float64(st.Process.GetMemoryMostNeededBytes()))
	short := 0.0
	if st.Process.GetShortOfMemory() {
		short = 1
	}
	gauge("umbrella_short_of_memory", short)
	for _, l := range st.Limits {
		is := `{limit="` + label(l.Name) + `"}`
		gauge("umbrella_limit_used"+is, float64(l.Used))
		gauge("umbrella_limit_most"+is, float64(l.Most))
		counter("umbrella_limit_refused_total"+is, l.Refused)
	}
	for _, p := range st.Process.GetContainedPanics() {
		counter(`umbrella_panics_total{where="`+label(p.Place)+`"}`, p.Count)
	}
	counter(`umbrella_panics_total{where="process"}`, st.Process.GetCrashes())
	set.WritePrometheus(w)
}

// label keeps a version from ending the label that it stands in.
func label(s string) string {
	var b []byte
	for _, c := range []byte(s) {
		if c > ' ' && c < 127 && c != '"' && c != '\\' {
			b = append(b, c)
		}
	}
	return string(b)
}

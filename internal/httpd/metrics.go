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

// total sums up a node's streams.
type total struct {
	participants, tracks, subscriptions           int
	packetsIn, bytesIn, lost                      uint64
	packetsOut, bytesOut                          uint64
	nacks, retransmissions                        uint64
	keyframes, keyframeRequests, keyframeRequired uint64
	connections                                   map[string]int
}

func sum(st *umbrellav1.Status) total {
	t := total{connections: map[string]int{
		"new": 0, "connecting": 0, "connected": 0, "disconnected": 0, "failed": 0, "closed": 0,
	}}
	for _, room := range st.Rooms {
		t.participants += len(room.Participants)
		for _, p := range room.Participants {
			t.tracks += len(p.Tracks)
			t.subscriptions += len(p.Subscriptions)
			for _, track := range p.Tracks {
				for _, l := range track.Layers {
					t.packetsIn += l.Packets
					t.bytesIn += l.Bytes
					t.lost += l.Lost
					t.keyframes += l.Keyframes
					t.keyframeRequests += l.KeyframeRequests
				}
			}
			for _, sub := range p.Subscriptions {
				t.packetsOut += sub.Packets
				t.bytesOut += sub.Bytes
				t.nacks += sub.Nacks
				t.retransmissions += sub.Retransmissions
				t.keyframeRequired += sub.KeyframeRequests
			}
			for _, c := range p.PeerConnections {
				t.connections[c.State]++
			}
		}
	}
	return t
}

// writeMetrics names what is there now, and the sums over the tracks that are
// there now: gauges, since they shrink when somebody leaves.
func writeMetrics(w http.ResponseWriter, st *umbrellav1.Status) {
	set := metrics.NewSet()
	gauge := func(name string, v float64) { set.NewGauge(name, func() float64 { return v }) }
	t := sum(st)
	gauge(`umbrella_info{version="`+label(st.Version)+`"}`, 1)
	gauge("umbrella_uptime_seconds", float64(st.NowMs-st.StartedAtMs)/1000)
	gauge("umbrella_rooms", float64(len(st.Rooms)))
	gauge("umbrella_participants", float64(t.participants))
	gauge("umbrella_tracks", float64(t.tracks))
	gauge("umbrella_subscriptions", float64(t.subscriptions))
	gauge("umbrella_received_packets", float64(t.packetsIn))
	gauge("umbrella_received_bytes", float64(t.bytesIn))
	gauge("umbrella_received_lost_packets", float64(t.lost))
	gauge("umbrella_sent_packets", float64(t.packetsOut))
	gauge("umbrella_sent_bytes", float64(t.bytesOut))
	gauge("umbrella_nacks", float64(t.nacks))
	gauge("umbrella_retransmissions", float64(t.retransmissions))
	gauge("umbrella_keyframes", float64(t.keyframes))
	gauge("umbrella_keyframe_requests_received", float64(t.keyframeRequired))
	gauge("umbrella_keyframe_requests_sent", float64(t.keyframeRequests))
	for state, n := range t.connections {
		gauge(`umbrella_peer_connections{state="`+state+`"}`, float64(n))
	}
	gauge("umbrella_heap_bytes", float64(st.Process.GetHeapBytes()))
	gauge("umbrella_system_bytes", float64(st.Process.GetSystemBytes()))
	gauge("umbrella_goroutines", float64(st.Process.GetGoroutines()))
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

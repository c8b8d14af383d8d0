package node

import (
	"maps"
	"runtime"
	"time"

	"umbrella/internal/clock"
	"umbrella/internal/crash"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// status is the node at this moment, for the status page, the metrics and
// whoever else looks.
func (n *Node) status() *umbrellav1.Status {
	now := time.Now()
	connections := n.signal.Connections()
	maps.Copy(connections, n.whip.Connections())
	st := &umbrellav1.Status{
		Version: n.Version, StartedAtMs: clock.Shown(n.started, now), NowMs: now.UnixMilli(),
		Process: n.process(), Totals: n.totalsStatus(), NodeName: n.trunks.Name, NodeId: n.trunks.ID(),
		Limits: n.limitsStatus(), Urls: n.URLs(), Problems: append(n.problems(), n.cfg.Load().Warnings...),
	}
	st.Trunks, st.RefusedTrunks = n.trunks.Status(now)
	for _, c := range n.cameras.States() {
		st.Cameras = append(st.Cameras, cameraStatus(c, now))
	}
	var paths map[*sfu.Participant][]string
	st.Ways, paths = n.trunks.Ways()
	for _, r := range n.sfu.Rooms() {
		room := &umbrellav1.RoomStatus{Name: r.Name, OpenedAtMs: clock.Shown(r.OpenedAt, now)}
		for _, p := range r.Participants() {
			is := n.participantStatus(p, connections[p], now)
			is.Path = paths[p]
			room.Participants = append(room.Participants, is)
		}
		st.Rooms = append(st.Rooms, room)
	}
	return st
}

func (n *Node) totalsStatus() *umbrellav1.TotalsStatus {
	t := &n.totals
	return &umbrellav1.TotalsStatus{
		ReceivedPackets: t.ReceivedPackets.Load(), ReceivedBytes: t.ReceivedBytes.Load(),
		SentPackets: t.SentPackets.Load(), SentBytes: t.SentBytes.Load(),
		Nacks: t.Nacks.Load(), Retransmissions: t.Retransmissions.Load(),
		KeyframeRequests: t.KeyframeRequests.Load(),
	}
}

func (n *Node) process() *umbrellav1.ProcessStatus {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	figures, short := n.Memory.State()
	last := crash.Previous()
	st := &umbrellav1.ProcessStatus{
		HeapBytes: m.HeapAlloc, SystemBytes: m.Sys, Goroutines: uint32(runtime.NumGoroutine()),
		MemoryLimitBytes: figures.Limit, MemoryAvailableBytes: figures.Available(), ShortOfMemory: short != nil,
		MemoryNeededBytes: figures.Needed, MemoryMostNeededBytes: figures.MostNeeded(), MemoryTotalBytes: figures.Total(),
		Crashes: last.Count, LastCrashReason: last.Reason,
	}
	if n.Memory != nil {
		st.MemoryLimitedBy = n.Memory.LimitedBy
	}
	if short != nil {
		st.ShortOfMemoryReason = short.Error()
	}
	if last.Count > 0 {
		st.LastCrashMs = last.At.UnixMilli()
	}
	for _, p := range crash.Places {
		st.ContainedPanics = append(st.ContainedPanics, &umbrellav1.ContainedPanics{Place: string(p), Count: crash.Count(p)})
	}
	return st
}

func (n *Node) participantStatus(p *sfu.Participant, c rtc.Connections, now time.Time) *umbrellav1.ParticipantStatus {
	state := p.State()
	st := &umbrellav1.ParticipantStatus{
		Id: p.ID, Name: p.Name, Kind: umbrellav1.ParticipantKind(p.Kind), ViewOnly: p.ViewOnly,
		JoinedAtMs: clock.Shown(p.JoinedAt, now), Address: p.Address, NodeName: p.Node, NodeId: p.Origin,
		Quality: umbrellav1.QualityLevel(state.Quality), Station: n.bus.station(p),
	}
	if !p.ViewOnly {
		st.LastingName = p.LastingName()
	}
	for _, t := range state.Tracks {
		st.Tracks = append(st.Tracks, trackStatus(t, now))
	}
	if c.Publish != nil {
		st.PeerConnections = append(st.PeerConnections, peerStatus("publish", c.Publish.State(), 0))
	}
	if c.Subscribe != nil {
		st.PeerConnections = append(st.PeerConnections, peerStatus("subscribe", c.Subscribe.State(), c.Subscribe.Available()))
		for _, o := range c.Subscribe.Outputs(now) {
			st.Subscriptions = append(st.Subscriptions, &umbrellav1.SubscriptionStatus{
				TrackId: o.Track.ID, Mid: o.Mid, Paused: o.Paused,
				Packets: o.Packets, Bytes: o.Bytes, BitsPerSecond: o.BitsPerSecond,
				Nacks: o.Nacks, Retransmissions: o.Retransmissions, KeyframeRequests: o.KeyframeRequests,
				Loss: o.Loss, RoundTripMs: milliseconds(o.RoundTrip), JitterMs: milliseconds(o.Jitter),
				Rid: o.RID, SpatialLayer: uint32(o.Spatial), TemporalLayer: uint32(o.Temporal), Limited: o.Limited,
			})
		}
	}
	return st
}

func trackStatus(t *sfu.Track, now time.Time) *umbrellav1.TrackStatus {
	st := &umbrellav1.TrackStatus{
		Id: t.ID, Kind: umbrellav1.TrackKind(t.Kind), Source: umbrellav1.TrackSource(t.Source),
		Codec: t.Codec.MimeType, Muted: t.Muted(),
	}
	for _, layer := range t.Media.Layers() {
		l, scale := layer.Stats(now), layer.Scale()
		subscribers := uint32(layer.Subscribers())
		st.Subscribers += subscribers
		st.Layers = append(st.Layers, &umbrellav1.LayerStatus{
			Ssrc: l.SSRC, Rid: l.RID, Packets: l.Packets, Bytes: l.Bytes, BitsPerSecond: l.BitsPerSecond,
			Lost: l.Lost(), Keyframes: l.Keyframes,
			KeyframeRequests: l.KeyframeRequests, KeyframeRequestsHeld: l.KeyframeRequestsHeld,
			Subscribers: subscribers, Width: uint32(scale.Width), Height: uint32(scale.Height),
		})
	}
	return st
}

func peerStatus(role string, s rtc.PeerState, available uint64) *umbrellav1.PeerConnectionStatus {
	return &umbrellav1.PeerConnectionStatus{
		Role: role, State: s.Connection, IceState: s.ICE, SignalingState: s.Signaling,
		RemoteAddress: s.Remote, Protocol: s.Protocol, AvailableBitsPerSecond: available,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

package forward

import (
	"time"

	"github.com/pion/rtp"

	"umbrella/internal/codec"
)

// send takes a burst of the layer l; it is only valid during the call. What
// leaves may wait for flush.
func (s *Stream) send(l *Layer, burst []Packet, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joined[0] != l && s.joined[1] != l {
		return // it was while this burst was on its way
	}
	was := s.stats
	for i := range burst {
		s.packet(l, &burst[i], now)
	}
	if s.catching.on && s.playing == l {
		s.catchUp(l, now)
	}
	packets, bytes := s.stats.Packets-was.Packets, s.stats.Bytes-was.Bytes
	if packets == 0 {
		return
	}
	s.rate.add(int(bytes), now)
	s.cfg.Totals.SentPackets.Add(packets)
	s.cfg.Totals.SentBytes.Add(bytes)
}

// packet sends one packet on, or leaves it out.
func (s *Stream) packet(l *Layer, p *Packet, now time.Time) {
	if l == s.next {
		if len(p.Payload) == 0 || l.video && !p.Info.Keyframe {
			if s.startBehind(l, now) {
				return
			}
			if now.Sub(s.asked) >= waitForKeyframe {
				s.ask(l)
			}
			return
		}
		s.begin(l, p, now)
		s.keyframe(l, p, now)
		return
	}
	if l != s.playing || s.catching.on {
		return
	}
	if p.resumed { // what was held back leaves no gap
		s.rewriter.start(p.SequenceNumber, p.Timestamp, now, true)
	}
	s.forward(l, p, now)
}

// begin starts a run of l at the packet p.
func (s *Stream) begin(l *Layer, p *Packet, now time.Time) {
	if s.sent == nil {
		n := videoMemory
		switch {
		case !l.video:
			n = audioMemory
		case l.cfg.KeepGroup > 0:
			n = groupMemory
		}
		s.sent = make([]sentPacket, n)
	}
	s.playing, s.next = l, nil
	s.catching = catching{}
	s.selector.start()
	s.selector.aim(s.wantSpatial, s.wantTemporal)
	s.rewriter.clockRate = l.cfg.ClockRate
	same, delta := s.last == l, s.rewriter.tsDelta
	s.rewriter.start(p.SequenceNumber, p.Timestamp, now, same)
	if !same {
		s.align(l, p.Timestamp, delta)
		s.layers = append(s.layers, l)
		if len(s.layers) > maxLayers {
			s.layers = s.layers[1:]
			for i := range s.sent {
				if e := &s.sent[i]; e.layer > 0 {
					e.layer--
				}
			}
		}
	}
	if i := &p.Info; i.HasPictureID {
		s.pictures.start(i.PictureID, uint16(i.TL0PICIDX))
	}
	s.last = l
	s.settle()
}

// maxLayers bounds how many layers of the past can be asked for again.
const maxLayers = 4

// align makes the timestamps of l go on where those of the layer before would
// be by now, going by their sender reports: layers of one track have clocks of
// one rate and different beginnings.
func (s *Stream) align(l *Layer, timestamp, lastDelta uint32) {
	if s.last == nil || !s.rewriter.begun {
		return
	}
	at, ok := l.timeOf(timestamp)
	if !ok {
		return
	}
	then, ok := s.last.timestampAt(at)
	if !ok {
		return
	}
	delta := then + lastDelta - timestamp
	// Never back: the same picture may have left in the other layer.
	if int32(timestamp+delta-s.rewriter.lastOutTime) < 1 {
		delta = s.rewriter.lastOutTime + 1 - timestamp
	}
	if timestamp+delta-s.rewriter.lastOutTime < 10*s.rewriter.clockRate {
		s.rewriter.tsDelta = delta
	}
}

// keyframe sends p, with which a run begins. If it was lost and came late, the
// rest of its picture is here already.
func (s *Stream) keyframe(l *Layer, p *Packet, now time.Time) {
	s.forward(l, p, now)
	if !p.late {
		return
	}
	for seq := p.SequenceNumber; seq != uint16(l.highest); {
		seq++
		if kept := l.history.get(seq); kept != nil {
			s.forward(l, &kept.packet, now)
		}
	}
}

// forward sends a packet of the run, or leaves it out.
func (s *Stream) forward(l *Layer, p *Packet, now time.Time) {
	late := !newer(p.SequenceNumber, s.rewriter.highest)
	marker := p.Marker
	if l.video && p.Info.Lost(s.selector.spatial, s.selector.temporal) && now.Sub(s.asked) >= waitForKeyframe {
		s.ask(l)
	}
	if l.video && !late {
		if len(p.Payload) == 0 || !s.selector.takes(&p.Info, p.SequenceNumber) {
			s.rewriter.skip(p.SequenceNumber)
			if p.Info.HasPictureID && l.gapless {
				s.pictures.skip(p.Info.PictureID, p.Info.PictureIDBits())
			}
			return
		}
		marker = s.selector.marker(p)
	} else if len(p.Payload) == 0 {
		s.rewriter.skip(p.SequenceNumber)
		return
	}
	seq, ts, ok := s.rewriter.rewrite(p.SequenceNumber, p.Timestamp, now)
	if !ok {
		return
	}
	e := &s.sent[int(seq)&(len(s.sent)-1)]
	*e = sentPacket{outTime: ts, out: seq, in: p.SequenceNumber, layer: uint8(len(s.layers)), marker: marker}
	if i := &p.Info; i.HasPictureID {
		pid, tl0 := s.pictures.rewrite(i.PictureID, uint16(i.TL0PICIDX), i.PictureIDBits())
		e.picture, e.tl0 = pid, uint8(tl0)
	}
	payload := p.Payload
	if late && l.video && !s.selector.takesLate(&p.Info, p.SequenceNumber) {
		payload = nil // its number was kept open, and is filled
	}
	s.scratch = s.scratch[:0]
	payload = s.renumber(l, p, e, payload)
	h := s.head(l, p, e, now)
	h.PayloadType, h.SSRC, h.SequenceNumber = s.types.Media, s.cfg.SSRC, seq
	if p.pad > 0 && len(payload) > 0 {
		h.Padding, h.PaddingSize = true, p.pad
	}
	size := h.MarshalSize() + len(payload) + int(h.PaddingSize)
	s.stats.Packets++
	s.stats.Bytes += uint64(size)
	s.octets += uint32(len(payload))
	s.transmit(h, payload, size, now)
}

// renumber writes the picture's numbers into a copy of the payload behind
// scratch, if they are not what they were, and takes sound out of its RED where
// the receiver does not know that. It returns the payload that is to leave.
func (s *Stream) renumber(l *Layer, p *Packet, e *sentPacket, payload []byte) []byte {
	if s.types.Primary {
		return primary(payload)
	}
	i := &p.Info
	if !l.numbered || len(payload) == 0 || e.picture == i.PictureID && e.tl0 == i.TL0PICIDX {
		return payload
	}
	n := len(s.scratch)
	s.scratch = append(s.scratch, payload...)
	payload = s.scratch[n:]
	if l.gapless {
		codec.RewriteVP8(payload, e.picture, e.tl0)
	} else {
		codec.RewriteVP9(payload, e.picture, e.tl0)
	}
	return payload
}

// head fills in the stream's header for a packet to leave now, but for what
// tells a retransmission from the original.
func (s *Stream) head(l *Layer, p *Packet, e *sentPacket, now time.Time) *rtp.Header {
	h := &s.header
	*h = rtp.Header{Version: 2, Marker: e.marker, Timestamp: e.outTime, Extensions: h.Extensions[:0]}
	ids := &s.cfg.Extensions
	if ids.Dependency != 0 && len(p.Dependency) > 0 && l.mime == "video/av1" {
		s.depend = codec.RewriteDependency(s.depend[:0], p.Dependency, e.picture)
		if len(s.depend) > 16 { // RFC 8285 §4.3
			h.Extension, h.ExtensionProfile = true, twoByteProfile
		}
		_ = h.SetExtension(ids.Dependency, s.depend)
	}
	// An id out of range is the only error, and ids come from a negotiation.
	if ids.Mid != 0 && len(s.mid) > 0 {
		_ = h.SetExtension(ids.Mid, s.mid)
	}
	if ids.AudioLevel != 0 && p.HasAudioLevel {
		s.values[0] = p.AudioLevel
		_ = h.SetExtension(ids.AudioLevel, s.values[0:1])
	}
	if ids.Orientation != 0 && p.HasOrientation {
		s.values[1] = p.Orientation
		_ = h.SetExtension(ids.Orientation, s.values[1:2])
	}
	if ids.AbsSendTime != 0 {
		t := toNTP(now) >> 14 // 6.18 fixed point seconds
		s.values[2], s.values[3], s.values[4] = byte(t>>16), byte(t>>8), byte(t)
		_ = h.SetExtension(ids.AbsSendTime, s.values[2:5])
	}
	if ids.TransportCC != 0 && s.cfg.Transport != nil {
		_ = h.SetExtension(ids.TransportCC, s.values[5:7]) // set when it leaves
	}
	return h
}

// transmit numbers a packet for congestion control, sends it, and counts it where it
// left. What cannot be sent is lost to the receiver, but says nothing of the network.
func (s *Stream) transmit(h *rtp.Header, payload []byte, size int, now time.Time) {
	t, number := s.cfg.Transport, uint16(0)
	numbered := t != nil && s.cfg.Extensions.TransportCC != 0
	if numbered {
		number = uint16(t.sequence.Add(1))
		s.values[5], s.values[6] = byte(number>>8), byte(number)
	}
	if s.cfg.Sender.SendRTP(h, payload) != nil {
		return
	}
	switch {
	case numbered && t.Sent != nil:
		t.Sent(number, size, now)
	case t != nil && !numbered && t.Unnumbered != nil:
		t.Unnumbered(size, now)
	}
}

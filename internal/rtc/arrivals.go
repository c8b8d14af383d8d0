package rtc

import (
	"encoding/binary"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/clock"
)

// arrivals sorts the packets that come in on one connection: which encoding of
// which m-line a packet belongs to is told by its SSRC, once a MID and a RID
// have come with it or the SDP has named it (RFC 8843 §9.2, RFC 8852).
// The transport's inbound lock guards all of it.
type arrivals struct {
	ids     arrivalIDs
	streams map[uint32]*stream
	// find returns the encoding for an m-line and a RID, and makes it when there
	// is none; nil for an m-line that takes nothing.
	find func(mid, rid string, ssrc uint32, payloadType uint8) *encoding
	// mids of SSRCs that the SDP names, and the media that a retransmission's
	// SSRC belongs to.
	mids    map[uint32]string
	repairs map[uint32]uint32
	// byType is the m-line of a payload type that only one has.
	byType map[uint8]string
	// apt is the payload type that an RTX payload type repairs.
	apt map[uint8]uint8

	budget     budget
	congestion *twcc.Recorder
	hasNumbers bool // for congestion control
	recorded   int  // packets whose arrival was not told yet
	header     rtp.Header
}

// arrivalIDs are the ids of header extensions; 0 is one that was not agreed.
type arrivalIDs struct {
	mid, rid, repairedRID, transportCC uint8
}

// stream is one SSRC that comes in.
type stream struct {
	encoding *encoding
	repair   bool // retransmissions of the encoding
	last     time.Time
	// Packets in a row of another payload type, which is another codec.
	other  uint8
	others int
}

const (
	// maxStreams bounds the SSRCs of one connection.
	maxStreams = 128
	// goneAfter is when the SSRC of what has ended is forgotten: what was on its
	// way by then must not be taken for something new.
	goneAfter = 10 * time.Second
	// recastAfter is how many packets of another codec are a change: a single one
	// slips in with RED, and with events (RFC 4733).
	recastAfter = 10
)

// take takes a packet in clear and passes it on to its encoding. It may change
// raw.
func (a *arrivals) take(raw []byte, now time.Time) {
	if len(raw) < 12 {
		return
	}
	ssrc := binary.BigEndian.Uint32(raw[8:])
	payloadType := raw[1] & 0x7f
	s := a.streams[ssrc]
	was := s
	if s != nil {
		s.last = now
		if s.recast(payloadType) {
			s = nil
		}
	}
	if !a.budget.take(len(raw), now) {
		// Its congestion control sees a loss, but it is not asked for the packet.
		if s != nil && !s.repair {
			s.encoding.reception.arrived(binary.BigEndian.Uint16(raw[2:]), binary.BigEndian.Uint32(raw[4:]), now)
		}
		return
	}
	if s == nil || a.ids.transportCC != 0 {
		if _, err := a.header.Unmarshal(raw); err != nil {
			return
		}
		if v := a.header.GetExtension(a.ids.transportCC); a.ids.transportCC != 0 && len(v) >= 2 {
			a.hasNumbers = true
			a.recorded++
			a.congestion.Record(ssrc, binary.BigEndian.Uint16(v), clock.Nano(now)/int64(time.Microsecond))
		}
	}
	if s == nil {
		if s = a.learn(ssrc, payloadType, was, now); s == nil {
			return
		}
	}
	e := s.encoding
	if s.others > 0 { // nobody could make anything of it
		e.reception.arrived(binary.BigEndian.Uint16(raw[2:]), binary.BigEndian.Uint32(raw[4:]), now)
		return
	}
	if s.repair {
		if raw = a.restore(raw, e, payloadType); raw == nil {
			return
		}
		e.reception.restored(binary.BigEndian.Uint16(raw[2:]))
	} else {
		e.reception.arrived(binary.BigEndian.Uint16(raw[2:]), binary.BigEndian.Uint32(raw[4:]), now)
	}
	if l := e.layer.Load(); l != nil {
		l.Push(raw, now)
	}
}

// recast tells that the stream has come in another codec for a while, or repairs
// what was replaced by then, so that it is to be learned anew.
func (s *stream) recast(payloadType uint8) bool {
	if s.repair {
		return s.encoding.ended.Load()
	}
	if s.encoding.mid == "" || payloadType == s.encoding.payloadType {
		s.others = 0
		return false
	}
	if s.other != payloadType {
		s.other, s.others = payloadType, 0
	}
	s.others++
	return s.others >= recastAfter
}

// forget drops the SSRCs of encodings that have ended, retransmissions included,
// when nothing has come of them for some time; where there are many, also of those
// that are not published.
func (a *arrivals) forget(now time.Time) {
	many := len(a.streams) > maxStreams/2
	for ssrc, s := range a.streams {
		e := s.encoding
		if (e.ended.Load() || many && e.mid != "" && e.layer.Load() == nil) && now.Sub(s.last) > goneAfter {
			delete(a.streams, ssrc)
		}
	}
}

// learn finds out what an SSRC is that was not seen before, or, if it was, comes
// in another codec than until now. The header has been read.
func (a *arrivals) learn(ssrc uint32, payloadType uint8, was *stream, now time.Time) *stream {
	if len(a.streams) >= maxStreams && was == nil {
		return nil
	}
	value := func(id uint8) string {
		if id == 0 {
			return ""
		}
		return string(a.header.GetExtension(id))
	}
	mid, rid := value(a.ids.mid), value(a.ids.rid)
	_, isRepair := a.apt[payloadType]
	if isRepair {
		rid = value(a.ids.repairedRID)
	}
	if mid == "" {
		mid = a.mids[ssrc]
	}
	if mid == "" {
		mid = a.byType[payloadType]
	}
	if was != nil {
		mid, rid = was.encoding.mid, was.encoding.rid
	}
	if mid == "" {
		return nil
	}
	if isRepair {
		var e *encoding
		if of, ok := a.repairs[ssrc]; ok && a.streams[of] != nil {
			e = a.streams[of].encoding
		} else if rid != "" || !ok {
			e = a.known(mid, rid)
		}
		if e == nil {
			return nil
		}
		s := &stream{encoding: e, repair: true, last: now}
		a.streams[ssrc] = s
		return s
	}
	e := a.find(mid, rid, ssrc, payloadType)
	if e == nil {
		if was != nil {
			was.others = 1 // of a codec that was not agreed: it is not asked each time
		}
		return nil
	}
	s := &stream{encoding: e, last: now}
	a.streams[ssrc] = s
	return s
}

// known is the encoding of an m-line with that RID, of those that have come.
func (a *arrivals) known(mid, rid string) *encoding {
	for _, s := range a.streams {
		if !s.repair && s.encoding.mid == mid && s.encoding.rid == rid && !s.encoding.ended.Load() {
			return s.encoding
		}
	}
	return nil
}

// restore makes a retransmission (RFC 4588 §4) the packet that it repeats, in
// place; nil when it is none.
func (a *arrivals) restore(raw []byte, e *encoding, payloadType uint8) []byte {
	n, err := a.header.Unmarshal(raw)
	if err != nil || len(raw) < n+3 {
		return nil // empty ones are sent to probe the path
	}
	if e.mid != "" && a.apt[payloadType] != e.payloadType {
		return nil // of another codec
	}
	original := [2]byte{raw[n], raw[n+1]}
	copy(raw[2:n+2], raw[:n])
	raw = raw[2:]
	raw[1] = raw[1]&0x80 | a.apt[payloadType]
	raw[2], raw[3] = original[0], original[1]
	binary.BigEndian.PutUint32(raw[8:], e.ssrc)
	return raw
}

// tick lets layers send on what waits.
func (a *arrivals) tick() {
	for _, s := range a.streams {
		if l := s.encoding.layer.Load(); l != nil && !s.repair {
			l.Tick()
		}
	}
}

// maxRecorded is after how many packets their arrival is told at once: the message
// grows by about two bytes for each, and has to fit one packet.
const maxRecorded = 400

// feedback is what is to be told the sender now: what is missing, how packets
// arrived, and once a second, with reports, how the connection is.
func (a *arrivals) feedback(self uint32, now time.Time, congestion, reports bool) (list []rtcp.Packet) {
	var report *rtcp.ReceiverReport
	if reports {
		a.forget(now)
		report = &rtcp.ReceiverReport{SSRC: self}
		list = append(list, report)
	}
	var seqs []uint16
	for ssrc, s := range a.streams {
		if s.repair || s.encoding.ended.Load() {
			continue
		}
		r := &s.encoding.reception
		if seqs = r.due(seqs[:0], now); len(seqs) > 0 && s.encoding.nack {
			list = append(list, &rtcp.TransportLayerNack{SenderSSRC: self, MediaSSRC: ssrc, Nacks: nackPairs(seqs)})
		}
		if report != nil && len(report.Reports) < 31 {
			report.Reports = append(report.Reports, r.report(ssrc, now))
		}
	}
	if (congestion || a.recorded >= maxRecorded) && a.hasNumbers {
		a.recorded = 0
		list = append(list, a.congestion.BuildFeedbackPacket()...)
	}
	if reports && len(report.Reports) == 0 {
		list = list[1:]
	}
	return list
}

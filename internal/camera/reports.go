package camera

import (
	"time"

	"github.com/pion/rtcp"
)

// receiverReportInterval is how often a camera is told what came of its packets (RFC 3550 §6.2):
// some stop when they hear nothing. Arlo's end the stream after some 10 s, by TCP as well
// (bluenviron/mediamtx#1403).
const receiverReportInterval = 5 * time.Second

// report is what the camera is told of one of its media. Before the first packet it says
// only that somebody listens.
func (in *mediaIntake) report(now time.Time) *rtcp.ReceiverReport {
	r := &rtcp.ReceiverReport{SSRC: in.ssrc}
	if in.packets == nil {
		return r
	}
	if is, ok := in.packets.received.report(now); ok {
		r.Reports = []rtcp.ReceptionReport{is}
	}
	return r
}

// sendReports sends receiver reports, the first ones soon, until the session has ended.
func (s *session) sendReports() {
	t := time.NewTimer(tick)
	defer t.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-t.C:
		}
		for _, in := range s.media {
			in.send(s, in.report(time.Now()))
		}
		t.Reset(receiverReportInterval)
	}
}

// send sends a report the way that the media come. Where that fails, the connection is
// about to end.
func (in *mediaIntake) send(s *session, r *rtcp.ReceiverReport) {
	if in.udp != nil {
		in.udp.report(r)
		return
	}
	_ = s.client.WritePacketRTCP(in.media, r)
}

// hasEnded reports whether the camera has said goodbye to one of its media, and nothing
// came since: some say so of an SSRC and go on with another one. last is when the last
// packet came.
func (s *session) hasEnded(last, now time.Time) bool {
	const wait = 500 * time.Millisecond
	for _, in := range s.media {
		if bye := in.bye.Load(); bye != nil && !last.After(*bye) && now.Sub(*bye) >= wait {
			return true
		}
	}
	return false
}

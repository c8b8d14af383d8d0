package rtc

import (
	"errors"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/crash"
)

// A packet on which the library panics is lost, and the reader of the media port
// goes on: nothing stays locked.
func TestPanicCostsOnePacket(t *testing.T) {
	var tr transport
	tr.rtp = func([]byte, time.Time) { t.Error("it is passed on") }
	tr.rtcp = func([]rtcp.Packet, time.Time) { t.Error("it is passed on") }
	tr.inbound = &srtp.Context{} // without a cipher
	tr.open.Store(true)
	before := crash.Count(crash.Media)
	rtpPacket := make([]byte, 100)
	rtpPacket[0], rtpPacket[1] = 0x80, 96
	rtcpPacket := make([]byte, 100)
	rtcpPacket[0], rtcpPacket[1] = 0x80, 200
	tr.packet(rtpPacket, way{}, time.Now())
	tr.packet(rtcpPacket, way{}, time.Now())
	if n := crash.Count(crash.Media) - before; n != 2 {
		t.Errorf("%d panics are counted", n)
	}
	if !tr.in.TryLock() {
		t.Error("the transport stays locked")
	}
}

// A description on which pion panics is an error; the connection can be closed,
// whatever pion has locked in it.
func TestPanicInNegotiation(t *testing.T) {
	e := testEngine(t)
	b, err := e.NewPublisher(testParticipant(t), e.Log, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pc := b.pc
	b.pc = nil
	before := crash.Count(crash.SDP)
	if err := b.setRemote(webrtc.SDPTypeOffer, remoteSDP{text: "v=0"}); !errors.Is(err, crash.ErrPanic) {
		t.Errorf("the offer: %v", err)
	}
	if _, err := b.createAnswer(remoteSDP{}); !errors.Is(err, crash.ErrPanic) {
		t.Errorf("the answer: %v", err)
	}
	if _, err := b.setLocal(webrtc.SessionDescription{}); !errors.Is(err, crash.ErrPanic) {
		t.Errorf("the own description: %v", err)
	}
	if n := crash.Count(crash.SDP) - before; n != 3 {
		t.Errorf("%d panics are counted", n)
	}
	b.pc = pc
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

package rtc

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/forward"
)

// counting counts what is sent.
type counting struct{ packets, bytes int }

func (c *counting) SendRTP(h *rtp.Header, payload []byte) error {
	c.packets++
	c.bytes += h.MarshalSize() + len(payload)
	return nil
}
func (c *counting) Flush() {}

// sending is a stream with all that is behind it but a network.
type sending struct {
	path
	counting
	layer *forward.Layer
	out   forward.Stream
	now   time.Time
	n     int
}

func newSending(numbers uint8) *sending {
	s := &sending{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s.path.init()
	// Bursts leave at the time that it really is, which is not ours.
	sent, unnumbered := s.Sent, s.Unnumbered
	s.Sent = func(number uint16, size int, _ time.Time) { sent(number, size, s.now) }
	s.Unnumbered = func(size int, _ time.Time) { unnumbered(size, s.now) }
	s.layer = forward.NewLayer(forward.LayerConfig{MimeType: "video/VP8", ClockRate: 90000, Ticked: true})
	source := &forward.Source{}
	source.Add(s.layer)
	s.out.Bind(forward.StreamConfig{
		Sender: &s.counting, SSRC: 1, RTXSSRC: 2, Transport: &s.path.Transport,
		Extensions: forward.StreamExtensions{TransportCC: numbers},
	})
	s.out.Play(source, forward.PayloadTypes{Media: 96, RTX: 97})
	s.out.Aim(s.layer, 0, 0)
	return s
}

// send sends so many packets of 1,012 bytes or a little more, 100 a second.
func (s *sending) send(packets int) {
	for range packets {
		raw := make([]byte, 1012)
		raw[0], raw[1] = 0x80, 0x80|96
		raw[2], raw[3] = byte(s.n>>8), byte(s.n)
		ts := uint32(s.n) * 900
		raw[4], raw[5], raw[6], raw[7] = byte(ts>>24), byte(ts>>16), byte(ts>>8), byte(ts)
		raw[12], raw[13] = 0x10, 1
		if s.n == 0 {
			raw[13] = 0
		}
		s.layer.Push(raw, s.now)
		s.n++
		s.now = s.now.Add(10 * time.Millisecond)
	}
}

func (s *sending) find(ssrc uint32) *forward.Stream {
	if ssrc == 1 {
		return &s.out
	}
	return nil
}

// The estimate of a receiver that tells nothing but its losses falls with them,
// and rises again with what is sent, numbered or not.
func TestEstimateOfAReceiverWithoutTransportReports(t *testing.T) {
	s := newSending(0)
	s.estimator.Initial = openRate
	report := func(lost uint8) {
		s.send(100)
		s.reports([]rtcp.ReceptionReport{{SSRC: 1, FractionLost: lost}}, s.now, s.find)
	}
	for range 8 {
		report(64)
	}
	low := s.estimator.Target()
	if low > 900_000 {
		t.Fatalf("%d bit/s with a quarter of 810 kbit/s lost", low)
	}
	for range 20 {
		report(0)
	}
	if got := s.estimator.Target(); got < 800_000 || got > 1_000_000 {
		t.Errorf("%d bit/s after 20 s without loss, of 810 kbit/s that were sent; it was %d", got, low)
	}
}

// However much is asked for again, what leaves keeps to a share of what the path
// carries.
func TestWhatIsSentAgainIsBounded(t *testing.T) {
	s := newSending(1)
	s.estimator.Initial = 2_000_000
	s.send(1000)
	sent := s.counting
	nack := func(first uint16, pairs int) (resent bool) {
		asked := 0
		list := make([]rtcp.NackPair, pairs)
		for i := range list {
			list[i] = rtcp.NackPair{PacketID: first + uint16(17*i), LostPackets: 0xffff}
		}
		resent = s.resend(&s.out, list, &asked, s.now)
		if asked > maxAsked+1 {
			t.Errorf("%d packets were looked for", asked)
		}
		return resent
	}
	newest := uint16(s.n - 1)
	if !nack(newest-33, 2) || s.packets-sent.packets != 34 {
		t.Fatalf("%d of 34 packets were sent again", s.packets-sent.packets)
	}
	for i := range 100 { // in a second
		nack(newest-99, 16000)
		nack(newest-99, 1+i%6)
		s.now = s.now.Add(10 * time.Millisecond)
	}
	// Half of the rate, for this second and the one that was saved.
	if got := 8 * (s.bytes - sent.bytes); got > 2_000_000+8*maxRTP {
		t.Errorf("%d bits were sent again in a second", got)
	}
	// What was not there cost nothing.
	s.now = s.now.Add(time.Second)
	for range 100 {
		nack(newest+1000, 60)
	}
	was := s.packets
	if s.send(30); !nack(uint16(s.n-17), 1) || s.packets-was != 30+17 {
		t.Errorf("%d packets left where 47 were to", s.packets-was)
	}
}

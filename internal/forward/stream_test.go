package forward

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// sink keeps what is sent to it.
type sink struct {
	headers  []rtp.Header
	payloads [][]byte
	err      error
}

func (s *sink) SendRTP(h *rtp.Header, payload []byte) error {
	s.headers = append(s.headers, h.Clone())
	s.payloads = append(s.payloads, bytes.Clone(payload))
	return s.err
}

func (s *sink) Flush() {}

func (s *sink) numbers() (list []uint16) {
	for _, h := range s.headers {
		list = append(list, h.SequenceNumber)
	}
	return list
}

func videoLayer(requests *atomic.Int32) *Layer {
	return NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000, Clock: &Clock{},
		RequestKeyframe: func() { requests.Add(1) }})
}

// play makes a stream play all of a layer that is its source's only one.
func play(s *Stream, l *Layer, types PayloadTypes) {
	src := &Source{}
	src.Add(l)
	s.Play(src, types)
	s.Aim(l, all, all)
}

var key, delta = []byte{0x10, 0x00, 'k'}, []byte{0x10, 0x01, 'd'}

func push(t *testing.T, l *Layer, seq uint16, payload []byte) {
	t.Helper()
	l.Push(packetBytes(t, rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) * 3000, Marker: true}, payload), t0)
}

func TestStreamBeginsWithKeyframe(t *testing.T) {
	var requests atomic.Int32
	l := videoLayer(&requests)
	out := &sink{}
	s := &Stream{}
	play(s, l, PayloadTypes{Media: 96})
	push(t, l, 1, delta)
	if len(out.headers) != 0 {
		t.Fatal("something left before the stream was bound")
	}
	s.Bind(StreamConfig{Sender: out, SSRC: 9})
	if requests.Load() != 1 {
		t.Errorf("%d keyframes were asked for, want 1", requests.Load())
	}
	push(t, l, 2, delta)
	push(t, l, 3, key)
	push(t, l, 4, delta)
	if got := out.numbers(); len(got) != 2 || got[1] != got[0]+1 {
		t.Fatalf("numbers %v", got)
	}
	h := out.headers[0]
	if h.SSRC != 9 || h.PayloadType != 96 || !h.Marker || !bytes.Equal(out.payloads[0], key) {
		t.Errorf("header %+v, payload %q", h, out.payloads[0])
	}
	if n := l.Subscribers(); n != 1 {
		t.Errorf("%d subscribers", n)
	}
	s.Stop()
	push(t, l, 5, delta)
	if len(out.headers) != 2 || l.Subscribers() != 0 {
		t.Error("a stopped stream sends")
	}
}

func TestStreamPauseAndSwitch(t *testing.T) {
	var requests atomic.Int32
	a, b := videoLayer(&requests), videoLayer(&requests)
	out := &sink{}
	s := &Stream{}
	s.Bind(StreamConfig{Sender: out, SSRC: 1})
	play(s, a, PayloadTypes{Media: 96})
	push(t, a, 100, key)
	push(t, a, 101, delta)
	s.SetPaused(true)
	push(t, a, 102, delta)
	s.SetPaused(false)
	push(t, a, 103, delta)
	push(t, a, 104, key)
	play(s, b, PayloadTypes{Media: 98})
	push(t, a, 105, delta)
	push(t, b, 5000, delta)
	push(t, b, 5001, key)
	got := out.numbers()
	for i := range got {
		if got[i] != got[0]+uint16(i) {
			t.Fatalf("numbers %v have a gap", got)
		}
	}
	// 100 and 101; after the pause, with the keyframe of a moment ago, 100 to 103;
	// 104; and 5001.
	if len(got) != 8 || out.headers[7].PayloadType != 98 {
		t.Errorf("%d packets left, the last as %d", len(got), out.headers[len(got)-1].PayloadType)
	}
	if a.Subscribers() != 0 || b.Subscribers() != 1 {
		t.Error("the stream hangs on to what it played")
	}
}

func TestStreamPassesOverPadding(t *testing.T) {
	var requests atomic.Int32
	l := videoLayer(&requests)
	out := &sink{}
	s := &Stream{}
	s.Bind(StreamConfig{Sender: out})
	play(s, l, PayloadTypes{Media: 96})
	push(t, l, 1, key)
	pad := packetBytes(t, rtp.Header{SequenceNumber: 2}, []byte{0, 0, 3})
	pad[0] |= 0x20
	l.Push(pad, t0)
	push(t, l, 3, delta)
	if got := out.numbers(); len(got) != 2 || got[1] != got[0]+1 {
		t.Errorf("numbers %v: the padding left a gap", got)
	}
}

// What could not leave says nothing about the network: congestion control does not
// take it for lost.
func TestWhatDidNotLeaveIsNotCounted(t *testing.T) {
	var requests atomic.Int32
	for _, extensions := range []StreamExtensions{{TransportCC: 2}, {}} {
		l, out, counted := videoLayer(&requests), &sink{err: errors.New("no way")}, 0
		s := &Stream{}
		s.Bind(StreamConfig{Sender: out, SSRC: 1, Extensions: extensions, Transport: &Transport{
			Sent:       func(uint16, int, time.Time) { counted++ },
			Unnumbered: func(int, time.Time) { counted++ },
		}})
		play(s, l, PayloadTypes{Media: 96})
		push(t, l, 1, key)
		if counted != 0 {
			t.Errorf("%d packets that did not leave are counted", counted)
		}
		out.err = nil
		push(t, l, 2, delta)
		if counted != 1 || len(out.headers) != 2 {
			t.Errorf("%d packets are counted, 1 left of %d", counted, len(out.headers))
		}
	}
}

func TestResend(t *testing.T) {
	var requests atomic.Int32
	l := videoLayer(&requests)
	var path Transport
	for _, rtx := range []bool{true, false} {
		out := &sink{}
		s := &Stream{}
		cfg := StreamConfig{Sender: out, SSRC: 1, Mid: "3", Transport: &path,
			Extensions: StreamExtensions{Mid: 1, TransportCC: 2, AbsSendTime: 3}}
		types := PayloadTypes{Media: 96}
		if rtx {
			cfg.RTXSSRC, types.RTX = 2, 97
		}
		s.Bind(cfg)
		play(s, l, types)
		push(t, l, 1000, key)
		push(t, l, 1001, delta)
		first := out.headers[0].SequenceNumber
		if s.Resend(first+1, t0) == 0 {
			t.Fatal("a packet that had left was not sent again")
		}
		again, payload := out.headers[2], out.payloads[2]
		if again.Timestamp != 1001*3000 || string(again.GetExtension(1)) != "3" {
			t.Errorf("timestamp %d, mid %q", again.Timestamp, again.GetExtension(1))
		}
		if rtx {
			want := append([]byte{byte((first + 1) >> 8), byte(first + 1)}, delta...)
			if again.SSRC != 2 || again.PayloadType != 97 || !bytes.Equal(payload, want) {
				t.Errorf("RTX %+v %x, want %x", again, payload, want)
			}
		} else if again.SSRC != 1 || again.SequenceNumber != first+1 || !bytes.Equal(payload, delta) {
			t.Errorf("again %+v %x", again, payload)
		}
		if bytes.Equal(again.GetExtension(2), out.headers[1].GetExtension(2)) {
			t.Error("a retransmission has no transport-wide number of its own")
		}
		if s.Resend(first+2, t0)+s.Resend(first-1, t0) > 0 {
			t.Error("what never left was sent again")
		}
		// However often it is asked for: not before the last try can be there.
		s.Resend(first, t0)
		if s.Resend(first, t0.Add(leastResend/2)) > 0 {
			t.Error("it was sent again while it was on its way")
		}
		for i := range 3 * maxResends {
			s.Resend(first, t0.Add(time.Duration(i+1)*mostResend))
		}
		if st := s.Stats(t0); st.Retransmissions != maxResends+1 {
			t.Errorf("%d retransmissions, one packet is sent again %d times at most", st.Retransmissions, maxResends)
		}
		// After the switch to another layer the old one's packets are of no use.
		other := videoLayer(&requests)
		play(s, other, types)
		push(t, other, 1, key)
		if s.Resend(first+1, t0.Add(time.Minute)) > 0 {
			t.Error("a packet of the layer before was sent again")
		}
		s.Stop()
		l = videoLayer(&requests)
	}
}

func TestExtensions(t *testing.T) {
	l := NewLayer(LayerConfig{MimeType: "audio/opus", ClockRate: 48000, Extensions: ExtensionIDs{AudioLevel: 5}})
	out := &sink{}
	s := &Stream{}
	s.Bind(StreamConfig{Sender: out, Mid: "a", Extensions: StreamExtensions{Mid: 4, AudioLevel: 7, Orientation: 6}})
	play(s, l, PayloadTypes{Media: 111})
	h := rtp.Header{SequenceNumber: 1}
	if err := h.SetExtension(5, []byte{0x80 | 20}); err != nil {
		t.Fatal(err)
	}
	l.Push(packetBytes(t, h, []byte{1}), t0)
	got := out.headers[0]
	if string(got.GetExtension(4)) != "a" || !bytes.Equal(got.GetExtension(7), []byte{20}) || got.GetExtension(6) != nil {
		t.Errorf("extensions %v", got.Extensions)
	}
	if level, ok := l.TakeLevel(); !ok || level != 20 {
		t.Errorf("level %d, %v", level, ok)
	}
	if _, ok := l.TakeLevel(); ok {
		t.Error("a level was there twice")
	}
}

func TestKeyframeRequestsAreThrottled(t *testing.T) {
	var requests atomic.Int32
	l := videoLayer(&requests)
	for range 1000 {
		l.RequestKeyframe()
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests went out at once", n)
	}
	deadline := time.Now().Add(10 * time.Second)
	for requests.Load() < 2 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	st := l.Stats(time.Now())
	if requests.Load() != 2 || st.KeyframeRequests != 2 || st.KeyframeRequestsHeld != 999 {
		t.Errorf("%d requests went out in the end, %d counted, %d held", requests.Load(), st.KeyframeRequests, st.KeyframeRequestsHeld)
	}
	l.RequestKeyframe()
	l.Close()
}

func TestLayerCounts(t *testing.T) {
	var requests atomic.Int32
	l := videoLayer(&requests)
	push(t, l, 65534, key)
	push(t, l, 65535, delta)
	push(t, l, 65535, delta) // twice
	push(t, l, 3, delta)     // 0, 1, 2 are missing
	push(t, l, 1, delta)     // late
	l.Push([]byte("no RTP"), t0)
	st := l.Stats(t0)
	if st.Packets != 4 || st.Expected != 6 || st.Lost() != 2 || st.Keyframes != 1 || st.Malformed != 1 {
		t.Errorf("%+v, lost %d", st, st.Lost())
	}
	if got := LossBetween(LayerStats{}, st); got != 2.0/6 {
		t.Errorf("loss %v", got)
	}
}

func TestSendErrorsAreLosses(t *testing.T) {
	var requests atomic.Int32
	l := videoLayer(&requests)
	out := &sink{err: errors.New("no route")}
	s := &Stream{}
	s.Bind(StreamConfig{Sender: out})
	play(s, l, PayloadTypes{Media: 96})
	push(t, l, 1, key)
	push(t, l, 2, delta)
	if len(out.headers) != 2 {
		t.Errorf("%d packets were tried", len(out.headers))
	}
}

func TestReports(t *testing.T) {
	var requests atomic.Int32
	l := videoLayer(&requests)
	out := &sink{}
	s := &Stream{}
	s.Bind(StreamConfig{Sender: out, SSRC: 5})
	play(s, l, PayloadTypes{Media: 96})
	if _, ok := s.SenderReport(t0); ok {
		t.Error("a silent stream reports")
	}
	push(t, l, 10, key)
	if _, ok := s.SenderReport(t0); ok {
		t.Error("a report without one of the publisher")
	}
	// The publisher's clock is an hour slow, and its report took 30 ms.
	l.SetSenderReport(toNTP(t0.Add(-time.Hour-30*time.Millisecond)), 90000, t0)
	sr, ok := s.SenderReport(t0.Add(time.Second))
	if !ok || sr.SSRC != 5 || sr.RTPTime != 2*90000 || sr.PacketCount != 1 || fromNTP(sr.NTPTime).Sub(t0.Add(time.Second)).Abs() > time.Microsecond {
		t.Errorf("%v, %v", sr, ok)
	}
	now := t0.Add(1100 * time.Millisecond)
	s.HandleReport(rtcp.ReceptionReport{SSRC: 5, FractionLost: 64, Jitter: 900,
		LastSenderReport: uint32(sr.NTPTime >> 16), Delay: 65536 / 20}, now)
	st := s.Stats(now)
	if st.Loss != 0.25 || st.Jitter != 10*time.Millisecond || (st.RoundTrip-50*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("%+v", st)
	}
}

func TestClockFollowsTheFastestReport(t *testing.T) {
	var c Clock
	theirs := func(d time.Duration) uint64 { return toNTP(t0.Add(-time.Hour + d)) }
	c.observe(theirs(0), t0.Add(200*time.Millisecond))
	c.observe(theirs(time.Second), t0.Add(time.Second+20*time.Millisecond))
	at := c.observe(theirs(2*time.Second), t0.Add(2*time.Second+300*time.Millisecond))
	if late := at.Sub(t0.Add(2 * time.Second)); late < 20*time.Millisecond-time.Microsecond || late > 21*time.Millisecond {
		t.Errorf("a late report moved the clock: %v", late)
	}
	// Their clock was set.
	at = c.observe(theirs(-time.Minute), t0.Add(3*time.Second))
	if at.Sub(t0.Add(3*time.Second)).Abs() > time.Microsecond {
		t.Errorf("a clock that was set was not followed: %v", at)
	}
}

// What a packet costs to fan out, without the sending: 100 receivers.
func BenchmarkFanOut(b *testing.B) {
	l := NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000})
	var path Transport
	for range 100 {
		s := &Stream{}
		s.Bind(StreamConfig{Sender: nowhere{}, SSRC: 1, Mid: "0", Transport: &path,
			Extensions: StreamExtensions{Mid: 1, TransportCC: 2, AbsSendTime: 3}})
		play(s, l, PayloadTypes{Media: 96, RTX: 97})
	}
	raw := packetBytes(b, rtp.Header{}, append([]byte{0x10, 0x00}, make([]byte, 1000)...))
	now := time.Now()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		raw[2], raw[3] = byte(i>>8), byte(i)
		raw[6], raw[7] = byte(i>>8), byte(i)
		l.Push(raw, now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/forwarded")
}

// What a packet costs to take in, which nobody receives.
func BenchmarkPush(b *testing.B) {
	l := NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000})
	raw := packetBytes(b, rtp.Header{}, append([]byte{0x10, 0x00}, make([]byte, 1000)...))
	now := time.Now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		raw[2], raw[3] = byte(i>>8), byte(i)
		raw[6], raw[7] = byte(i>>8), byte(i)
		l.Push(raw, now)
	}
}

type nowhere struct{}

func (nowhere) SendRTP(*rtp.Header, []byte) error { return nil }
func (nowhere) Flush()                            {}

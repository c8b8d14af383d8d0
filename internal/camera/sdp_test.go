package camera

import (
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
	"github.com/pion/rtp"
	"golang.org/x/time/rate"

	"umbrella/internal/camera/nal"
)

// FuzzDescription goes the way of a camera's SDP, and of a packet after it.
func FuzzDescription(f *testing.F) {
	f.Add(goodSDP, []byte{0x65, 0x88, 1})
	f.Add(goodSDP+"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\n", []byte{0, 16, 0, 8, 1})
	f.Add("v=0\r\ns=-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-vps=QAEMAf//;sprop-sps=QgEB;sprop-pps=RAHA\r\n", []byte{0x62, 1, 0x93})
	f.Add("v=0\r\nm=video 0 RTP/AVP 26\r\nm=audio 0 RTP/AVP 0 8 9 14 11\r\nm=audio 0 RTP/AVP 99\r\na=rtpmap:99 MP4A-LATM/16000\r\na=fmtp:99 cpresent=0;config=400028103fc0\r\n", []byte{1, 2, 3})
	f.Add("v=0\r\na=control:rtsp://a/%zz\r\na=key-mgmt:mikey x\r\nm=video 0 RTP/AVP smart/1/90000\r\na=control:%zz\r\n", []byte{})
	f.Fuzz(func(t *testing.T, text string, payload []byte) {
		r := repairer{asked: base.Describe}
		res := &base.Response{StatusCode: base.StatusOK, Header: base.Header{"Content-Base": {text}}, Body: []byte(text)}
		r.response(res)
		var s sdp.SessionDescription
		if s.Unmarshal(res.Body) != nil {
			return
		}
		var d description.Session
		if d.Unmarshal(&s) != nil {
			return
		}
		r.description.Complete(&d)
		p := newPlan(&d, r.description.Refused, true)
		if p.empty() {
			return
		}
		pkt := &rtp.Packet{Header: rtp.Header{Marker: true, PayloadType: 96}, Payload: payload}
		clock := &wall{}
		if p.video != nil {
			for _, f := range p.video.Formats {
				f.PTSEqualsDTS(pkt)
			}
			e := newExit(90000)
			e.connect(clock)
			newPicture(p, e, func(nal.Format) {}).packet(pkt)
		}
		if p.sound != nil {
			p.soundFormat.PTSEqualsDTS(pkt)
			e := newExit(p.output.ClockRate)
			e.connect(clock)
			v, err := newVoice(p, e)
			if err != nil {
				t.Fatal(err)
			}
			v.packet(pkt)
			v.close()
		}
	})
}

// TestPaced: what a camera sends by TCP counts.
func TestPaced(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		_, _ = theirs.Write(make([]byte, 100))
	}()
	p := &paced{ours, rate.NewLimiter(1, 1000)}
	if n, err := p.Read(make([]byte, 200)); n != 100 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if left := p.limiter.Tokens(); left < 899 || left > 999 {
		t.Errorf("%v of 1000 bytes are left", left)
	}
}

func TestTimeline(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	type step struct {
		in    uint32
		after time.Duration // since the last one
		want  uint32        // since the last one
	}
	for name, steps := range map[string][]step{
		"even":       {{0, 0, 0}, {3600, 40 * time.Millisecond, 3600}, {7200, 40 * time.Millisecond, 3600}},
		"late":       {{0, 0, 0}, {3600, 900 * time.Millisecond, 3600}, {7200, time.Millisecond, 3600}},
		"wraps":      {{4294967000, 0, 0}, {3304, 40 * time.Millisecond, 3600}},
		"stands":     {{5, 0, 0}, {5, 40 * time.Millisecond, 1}, {5, 40 * time.Millisecond, 1}},
		"goes back":  {{90000, 0, 0}, {80000, 40 * time.Millisecond, 1}, {83600, 40 * time.Millisecond, 3600}},
		"jumps":      {{0, 0, 0}, {90_000_000, 40 * time.Millisecond, 3600}, {90_003_600, 40 * time.Millisecond, 3600}},
		"jumps back": {{90_000_000, 0, 0}, {0, 40 * time.Millisecond, 3600}, {3600, 40 * time.Millisecond, 3600}},
		"a long gap": {{0, 0, 0}, {900_000, 10 * time.Second, 900_000}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTimeline(90000)
			now, last := start, l.out
			for i, s := range steps {
				now = now.Add(s.after)
				got := l.next(s.in, now)
				if got-last != s.want {
					t.Errorf("step %d is %d, not %d", i, got-last, s.want)
				}
				last = got
			}
		})
	}
}

func TestTimelineOverConnections(t *testing.T) {
	l := newTimeline(90000)
	now := time.Unix(1_000_000, 0)
	first := l.next(77, now)
	if _, ok := l.of(77); !ok {
		t.Error("nothing is known of the present connection")
	}
	l.restart()
	if _, ok := l.of(77); ok {
		t.Error("a timestamp of the last connection is known")
	}
	if got := l.next(123456, now.Add(2*time.Second)); got-first != 180000 {
		t.Errorf("two seconds are %d", got-first)
	}
	if got, ok := l.of(123456 + 90); !ok || got-first != 180090 {
		t.Errorf("%d, %t", got-first, ok)
	}
}

// The anchor follows the packets that came the fastest.
func TestTimelineAnchor(t *testing.T) {
	l := newTimeline(90000)
	start := time.Unix(1_000_000, 0)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		sent := start.Add(time.Duration(i) * 40 * time.Millisecond)
		delay := 5*time.Millisecond + time.Duration(random.IntN(30))*time.Millisecond
		l.next(uint32(i)*3600, sent.Add(delay))
		if i < 200 {
			continue
		}
		if off := l.anchor.Sub(sent); off < 4*time.Millisecond || off > 15*time.Millisecond {
			t.Fatalf("packet %d lies %v after it was sent", i, off)
		}
	}
}

func TestNTP(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 123456789, time.UTC)
	if got := fromNTP(toNTP(at)); got.Sub(at).Abs() > time.Nanosecond {
		t.Errorf("%v", got)
	}
	if toNTP(time.Unix(0, 0))>>32 != 2208988800 {
		t.Error("another epoch")
	}
}

func TestReportsThatContradictEachOther(t *testing.T) {
	e := newExit(90000)
	e.connect(&wall{})
	now := time.Now()
	same := func(ts uint32) (uint32, bool) { return ts, true }
	report := func(seconds float64, rtp uint32) bool {
		ntp := toNTP(time.Unix(5000, 0).Add(time.Duration(seconds * float64(time.Second))))
		e.reports(ntp, rtp, same, 90000, now)
		return e.trusted
	}
	for i, c := range []struct {
		seconds float64
		rtp     uint32
		trusted bool
	}{
		{0, 0, false}, {1, 90000, true}, {2, 180000, true}, {2, 270000, false}, {3, 360000, true}, {9, 450000, false}, {10, 540000, true},
	} {
		if got := report(c.seconds, c.rtp); got != c.trusted {
			t.Errorf("report %d: %t", i, got)
		}
	}
}

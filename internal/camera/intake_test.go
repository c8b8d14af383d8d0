package camera

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/camera/nal"
)

// arrival is a packet that comes.
type arrival struct {
	ssrc   uint32
	number uint16
	after  time.Duration
}

func TestPacketsAsTheyCome(t *testing.T) {
	const long = 50 * time.Millisecond
	plain := func(ssrc uint32, numbers ...uint16) (list []arrival) {
		for _, n := range numbers {
			list = append(list, arrival{ssrc: ssrc, number: n})
		}
		return list
	}
	var many, manyOut []uint16
	for n := uint16(10); n < 10+2*maxHeld; n++ {
		if n != 11 {
			many, manyOut = append(many, n), append(manyOut, n)
		}
	}
	for name, c := range map[string]struct {
		tcp  bool
		in   []arrival
		want []uint16
	}{
		"in order":               {in: plain(1, 65534, 65535, 0, 1), want: []uint16{65534, 65535, 0, 1}},
		"overtaken":              {in: plain(1, 1, 3, 2, 6, 5, 4, 7), want: []uint16{1, 2, 3, 4, 5, 6, 7}},
		"twice":                  {in: plain(1, 1, 1, 2, 4, 4, 3, 3, 2, 5), want: []uint16{1, 2, 3, 4, 5}},
		"lost":                   {in: append(plain(1, 1, 3), arrival{1, 4, long}, arrival{1, 5, 0}), want: []uint16{1, 3, 4, 5}},
		"lost in a burst":        {in: plain(1, many...), want: manyOut},
		"late":                   {in: append(plain(1, 1, 3), arrival{1, 4, long}, arrival{1, 2, 0}, arrival{1, 5, 0}), want: []uint16{1, 3, 4, 5}},
		"many lost":              {in: plain(1, 1, 2, 900, 901), want: []uint16{1, 2, 900, 901}},
		"one astray":             {in: plain(1, 1, 2, 30000, 3, 4), want: []uint16{1, 2, 3, 4}},
		"begins anew":            {in: plain(1, 5000, 5001, 7, 8, 9), want: []uint16{5000, 5001, 5003, 5004}},
		"begins anew by TCP":     {tcp: true, in: plain(1, 5000, 5001, 7, 8, 9), want: []uint16{5000, 5001, 5003, 5004, 5005}},
		"left out by TCP":        {tcp: true, in: plain(1, 1, 3, 4), want: []uint16{1, 3, 4}},
		"SSRC changes, Uniview":  {tcp: true, in: slices.Concat(plain(1, 1, 2), plain(2, 3, 4), plain(3, 5)), want: []uint16{1, 2, 3, 4, 5}},
		"the same by UDP":        {in: slices.Concat(plain(1, 1, 2), plain(2, 4), plain(1, 3), plain(2, 5)), want: []uint16{1, 2, 3, 4, 5}},
		"a new SSRC begins anew": {tcp: true, in: slices.Concat(plain(1, 1, 2), plain(2, 40000, 40001)), want: []uint16{1, 2, 4, 5}},
		"and a late one":         {in: slices.Concat(plain(1, 1, 2), plain(2, 40000), plain(1, 2), plain(2, 40001)), want: []uint16{1, 2, 4, 5}},
		"two at once":            {tcp: true, in: slices.Concat(plain(1, 1), plain(2, 500), plain(1, 2), plain(2, 501), plain(1, 3), plain(2, 502), plain(1, 4)), want: []uint16{1, 3, 5, 6, 7}},
		"a SSRC for each packet": {tcp: true, in: []arrival{{1, 1, 0}, {2, 2, 0}, {3, 3, 0}, {1, 4, 0}}, want: []uint16{1, 2, 3, 4}},
		"and to and fro":         {tcp: true, in: slices.Concat(plain(1, 1), plain(2, 2), plain(1, 3), plain(2, 4)), want: []uint16{1, 2, 3, 4}},
		"the other one goes on":  {tcp: true, in: append(slices.Concat(plain(1, 1), plain(2, 500), plain(1, 2)), arrival{2, 501, 3 * time.Second}, arrival{2, 502, 0}), want: []uint16{1, 3, 5, 7, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []uint16
			in := &intake{rate: 90000, ordered: c.tcp, handOn: func(p *rtp.Packet) { got = append(got, p.SequenceNumber) }}
			now := time.Unix(1000, 0)
			for _, a := range c.in {
				now = now.Add(a.after)
				in.push(&rtp.Packet{Header: rtp.Header{SSRC: a.ssrc, SequenceNumber: a.number}}, now)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, not %v", got, c.want)
			}
		})
	}
}

func TestWhatCamerasAreToldOfTheirPackets(t *testing.T) {
	var r reception
	now := time.Now()
	if _, ok := r.report(now); ok {
		t.Error("of nothing")
	}
	for _, n := range []uint16{65534, 65535, 1, 2, 3} {
		r.count(&rtp.Packet{Header: rtp.Header{SSRC: 9, SequenceNumber: n}}, now, 90000)
	}
	r.reported(&rtcp.SenderReport{NTPTime: 0x0123456789abcdef}, now)
	is, ok := r.report(now.Add(time.Second))
	want := rtcp.ReceptionReport{SSRC: 9, FractionLost: 42, TotalLost: 1, LastSequenceNumber: 65539, LastSenderReport: 0x456789ab, Delay: 65536}
	if !ok || is != want {
		t.Errorf("%+v", is)
	}
	if is, _ := r.report(now); is.FractionLost != 0 || is.TotalLost != 1 {
		t.Errorf("%+v", is)
	}
}

func TestPatience(t *testing.T) {
	stall := 5 * time.Second
	for name, c := range map[string]struct {
		every, stamps time.Duration
		pictures      int
		want          time.Duration
	}{
		"one picture":         {0, 0, 1, slowest},
		"a fast camera":       {40 * time.Millisecond, 40 * time.Millisecond, 4, stall},
		"a picture in 7 s":    {7 * time.Second, 7 * time.Second, 4, 28 * time.Second},
		"a picture in 20 s":   {20 * time.Second, 0, 4, slowest},
		"slow, after a burst": {time.Millisecond, 7 * time.Second, 4, 28 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var s seen
			now := time.Now()
			for i := range c.pictures {
				s.pace(i+1, uint32(int64(i)*90000*int64(c.stamps)/int64(time.Second)), now)
				now = now.Add(c.every)
			}
			if s.keyframeWait() != max(keyframeWait, 60*max(c.every, c.stamps)) && c.pictures > 1 {
				t.Errorf("a keyframe may take %v", s.keyframeWait())
			}
			if got := s.patience(stall); got != c.want {
				t.Errorf("%v, not %v", got, c.want)
			}
		})
	}
}

// What tells that UDP is of no use; a camera that sends few keyframes does not.
func TestTornPictures(t *testing.T) {
	for name, c := range map[string]struct {
		pictures, keys, broken, brokenKeys, gaps int
		after                                    time.Duration
		torn                                     bool
	}{
		"all well":                 {1000, 20, 0, 0, 0, time.Minute, false},
		"one keyframe broken":      {100, 1, 1, 1, 1, time.Minute, false},
		"most keyframes broken":    {100, 1, 2, 2, 2, time.Second, true},
		"no keyframe comes at all": {100, 0, 0, 0, 4, 9 * time.Second, true},
		"none yet":                 {100, 0, 0, 0, 4, 3 * time.Second, false},
		"none, and nothing lost":   {1000, 0, 0, 0, 0, time.Minute, false},
		"a picture in ten":         {100, 5, 11, 0, 11, time.Minute, true},
		"a picture in a hundred":   {2000, 50, 20, 1, 20, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			s := seen{begun: now.Add(-c.after), gaps: c.gaps, findings: nal.Findings{
				Pictures: c.pictures, Keyframes: c.keys, Broken: c.broken, BrokenKeyframes: c.brokenKeys,
			}}
			if s.torn(now) != c.torn {
				t.Errorf("%t", !c.torn)
			}
		})
	}
}

// A firewall that drops fragments takes keyframes away as a whole: only the numbers tell.
func TestGapsAreSeen(t *testing.T) {
	pic := newPicture(&plan{picturePlan: picturePlan{codec: nal.H264}}, newExit(90000), func(nal.Format) {})
	for _, n := range []uint16{65534, 65535, 0, 3, 4} {
		pic.packet(&rtp.Packet{Header: rtp.Header{SequenceNumber: n, Timestamp: uint32(n) * 3600, Marker: true}, Payload: []byte{0x41, 0x80, 0}})
	}
	if s := pic.soFar(); s.gaps != 1 {
		t.Errorf("%d gaps", s.gaps)
	}
}

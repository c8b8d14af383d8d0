package bandwidth

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// path is a link in virtual time: a queue that is emptied at a rate, and what
// the air does to packets after it.
type path struct {
	rate   func(at time.Duration) float64 // bit/s
	cross  func(at time.Duration) float64 // of it taken by others, bit/s
	limit  time.Duration                  // longest queue, at the rate of the moment
	burst  float64                        // bytes that pass at once after a pause
	base   time.Duration                  // one way
	loss   float64                        // lost by chance, both ways
	hold   func(at time.Duration) time.Duration
	silent func(at time.Duration) bool // nothing gets through
	jump   time.Duration               // by which the receiver's clock is set after 10 s
	untidy bool                        // some reports come twice, some late
}

type flying struct {
	number uint16
	size   int
	at     time.Duration
}

// track is a simulcast picture that follows the allocator.
type track struct {
	now, next int
	switchAt  time.Duration
	frameAt   time.Duration
	key       bool
	enough    time.Duration // for how long it had the best option
}

// simulation sends as an SFU does: frames as bursts, keyframes at switches.
type simulation struct {
	t      *testing.T
	random *rand.Rand
	e      *Estimator
	path   path
	epoch  time.Time

	options  []Option
	tracks   []track
	requests []Request
	choices  []Choice

	at       time.Duration
	number   uint16
	queue    []flying
	queued   int
	credit   float64
	air      []flying // on the way, in the order of arrival
	received map[uint16]time.Duration
	reported uint16 // next number to report on
	highest  uint16
	reportAt time.Duration
	reports  []func()
	reportIn []time.Duration
	count    uint8

	probing    Probe
	probeBegin time.Duration
	probeSent  int
	noPadding  bool
	keyEvery   time.Duration // between keyframes that nobody asked for
	keySize    float64       // of a keyframe, in frames

	last  uint64
	trace bool
	each  func() // called each millisecond
}

func simulate(t *testing.T, seed uint64, tracks int, p path) *simulation {
	s := &simulation{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), e: NewEstimator(), path: p,
		epoch: start(), keySize: 5, number: 65000, reported: 65000, highest: 64999,
		received: map[uint16]time.Duration{}, trace: os.Getenv("TRACE") != "",
		options: []Option{
			{Bitrate: 150_000, Width: 320, Height: 180, Layer: 0},
			{Bitrate: 500_000, Width: 640, Height: 360, Layer: 1},
			{Bitrate: 1_500_000, Width: 1280, Height: 720, Layer: 2},
		},
	}
	for i := range tracks {
		s.tracks = append(s.tracks, track{now: -1, next: -1, frameAt: time.Duration(i) * 7 * time.Millisecond})
	}
	return s
}

func (s *simulation) clock() time.Time { return s.epoch.Add(s.at) }

// run goes on until a time.
func (s *simulation) run(until time.Duration) {
	s.t.Helper()
	for ; s.at < until; s.at += time.Millisecond {
		s.deliver()
		if s.at%(50*time.Millisecond) == 0 {
			s.probe()
		}
		if target := s.e.Target(); s.at%(250*time.Millisecond) == 0 || target < s.last {
			s.allocate()
		}
		s.last = s.e.Target()
		s.media()
		s.transmit()
		s.report()
		if s.each != nil {
			s.each()
		}
		if s.trace && s.at%(250*time.Millisecond) == 0 {
			loss, of := s.e.loss.share()
			fmt.Printf("%6.2fs target %5d acked %5.0f queue %4d/%4d ms rise %4d limit %2.0f state %d loss %2.0f%%/%d wait %v tracks",
				s.at.Seconds(), s.e.Target()/1000, s.e.acked.rate(ackedSpan)/1000, s.e.delay.queue/1000,
				s.backlog().Milliseconds(), s.e.delay.rise/1000, s.e.delay.riseLimit/1000, s.e.delay.state, 100*loss, of, s.e.prober.wait/1000)
			for _, k := range s.tracks {
				fmt.Print(" ", k.now)
			}
			fmt.Println()
		}
	}
}

// backlog is how long a packet would now wait.
func (s *simulation) backlog() time.Duration {
	return time.Duration(float64(s.queued) * 8e9 / s.path.rate(s.at))
}

func (s *simulation) send(size int) {
	s.number++
	s.e.Sent(s.number, size, s.clock())
	if s.path.silent != nil && s.path.silent(s.at) || s.backlog() > s.path.limit {
		return
	}
	s.queue = append(s.queue, flying{s.number, size, s.at})
	s.queued += size
}

func (s *simulation) media() {
	if s.at%(20*time.Millisecond) == 0 {
		s.send(160)
	}
	for i := range s.tracks {
		k := &s.tracks[i]
		if k.next != k.now && s.at >= k.switchAt {
			k.now, k.key = k.next, true
		}
		if k.now == len(s.options)-1 {
			k.enough += time.Millisecond
		}
		if s.at < k.frameAt {
			continue
		}
		k.frameAt += time.Second / 30
		if s.keyEvery > 0 && s.at/s.keyEvery != (s.at+time.Second/30)/s.keyEvery {
			k.key = true
		}
		if k.now < 0 {
			continue
		}
		size := float64(s.options[k.now].Bitrate) / 8 / 30 * (0.8 + 0.3*s.random.Float64())
		if k.key {
			size, k.key = size*s.keySize, false
		}
		for ; size > 0; size -= 1200 {
			s.send(int(min(size, 1200)) + 12)
		}
	}
	if in := s.at - s.probeBegin; in < s.probing.Duration && in%(5*time.Millisecond) == 0 && !s.noPadding {
		for s.probeSent < s.probing.Due(in+5*time.Millisecond) {
			s.probeSent += 1200
			s.send(1200)
		}
	}
}

// transmit empties the queue at the rate of the link.
func (s *simulation) transmit() {
	rate := s.path.rate(s.at)
	if s.path.cross != nil {
		rate -= s.path.cross(s.at)
	}
	s.credit = min(s.credit+rate/8000, max(s.path.burst, rate/8000+1500))
	for len(s.queue) > 0 && s.credit >= float64(s.queue[0].size) {
		p := s.queue[0]
		s.queue = s.queue[1:]
		s.queued -= p.size
		s.credit -= float64(p.size)
		if s.random.Float64() < s.path.loss {
			continue
		}
		p.at = s.at + s.path.base
		if s.path.hold != nil {
			p.at += s.path.hold(p.at)
		}
		if n := len(s.air); n > 0 {
			p.at = max(p.at, s.air[n-1].at)
		}
		s.air = append(s.air, p)
	}
}

func (s *simulation) deliver() {
	for len(s.air) > 0 && s.air[0].at <= s.at {
		p := s.air[0]
		s.air = s.air[1:]
		s.received[p.number] = p.at
		if int16(p.number-s.highest) > 0 {
			s.highest = p.number
		}
	}
	for len(s.reports) > 0 && s.reportIn[0] <= s.at {
		s.reports[0]()
		s.reports, s.reportIn = s.reports[1:], s.reportIn[1:]
	}
}

// report sends what the receiver has to say, every 100 ms.
func (s *simulation) report() {
	if s.at < s.reportAt || int16(s.highest-s.reported) < 0 {
		return
	}
	s.reportAt = s.at + 100*time.Millisecond
	var jump time.Duration
	if s.at >= 10*time.Second {
		jump = s.path.jump
	}
	f := makeReport(jump, s.reported, int(s.highest-s.reported)+1, s.count, s.received)
	s.count++
	s.reported = s.highest + 1
	if s.random.Float64() < s.path.loss || s.path.silent != nil && s.path.silent(s.at) {
		return
	}
	in := s.at + s.path.base
	if s.path.untidy && s.count%5 == 0 {
		in += 150 * time.Millisecond
	}
	s.deliverAt(in, f)
	if s.path.untidy && s.count%3 == 0 {
		s.deliverAt(in+80*time.Millisecond, f)
	}
}

// deliverAt lets a report come at a time.
func (s *simulation) deliverAt(at time.Duration, f *rtcp.TransportLayerCC) {
	i := len(s.reports)
	for i > 0 && s.reportIn[i-1] > at {
		i--
	}
	s.reports = slices.Insert(s.reports, i, func() { s.e.Feedback(f, s.clock()) })
	s.reportIn = slices.Insert(s.reportIn, i, at)
}

// makeReport writes a report as a receiver does, and forgets what is in it.
func makeReport(jump time.Duration, base uint16, count int, number uint8, received map[uint16]time.Duration) *rtcp.TransportLayerCC {
	f := &rtcp.TransportLayerCC{BaseSequenceNumber: base, PacketStatusCount: uint16(count), FbPktCount: number}
	// The receiver's clock is another one, and it wraps.
	const shift = (1<<24-100)*64*time.Millisecond + 123*time.Microsecond
	var last time.Duration
	for i := range count {
		at, ok := received[base+uint16(i)]
		symbol := rtcp.TypeTCCPacketNotReceived
		if ok {
			at += shift + jump
			delete(received, base+uint16(i))
			if len(f.RecvDeltas) == 0 {
				f.ReferenceTime = uint32(at/(64*time.Millisecond)) & 0xffffff
				last = at / (64 * time.Millisecond) * (64 * time.Millisecond)
			}
			delta := (at - last).Microseconds() / 250
			last += time.Duration(delta) * 250 * time.Microsecond
			symbol = rtcp.TypeTCCPacketReceivedSmallDelta
			if delta < 0 || delta > 255 {
				symbol = rtcp.TypeTCCPacketReceivedLargeDelta
			}
			f.RecvDeltas = append(f.RecvDeltas, &rtcp.RecvDelta{Type: symbol, Delta: delta * 250})
		}
		if i%7 == 0 {
			f.PacketChunks = append(f.PacketChunks, &rtcp.StatusVectorChunk{
				Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: make([]uint16, 7),
			})
		}
		f.PacketChunks[i/7].(*rtcp.StatusVectorChunk).SymbolList[i%7] = symbol
	}
	return f
}

// allocate gives each track what it gets. Another layer begins with its next
// keyframe.
func (s *simulation) allocate() {
	s.wish()
	s.choices = Allocate(s.e.Target(), s.requests, s.choices)
	for i := range s.tracks {
		k, to := &s.tracks[i], s.choices[i+1].Option
		if to == k.next {
			continue
		}
		k.next, k.switchAt = to, s.at+time.Duration(50+s.random.IntN(200))*time.Millisecond
		if to < 0 {
			k.switchAt = s.at
		}
	}
}

func (s *simulation) wish() {
	s.requests = append(s.requests[:0], Request{Audio: true, Options: []Option{{Bitrate: 64_000}}})
	for _, k := range s.tracks {
		s.requests = append(s.requests, Request{Options: s.options, Current: k.next})
	}
}

func (s *simulation) probe() {
	s.wish()
	if p, ok := s.e.Probe(s.clock(), Wanted(s.requests)); ok {
		if s.trace {
			fmt.Printf("%6.2fs probe %d for %v (wait %v)\n", s.at.Seconds(), p.Rate/1000, p.Duration, s.e.prober.wait/1000)
		}
		s.probing, s.probeBegin, s.probeSent = p, s.at, 0
	}
}

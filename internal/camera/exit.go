package camera

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtp"

	"umbrella/internal/forward"
)

// exit is where packets leave for the room: numbers and timestamps go on over
// all connections of a camera.
type exit struct {
	mu       sync.Mutex
	layer    *forward.Layer // nil while nothing is published
	line     *timeline
	ssrc     uint32
	sequence uint16
	buf      []byte

	wall     *wall     // of the present connection
	reported time.Time // when the layer was told of the clock
	report   report    // the camera's last one
	trusted  bool      // its reports agree with each other
}

// report is a sender report of the camera.
type report struct {
	known bool
	time  time.Time // of the camera's clock
	rtp   uint32    // as it came
}

func newExit(rate uint32) *exit {
	return &exit{line: newTimeline(rate), ssrc: rand.Uint32(), sequence: uint16(rand.Uint32())}
}

// connect begins a connection.
func (e *exit) connect(w *wall) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.line.restart()
	e.wall, e.report, e.trusted = w, report{}, false
}

// lead sets where packets go; nil: nowhere.
func (e *exit) lead(l *forward.Layer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.layer, e.reported = l, time.Time{}
}

// forget drops what is kept for those who come later.
func (e *exit) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.layer != nil {
		e.layer.Forget()
	}
}

// tooLarge tells that what is to be kept for those who come later does not fit.
func (e *exit) tooLarge() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.layer != nil && e.layer.GroupTooLarge()
}

// wanted tells whether somebody watches or hears.
func (e *exit) wanted() bool {
	e.mu.Lock()
	l := e.layer
	e.mu.Unlock()
	return l != nil && l.Subscribers() > 0
}

// stamp begins the packets of one moment. The caller holds mu, here and in
// send.
func (e *exit) stamp(timestamp uint32, now time.Time) uint32 {
	out := e.line.next(timestamp, now)
	if e.layer != nil && !e.trusted && now.Sub(e.reported) >= reportInterval {
		e.reported = now
		e.layer.SetSenderReport(toNTP(e.line.anchor), out, e.line.anchor)
	}
	return out
}

// reportInterval is how often the layer is told of the clock where the camera
// does not tell.
const reportInterval = time.Second

// gap leaves out a number, for what will never come.
func (e *exit) gap() { e.sequence++ }

func (e *exit) send(timestamp uint32, marker bool, payload []byte, now time.Time) {
	h := rtp.Header{
		Version: 2, Marker: marker, PayloadType: 96, SequenceNumber: e.sequence, Timestamp: timestamp, SSRC: e.ssrc,
	}
	e.sequence++
	size := h.MarshalSize()
	if cap(e.buf) < size+len(payload) {
		e.buf = make([]byte, 0, size+len(payload)+64)
	}
	e.buf = e.buf[:size]
	if _, err := h.MarshalTo(e.buf); err != nil {
		return // not with this header
	}
	e.buf = append(e.buf, payload...)
	if e.layer != nil {
		e.layer.Push(e.buf, now)
	}
}

// reports takes a sender report of the camera; at gives what its timestamp is
// on the timeline that stamp was asked with. Cameras report nonsense at times:
// one report is believed once another agrees with it.
func (e *exit) reports(ntp uint64, rtpTime uint32, at func(uint32) (uint32, bool), rate uint32, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	was, is := e.report, report{known: true, time: fromNTP(ntp), rtp: rtpTime}
	e.report = is
	if !was.known {
		return
	}
	passed := is.time.Sub(was.time)
	counted := time.Duration(int64(int32(is.rtp-was.rtp)) * int64(time.Second) / int64(rate))
	e.trusted = passed > 0 && (passed-counted).Abs() < agreement
	if !e.trusted || e.layer == nil {
		return
	}
	inner, ok := at(rtpTime)
	if !ok {
		return
	}
	out, ok := e.line.of(inner)
	if !ok {
		return
	}
	ours := e.wall.ours(is.time, now)
	e.reported = now
	e.layer.SetSenderReport(toNTP(ours), out, ours)
}

// agreement is how much the clocks of two reports may differ.
const agreement = 200 * time.Millisecond

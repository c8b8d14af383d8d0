package camera

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/camera/sound"
)

// voice takes the packets with the sound of one connection.
type voice struct {
	exit *exit
	now  func() time.Time

	mu   sync.Mutex
	path *sound.Path
	last time.Time
	// bad counts packets in a row that could not be decoded.
	bad    int
	read   bool // one could be decoded
	total  uint64
	report bool
}

func newVoice(p *plan, e *exit) (*voice, error) {
	path, err := sound.Open(p.soundFormat)
	if err != nil {
		return nil, err
	}
	return &voice{exit: e, now: time.Now, path: path}, nil
}

// packet takes one packet of the camera.
func (v *voice) packet(pkt *rtp.Packet) {
	now := v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.path == nil {
		return
	}
	v.last = now
	v.total++
	in := sound.Packet{
		Sequence: pkt.SequenceNumber, Timestamp: pkt.Timestamp, Marker: pkt.Marker, Payload: pkt.Payload,
	}
	err := v.path.Push(&in, func(ts uint32, payload []byte) {
		e := v.exit
		e.mu.Lock()
		defer e.mu.Unlock()
		e.send(e.stamp(ts, now), false, payload, now)
	})
	if err != nil {
		v.bad++
	} else {
		v.bad, v.read = 0, true
	}
}

// control takes what the camera reports of the stream.
func (v *voice) control(pkt rtcp.Packet) {
	if sr, ok := pkt.(*rtcp.SenderReport); ok {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.report = true
		if v.path != nil {
			v.exit.reports(sr.NTPTime, sr.RTPTime, v.path.At, v.path.Rate(), v.now())
		}
	}
}

// How many packets in a row cannot be decoded before it is told: once some could, and
// before that. The first ones may be parts of what began earlier.
const (
	unreadable      = 50
	unreadableFirst = 3
)

// state tells when the last packet came, and whether sound can be decoded.
func (v *voice) state() (last time.Time, readable bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last, v.bad < unreadableFirst || v.read && v.bad < unreadable
}

func (v *voice) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.path != nil {
		v.path.Close()
		v.path = nil
	}
}

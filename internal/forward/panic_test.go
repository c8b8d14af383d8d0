package forward

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"umbrella/internal/crash"
)

// A packet on which what reads pictures panics is dropped as one that is malformed;
// nothing stays locked, and the next ones are forwarded.
func TestPanicCostsOnePacket(t *testing.T) {
	l := NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000})
	key := func(seq uint16) []byte {
		return packetBytes(t, rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) * 3000, Marker: true}, append([]byte{0x10, 0x00}, make([]byte, 20)...))
	}
	l.Push(key(1), time.Now())
	before := crash.Count(crash.Media)
	l.reader = nil
	l.Push(key(2), time.Now())
	l.Push(key(3), time.Now())
	st := l.Stats(time.Now())
	if st.Malformed != 1 || st.Packets != 2 || st.Keyframes != 2 || crash.Count(crash.Media) != before+1 {
		t.Errorf("%+v, %d panics are counted", st, crash.Count(crash.Media)-before)
	}
}

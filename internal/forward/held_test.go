package forward

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestSoundThatIsHeldLeavesNoGap(t *testing.T) {
	open := true
	l := NewLayer(LayerConfig{
		MimeType: "audio/opus", ClockRate: 48000, Extensions: ExtensionIDs{AudioLevel: 1},
		Pass: func(uint8, time.Time) bool { return open },
	})
	out, s := &sink{}, &Stream{}
	s.Bind(StreamConfig{Sender: out, SSRC: 1})
	play(s, l, PayloadTypes{Media: 111})
	for i := range uint16(30) {
		open = i < 5 || i >= 25
		h := rtp.Header{Version: 2, SequenceNumber: 65530 + i, Timestamp: uint32(i) * 960}
		if err := h.SetExtension(1, []byte{40}); err != nil {
			t.Fatal(err)
		}
		l.Push(packetBytes(t, h, []byte{1, 2, 3}), t0.Add(time.Duration(i)*20*time.Millisecond))
	}
	numbers := out.numbers()
	if len(numbers) != 10 {
		t.Fatalf("%d packets left", len(numbers))
	}
	for i := range numbers[1:] {
		if numbers[i+1] != numbers[i]+1 {
			t.Errorf("a gap: %v", numbers)
		}
	}
	if d := out.headers[5].Timestamp - out.headers[4].Timestamp; d != 21*960 {
		t.Errorf("the clock went on by %d", d)
	}
	if st := l.Stats(t0); st.Packets != 30 {
		t.Errorf("%+v", st)
	}
}

package forward

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// camera pushes pictures of so many packets each, 25 a second, the first of
// each group a keyframe.
type camera struct {
	t       *testing.T
	layer   *Layer
	packets int
	every   int // pictures a group
	n       int
	seq     uint16
	now     time.Time
}

func newCamera(t *testing.T, every, packets, keep int) *camera {
	return &camera{t: t, every: every, packets: packets, seq: 65000, now: t0,
		layer: NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000, KeepGroup: keep})}
}

func (c *camera) picture() {
	for i := range c.packets {
		payload := make([]byte, 1000)
		payload[0] = 0x10
		if i > 0 {
			payload[0] = 0
		} else if c.n%c.every > 0 {
			payload[1] = 1
		}
		payload[2], payload[3] = byte(c.n>>8), byte(c.n)
		h := rtp.Header{SequenceNumber: c.seq, Timestamp: uint32(c.n) * 3600, Marker: i == c.packets-1}
		c.seq++
		c.layer.Push(packetBytes(c.t, h, payload), c.now)
	}
	c.n++
	c.now = c.now.Add(40 * time.Millisecond)
}

func (c *camera) viewer() (*sink, *Stream) {
	out, s := &sink{}, &Stream{}
	s.Bind(StreamConfig{Sender: out, SSRC: 1})
	play(s, c.layer, PayloadTypes{Media: 96})
	return out, s
}

// check looks whether what left begins with a keyframe and has every picture
// since, in order, with numbers and timestamps that only rise.
func (c *camera) check(out *sink, first int) {
	c.t.Helper()
	want := first
	for i, h := range out.headers {
		if i > 0 && h.SequenceNumber != out.headers[i-1].SequenceNumber+1 {
			c.t.Fatalf("number %d follows %d", h.SequenceNumber, out.headers[i-1].SequenceNumber)
		}
		if i > 0 && int32(h.Timestamp-out.headers[i-1].Timestamp) < 0 {
			c.t.Fatalf("timestamp %d follows %d", h.Timestamp, out.headers[i-1].Timestamp)
		}
		if p := out.payloads[i]; p[0] == 0x10 {
			if n := int(p[2])<<8 | int(p[3]); n != want {
				c.t.Fatalf("picture %d left where %d was to", n, want)
			}
			if i > 0 && h.Timestamp == out.headers[i-1].Timestamp {
				c.t.Fatalf("picture %d has the timestamp of the one before", want)
			}
			want++
		}
	}
	if want != c.n {
		c.t.Fatalf("pictures up to %d of %d left", want, c.n)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 5 s")
		}
	}
}

// caught tells that a stream has come to the present.
func (s *Stream) caught() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.playing != nil && !s.catching.on
}

func TestGroupIsThereAtOnce(t *testing.T) {
	c := newCamera(t, 250, 8, 4<<20)
	for range 200 { // 8 s
		c.picture()
	}
	out, s := c.viewer()
	c.picture()
	if n := len(out.headers); n == 0 || n > catchUpPackets {
		t.Errorf("%d packets left at once", n)
	}
	waitFor(t, s.caught)
	if n := len(out.headers); n != 201*8 {
		t.Fatalf("%d packets", n)
	}
	c.check(out, 0)
	span := out.headers[199*8].Timestamp - out.headers[0].Timestamp
	if span > 90000*catchUpTime {
		t.Errorf("8 s take %d ms", span/90)
	}
	for range 5 {
		c.picture()
	}
	c.check(out, 0)
	if d := out.headers[len(out.headers)-1].Timestamp - out.headers[len(out.headers)-9].Timestamp; d != 3600 {
		t.Errorf("then pictures follow each other by %d", d)
	}
	// All of it can be asked for again.
	if s.Resend(out.headers[3].SequenceNumber, c.now) == 0 {
		t.Error("a packet of the keyframe cannot be had again")
	}
}

func TestPicturesComeWhileOneCatchesUp(t *testing.T) {
	c := newCamera(t, 1000, 20, 8<<20)
	for range 250 {
		c.picture()
	}
	out, s := c.viewer()
	for !s.caught() {
		c.picture()
		if c.n > 600 {
			t.Fatal("it never catches up")
		}
	}
	for range 3 {
		c.picture()
	}
	c.check(out, 0)
}

func TestGroupThatIsTooLargeIsNotKept(t *testing.T) {
	c := newCamera(t, 100, 8, 100_000)
	for range 50 {
		c.picture()
	}
	out, s := c.viewer()
	c.picture()
	if len(out.headers) != 0 {
		t.Error("half a group left")
	}
	for c.n < 110 {
		c.picture()
	}
	if !s.caught() {
		t.Fatal("it did not begin with the next keyframe")
	}
	c.check(out, 100)
	if n := c.layer.history.kept; n > 512 {
		t.Errorf("%d packets are kept", n)
	}
}

func TestGroupThatIsTooLargeIsTold(t *testing.T) {
	c := newCamera(t, 100, 8, 100_000)
	c.picture()
	if c.layer.GroupTooLarge() {
		t.Error("it is told before it is so")
	}
	for c.n < 101 {
		c.picture()
	}
	if !c.layer.GroupTooLarge() {
		t.Error("it is forgotten with the next keyframe")
	}
	// The camera is set to a keyframe every five pictures.
	c.every = 5
	for c.n < 112 {
		c.picture()
	}
	if c.layer.GroupTooLarge() {
		t.Error("it is told of groups that fit")
	}
	// So many packets that the ring of the history cannot hold them.
	c = newCamera(t, 20_000, 8, MaxKeepGroup*100)
	for c.n < maxGroupSlots/4 {
		c.picture()
	}
	if !c.layer.GroupTooLarge() || c.layer.recent(time.Now()) {
		t.Error("more packets are counted on than are kept")
	}
}

func TestGroupWithPaddingInIt(t *testing.T) {
	c := newCamera(t, 100, 4, 4<<20)
	for range 20 {
		c.picture()
		// A browser that probes its path sends packets of padding alone.
		b := packetBytes(t, rtp.Header{SequenceNumber: c.seq, Timestamp: uint32(c.n-1) * 3600}, []byte{0, 0, 3})
		b[0] |= 0x20
		c.layer.Push(b, c.now)
		c.seq++
	}
	out, s := c.viewer()
	c.picture()
	waitFor(t, s.caught)
	c.check(out, 0)
	c.picture()
	c.check(out, 0)
}

func TestPacketIsLostWhileOneCatchesUp(t *testing.T) {
	c := newCamera(t, 1000, 20, 8<<20)
	for range 100 {
		c.picture()
	}
	out, s := c.viewer()
	c.picture()
	c.seq++ // lost
	c.picture()
	waitFor(t, s.caught)
	was := len(out.headers)
	c.picture()
	if n := len(out.headers) - was; n != 20 {
		t.Errorf("%d packets of the next picture left", n)
	}
}

func TestOtherLayerWhileOneCatchesUp(t *testing.T) {
	a, b := newCamera(t, 1000, 20, 8<<20), newCamera(t, 1000, 2, 0)
	b.seq = 20000
	for range 100 {
		a.picture()
	}
	out, s := &sink{}, &Stream{}
	s.Bind(StreamConfig{Sender: out, SSRC: 1})
	src := &Source{}
	src.Add(a.layer)
	src.Add(b.layer)
	s.Play(src, PayloadTypes{Media: 96})
	s.Aim(a.layer, all, all)
	a.picture() // it begins, and is far behind
	s.Aim(b.layer, all, all)
	b.picture()
	s.mu.Lock()
	was := len(out.headers)
	s.mu.Unlock()
	for range 10 {
		b.picture()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(out.headers) - was; n != 20 {
		t.Errorf("%d packets of the other layer left", n)
	}
}

func TestGroupWithAGapIsNotShown(t *testing.T) {
	c := newCamera(t, 100, 8, 4<<20)
	for range 20 {
		c.picture()
	}
	c.seq++ // lost
	c.picture()
	out, _ := c.viewer()
	c.picture()
	if len(out.headers) != 0 {
		t.Error("pictures left that cannot be decoded")
	}
}

// What is lost on the way and comes when it is asked for makes the group whole.
func TestGroupIsMended(t *testing.T) {
	c := newCamera(t, 100, 1, 4<<20)
	for range 20 {
		c.picture()
	}
	late := c.late()
	c.picture()
	out, s := c.viewer()
	c.picture()
	if len(out.headers) != 0 {
		t.Error("pictures left that cannot be decoded")
	}
	c.layer.Push(late, c.now)
	c.picture()
	waitFor(t, s.caught)
	c.check(out, 0)
}

// late makes a picture of one packet, and does not push it.
func (c *camera) late() []byte {
	payload := make([]byte, 1000)
	payload[0], payload[1], payload[2], payload[3] = 0x10, 1, byte(c.n>>8), byte(c.n)
	b := packetBytes(c.t, rtp.Header{SequenceNumber: c.seq, Timestamp: uint32(c.n) * 3600, Marker: true}, payload)
	c.seq++
	c.n++
	return b
}

func TestReceiverThatLostThePictureGetsTheGroupAgain(t *testing.T) {
	t.Run("browser", func(t *testing.T) { testGroupAgain(t, (*Stream).RequestKeyframe) })
	t.Run("node", func(t *testing.T) { testGroupAgain(t, (*Stream).PassKeyframeRequest) })
}

func testGroupAgain(t *testing.T, ask func(*Stream)) {
	c := newCamera(t, 1000, 4, 4<<20)
	for range 10 {
		c.picture()
	}
	out, s := c.viewer()
	c.picture()
	waitFor(t, s.caught)
	c.check(out, 0)
	n := len(out.headers)
	ask(s)
	c.picture()
	if len(out.headers) != n+4 {
		t.Error("the group left again at once: a receiver could have it all the time")
	}
	s.mu.Lock()
	s.catching.began = time.Now().Add(-againAfter)
	s.mu.Unlock()
	ask(s)
	c.picture()
	waitFor(t, s.caught)
	again := &sink{headers: out.headers[n+4:], payloads: out.payloads[n+4:]}
	c.check(again, 0)
	if int32(again.headers[0].Timestamp-out.headers[n+3].Timestamp) <= 0 {
		t.Error("timestamps go back")
	}
}

func TestLiveKeyframeOfAMomentAgo(t *testing.T) {
	c := newCamera(t, 1000, 4, 0)
	for range 10 { // 0.4 s
		c.picture()
	}
	out, s := c.viewer()
	c.picture()
	waitFor(t, s.caught)
	c.check(out, 0)
	for range 30 {
		c.picture()
	}
	late, _ := c.viewer()
	c.picture()
	if len(late.headers) != 0 {
		t.Error("a keyframe of more than a second ago was shown")
	}
}

func TestTickSendsWhatWaits(t *testing.T) {
	l := NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000, Ticked: true})
	out, s := &sink{}, &Stream{}
	s.Bind(StreamConfig{Sender: out, SSRC: 1})
	play(s, l, PayloadTypes{Media: 96})
	l.Push(packetBytes(t, rtp.Header{SequenceNumber: 1}, key), t0) // its end is lost
	if len(out.headers) != 0 {
		t.Error("it did not wait for the rest")
	}
	l.Tick()
	l.Tick()
	if len(out.headers) != 1 {
		t.Errorf("%d packets left", len(out.headers))
	}
}

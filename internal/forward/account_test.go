package forward

import (
	"runtime"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// source is a publisher's layer that gets packets at a rate, on a clock of its own.
type source struct {
	t     *testing.T
	layer *Layer
	raw   []byte
	n     int
	now   time.Time
}

// newSource makes a layer of VP8 with one more account, or with that of another.
func newSource(t *testing.T, h *Histories, of *source, keep int) *source {
	a := h.Account()
	if of != nil {
		a = of.layer.cfg.Account
	}
	s := &source{t: t, now: t0, layer: NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000, Account: a, KeepGroup: keep, Ticked: true})}
	s.raw = packetBytes(t, rtp.Header{Version: 2, Marker: true}, make([]byte, 1200))
	t.Cleanup(s.layer.Close)
	return s
}

// view has somebody take the layer.
func (s *source) view() (*sink, *Stream) {
	out, st := &sink{}, &Stream{}
	st.Bind(StreamConfig{Sender: out, SSRC: 1})
	play(st, s.layer, PayloadTypes{Media: 96})
	return out, st
}

// send pushes pictures of one packet for so long, 100 a second: 960 kbit/s. key says
// that the first is a keyframe.
func (s *source) send(d time.Duration, key bool) {
	for until := s.now.Add(d); s.now.Before(until); s.now = s.now.Add(10 * time.Millisecond) {
		s.raw[2], s.raw[3] = byte(s.n>>8), byte(s.n)
		ts := uint32(s.n) * 900
		s.raw[4], s.raw[5], s.raw[6], s.raw[7] = byte(ts>>24), byte(ts>>16), byte(ts>>8), byte(ts)
		s.raw[12], s.raw[13] = 0x10, 1
		if key {
			s.raw[13], key = 0, false
		}
		s.layer.Push(s.raw, s.now)
		s.n++
	}
}

// handTidied is a node's memory that is tidied by the test, whose packets have times
// of their own.
func handTidied() *Histories {
	h := &Histories{}
	h.timer = time.AfterFunc(time.Hour, h.tidy)
	return h
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Many tracks of one publisher that fall silent leave the memory where it was: the
// clock gives it back, and no packet has to come for that.
func TestSilentTracksGiveTheirMemoryBack(t *testing.T) {
	h := handTidied()
	var all []*source
	for range 63 {
		s := newSource(t, h, nil, 0)
		st := &Stream{}
		st.Bind(StreamConfig{Sender: discard{}, SSRC: 1})
		play(st, s.layer, PayloadTypes{Media: 96})
		s.now = time.Now()
		all = append(all, s)
	}
	all[0].send(10*time.Millisecond, true) // what a stream takes once it has begun
	was := heap()
	now := time.Now()
	for _, s := range all {
		s.now = now // all of it is of the last second
		for range 900 {
			s.send(10*time.Millisecond, true)
			s.now = now
		}
	}
	if used, grown := h.Pool.Used(), int64(heap()-was); used < 60<<20 || grown < 60<<20 {
		t.Fatalf("%d MiB are counted, and the heap has grown by %d MiB: the test sends too little", used>>20, grown>>20)
	}
	h.mu.Lock()
	h.timer.Reset(0) // from here on by the clock
	h.mu.Unlock()
	waitFor(t, func() bool { return h.Pool.Used() == 0 })
	// Streams remember the numbers of what they have sent: 20 KiB each.
	if grown := int64(heap() - was); grown > 4<<20 {
		t.Errorf("%d KiB are left of what silent tracks took", grown>>10)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.layers) != 0 {
		t.Errorf("%d silent layers are looked after", len(h.layers))
	}
	runtime.KeepAlive(all)
}

// discard is a Sender that keeps nothing.
type discard struct{}

func (discard) SendRTP(*rtp.Header, []byte) error { return nil }
func (discard) Flush()                            {}

// What is counted is what is kept: no more, no less, whatever comes and goes.
func TestHistoryIsCounted(t *testing.T) {
	h := handTidied()
	s := newSource(t, h, nil, 1<<20)
	s.view()
	counted := func() {
		t.Helper()
		var bytes int64
		for _, sl := range append(append([]*slot{}, s.layer.history.ring...), s.layer.history.free...) {
			if sl != nil {
				bytes += slotBytes + int64(cap(sl.payload))
			}
		}
		bytes += int64(len(s.layer.history.ring)) * placeBytes
		if got := s.layer.cfg.Account.Bytes(); got != bytes || got != h.Pool.Used() || got != s.layer.history.bytes {
			t.Fatalf("%d bytes are kept, %d counted for the publisher and %d for the node", bytes, got, h.Pool.Used())
		}
	}
	for i := range 30 {
		s.send(time.Duration(i%7)*300*time.Millisecond, i%5 == 0)
		counted()
		if i%4 == 0 {
			s.n += i * 1000 // its numbers begin anew
		}
		if i == 15 {
			h.Pool.SetMost(200 << 10)
		}
		s.layer.tidy(s.now)
		counted()
	}
	s.layer.Forget()
	counted()
	if h.Pool.Used() != 0 {
		t.Error("something is left of what was forgotten")
	}
}

// The publishers that send the most share what there is, and leave enough for one
// that sends little.
func TestLoudPublishersPay(t *testing.T) {
	const most = 2 << 20
	h := handTidied()
	h.Pool.SetMost(most)
	var loud []*source
	for range 6 {
		s := newSource(t, h, nil, 8<<20)
		s.view()
		loud = append(loud, s)
	}
	for i := range 100 { // 10 s, 12 MB
		for _, s := range loud {
			s.send(100*time.Millisecond, i == 0)
		}
	}
	if used := h.Pool.Used(); used > most {
		t.Errorf("%d KiB of %d are kept", used>>10, most>>10)
	}
	quiet := newSource(t, h, nil, 0)
	quiet.now = loud[0].now
	out, st := quiet.view()
	for range 10 {
		for _, s := range loud {
			s.send(100*time.Millisecond, false)
			s.layer.tidy(s.now)
		}
		quiet.send(100*time.Millisecond, true)
		quiet.layer.tidy(quiet.now)
	}
	if used := h.Pool.Used(); used > most {
		t.Errorf("%d KiB of %d are kept with one more", used>>10, most>>10)
	}
	if n := quiet.layer.history.kept; n < 95 {
		t.Errorf("of one that sends little %d packets of the last second's 100 are kept", n)
	}
	if st.Resend(out.headers[len(out.headers)-90].SequenceNumber, quiet.now) == 0 {
		t.Error("what it sent 0.9 s ago cannot be had again")
	}
	if h.Pool.Refused() == 0 {
		t.Error("it is not counted that something was not kept")
	}
}

// What is only there to be sent again makes room for the groups of pictures that
// others begin with.
func TestHistoryGivesWayToGroups(t *testing.T) {
	h := handTidied()
	group := newSource(t, h, nil, 1<<20)
	live := newSource(t, h, group, 0)
	group.view()
	live.view()
	h.Pool.SetMost(2 * 500 << 10) // the publisher may keep 500 KiB
	group.send(10*time.Millisecond, true)
	live.send(time.Second, true)
	if n := live.history(); n != 100 {
		t.Fatalf("%d packets of the last second are kept", n)
	}
	for range 30 { // 3 s, of 1.4 KiB 300 times
		group.send(100*time.Millisecond, false)
		live.send(100*time.Millisecond, false)
		live.layer.tidy(live.now)
		group.layer.tidy(group.now)
	}
	if !group.layer.group.whole() || group.history() != 301 {
		t.Errorf("%d packets of the group are kept", group.history())
	}
	if n := live.history(); n == 0 || n > 60 {
		t.Errorf("%d packets are kept that have only been sent", n)
	}
	if b := group.layer.cfg.Account.Bytes(); b > 500<<10 {
		t.Errorf("%d KiB are kept of 500", b>>10)
	}
	// A group that does not fit is not kept at all, and said to be too large.
	for range 20 {
		group.send(100*time.Millisecond, false)
		live.send(100*time.Millisecond, false)
		live.layer.tidy(live.now)
		group.layer.tidy(group.now)
	}
	if !group.layer.GroupTooLarge() || group.layer.recent(time.Now()) {
		t.Error("a group that does not fit is counted on")
	}
	if n := live.history(); n < 90 {
		t.Errorf("%d packets of the last second are kept without it", n)
	}
}

func (s *source) history() int { return s.layer.history.kept }

// Of a layer that nobody takes nothing is kept but the group with which one who comes
// gets a picture at once.
func TestNothingIsKeptForNobody(t *testing.T) {
	h := handTidied()
	asked := 0
	s := newSource(t, h, nil, 0)
	s.layer.cfg.RequestKeyframe = func() { asked++ }
	s.now = time.Now()
	s.send(400*time.Millisecond, true)
	s.layer.tidy(s.now)
	if n := s.history(); n != 40 {
		t.Errorf("%d packets since the keyframe are kept of 40", n)
	}
	out, st := s.view()
	s.send(10*time.Millisecond, false)
	if n := len(out.headers); n != 41 || asked != 0 {
		t.Errorf("the first to come gets %d packets at once, and %d keyframes were asked for", n, asked)
	}
	st.Stop()
	s.send(10*time.Millisecond, false)
	s.send(700*time.Millisecond, false)
	s.layer.tidy(s.now)
	if n, b := s.history(), h.Pool.Used(); n != 0 || b != 0 {
		t.Errorf("%d packets and %d bytes are kept for nobody", n, b)
	}
	s.send(10*time.Millisecond, false)
	if b := h.Pool.Used(); b != 0 {
		t.Errorf("%d bytes are kept of what comes for nobody", b)
	}
	late, _ := s.view()
	if asked != 1 {
		t.Errorf("for the next to come %d keyframes were asked for", asked)
	}
	s.send(10*time.Millisecond, true)
	if len(late.headers) != 1 {
		t.Errorf("%d packets left with the keyframe", len(late.headers))
	}
	// Sound has nothing to begin with.
	sound := NewLayer(LayerConfig{MimeType: "audio/opus", ClockRate: 48000, Account: h.Account()})
	defer sound.Close()
	was := h.Pool.Used()
	sound.Push(s.raw, s.now)
	if h.Pool.Used() != was || sound.Stats(s.now).Packets != 1 {
		t.Error("sound is kept for nobody, or not counted")
	}
}

// After a fast time, a slow one gives the memory of the fast one back.
func TestHistoryShrinks(t *testing.T) {
	h := handTidied()
	s := newSource(t, h, nil, 0)
	s.view()
	for range 2000 { // all within one second
		s.send(10*time.Millisecond, true)
		s.now = s.now.Add(-9500 * time.Microsecond)
	}
	if places := len(s.layer.history.ring); places != maxHistorySlots {
		t.Fatalf("%d places", places)
	}
	for range 6 {
		s.send(tidyInterval, false)
		s.layer.tidy(s.now)
	}
	hist := &s.layer.history
	if len(hist.ring) > 512 || len(hist.free) > 10 || hist.kept > 101 {
		t.Errorf("%d places and %d free ones for %d packets", len(hist.ring), len(hist.free), hist.kept)
	}
	if hist.get(uint16(s.n-1)) == nil || hist.get(uint16(s.n-95)) == nil {
		t.Error("the last second is not there")
	}
}

// Where there is no memory at all, what is on its way still leaves.
func TestWithoutMemoryPicturesLeave(t *testing.T) {
	h := handTidied()
	h.Pool.SetMost(1)
	c := newCamera(t, 50, 30, 0)
	c.layer.cfg.Account = h.Account()
	c.layer.history.account = c.layer.cfg.Account
	t.Cleanup(c.layer.Close)
	out, _ := c.viewer()
	for range 100 {
		c.picture()
		if n := c.layer.history.kept; n > maxBurst {
			t.Fatalf("%d packets are kept where there is no memory", n)
		}
	}
	c.check(out, 0)
	if len(out.headers) != 3000 {
		t.Errorf("%d of 3000 packets left", len(out.headers))
	}
}

// In the 16 MiB of a machine of 128 MiB, four cameras of 2 Mbit/s with a keyframe every
// 10 s have their pictures kept, or twenty with one every 2 s, beside a call of four in
// 720p, of which the last second is kept.
func TestWhatASmallMachineKeeps(t *testing.T) {
	for _, c := range []struct{ cameras, seconds int }{{4, 10}, {20, 2}} {
		h := handTidied()
		h.Pool.SetMost(16 << 20)
		var cameras, call []*source
		for range c.cameras {
			cameras = append(cameras, newSource(t, h, nil, DefaultKeepGroup))
		}
		for range 4 {
			s := newSource(t, h, nil, 0)
			st := &Stream{}
			st.Bind(StreamConfig{Sender: discard{}, SSRC: 1})
			play(st, s.layer, PayloadTypes{Media: 96})
			call = append(call, s)
		}
		for half := range 3 * c.seconds * 2 { // three groups and a half, by half seconds
			for _, s := range cameras {
				// 2.1 packets in 10 ms are 2 Mbit/s.
				for i := range 105 {
					s.send(10*time.Millisecond, i == 0 && half%(2*c.seconds) == 0)
					s.now = s.now.Add(-10*time.Millisecond + 500*time.Millisecond/105)
				}
			}
			for _, s := range call {
				for range 115 { // 2.2 Mbit/s of all encodings
					s.send(10*time.Millisecond, half == 0)
					s.now = s.now.Add(-10*time.Millisecond + 500*time.Millisecond/115)
				}
			}
			for _, s := range append(cameras, call...) {
				s.layer.tidy(s.now)
			}
			if half%(2*c.seconds) != 2*c.seconds-1 {
				continue
			}
			for i, s := range cameras {
				if n := s.history(); !s.layer.group.whole() || n < 210*c.seconds {
					t.Errorf("%d cameras: of number %d, %d of %d packets are kept", c.cameras, i, n, 210*c.seconds)
				}
			}
			for _, s := range call {
				if n := s.history(); n < 225 {
					t.Errorf("%d cameras: %d packets of the call's last second are kept", c.cameras, n)
				}
			}
		}
		for _, s := range append(cameras, call...) {
			s.layer.Close()
		}
	}
}

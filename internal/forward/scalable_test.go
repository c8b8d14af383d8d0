package forward

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// scalable makes the pictures of one encoding, in spatial and temporal layers:
// a frame builds on the newest one of a lower temporal layer (or the lowest) in
// its own spatial layer, and on the spatial layer below. All its numbers begin
// near their wraps.
type scalable struct {
	mime              string
	spatial, temporal int
	layer             *Layer
	seq, picture      uint16
	tl0               uint8
	number            uint16 // of the frame, for a Dependency Descriptor
	ts                uint32
	n                 int // pictures since the keyframe
	frames            *[]frame
	newest            [2][3]int // frame of each layer
	keyIn             atomic.Int32
}

// frame is what is true of one.
type frame struct {
	spatial, temporal int
	key               bool // a decoder can begin here
	refs              []int
	parts             int
	picture           int // a number of its own
}

const dependencyID = 5

// trailer ends each payload: the index of the frame, and which part of it this is.
const trailer = 6

func (e *scalable) encode(random *rand.Rand) (packets [][]byte) {
	key := false
	if e.n > 40 {
		e.keyIn.CompareAndSwap(-1, int32(random.IntN(20)))
	}
	if e.keyIn.Load() >= 0 && e.keyIn.Add(-1) < 0 {
		key, e.n = true, 0
	}
	t := 0
	if e.temporal == 3 && !key {
		t = int(pattern[e.n%len(pattern)])
	}
	if t == 0 {
		e.tl0++
	}
	e.picture = (e.picture + 1) & 0x7fff
	for s := range e.spatial {
		id := len(*e.frames)
		f := frame{spatial: s, temporal: t, key: key && s == 0, parts: 1 + random.IntN(2), picture: id - s}
		if !key {
			was := -1
			for lower := range max(t, 1) {
				was = max(was, e.newest[s][lower])
			}
			f.refs = append(f.refs, was)
		}
		if s > 0 {
			f.refs = append(f.refs, id-1)
		}
		if key {
			e.newest[s] = [3]int{-1, -1, -1}
		}
		e.newest[s][t] = id
		*e.frames = append(*e.frames, f)
		for part := range f.parts {
			packets = append(packets, e.packet(&f, id, part, key))
			e.seq++
		}
		e.number++
	}
	e.n++
	e.ts += 3000
	return packets
}

func (e *scalable) packet(f *frame, id, part int, key bool) []byte {
	first, last := part == 0, part == f.parts-1
	h := rtp.Header{Version: 2, SequenceNumber: e.seq, Timestamp: e.ts, Marker: last && f.spatial == e.spatial-1}
	var d []byte
	switch e.mime {
	case "video/VP9": // RFC 9628 §4.2
		d = []byte{0xa0, 0x80 | byte(e.picture>>8), byte(e.picture), byte(f.temporal<<5 | 0x10 | f.spatial<<1), e.tl0}
		if !key {
			d[0] |= 0x40
		}
		if f.spatial > 0 {
			d[3] |= 1
		}
		if first {
			d[0] |= 8
			if f.key {
				d[0] |= 2
				d = append(d, byte(e.spatial-1)<<5)
			}
		}
		if last {
			d[0] |= 4
		}
	case "video/H264":
		d = []byte{0x61, 0x9a} // a slice, the first of its picture
		if f.key {
			d[0] = 0x65
		}
		if !first {
			d[1] = 0x40
		}
	case "video/AV1":
		d = []byte{0x10, 0x30, 0}
		h.Extension, h.ExtensionProfile = true, twoByteProfile
		if err := h.SetExtension(dependencyID, e.descriptor(f, id, first, last)); err != nil {
			panic(err)
		}
	}
	d = append(d, byte(id>>24), byte(id>>16), byte(id>>8), byte(id), byte(part), 0xff)
	b, err := (&rtp.Packet{Header: h, Payload: d}).Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// field writes the lowest bits of a number behind those that there are.
type field struct {
	b []byte
	n int
}

func (w *field) write(bits int, v uint32) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// descriptor writes a Dependency Descriptor (AV1 RTP Appendix A.8): a template
// for each layer, and what each frame builds on said with it.
func (e *scalable) descriptor(f *frame, id int, first, last bool) []byte {
	var w field
	flag := func(v bool) {
		if v {
			w.write(1, 1)
		} else {
			w.write(1, 0)
		}
	}
	flag(first)
	flag(last)
	w.write(6, uint32(f.spatial*e.temporal+f.temporal))
	w.write(16, uint32(e.number))
	structure := f.key && first
	flag(structure)
	w.write(1, 0) // active_decode_targets_present_flag
	w.write(1, 1) // custom_dtis_flag
	w.write(1, 1) // custom_fdiffs_flag
	w.write(1, 0) // custom_chains_flag
	dtis := func(s, t int, key bool) {
		for ts := range e.spatial {
			for tt := range e.temporal {
				switch {
				case s > ts || t > tt:
					w.write(2, 0)
				case s == ts && t > 0 && t == tt:
					w.write(2, 1) // discardable
				case s == ts || key:
					w.write(2, 2) // switch
				default:
					w.write(2, 3) // required
				}
			}
		}
	}
	if structure {
		w.write(6, 0) // template_id_offset
		w.write(5, uint32(e.spatial*e.temporal-1))
		for i := range e.spatial * e.temporal {
			switch {
			case i == e.spatial*e.temporal-1:
				w.write(2, 3)
			case (i+1)%e.temporal == 0:
				w.write(2, 2)
			default:
				w.write(2, 1)
			}
		}
		for s := range e.spatial {
			for t := range e.temporal {
				dtis(s, t, false)
			}
		}
		for range e.spatial * e.temporal {
			w.write(1, 0) // fdiff_follows_flag
		}
		// chain_cnt 0 of DtCnt+1 values
		bits := 0
		for (e.spatial*e.temporal+1)>>bits != 0 {
			bits++
		}
		w.write(bits-1, 0)
		w.write(1, 0) // resolutions_present_flag
	}
	dtis(f.spatial, f.temporal, f.key || len(f.refs) == 1 && f.refs[0] == id-1 && f.spatial > 0)
	for _, r := range f.refs {
		w.write(2, 2)
		w.write(8, uint32(id-r-1))
	}
	w.write(2, 0)
	return w.b
}

// out is a packet as it left.
type out struct {
	number uint16
	marker bool
	id     int // frame; -1: it is empty
	part   int
}

type taker struct{ list []out }

func (r *taker) SendRTP(h *rtp.Header, payload []byte) error {
	o := out{number: h.SequenceNumber, marker: h.Marker, id: -1}
	if n := len(payload) - trailer; n > 0 {
		o.id, o.part = int(binary.BigEndian.Uint32(payload[n:])), int(payload[n+4])
	}
	r.list = append(r.list, o)
	return nil
}

func (r *taker) Flush() {}

type structureCase struct {
	name              string
	mime              string
	encodings         int
	spatial, temporal int
}

// scalableRun sends for a while, while it is chosen anew again and again what is
// to leave. With loss, what was lost comes a little later, in another order, as
// what was asked for again does; then the encoding stays the same.
func (c *structureCase) scalableRun(seed uint64, loss float64) (*taker, []frame) {
	random := rand.New(rand.NewPCG(seed, 2))
	var frames []frame
	src := &Source{}
	var encoders []*scalable
	for range c.encodings {
		e := &scalable{
			mime: c.mime, spatial: c.spatial, temporal: c.temporal, frames: &frames,
			seq: uint16(65500 + random.IntN(36)), number: uint16(65500 + random.IntN(36)),
			ts: ^uint32(0) - uint32(random.IntN(200000)), picture: uint16(0x7ff0 + random.IntN(15)), tl0: uint8(250 + random.IntN(6)),
		}
		e.layer = NewLayer(LayerConfig{
			MimeType: c.mime, ClockRate: 90000, Extensions: ExtensionIDs{Dependency: dependencyID}, Ticked: true,
			RequestKeyframe: func() { e.keyIn.CompareAndSwap(-1, 3) },
		})
		src.Add(e.layer)
		encoders = append(encoders, e)
	}
	r, s := &taker{}, &Stream{}
	s.Bind(StreamConfig{Sender: r, SSRC: 1, Extensions: StreamExtensions{Dependency: dependencyID}})
	s.Play(src, PayloadTypes{Media: 96})
	type delayed struct {
		e   *scalable
		raw []byte
		at  int
	}
	var later []delayed
	now := time.Now()
	chosen := encoders[random.IntN(len(encoders))]
	for turn := range 300 {
		now = now.Add(33 * time.Millisecond)
		if turn == 0 || random.IntN(20) == 0 {
			if loss == 0 {
				chosen = encoders[random.IntN(len(encoders))]
			}
			s.Aim(chosen.layer, uint8(random.IntN(c.spatial)), uint8(random.IntN(c.temporal)))
		}
		if loss == 0 && random.IntN(100) == 0 {
			s.SetPaused(true)
		} else if random.IntN(4) == 0 {
			s.SetPaused(false)
		}
		for _, e := range encoders {
			for i, raw := range e.encode(random) {
				if random.Float64() < loss && !(turn == 0 && i == 0) {
					later = append(later, delayed{e, raw, turn + random.IntN(4)})
				} else {
					e.layer.Push(raw, now)
				}
			}
		}
		rest := later[:0]
		for _, i := range random.Perm(len(later)) {
			if d := later[i]; d.at <= turn || turn == 299 {
				d.e.layer.Push(d.raw, now)
			}
		}
		for _, d := range later {
			if d.at > turn && turn < 299 {
				rest = append(rest, d)
			}
		}
		later = rest
		for _, e := range encoders {
			e.layer.Tick()
		}
	}
	src.Close()
	s.Unbind()
	return r, frames
}

// check looks whether every frame that left can be decoded by then or, once what
// was lost has come, at all, and whether its numbers are without a gap.
func (r *taker) check(frames []frame, whole bool) error {
	if len(r.list) < 50 {
		return fmt.Errorf("%d packets left", len(r.list))
	}
	first := r.list[0].number
	seen := map[uint16]bool{}
	newest := uint16(0)
	parts := map[int]int{} // of each frame, one bit each
	for i, o := range r.list {
		at := o.number - first
		if seen[at] {
			return fmt.Errorf("packet %d: number %d left twice", i, o.number)
		}
		seen[at] = true
		newest = max(newest, at)
		if whole && int(at) != i {
			return fmt.Errorf("packet %d has number %d after %d", i, o.number, first)
		}
		if o.id >= 0 {
			parts[o.id] |= 1 << o.part
		}
	}
	if len(seen) != int(newest)+1 {
		return fmt.Errorf("%d of %d numbers are missing in the end", int(newest)+1-len(seen), int(newest)+1)
	}
	complete := func(id int) bool { return parts[id] == 1<<frames[id].parts-1 }
	decoded := map[int]bool{}
	for i, o := range r.list {
		if o.id < 0 {
			continue
		}
		f := frames[o.id]
		if i > 0 && whole && r.list[i-1].id >= 0 && frames[r.list[i-1].id].picture != f.picture && !r.list[i-1].marker {
			return fmt.Errorf("packet %d: the picture before it has no end", i)
		}
		if f.key && whole && o.part == 0 {
			clear(decoded) // of another encoding, perhaps
		}
		if !complete(o.id) {
			return fmt.Errorf("packet %d: of frame %d %+v not all has left: %b", i, o.id, f, parts[o.id])
		}
		for _, ref := range f.refs {
			if whole && !decoded[ref] || !complete(ref) {
				return fmt.Errorf("packet %d: frame %d %+v builds on %d %+v, of which has left: %b", i, o.id, f, ref, frames[ref], parts[ref])
			}
		}
		decoded[o.id] = true
	}
	return nil
}

// TestEveryFrameThatLeavesIsDecodable holds, for many random runs of what browsers
// send other than VP8, what a receiver relies on.
func TestEveryFrameThatLeavesIsDecodable(t *testing.T) {
	for _, c := range []structureCase{
		{"VP9 L2T3", "video/VP9", 1, 2, 3},
		{"AV1 L1T3", "video/AV1", 1, 1, 3},
		{"AV1 L2T3", "video/AV1", 1, 2, 3},
		{"H.264 simulcast", "video/H264", 3, 1, 1},
	} {
		for _, loss := range []float64{0, 0.05} {
			t.Run(fmt.Sprint(c.name, ", loss ", loss), func(t *testing.T) {
				packets, left := 0, [2][3]int{}
				for seed := range uint64(60) {
					r, frames := c.scalableRun(seed, loss)
					if err := r.check(frames, loss == 0); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					packets += len(r.list)
					for _, o := range r.list {
						if o.id >= 0 {
							left[frames[o.id].spatial][frames[o.id].temporal]++
						}
					}
				}
				for s := range c.spatial {
					for tt := range c.temporal {
						if left[s][tt] < packets/50 {
							t.Errorf("of layer %d.%d only %d of %d packets left", s, tt, left[s][tt], packets)
						}
					}
				}
			})
		}
	}
}

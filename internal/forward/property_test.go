package forward

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// encoder makes the pictures of one simulcast encoding in VP8, in three temporal
// layers (L1T3). All its numbers begin near their wraps.
type encoder struct {
	id      byte
	layer   *Layer
	seq     uint16
	ts      uint32
	picture uint16
	tl0     uint8
	n       int // pictures so far
	// keyIn is how many pictures there are until the keyframe that was asked for;
	// -1: none was. Requests that were held back come from a timer.
	keyIn atomic.Int32
}

// pattern is the temporal layers of pictures, after a keyframe.
var pattern = []uint8{0, 2, 1, 2}

// made is one packet with what it is, for the receiver to look up.
type made struct {
	raw     []byte
	content string
}

func (e *encoder) encode(random *rand.Rand) (packets []made) {
	key := false
	if e.n > 40 { // requests are held back in real time, which does not pass here
		e.keyIn.CompareAndSwap(-1, int32(random.IntN(20)))
	}
	if e.keyIn.Load() >= 0 && e.keyIn.Add(-1) < 0 {
		key, e.n = true, 0
	}
	tid := pattern[e.n%len(pattern)]
	if key {
		tid = 0
	}
	if tid == 0 {
		e.tl0++
	}
	e.picture = (e.picture + 1) & 0x7fff
	count := 1 + random.IntN(2)
	for i := range count {
		d := []byte{0x80, 0xe0, 0x80 | byte(e.picture>>8), byte(e.picture), e.tl0, tid << 6}
		if i == 0 {
			d[0] |= 0x10
			if key {
				d = append(d, 0, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1)
			} else {
				d = append(d, 1, 0, 0)
			}
		}
		content := fmt.Sprintf("%d/%d/%d/%v/%d", e.id, e.picture, tid, key, i)
		d = append(d, content...)
		h := rtp.Header{Version: 2, SequenceNumber: e.seq, Timestamp: e.ts, Marker: i == count-1}
		b, err := (&rtp.Packet{Header: h, Payload: d}).Marshal()
		if err != nil {
			panic(err)
		}
		packets = append(packets, made{b, content})
		e.seq++
	}
	e.n++
	e.ts += 3000
	return packets
}

// left is a packet as the receiver gets it.
type left struct {
	header  rtp.Header
	picture uint16
	tl0     uint8
	layer   int
	number  int // of the picture in its layer
	tid     int
	key     bool
	part    int
	empty   bool
}

// receiver keeps what comes.
type receiver struct {
	mu   sync.Mutex
	list []left
	err  error
}

func (r *receiver) SendRTP(h *rtp.Header, payload []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := left{header: h.Clone(), empty: len(payload) == 0}
	if !l.empty {
		l.picture = uint16(payload[2]&0x7f)<<8 | uint16(payload[3])
		l.tl0 = payload[4]
		body := payload[6:]
		if payload[0]&0x10 != 0 {
			if body = body[3:]; payload[6] == 0 {
				body = body[7:]
			}
		}
		if _, err := fmt.Sscanf(string(body), "%d/%d/%d/%t/%d", &l.layer, &l.number, &l.tid, &l.key, &l.part); err != nil {
			r.err = fmt.Errorf("payload %q: %w", payload, err)
		}
	}
	r.list = append(r.list, l)
	return nil
}

func (r *receiver) Flush() {}

// run has three encoders send for a while over a network that loses and
// reorders, while it is chosen anew again and again what is to leave. It
// returns what left and how many packets were lost for good.
func run(seed uint64, loss float64) (*receiver, int) {
	random := rand.New(rand.NewPCG(seed, 1))
	src := &Source{}
	var encoders []*encoder
	for i := range 3 {
		e := &encoder{
			id: byte(i), seq: uint16(65500 + random.IntN(36)), ts: ^uint32(0) - uint32(random.IntN(200000)),
			picture: uint16(0x7ff0 + random.IntN(15)), tl0: uint8(250 + random.IntN(6)),
		}
		e.layer = NewLayer(LayerConfig{MimeType: "video/VP8", ClockRate: 90000, RID: fmt.Sprint(i), RequestKeyframe: func() {
			e.keyIn.CompareAndSwap(-1, 3)
		}})
		src.Add(e.layer)
		encoders = append(encoders, e)
	}
	out, s := &receiver{}, &Stream{}
	s.Bind(StreamConfig{Sender: out, SSRC: 1})
	s.Play(src, PayloadTypes{Media: 96})
	now := time.Now()
	type delayed struct {
		e   *encoder
		raw []byte
		at  int
	}
	var later []delayed
	lost := 0
	for turn := range 400 {
		now = now.Add(33 * time.Millisecond)
		if turn%10 == 0 && random.IntN(3) == 0 || turn == 0 {
			s.Aim(encoders[random.IntN(3)].layer, 0, uint8(random.IntN(3)))
		}
		if random.IntN(120) == 0 {
			s.SetPaused(true)
		} else if random.IntN(4) == 0 {
			s.SetPaused(false)
		}
		for _, e := range encoders {
			for _, p := range e.encode(random) {
				switch {
				case random.Float64() >= loss:
					e.layer.Push(p.raw, now)
				case random.IntN(3) > 0: // it comes later, as when it was asked for again
					later = append(later, delayed{e, p.raw, turn + 1 + random.IntN(4)})
				default:
					lost++
				}
			}
		}
		rest := later[:0]
		for _, d := range later {
			if d.at <= turn {
				d.e.layer.Push(d.raw, now)
			} else {
				rest = append(rest, d)
			}
		}
		later = rest
		now = now.Add(time.Millisecond)
	}
	src.Close()
	s.Unbind()
	return out, lost + len(later)
}

// TestWhatLeaves holds, for many random runs, what a receiver relies on.
func TestWhatLeaves(t *testing.T) {
	packets, switches := 0, 0
	for seed := range uint64(400) {
		loss := []float64{0, 0, 0.02, 0.1}[seed%4]
		out, lost := run(seed, loss)
		if err := out.check(loss == 0, lost); err != nil || out.err != nil {
			t.Fatalf("seed %d, loss %v: %v %v", seed, loss, err, out.err)
		}
		packets += len(out.list)
		for i := range out.list[1:] {
			if out.list[i].layer != out.list[i+1].layer {
				switches++
			}
		}
	}
	if packets < 100_000 || switches < 3_000 {
		t.Errorf("only %d packets left, with %d changes of layers", packets, switches)
	}
}

func (r *receiver) check(whole bool, lost int) error {
	if len(r.list) < 20 {
		return fmt.Errorf("%d packets left", len(r.list))
	}
	first := r.list[0]
	if !first.key {
		return fmt.Errorf("it begins with %+v", first)
	}
	was := map[uint16]left{}  // by sequence number
	sent := map[[2]int]left{} // first packets of pictures, by layer and number
	newest, picture, pictures := first.header.SequenceNumber-1, first, 0
	gaps := 0
	base := map[int][3]int{} // of each layer: the newest picture of each temporal layer that left
	for i, p := range r.list {
		seq := p.header.SequenceNumber
		if old, ok := was[seq]; ok {
			return fmt.Errorf("number %d stands for %+v and %+v", seq, old, p)
		}
		was[seq] = p
		if int16(seq-newest) <= 0 {
			if whole {
				return fmt.Errorf("packet %d, number %d, comes after %d", i, seq, newest)
			}
			gaps-- // it was only late
			continue
		}
		gaps += int(seq - newest - 1)
		newest = seq
		if p.empty {
			continue
		}
		if p.layer != picture.layer && !p.key {
			return fmt.Errorf("packet %d is of another layer, and no keyframe: %+v", i, p)
		}
		// A stream that was paused may begin anew with the keyframe that it had.
		again := p.key && p.part == 0
		if p.layer == picture.layer && p.number == picture.number && i > 0 && !again {
			if p.header.Timestamp != picture.header.Timestamp || p.picture != picture.picture {
				return fmt.Errorf("packet %d is of the same picture with other numbers: %+v, %+v", i, p, picture)
			}
			continue
		}
		if i > 0 {
			pictures++
			if d := int32(p.header.Timestamp - picture.header.Timestamp); d <= 0 || d > 90000*60 {
				return fmt.Errorf("packet %d: the timestamp goes on by %d: %+v, %+v", i, d, picture, p)
			}
			d := (p.picture - picture.picture) & 0x7fff
			if whole && d != 1 || d == 0 || d > 300 {
				return fmt.Errorf("packet %d: the picture id goes on by %d: %+v, %+v", i, d, picture, p)
			}
			if whole && !r.list[i-1].header.Marker {
				return fmt.Errorf("packet %d: the picture before it has no end: %+v", i, r.list[i-1])
			}
		}
		if whole {
			refs := base[p.layer]
			switch {
			case p.key:
				refs = [3]int{p.number, p.number, p.number}
			case p.part != 0:
				return fmt.Errorf("packet %d: a picture begins in its middle: %+v", i, p)
			default:
				// It builds on the newest picture of the layers below it (or on the last
				// of the lowest), which has to have left.
				if want := reference(p); want != refs[max(p.tid-1, 0)] && refs[max(p.tid-1, 0)] != p.number-distance(p) {
					return fmt.Errorf("packet %d: what it builds on did not leave: %+v, %v", i, p, refs)
				}
				for t := p.tid; t < 3; t++ {
					refs[t] = p.number
				}
			}
			base[p.layer] = refs
		}
		sent[[2]int{p.layer, p.number}] = p
		picture = p
	}
	if whole && gaps > 0 {
		return fmt.Errorf("%d numbers are missing though nothing was lost", gaps)
	}
	if gaps > lost {
		return fmt.Errorf("%d numbers are missing, of %d packets lost", gaps, lost)
	}
	if pictures == 0 {
		return fmt.Errorf("one picture left")
	}
	return nil
}

// distance is how many pictures before it lies what a picture builds on.
func distance(p left) int { return []int{4, 2, 1}[p.tid] }

func reference(p left) int { return (p.number - distance(p)) & 0x7fff }

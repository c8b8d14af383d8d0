package codec

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// receiver takes what Switch and InTarget give it.
type receiver struct {
	spatial, temporal         uint8
	wantSpatial, wantTemporal uint8
	broken                    bool // waits for a keyframe
	keep                      bool
	kept                      map[int]bool
}

// modes are the structures that the tests go through.
func modes(r *rand.Rand) []*encoder {
	var all []*encoder
	for _, x := range []struct {
		s, t           int
		key, simulcast bool
	}{
		{1, 1, false, false}, {1, 2, false, false}, {1, 3, false, false},
		{2, 1, false, false}, {2, 3, false, false}, {3, 3, false, false},
		{2, 2, true, false}, {3, 3, true, false}, {3, 1, true, false},
		{3, 3, false, true},
	} {
		all = append(all, newEncoder(r, x.s, x.t, x.key, x.simulcast))
	}
	return all
}

var payloadAV1 = []byte{0x10, 0x30, 0}

// TestEveryKeptFrameIsDecodable: whatever a receiver wants, and however often
// it changes its mind, it gets all frames from which those are predicted that
// it gets.
func TestEveryKeptFrameIsDecodable(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		for _, e := range modes(r) {
			t.Run(fmt.Sprintf("%s/%d", e, seed), func(t *testing.T) { keepsDecodable(t, r, e) })
		}
	}
}

func keepsDecodable(t *testing.T, r *rand.Rand, e *encoder) {
	reader := NewReader("video/AV1")
	receivers := make([]*receiver, 6)
	for k := range receivers {
		receivers[k] = &receiver{wantSpatial: uint8(r.IntN(4)), wantTemporal: uint8(r.IntN(4))}
	}
	ups, downs := 0, 0
	for picture := range 300 {
		for _, x := range receivers {
			if r.IntN(10) == 0 {
				x.wantSpatial, x.wantTemporal = uint8(r.IntN(4)), uint8(r.IntN(4))
			}
			if r.IntN(100) == 0 {
				x.wantSpatial, x.wantTemporal = 255, 255
			}
		}
		for _, f := range e.next(picture == 0) {
			packets := 1 + r.IntN(3)
			for p := range packets {
				dd := append([]byte{}, f.descriptor...)
				if p == 0 {
					dd = append([]byte{}, f.first...)
				}
				if p == packets-1 {
					dd[0] |= endOfFrame
				}
				i := reader.Read(payloadAV1, dd, f.lastLayer && p == packets-1)
				checkInfo(t, e, &f, &i, p == 0, p == packets-1)
				for _, x := range receivers {
					was, wasT := x.spatial, x.temporal
					x.take(t, &f, &i)
					if !i.Keyframe && (x.spatial > was || x.temporal > wasT) {
						ups++
					} else if !i.Keyframe && (x.spatial < was || x.temporal < wasT) {
						downs++
					}
				}
			}
		}
	}
	if e.temporal > 1 && (ups == 0 || downs == 0) {
		t.Errorf("%d times up and %d times down without a keyframe", ups, downs)
	}
}

func (x *receiver) take(t *testing.T, f *encoded, i *Info) {
	t.Helper()
	if i.Keyframe {
		x.broken = false
		x.kept = map[int]bool{}
	}
	x.spatial, x.temporal = i.Switch(x.spatial, x.temporal, x.wantSpatial, x.wantTemporal)
	if i.Keyframe && (x.spatial != x.wantSpatial || x.temporal != x.wantTemporal) {
		t.Fatalf("a keyframe gives %d/%d of %d/%d", x.spatial, x.temporal, x.wantSpatial, x.wantTemporal)
	}
	if i.Lost(x.spatial, x.temporal) {
		x.broken = true
	}
	keep := i.InTarget(x.spatial, x.temporal)
	if !i.Begin && keep != x.keep {
		t.Fatalf("frame %d is kept in part", f.count)
	}
	x.keep = keep
	if !keep {
		return
	}
	x.kept[f.count] = true
	if x.broken {
		return
	}
	for _, ref := range f.refs {
		if !x.kept[ref] {
			t.Fatalf("frame %d of layer %d kept for %d/%d (wants %d/%d) without frame %d, on which it depends",
				f.count, f.layer, x.spatial, x.temporal, x.wantSpatial, x.wantTemporal, ref)
		}
	}
}

// checkInfo compares what was read with what was made.
func checkInfo(t *testing.T, e *encoder, f *encoded, i *Info, begin, end bool) {
	t.Helper()
	if i.Spatial != f.layer[0] || i.Temporal != f.layer[1] || i.PictureID != f.number ||
		i.Begin != begin || i.End != end || i.Keyframe != (f.key && begin) {
		t.Fatalf("frame %+v was read as %+v", f, i)
	}
	if i.Width != 160<<f.layer[0] || i.Height != 90<<f.layer[0] {
		t.Fatalf("layer %d measures %dx%d", f.layer[0], i.Width, i.Height)
	}
	layers, lost := 0, true
	for s := range e.spatial {
		if f.mask>>e.target(s, 0)&1 != 0 {
			layers = s + 1
		}
	}
	if int(i.SpatialLayers) != layers || int(i.TemporalLayers) != e.temporal {
		t.Fatalf("%d spatial and %d temporal layers, want %d, %d", i.SpatialLayers, i.TemporalLayers, layers, e.temporal)
	}
	for _, l := range f.dtis {
		lost = lost && (l == 'D' || l == '-')
	}
	if lost && !i.NotReference {
		t.Fatalf("frame %+v is needed", f)
	}
	for s := range maxSpatial {
		for tt := range maxTemporal {
			want := f.dtis[e.target(min(s, layers-1), min(tt, e.temporal-1))] != '-'
			if got := i.InTarget(uint8(s), uint8(tt)); got != want {
				t.Fatalf("frame %+v for %d/%d: %v", f, s, tt, got)
			}
		}
	}
}

// TestLossAndReordering: what is read of a frame is right or nothing, whatever
// was lost or came late.
func TestLossAndReordering(t *testing.T) {
	type packet struct {
		frame encoded
		dd    []byte
	}
	told, all := 0, 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		for _, e := range modes(r) {
			var packets []packet
			for n := range 150 {
				for _, f := range e.next(n == 0) {
					packets = append(packets, packet{f, f.first}, packet{f, f.descriptor})
				}
			}
			reader := NewReader("video/AV1")
			for k := range packets {
				if to := k + r.IntN(8); r.IntN(10) == 0 && to < len(packets) {
					packets[k], packets[to] = packets[to], packets[k]
				}
				p := packets[k]
				if r.IntN(10) == 0 {
					continue
				}
				i := reader.Read(payloadAV1, p.dd, false)
				if i.PictureID != p.frame.number || i.PictureIDBits() != 16 {
					t.Fatalf("frame %d was read as %d", p.frame.number, i.PictureID)
				}
				all++
				if i.kind != descriptions {
					continue
				}
				told++
				if i.Spatial != p.frame.layer[0] || i.Temporal != p.frame.layer[1] {
					t.Fatalf("%s, seed %d: layer %d was read as %d/%d", e, seed, p.frame.layer, i.Spatial, i.Temporal)
				}
			}
		}
	}
	// The structure itself is lost in one of ten keyframes, and then nothing is
	// known until the next.
	if told < all*7/10 {
		t.Errorf("only %d of %d packets told their layer", told, all)
	}
}

package nal

import (
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// sliceInfo is what the header of a picture's first slice says.
type sliceInfo struct {
	key          bool // a decoder can start here
	bidirected   bool // a B slice
	notReference bool // no other picture needs it
	order        uint32
	hasOrder     bool // order is the picture order count, modulo 1<<orderBits
	orderBits    int
	sequential   bool // pictures always come in the order in which they are shown
}

const (
	sliceB     = 1
	maxIDs     = 32 // of parameter sets, kept
	sliceTypes = 5  // H.264 repeats them
	maxLog2    = 12 // of what counts pictures, less 4
)

// readH264Slice reads a slice header (§7.3.3) as far as the order of pictures.
func readH264Slice(unit []byte, sets *sets) (s sliceInfo) {
	typ := unit[0] & 0x1f
	s.key = typ == h264IDR
	s.notReference = unit[0]&h264Reference == 0
	if typ == 2+1 || typ == 2+2 { // partitions B and C have another header
		return s
	}
	r := newBitReader(unit, 1)
	r.exp() // first_mb_in_slice
	s.bidirected = r.exp()%sliceTypes == sliceB
	pps := r.exp()
	sps, ok := sets.h264For(pps)
	if r.short || !ok || sps.PicOrderCntType != 0 {
		const inDecodingOrder = 2
		s.sequential = ok && sps.PicOrderCntType == inDecodingOrder
		return s
	}
	if sps.SeparateColourPlaneFlag {
		r.read(2)
	}
	r.read(int(sps.Log2MaxFrameNumMinus4) + 4)
	if !sps.FrameMbsOnlyFlag && r.bit() == 1 {
		return s // a field: two of them are one picture
	}
	if s.key {
		r.exp() // idr_pic_id
	}
	s.orderBits = int(sps.Log2MaxPicOrderCntLsbMinus4) + 4
	s.order = r.read(s.orderBits)
	s.hasOrder = !r.short
	return s
}

// readH265Slice reads a slice segment header (§7.3.6.1) as far as the order of
// pictures. unit is the first one of its picture.
func readH265Slice(unit []byte, sets *sets) (s sliceInfo) {
	typ := H265.typeOf(unit)
	s.key = H265.key(typ)
	const lastNonReference, idrN = 14, 20
	temporal := unit[1] & 7
	s.notReference = typ <= lastNonReference && typ&1 == 0
	r := newBitReader(unit, 2)
	r.bit() // first_slice_segment_in_pic_flag
	if s.key {
		r.bit() // no_output_of_prior_pics_flag
	}
	id := r.exp()
	pps, sps, ok := sets.h265For(id)
	if r.short || !ok {
		return s
	}
	s.notReference = s.notReference && temporal == sps.MaxSubLayersMinus1+1
	r.read(int(pps.NumExtraSliceHeaderBits))
	s.bidirected = r.exp() == 0
	if pps.OutputFlagPresentFlag {
		r.bit()
	}
	if sps.SeparateColourPlaneFlag {
		r.read(2)
	}
	s.orderBits = int(sps.Log2MaxPicOrderCntLsbMinus4) + 4
	if typ == idrN || typ == idrN-1 {
		s.hasOrder = !r.short
		return s
	}
	s.order = r.read(s.orderBits)
	s.hasOrder = !r.short
	return s
}

// sets keeps the newest parameter sets of a stream, by their ids.
type sets struct {
	codec Codec
	list  []set // in the order in which a decoder needs them

	h264 map[uint32]*h264.SPS // by the id of the SPS
	h265 map[uint32]*h265.SPS
	pps  map[uint32]*h265.PPS
	of   map[uint32]uint32 // H.264: which SPS a PPS belongs to
}

// set is one parameter set.
type set struct {
	typ  int
	id   uint32
	unit []byte
}

// most that is kept of one set, in bytes, and of how many.
const (
	maxSetSize = 1024
	maxSets    = 16
)

// take keeps a parameter set; changed is true if it is not what was known.
// What cannot be read is kept as well, as far as it fits: a browser may know
// better.
func (s *sets) take(unit []byte) (changed bool) {
	typ := s.codec.typeOf(unit)
	if len(unit) > maxSetSize {
		return false
	}
	id, ok := s.identify(typ, unit)
	if !ok {
		return false
	}
	at := len(s.list)
	for i, o := range s.list {
		if o.typ == typ && o.id == id {
			if string(o.unit) == string(unit) {
				return false
			}
			s.list[i].unit = append([]byte(nil), unit...)
			s.learn(typ, id, unit)
			return true
		}
		if o.typ > typ && i < at {
			at = i
		}
	}
	if len(s.list) >= maxSets {
		return false
	}
	s.list = append(s.list, set{})
	copy(s.list[at+1:], s.list[at:])
	s.list[at] = set{typ: typ, id: id, unit: append([]byte(nil), unit...)}
	s.learn(typ, id, unit)
	return true
}

// known tells whether a parameter set is kept just as it is.
func (s *sets) known(unit []byte) bool {
	return slices.ContainsFunc(s.list, func(o set) bool { return string(o.unit) == string(unit) })
}

// h264Profiles are the values that profile_idc can have (ITU-T H.264 Annexes A, F,
// G and H). An SPS with another one is noise.
var h264Profiles = []byte{44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244}

// identify reads the id of a parameter set.
func (s *sets) identify(typ int, unit []byte) (id uint32, ok bool) {
	if s.codec == H264 {
		r := newBitReader(unit, 1)
		if typ == h264SPS {
			if len(unit) < 4 || !slices.Contains(h264Profiles, unit[1]) {
				return 0, false
			}
			r.read(24) // profile, constraints, level
		}
		id = r.exp()
		return id, !r.short && (typ == h264PPS && id < 256 || typ == h264SPS && id < maxIDs)
	}
	r := newBitReader(unit, 2)
	switch typ {
	case h265VPS:
		id = r.read(4)
		return id, !r.short
	case h265PPS:
		id = r.exp()
		return id, !r.short && id < 64
	default: // The id of an SPS stands behind its profile.
		var sps h265.SPS
		if sps.Unmarshal(unit) != nil {
			return 0, len(unit) > 4
		}
		return uint32(sps.ID), true
	}
}

func (s *sets) learn(typ int, id uint32, unit []byte) {
	switch {
	case s.codec == H264 && typ == h264SPS:
		sps := &h264.SPS{}
		if s.h264 == nil {
			s.h264 = map[uint32]*h264.SPS{}
		}
		delete(s.h264, id)
		if sps.Unmarshal(unit) == nil && sps.Log2MaxFrameNumMinus4 <= maxLog2 && sps.Log2MaxPicOrderCntLsbMinus4 <= maxLog2 {
			s.h264[id] = sps
		}
	case s.codec == H264:
		r := newBitReader(unit, 1)
		r.exp()
		if s.of == nil {
			s.of = map[uint32]uint32{}
		}
		s.of[id] = r.exp()
	case typ == h265SPS:
		sps := &h265.SPS{}
		if s.h265 == nil {
			s.h265 = map[uint32]*h265.SPS{}
		}
		delete(s.h265, id)
		if sps.Unmarshal(unit) == nil && sps.Log2MaxPicOrderCntLsbMinus4 <= maxLog2 {
			s.h265[id] = sps
		}
	case typ == h265PPS:
		pps := &h265.PPS{}
		if s.pps == nil {
			s.pps = map[uint32]*h265.PPS{}
		}
		delete(s.pps, id)
		if pps.Unmarshal(unit) == nil {
			s.pps[id] = pps
		}
	}
}

func (s *sets) h264For(pps uint32) (*h264.SPS, bool) {
	sps, ok := s.h264[s.of[pps]]
	return sps, ok
}

func (s *sets) h265For(id uint32) (*h265.PPS, *h265.SPS, bool) {
	pps, ok := s.pps[id]
	if !ok {
		return nil, nil, false
	}
	sps, ok := s.h265[pps.SPSID]
	return pps, sps, ok
}

// complete tells whether there is one of each kind.
func (s *sets) complete() bool {
	want := map[int]bool{h264SPS: true, h264PPS: true}
	if s.codec == H265 {
		want = map[int]bool{h265VPS: true, h265SPS: true, h265PPS: true}
	}
	for _, o := range s.list {
		delete(want, o.typ)
	}
	return len(want) == 0
}

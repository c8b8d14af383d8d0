package nal

import (
	"encoding/hex"
	"fmt"
	"slices"

	"umbrella/internal/codec"
)

// Stream follows the pictures of one encoding: it keeps its parameter sets,
// leaves out what browsers have no use for, and finds out what they could not
// show. It is not safe for concurrent use.
//
// Browsers show pictures in the order in which they come. Where a camera sends
// B-frames, those which nothing else needs are left out, and the rest moves on
// smoothly with fewer pictures; where others need them, only keyframes are left.
type Stream struct {
	codec Codec
	sets  sets
	// pending are parameter sets that came and differ from those that are known:
	// they count from the next keyframe on, and not at all if another picture comes
	// first. One packet of noise must not spoil the stream for good. While there is
	// nothing to spoil they count at once: some cameras send them with other pictures
	// only.
	pending [][]byte
	format  Format
	reader  *codec.Reader

	begun    bool // there was a keyframe
	waiting  bool // a keyframe was lost
	order    order
	findings Findings
	units    [][]byte
}

// Format is what parameter sets say of a stream.
type Format struct {
	Codec Codec
	// Fmtp are the format parameters for SDP (RFC 6184 §8.1, RFC 7798 §7.1).
	Fmtp string
	// Profile and Level as people write them: "High", "4.1".
	Profile, Level string
	Width, Height  uint16  // in pixels; 0 where it is not known
	FrameRate      float64 // in Hz, as the camera claims; 0 where it does not
	Interlaced     bool
	// Rank orders profiles: who can play a higher one plays the lower ones too.
	Rank int
	// Refusal says in words why no browser plays it; empty where they do.
	Refusal string
}

// Findings counts what was seen.
type Findings struct {
	Pictures, Keyframes int
	Broken              int // pictures that were left out as parts of them were lost
	BrokenKeyframes     int // and those of them that were keyframes
	Bidirected          int // B-frames
	LeftOut             int // pictures that browsers could not show in their place
	// KeyframesOnly: all but keyframes are left out now, as other pictures need
	// the B-frames.
	KeyframesOnly bool
	// InBand tells that parameter sets came among the pictures.
	InBand bool
}

// Picture is what is left of an access unit.
type Picture struct {
	// Units to be sent, with the parameter sets ahead of a keyframe. There are
	// none if the picture is to be left out. They are valid until the next call.
	Units [][]byte
	Key   bool // a decoder can start with it
	// Gap: what was left out ahead of it would have been needed, so that what
	// was kept of the stream until now does not lead up to it.
	Gap bool
	// Changed: the parameter sets are not what they were; see Format.
	Changed bool
}

// NewStream returns a Stream that knows the parameter sets of an SDP, if there
// are any.
func NewStream(c Codec, known ...[]byte) *Stream {
	s := &Stream{codec: c, sets: sets{codec: c}, reader: codec.NewReader(c.MimeType())}
	for _, u := range known {
		if c.parameters(c.typeOf(u)) {
			s.sets.take(u)
		}
	}
	s.describe()
	return s
}

// Format tells what the stream is; ok is false before its parameter sets are
// known.
func (s *Stream) Format() (f Format, ok bool) { return s.format, s.format.Fmtp != "" }

// Findings returns what was seen so far.
func (s *Stream) Findings() Findings { return s.findings }

// Take takes the next access unit.
func (s *Stream) Take(au *AccessUnit) (p Picture) {
	changed, key, count := false, false, 0 // of slices
	var info sliceInfo
	s.units = s.units[:0]
	for _, u := range au.Units {
		typ := s.codec.typeOf(u)
		switch {
		case s.codec.parameters(typ):
			s.findings.InBand = true
			if !s.sets.known(u) && len(u) <= maxSetSize && len(s.pending) < maxSets {
				s.pending = append(s.pending, slices.Clone(u))
			}
		case s.codec.slice(typ):
			if s.codec == H264 && len(u) < 2 || s.codec == H265 && len(u) < 3 {
				continue
			}
			if s.codec.key(typ) && !key {
				for _, set := range s.pending {
					changed = s.sets.take(set) || changed
				}
			}
			if count == 0 || s.codec.key(typ) && !key {
				info = s.readSlice(u)
			}
			key = key || s.codec.key(typ)
			count++
		}
	}
	if count > 0 {
		if !au.Broken && !s.sets.complete() {
			for _, set := range s.pending {
				changed = s.sets.take(set) || changed
			}
		}
		s.pending = nil
	}
	if changed {
		s.describe()
	}
	p.Changed = changed
	if count == 0 {
		if au.Broken {
			s.lose(au.Key)
		}
		return p
	}
	if !s.admit(au, key, &info, &p) {
		return p
	}
	p.Key = key
	if key {
		for _, set := range s.sets.list {
			s.units = append(s.units, set.unit)
		}
	}
	for _, u := range au.Units {
		if s.codec.slice(s.codec.typeOf(u)) {
			s.units = append(s.units, u)
		}
	}
	p.Units = s.units
	return p
}

func (s *Stream) readSlice(u []byte) sliceInfo {
	if s.codec == H265 {
		return readH265Slice(u, &s.sets)
	}
	return readH264Slice(u, &s.sets)
}

// lose counts a picture that is not whole. Without a keyframe nothing is right that
// follows. Without another picture the next ones have faults, but they move, and the
// next keyframe may be far away.
func (s *Stream) lose(key bool) {
	s.findings.Broken++
	if key {
		s.findings.BrokenKeyframes++
		s.waiting = true
	}
}

// admit tells whether a picture is to be sent.
func (s *Stream) admit(au *AccessUnit, key bool, info *sliceInfo, p *Picture) bool {
	s.findings.Pictures++
	if info.bidirected {
		s.findings.Bidirected++
	}
	if au.Broken {
		s.lose(key || au.Key)
		return false
	}
	if key {
		s.findings.Keyframes++
		p.Gap = s.waiting
		s.begun, s.waiting = s.sets.complete(), false
	}
	if !s.begun || s.waiting {
		return false
	}
	if key && !s.order.opens(s.codec, info) {
		s.order.reset()
	}
	switch s.order.take(au.Timestamp, info) {
	case leaveOut:
		s.findings.LeftOut++
		return false
	case outOfOrder:
		s.findings.KeyframesOnly = true
	case inOrder:
		s.findings.KeyframesOnly = false
	}
	if s.findings.KeyframesOnly && !key {
		s.findings.LeftOut++
		return false
	}
	return true
}

// describe reads what the parameter sets say.
func (s *Stream) describe() {
	for _, set := range s.sets.list {
		switch {
		case s.codec == H264 && set.typ == h264SPS && len(set.unit) >= 4:
			s.format = s.describeH264(set)
			return
		case s.codec == H265 && set.typ == h265SPS:
			s.format = s.describeH265(set)
			return
		}
	}
}

func (s *Stream) describeH264(set set) Format {
	b := set.unit
	f := Format{
		Codec: H264,
		Fmtp:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + hex.EncodeToString(b[1:4]),
		Level: fmt.Sprintf("%d.%d", b[3]/10, b[3]%10),
	}
	i := s.reader.Read(b, nil, false)
	f.Width, f.Height = i.Width, i.Height
	const constrained = 0x40
	switch b[1] {
	case 66:
		f.Profile, f.Rank = "Baseline", 1
		if b[2]&constrained != 0 {
			f.Profile, f.Rank = "Constrained Baseline", 0
		}
	case 77:
		f.Profile, f.Rank = "Main", 2
	case 100:
		f.Profile, f.Rank = "High", 3
	case 88:
		f.Profile, f.Refusal = "Extended", "browsers do not play the profile Extended of H.264"
	case 110:
		f.Profile, f.Refusal = "High 10", "browsers do not play H.264 with 10 bits a color"
	case 122:
		f.Profile, f.Refusal = "High 4:2:2", "browsers do not play H.264 with more than 4:2:0 of color"
	case 244:
		f.Profile, f.Refusal = "High 4:4:4", "browsers do not play H.264 with more than 4:2:0 of color"
	default:
		f.Profile = fmt.Sprintf("profile %d", b[1])
		f.Refusal = fmt.Sprintf("browsers do not play the profile %d of H.264", b[1])
	}
	sps, ok := s.sets.h264[set.id]
	if !ok {
		return f
	}
	f.Interlaced = !sps.FrameMbsOnlyFlag
	if rate := sps.FPS(); rate > 0 && rate <= maxFrameRate {
		f.FrameRate = rate
	}
	if f.Refusal == "" && (sps.ChromaFormatIdc > 1 || sps.BitDepthLumaMinus8 > 0 || sps.BitDepthChromaMinus8 > 0) {
		f.Refusal = "browsers play H.264 only with 8 bits a color and 4:2:0"
	}
	return f
}

// maxFrameRate is what can be believed, in Hz.
const maxFrameRate = 240

func (s *Stream) describeH265(set set) Format {
	f := Format{Codec: H265}
	i := s.reader.Read(set.unit, nil, false)
	f.Width, f.Height = i.Width, i.Height
	sps, ok := s.sets.h265[set.id]
	if !ok {
		f.Refusal = "the parameter sets of H.265 cannot be read"
		return f
	}
	ptl := &sps.ProfileTierLevel
	f.Fmtp = fmt.Sprintf("level-id=%d;profile-id=%d;tier-flag=%d;tx-mode=SRST",
		ptl.GeneralLevelIdc, ptl.GeneralProfileIdc, ptl.GeneralTierFlag)
	f.Level = fmt.Sprintf("%d.%d", ptl.GeneralLevelIdc/30, ptl.GeneralLevelIdc%30/3)
	f.Interlaced = ptl.GeneralInterlacedSourceFlag && !ptl.GeneralProgressiveSourceFlag
	if rate := sps.FPS(); rate > 0 && rate <= maxFrameRate {
		f.FrameRate = rate
	}
	switch ptl.GeneralProfileIdc {
	case 1:
		f.Profile = "Main"
	case 2:
		f.Profile = "Main 10"
		f.Refusal = "browsers play H.265 only with 8 bits a color"
		f.Rank = 1
	default:
		f.Profile = fmt.Sprintf("profile %d", ptl.GeneralProfileIdc)
		f.Refusal = fmt.Sprintf("browsers do not play the profile %d of H.265", ptl.GeneralProfileIdc)
	}
	return f
}

// Keys returns the parameter sets that are known, in the order in which a
// decoder needs them.
func (s *Stream) Keys() [][]byte {
	var list [][]byte
	for _, set := range s.sets.list {
		list = append(list, slices.Clone(set.unit))
	}
	return list
}

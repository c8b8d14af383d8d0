package codec

// Most layers of one encoding: what AV1 has room for.
const (
	maxSpatial  = 4
	maxTemporal = 8
)

// Info is what a packet tells of the picture it belongs to. The zero value
// tells nothing.
type Info struct {
	// Keyframe: the packet begins a picture with which a decoder can start, of
	// the base spatial layer. In H.264 and H.265 it is true of the parameter sets
	// ahead of such a picture as well.
	Keyframe bool
	// Begin and End: it is the first or the last packet of a frame, which is one
	// spatial layer of a picture. H.264 and H.265 can have several packets that
	// Begin a frame (parameter sets, the first slice).
	Begin, End bool
	// SwitchUp: as VP8's Y and VP9's U bit, H.265's (S)TSA pictures and a
	// switch indication of the Dependency Descriptor for the frame's own layer
	// say it. They differ in what they promise: Switch knows.
	SwitchUp bool
	// SpatialSwitch: a receiver of the next lower spatial layer can take this one
	// too from here on.
	SpatialSwitch bool
	// NotReference: nothing is predicted from the frame. Anyone can do without
	// it.
	NotReference bool

	// HasPictureID: PictureID is one. LongPictureID: it has more than 7 bits,
	// how many is told by PictureIDBits.
	HasPictureID, LongPictureID bool
	HasTL0PICIDX                bool

	Spatial, Temporal uint8 // layer; 0 where the codec does not say
	// SpatialLayers and TemporalLayers is how many the encoding has now; 0
	// where that is not told.
	SpatialLayers, TemporalLayers uint8

	TL0PICIDX uint8
	// PictureID is that of VP8 and VP9, or the frame number of a Dependency
	// Descriptor, which counts the frames of all spatial layers.
	PictureID uint16
	// Width and Height of the frame in pixels, where it is known; 0 otherwise.
	Width, Height uint16

	kind     kind
	layered  bool  // the payload tells layers
	bits     uint8 // of PictureID
	targets  grid  // of the choices that need this frame
	switches grid  // of the choices that can be made from this frame on
	decodes  grid  // of the choices that have all that this frame is predicted from
	lacks    grid  // of the choices that left out a frame that this one is predicted from
}

// kind is where the layers were read, as the rules for going up differ.
type kind uint8

const (
	plain        kind = iota
	syncFrames        // a frame that can be decoded from the layers below
	upPoints          // after the picture everything above can be decoded
	descriptions      // Dependency Descriptor
)

// A grid is one bit for each choice of a spatial and a temporal layer.
type grid uint32

func cell(spatial, temporal uint8) grid {
	return 1 << (min(spatial, maxSpatial-1)*maxTemporal + min(temporal, maxTemporal-1))
}

// PictureIDBits is how many bits PictureID has, and so where it wraps: 7, 15 or
// 16; 0 if there is none.
func (i *Info) PictureIDBits() int { return int(i.bits) }

// InTarget tells whether a receiver needs the frame which takes spatial layers
// up to one number and temporal layers up to another. Numbers above those that
// there are mean the highest.
func (i *Info) InTarget(spatial, temporal uint8) bool {
	if i.kind == descriptions {
		return i.targets&cell(spatial, temporal) != 0
	}
	return i.Spatial <= spatial && i.Temporal <= temporal
}

// Lost tells that a receiver of those layers gets the frame but cannot decode
// it, as the encoder has ceased to make what it took, and what comes instead
// builds upon frames that it was not sent. A keyframe is needed.
func (i *Info) Lost(spatial, temporal uint8) bool {
	return !i.Keyframe && i.targets&i.lacks&cell(spatial, temporal) != 0
}

// Switch is asked with the first packet of each frame, also of those that were
// left out. It returns the layers that a receiver can take from this frame on,
// when it took those up to spatial and temporal until now, and wants others: as
// near to these as it gets. Layers are given up between pictures only, so that
// the marker bit can be set on the last packet.
func (i *Info) Switch(spatial, temporal, wantSpatial, wantTemporal uint8) (newSpatial, newTemporal uint8) {
	if i.Keyframe {
		return wantSpatial, wantTemporal
	}
	if !i.Begin || spatial == wantSpatial && temporal == wantTemporal {
		return spatial, temporal
	}
	if i.kind == descriptions {
		return i.switchTarget(spatial, temporal, wantSpatial, wantTemporal)
	}
	if i.Spatial == 0 {
		spatial, temporal = min(spatial, wantSpatial), min(temporal, wantTemporal)
	}
	if i.SpatialSwitch && i.Spatial <= wantSpatial && i.Spatial == spatial+1 {
		spatial = i.Spatial
	}
	if temporal < wantTemporal && i.SwitchUp {
		switch {
		case i.kind == upPoints && i.Temporal <= temporal:
			temporal = wantTemporal
		case i.kind == syncFrames && i.Temporal == temporal+1:
			temporal++
		}
	}
	return spatial, temporal
}

// switchTarget goes by the decode target indications. Choices between what is
// had and what is wanted are tried from the far end, spatial layers first.
func (i *Info) switchTarget(spatial, temporal, wantSpatial, wantTemporal uint8) (newSpatial, newTemporal uint8) {
	spatial, temporal = min(spatial, maxSpatial-1), min(temporal, maxTemporal-1)
	wantSpatial, wantTemporal = min(wantSpatial, maxSpatial-1), min(wantTemporal, maxTemporal-1)
	if (i.targets&^i.lacks|i.decodes)&cell(spatial, temporal) == 0 {
		return spatial, temporal // and if it was let in, it could not be decoded
	}
	for s := wantSpatial; ; s = toward(s, spatial) {
		for t := wantTemporal; ; t = toward(t, temporal) {
			if i.switches&cell(s, t) != 0 && (i.Spatial == 0 || s >= spatial && t >= temporal) {
				return s, t
			}
			if t == temporal {
				break
			}
		}
		if s == spatial {
			return spatial, temporal
		}
	}
}

// toward is the number next to n on the way to another.
func toward(n, to uint8) uint8 {
	switch {
	case n < to:
		return n + 1
	case n > to:
		return n - 1
	}
	return n
}

package codec

import "strings"

// A Reader reads the packets of one encoding, and keeps what must be known from
// one to the next: sizes, and the structure of a Dependency Descriptor. It is
// not safe for concurrent use.
type Reader struct {
	codec codec

	width, height [maxSpatial]uint16 // as last told, by spatial layer
	layers        uint8              // spatial
	temporal      uint8              // numbers of layers

	// Of AV1 without a Dependency Descriptor: the layer of the OBU that goes on
	// in the next packet, and whether the last packet ended a picture.
	obuSpatial, obuTemporal uint8
	ended                   bool

	descriptors *descriptors // nil before the first
}

type codec uint8

const (
	unknown codec = iota
	vp8
	vp9
	h264
	h265
	av1
)

// NewReader returns a Reader for a codec by its MIME type (video/VP8, in any
// case of letters). What it does not know, sound too, is read as a stream
// without layers in which every packet is the beginning of a keyframe.
func NewReader(mimeType string) *Reader {
	r := &Reader{ended: true}
	switch strings.ToLower(mimeType) {
	case "video/vp8":
		r.codec = vp8
	case "video/vp9":
		r.codec = vp9
	case "video/h264":
		r.codec = h264
	case "video/h265":
		r.codec = h265
	case "video/av1":
		r.codec = av1
	}
	return r
}

// Read reads a payload, and the Dependency Descriptor if the packet had one.
// marker is that of the RTP header. Bad input yields an Info that tells less;
// an empty payload yields none.
func (r *Reader) Read(payload, dependencyDescriptor []byte, marker bool) Info {
	var i Info
	if len(payload) == 0 {
		return i
	}
	switch r.codec {
	case vp8:
		r.readVP8(&i, payload, marker)
	case vp9:
		r.readVP9(&i, payload, marker)
		return i
	case h264:
		r.readH264(&i, payload, marker)
	case h265:
		r.readH265(&i, payload, marker)
	case av1:
		r.readAV1(&i, payload, marker)
	default:
		return Info{Keyframe: true, Begin: true, End: marker}
	}
	// VP9 says all that is needed in every payload. Of VP8 browsers leave out the
	// layers when they send a descriptor.
	if len(dependencyDescriptor) >= mandatoryBytes && !i.layered {
		r.readDependency(&i, dependencyDescriptor)
	}
	return i
}

// sized sets what the frame is known to measure.
func (r *Reader) sized(i *Info) {
	if i.Spatial < maxSpatial {
		i.Width, i.Height = r.width[i.Spatial], r.height[i.Spatial]
	}
}

package rtc

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

const (
	orientationURI = "urn:3gpp:video-orientation"
	dependencyURI  = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
	opusFmtp       = "minptime=10;useinbandfec=1"
)

// codec is one row of what we take and offer.
type codec struct {
	mime string
	fmtp string
	pt   uint8 // in our offers
	rtx  uint8 // 0 for none
}

// videoCodecs in the order of preference. H.264 comes in the profiles that
// browsers and cameras use, with and without packetization-mode 1. The levels are
// not those of the tracks: in a BUNDLE group a number has the same parameters on
// every m-line (RFC 9143 §10.1.2), and browsers go by the profile.
var videoCodecs = []codec{
	{webrtc.MimeTypeVP8, "", 96, 97},
	{webrtc.MimeTypeH264, h264("42e01f", 1), 98, 99},
	{webrtc.MimeTypeH264, h264("42001f", 1), 100, 101},
	{webrtc.MimeTypeH264, h264("4d001f", 1), 102, 103},
	{webrtc.MimeTypeH264, h264("64001f", 1), 104, 105},
	{webrtc.MimeTypeH264, h264("42e01f", 0), 106, 107},
	{webrtc.MimeTypeH264, h264("42001f", 0), 108, 109},
	{webrtc.MimeTypeH264, h264("4d001f", 0), 110, 112},
	{webrtc.MimeTypeVP9, "profile-id=0", 113, 114},
	{webrtc.MimeTypeVP9, "profile-id=2", 115, 116},
	{webrtc.MimeTypeAV1, "level-idx=5;profile=0;tier=0", 117, 118},
	// Only cameras send it, and few browsers play it.
	{webrtc.MimeTypeH265, "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST", 119, 120},
}

var (
	opus = codec{mime: webrtc.MimeTypeOpus, fmtp: opusFmtp, pt: 111}
	// red is Opus with its last packets repeated (RFC 2198); it is taken from
	// whoever prefers it, and passed on to whoever knows it.
	red = codec{mime: mimeRED, fmtp: "111/111", pt: 63}
)

// pcmu is what is said to cameras, too.
var pcmu = codec{mime: webrtc.MimeTypePCMU, pt: 0}

// cameraSound is what cameras send, or what is made of it: every browser plays
// it (RFC 7874 §3, and G.722 besides). The numbers are those of RFC 3551.
var cameraSound = []codec{
	pcmu,
	{mime: webrtc.MimeTypePCMA, pt: 8},
	{mime: webrtc.MimeTypeG722, pt: 9},
}

const mimeRED = "audio/red"

// soundCodecs are those that an m-line is offered with on which t is to play.
func soundCodecs(t sfu.Codec) []codec {
	for _, c := range cameraSound {
		if sameCodec(t, codecOf(c.parameters())) {
			return []codec{c}
		}
	}
	if sameCodec(t, codecOf(opus.parameters())) || sameCodec(t, codecOf(red.parameters())) {
		return []codec{opus, red}
	}
	return nil
}

// pictureCodecs are those that an m-line is offered with on which t is to play:
// its own first.
func pictureCodecs(t sfu.Codec) (list []codec) {
	for _, like := range ownAndLower(t) {
		for _, c := range videoCodecs {
			if sameCodec(like, codecOf(c.parameters())) {
				list = append(list, c)
			}
		}
	}
	return list
}

// ownAndLower are the codecs under which a receiver can be sent t, the best
// first. Some browsers do not list the profile High or Main of H.264 although
// their one decoder plays every profile: they get it under a lower one.
func ownAndLower(t sfu.Codec) []sfu.Codec {
	list := []sfu.Codec{t}
	if !strings.EqualFold(t.MimeType, webrtc.MimeTypeH264) {
		return list
	}
	mode, err := strconv.Atoi(fmtpValue(t.Fmtp, "packetization-mode", "0"))
	if err != nil {
		return list
	}
	lower := map[string][]string{"64": {"4d001f", "42e01f"}, "4d": {"42e01f"}, "42": {"42e01f"}}
	for _, profile := range lower[h264Profile(t.Fmtp)] {
		as := t
		as.Fmtp = h264(profile, mode)
		list = append(list, as)
	}
	return list
}

func h264(profile string, mode int) string {
	return "level-asymmetry-allowed=1;packetization-mode=" + strconv.Itoa(mode) + ";profile-level-id=" + profile
}

func (c codec) parameters() webrtc.RTPCodecParameters {
	p := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(c.pt)}
	p.MimeType, p.SDPFmtpLine = c.mime, c.fmtp
	p.RTCPFeedback = feedback(c.mime)
	if c.mime == webrtc.MimeTypeOpus || c.mime == mimeRED {
		p.ClockRate, p.Channels = 48000, 2
		return p
	}
	if strings.HasPrefix(c.mime, "audio/") {
		p.ClockRate = 8000
		return p
	}
	p.ClockRate = 90000
	return p
}

// feedback that the node gives and takes for a codec (RFC 4585 §4.2).
func feedback(mime string) []webrtc.RTCPFeedback {
	list := []webrtc.RTCPFeedback{{Type: "transport-cc"}}
	if strings.HasPrefix(strings.ToLower(mime), "video/") {
		list = append(list, webrtc.RTCPFeedback{Type: "ccm", Parameter: "fir"},
			webrtc.RTCPFeedback{Type: "nack"}, webrtc.RTCPFeedback{Type: "nack", Parameter: "pli"})
	}
	return list
}

// retransmission is the RTX codec (RFC 4588 §8.1) that goes with c.
func (c codec) retransmission() webrtc.RTPCodecParameters {
	p := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(c.rtx)}
	p.MimeType, p.ClockRate = webrtc.MimeTypeRTX, 90000
	p.SDPFmtpLine = "apt=" + strconv.Itoa(int(c.pt))
	return p
}

// newMediaEngine knows every codec and header extension that we do.
func newMediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, c := range knownCodecs(webrtc.RTPCodecTypeAudio) {
		if err := m.RegisterCodec(c.parameters(), webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	for _, c := range videoCodecs {
		if err := m.RegisterCodec(c.parameters(), webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
		if err := m.RegisterCodec(c.retransmission(), webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	return m, registerExtensions(m)
}

// watchEngine knows the codecs of the node as a WHEP offer has them: with its numbers
// and its parameters, so that pion finds each of them again.
func watchEngine(offered map[string][]format) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, formats := range offered {
		for _, p := range parametersOf(formats) {
			kind := webrtc.RTPCodecTypeAudio
			if strings.HasPrefix(strings.ToLower(p.MimeType), "video/") {
				kind = webrtc.RTPCodecTypeVideo
			}
			// A number that means two things is taken for one of them.
			if err := m.RegisterCodec(p, kind); err != nil && !errors.Is(err, webrtc.ErrCodecAlreadyRegistered) {
				return nil, err
			}
		}
	}
	return m, registerExtensions(m)
}

// parametersOf returns the formats that the node can send, in their order.
func parametersOf(formats []format) (list []webrtc.RTPCodecParameters) {
	known := map[string]bool{}
	for _, f := range formats {
		known[f.number] = f.known()
	}
	for _, f := range formats {
		n, err := strconv.ParseUint(f.number, 10, 7)
		resent := strings.EqualFold(f.codec.MimeType, webrtc.MimeTypeRTX)
		if err != nil || !known[f.number] && !(resent && known[fmtpValue(f.codec.Fmtp, "apt", "")]) {
			continue
		}
		p := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(n)}
		p.MimeType, p.ClockRate, p.Channels, p.SDPFmtpLine = f.codec.MimeType, f.codec.ClockRate, f.codec.Channels, f.codec.Fmtp
		if !resent {
			p.RTCPFeedback = feedback(f.codec.MimeType)
		}
		list = append(list, p)
	}
	return list
}

func registerExtensions(m *webrtc.MediaEngine) error {
	video := webrtc.RTPCodecTypeVideo
	for kind, uris := range map[webrtc.RTPCodecType][]string{
		webrtc.RTPCodecTypeAudio: {sdp.SDESMidURI, sdp.AudioLevelURI, sdp.TransportCCURI, sdp.ABSSendTimeURI},
		video:                    {sdp.SDESMidURI, orientationURI, dependencyURI, sdp.TransportCCURI, sdp.ABSSendTimeURI},
	} {
		for _, uri := range uris {
			err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind)
			if err != nil {
				return err
			}
		}
	}
	// Which encoding of simulcast a packet belongs to is only told to us.
	for _, uri := range []string{sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI} {
		err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, video,
			webrtc.RTPTransceiverDirectionRecvonly)
		if err != nil {
			return err
		}
	}
	return nil
}

// streamExtensions finds the ids of the extensions that forward writes.
func streamExtensions(list []webrtc.RTPHeaderExtensionParameter) (ids forward.StreamExtensions) {
	for _, x := range list {
		id := uint8(x.ID)
		if x.ID < 1 || x.ID > 14 {
			continue // would need the two-byte form of RFC 8285
		}
		switch x.URI {
		case sdp.SDESMidURI:
			ids.Mid = id
		case sdp.AudioLevelURI:
			ids.AudioLevel = id
		case orientationURI:
			ids.Orientation = id
		case dependencyURI:
			ids.Dependency = id
		case sdp.ABSSendTimeURI:
			ids.AbsSendTime = id
		case sdp.TransportCCURI:
			ids.TransportCC = id
		}
	}
	return ids
}

// codecOf makes a track's codec of what was negotiated.
func codecOf(p webrtc.RTPCodecParameters) sfu.Codec {
	return sfu.Codec{MimeType: p.MimeType, ClockRate: p.ClockRate, Channels: p.Channels, Fmtp: p.SDPFmtpLine}
}

// sameCodec tells whether a receiver that agreed to b can play a.
func sameCodec(a, b sfu.Codec) bool {
	if !strings.EqualFold(a.MimeType, b.MimeType) {
		return false
	}
	switch strings.ToLower(a.MimeType) {
	case "video/h264":
		return fmtpValue(a.Fmtp, "packetization-mode", "0") == fmtpValue(b.Fmtp, "packetization-mode", "0") &&
			h264Profile(a.Fmtp) == h264Profile(b.Fmtp)
	case "video/vp9":
		return fmtpValue(a.Fmtp, "profile-id", "0") == fmtpValue(b.Fmtp, "profile-id", "0")
	case "video/h265":
		return fmtpValue(a.Fmtp, "profile-id", "1") == fmtpValue(b.Fmtp, "profile-id", "1")
	case "video/av1":
		return fmtpValue(a.Fmtp, "profile", "0") == fmtpValue(b.Fmtp, "profile", "0")
	}
	return true
}

// h264Order are the profiles of H.264 as h264Profile has them: a decoder of one plays
// all before it.
var h264Order = []string{"constrained-baseline", "42", "4d", "64"}

// playsH264 reports whether a receiver that takes b plays a, both H.264, and how well b
// fits, 0 being best: first the same profile, then a higher one, then a lower one,
// since every decoder that is known plays more than it lists. A receiver that lists
// packetization-mode 0 alone comes last: those that were seen join fragments as well
// (GStreamer's simple WHEP client names no mode).
func playsH264(a, b sfu.Codec) (rank int, ok bool) {
	mode := fmtpValue(b.Fmtp, "packetization-mode", "0")
	if mode != "0" && mode != "1" {
		return 0, false // interleaved, which nobody sends
	}
	sent, taken := h264Profile(a.Fmtp), h264Profile(b.Fmtp)
	from, to := slices.Index(h264Order, sent), slices.Index(h264Order, taken)
	switch {
	case sent == taken:
	case from < 0 || to < 0:
		return 0, false
	case to > from:
		rank = to - from
	default:
		rank = len(h264Order) + from - to
	}
	if mode != fmtpValue(a.Fmtp, "packetization-mode", "0") {
		rank += 2 * len(h264Order)
	}
	return rank, true
}

// h264Profile is the profile of RFC 6184 §8.1 without its level: profile_idc
// and the constraint flags that tell constrained baseline from baseline.
func h264Profile(fmtp string) string {
	id := strings.ToLower(fmtpValue(fmtp, "profile-level-id", "42000a"))
	if len(id) != 6 {
		return id
	}
	iop, err := strconv.ParseUint(id[2:4], 16, 8)
	if err != nil {
		return id
	}
	const constraintSet1 = 0x40
	if id[:2] == "42" && iop&constraintSet1 != 0 {
		return "constrained-baseline"
	}
	return id[:2]
}

// fmtpValue reads one parameter of a format's parameters.
func fmtpValue(fmtp, key, fallback string) string {
	for part := range strings.SplitSeq(fmtp, ";") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if ok && strings.EqualFold(k, key) {
			return v
		}
	}
	return fallback
}

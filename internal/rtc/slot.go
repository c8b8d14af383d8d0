package rtc

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/bandwidth"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// slot is one m-line on which we send. It stays; the tracks that play on it
// change. To pion it is a local track.
type slot struct {
	kind   webrtc.RTPCodecType
	id     string
	stream string // msid stream: what plays in step
	// codecs that the slot was made for; nil takes whatever was negotiated.
	codecs []codec

	transceiver *webrtc.RTPTransceiver
	owner       *Subscriber

	out    forward.Stream
	paused bool // by the receiver
	width  int  // of the tile, in device pixels
	height int
	pinned bool
	choice bandwidth.Option // what it gets; Layer -1: nothing
	// limited: a better layer would fit the tile, but not the path.
	limited bool

	// track is what plays, or nil. The Subscriber changes it, holding its own
	// lock as well.
	mu         sync.Mutex
	track      *sfu.Track
	known      []webrtc.RTPCodecParameters // that both sides have, on any m-line
	answered   []string                    // numbers that the peer took on this one; nil: all
	negotiated []webrtc.RTPCodecParameters // what is left of known
	pending    *forward.StreamConfig       // until packets can leave
}

// pion's TrackLocal.

func (s *slot) ID() string                { return s.id }
func (s *slot) StreamID() string          { return s.stream }
func (s *slot) RID() string               { return "" }
func (s *slot) Kind() webrtc.RTPCodecType { return s.kind }

// Bind is called when the m-line is negotiated, which may be before packets can
// leave: a keyframe that came in between would be lost.
func (s *slot) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	agreed := ctx.CodecParameters()
	cfg := forward.StreamConfig{
		Sender:     s,
		SSRC:       uint32(ctx.SSRC()),
		RTXSSRC:    uint32(ctx.SSRCRetransmission()),
		Mid:        s.transceiver.Mid(),
		Extensions: streamExtensions(ctx.HeaderExtensions()),
		Transport:  &s.owner.path.Transport,
		Totals:     s.owner.engine.Totals,
	}
	s.owner.bind(cfg.SSRC, s)
	s.mu.Lock()
	s.known, s.pending = agreed, &cfg
	s.settle()
	ours := s.negotiated
	s.mu.Unlock()
	s.begin()
	for _, c := range ours {
		if s.takes(codecOf(c)) {
			return c, nil
		}
	}
	// The peer turned this m-line down. pion would give the whole connection
	// up; nothing will be sent on it.
	if len(agreed) > 0 {
		return agreed[0], nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// agree notes which numbers the peer took on the m-line.
func (s *slot) agree(numbers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = numbers
	s.settle()
}

// settle plays by what is agreed on now. The caller holds mu.
func (s *slot) settle() {
	s.negotiated = s.known
	if s.answered != nil {
		s.negotiated = slices.DeleteFunc(slices.Clone(s.known), func(c webrtc.RTPCodecParameters) bool {
			return !slices.Contains(s.answered, strconv.Itoa(int(c.PayloadType)))
		})
	}
	s.play()
}

// begin lets packets leave, if they can by now.
func (s *slot) begin() {
	if !s.owner.media.open.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != nil {
		s.out.Bind(*s.pending)
		s.pending = nil
	}
}

// Unbind is called when the m-line ends.
func (s *slot) Unbind(webrtc.TrackLocalContext) error {
	s.out.Unbind()
	return nil
}

// SendRTP implements forward.Sender.
func (s *slot) SendRTP(header *rtp.Header, payload []byte) error {
	return s.owner.media.sendRTP(header, payload, s.kind == webrtc.RTPCodecTypeAudio)
}

// Flush implements forward.Sender.
func (s *slot) Flush() { s.owner.media.flush() }

// prefer makes the slot one for other codecs, as the next offer tells.
func (s *slot) prefer(codecs []codec) error {
	var prefs []webrtc.RTPCodecParameters
	for _, c := range codecs {
		prefs = append(prefs, c.parameters())
		if c.rtx != 0 {
			prefs = append(prefs, c.retransmission())
		}
	}
	if err := s.transceiver.SetCodecPreferences(prefs); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codecs != nil { // nothing is agreed on until the peer has answered
		s.answered = []string{}
		s.settle()
	}
	s.codecs = codecs
	return nil
}

// takes tells whether the slot was made for a codec, or its m-line was offered with one
// that plays it.
func (s *slot) takes(c sfu.Codec) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codecs == nil && s.known != nil {
		_, ok := s.payloadTypes(c)
		return ok
	}
	if s.codecs == nil {
		return strings.HasPrefix(strings.ToLower(c.MimeType), s.kind.String()+"/")
	}
	return slices.ContainsFunc(s.codecs, func(own codec) bool {
		return sameCodec(c, codecOf(own.parameters()))
	})
}

// set makes t play on the slot, or nothing.
func (s *slot) set(t *sfu.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.track, s.paused, s.limited = t, false, false
	s.choice.Layer = -1
	s.out.SetPaused(false)
	if t == nil {
		s.out.Stop()
		return
	}
	s.play()
}

// play starts the track if the numbers for its codec are known by now. The
// caller holds mu.
func (s *slot) play() {
	if s.track == nil {
		return
	}
	types, ok := s.payloadTypes(s.track.Codec)
	if !ok {
		s.out.Stop()
		return
	}
	s.out.Play(s.track.Media, types)
}

// offered makes the slot one for an m-line that the peer offers with these codecs.
func (s *slot) offered(codecs []webrtc.RTPCodecParameters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.answered = codecs, []string{}
	for _, c := range codecs {
		s.answered = append(s.answered, strconv.Itoa(int(c.PayloadType)))
	}
	s.settle()
}

// sentFirst has the answer begin with the codec that is sent: go2rtc reads no other.
func (s *slot) sentFirst() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.track == nil {
		return nil
	}
	types, ok := s.payloadTypes(s.track.Codec)
	if !ok {
		return nil
	}
	list := slices.Clone(s.negotiated)
	slices.SortStableFunc(list, func(a, b webrtc.RTPCodecParameters) int {
		return sendOrder(types, a.PayloadType) - sendOrder(types, b.PayloadType)
	})
	return s.transceiver.SetCodecPreferences(list)
}

// sendOrder is the place of a number in an m-line where these are sent.
func sendOrder(types forward.PayloadTypes, number webrtc.PayloadType) int {
	switch uint8(number) {
	case types.Media:
		return 0
	case types.RTX:
		return 1
	}
	return 2
}

// payloadTypes finds the numbers for a codec. The caller holds mu.
func (s *slot) payloadTypes(c sfu.Codec) (forward.PayloadTypes, bool) {
	return payloadTypes(c, s.negotiated)
}

// payloadTypes finds the numbers for a codec among those that a receiver takes.
func payloadTypes(c sfu.Codec, negotiated []webrtc.RTPCodecParameters) (types forward.PayloadTypes, ok bool) {
	if strings.EqualFold(c.MimeType, mimeRED) {
		return redTypes(c, negotiated)
	}
	best := 0
	for _, n := range negotiated {
		as := codecOf(n)
		rank, plays := 0, sameCodec(c, as)
		if strings.EqualFold(c.MimeType, webrtc.MimeTypeH264) && strings.EqualFold(as.MimeType, webrtc.MimeTypeH264) {
			rank, plays = playsH264(c, as)
		}
		if plays && (!ok || rank < best) {
			types.Media, best, ok = uint8(n.PayloadType), rank, true
		}
	}
	if !ok {
		return types, false
	}
	apt := strconv.Itoa(int(types.Media))
	for _, n := range negotiated {
		if strings.EqualFold(n.MimeType, webrtc.MimeTypeRTX) && fmtpValue(n.SDPFmtpLine, "apt", "") == apt {
			types.RTX = uint8(n.PayloadType)
		}
	}
	return types, true
}

// redTypes finds the numbers for Opus in RED. A receiver that does not know
// RED, or knows what is in it under another number, gets the Opus alone.
func redTypes(c sfu.Codec, negotiated []webrtc.RTPCodecParameters) (types forward.PayloadTypes, ok bool) {
	plain, ok := payloadTypes(codecOf(opus.parameters()), negotiated)
	if !ok {
		return types, false
	}
	inside, _, _ := strings.Cut(c.Fmtp, "/")
	for _, n := range negotiated {
		if strings.EqualFold(n.MimeType, mimeRED) && inside == strconv.Itoa(int(plain.Media)) {
			return forward.PayloadTypes{Media: uint8(n.PayloadType)}, true
		}
	}
	plain.Primary = true
	return plain, true
}

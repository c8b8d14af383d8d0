package rtc

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// WatchOffer is an offer of somebody who wants to watch.
type WatchOffer struct {
	SDP string
	// Wishes are what there is to watch: Set, before the answer, which then begins with
	// the codecs that are sent.
	Wishes []Wish
	Caller Caller
	// Only says that nothing but Wishes is to come: m-lines that play none of them are
	// rejected.
	Only bool
}

// rules for the m-lines of the offer.
func (o WatchOffer) rules() mayReject {
	rules := mayReject{direction: watches}
	if o.Only {
		rules.plays = o.plays
	}
	return rules
}

// plays reports whether one of the formats plays one of the wishes, or there is no wish
// of the kind.
func (o WatchOffer) plays(kind string, formats []format) bool {
	var any bool
	for _, w := range o.Wishes {
		if rtpKind(w.Track.Kind).String() != kind {
			continue
		}
		any = true
		if _, ok := payloadTypes(w.Track.Codec, parametersOf(formats)); ok {
			return true
		}
	}
	return !any
}

// AnswerSubscriber makes a connection out of an offer of the peer, with the
// m-lines for receiving that it has, and returns the answer. Errors are those of an
// offer that cannot be read, and ErrUnacceptable.
func (e *Engine) AnswerSubscriber(offer WatchOffer, address string, log *slog.Logger, onState func(webrtc.PeerConnectionState)) (*Subscriber, string, error) {
	defer e.negotiate()()
	rules := offer.rules()
	remote, err := readOffer(offer.SDP, maxWatched, rules)
	if err != nil {
		return nil, "", fmt.Errorf("reading the offer: %w", err)
	}
	parsed, err := readSDP(remote.text)
	if err != nil {
		return nil, "", fmt.Errorf("reading the offer: %w", err)
	}
	codecs, err := watchEngine(remote.formats)
	if err != nil {
		return nil, "", fmt.Errorf("reading the offer: %w", err)
	}
	s, err := e.newSubscriber(address, log, onState, codecs)
	if err != nil {
		return nil, "", err
	}
	s.fixed, s.rules = true, rules
	s.CalledBy(offer.Caller)
	if !strings.Contains(remote.text, sdp.TransportCCURI) {
		s.path.estimator.Initial = openRate
	}
	answer, err := s.answer(parsed, remote, offer.Wishes)
	if err != nil {
		_ = s.Close()
		return nil, "", err
	}
	return s, answer, nil
}

func (s *Subscriber) answer(parsed *sdp.SessionDescription, remote remoteSDP, wishes []Wish) (string, error) {
	for _, m := range parsed.MediaDescriptions {
		kind := webrtc.NewRTPCodecType(m.MediaName.Media)
		if kind == 0 || len(s.groups) > 0 && !s.mayAdd(kind) {
			continue
		}
		// The n-th audio and the n-th video play in step.
		n := 0
		for _, g := range s.groups {
			if !slices.ContainsFunc(g.slots, func(o *slot) bool { return o.kind == kind }) {
				break
			}
			n++
		}
		if n == len(s.groups) {
			s.groups = append(s.groups, s.newGroup())
		}
		sl, err := s.addSlot(s.groups[n], kind, nil)
		if err != nil {
			return "", err
		}
		mid, _ := m.Attribute("mid")
		sl.offered(parametersOf(remote.formats[mid]))
	}
	s.Set(wishes)
	return s.reanswer(remote)
}

// Reanswer applies a further offer of a peer whose connection was made by
// AnswerSubscriber, such as an ICE restart.
func (s *Subscriber) Reanswer(offer string) (string, error) {
	defer s.engine.negotiate()()
	remote, err := readOffer(offer, maxWatched, s.rules)
	if err != nil {
		return "", fmt.Errorf("applying the offer: %w", err)
	}
	return s.reanswer(remote)
}

func (s *Subscriber) reanswer(remote remoteSDP) (string, error) {
	if err := s.setRemote(webrtc.SDPTypeOffer, remote); err != nil {
		return "", fmt.Errorf("applying the offer: %w", err)
	}
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if err := sl.sentFirst(); err != nil {
				return "", fmt.Errorf("answering: %w", err)
			}
		}
	}
	answer, err := s.createAnswer(remote)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	local, err := s.setLocal(answer)
	if err != nil {
		return "", fmt.Errorf("answering: %w", err)
	}
	return remote.answer(local), nil
}

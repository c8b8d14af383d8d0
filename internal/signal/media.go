package signal

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"umbrella/internal/crash"
	"umbrella/internal/forward"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// publish answers an offer of the browser.
func (s *session) publish(m *umbrellav1.PublishOffer) {
	if s.participant.ViewOnly {
		s.fail(umbrellav1.Error_CODE_BAD_REQUEST, "a viewer publishes nothing")
		return
	}
	// Another id in the origin line (RFC 8866 §5.2) is another connection of
	// the browser: it has begun anew.
	if id := origin(m.Sdp); s.pub != nil && id != s.pubID {
		s.closePublisher()
	}
	if s.pub == nil {
		pub, err := s.server.Engine().NewPublisher(s.participant, s.log, s.state, s.demanded)
		if err != nil {
			s.log.Error("no connection for publishing", "error", err)
			s.fail(umbrellav1.Error_CODE_UNAVAILABLE, "no connection can be made")
			return
		}
		s.pubID = origin(m.Sdp)
		s.mu.Lock()
		s.pub = pub
		s.mu.Unlock()
	}
	announced := map[string]rtc.Announced{}
	for _, t := range m.Tracks {
		a := rtc.Announced{Source: sfu.Source(t.Source), Muted: t.Muted}
		if t.TalkTo != "" {
			a.Talk = s.talkTo(t.TalkTo)
		}
		announced[t.Mid] = a
	}
	if s.socket != nil {
		s.pub.CalledBy(s.socket.caller)
	}
	answer, err := s.pub.Answer(m.Sdp, announced)
	if err != nil {
		s.log.Warn("an offer could not be applied", "error", err)
		s.fail(umbrellav1.Error_CODE_NEGOTIATION_FAILED, err.Error())
		// Whatever state it is in now: the next offer begins anew.
		s.closePublisher()
		return
	}
	s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_PublishAnswer{
		PublishAnswer: &umbrellav1.PublishAnswer{Id: m.Id, Sdp: answer},
	}})
}

// talkTo finds where a participant can be talked to.
func (s *session) talkTo(id string) *rtc.TalkTo {
	to := &rtc.TalkTo{Tell: func(t sfu.Talk) { s.mail.talked(id, t) }}
	if p := s.participant.Room().Participant(id); p != nil {
		to.Loudspeaker = p.State().Loudspeaker
	}
	return to
}

// tellDemand tells the browser what of its own anybody takes.
func (s *session) tellDemand() {
	if s.pub == nil || s.socket == nil {
		return
	}
	m := &umbrellav1.PublishDemand{}
	for _, d := range s.pub.Demand() {
		m.Tracks = append(m.Tracks, &umbrellav1.TrackDemand{Mid: d.Mid, Rids: d.RIDs})
	}
	s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_PublishDemand{PublishDemand: m}})
}

func (s *session) closePublisher() {
	if err := s.pub.Close(); err != nil {
		s.log.Debug("closing", "connection", "publish", "error", err)
	}
	s.mu.Lock()
	s.pub = nil
	s.mu.Unlock()
}

// origin is the session id in an SDP's o= line.
func origin(sdp string) string {
	for line := range strings.Lines(sdp) {
		if rest, ok := strings.CutPrefix(line, "o="); ok {
			if fields := strings.Fields(rest); len(fields) > 1 {
				return fields[1]
			}
			return ""
		}
	}
	return ""
}

// subscribe makes what the browser gets what it should get.
func (s *session) subscribe(states []sfu.State) {
	if !s.grant.Subscribe {
		return
	}
	var wishes []rtc.Wish
	for _, st := range states {
		if st.Participant == s.participant {
			continue
		}
		for _, t := range st.Tracks {
			if s.receives[strings.ToLower(heard(t.Codec.MimeType))] {
				set := s.settings[t.ID]
				wishes = append(wishes, rtc.Wish{
					Track: t, Paused: set.paused, Width: set.width, Height: set.height, Pinned: set.pinned,
				})
			}
		}
	}
	known := s.others(states)
	maps.DeleteFunc(s.settings, func(id string, _ setting) bool { return !known[id] })
	if s.sub == nil {
		if len(wishes) == 0 {
			return
		}
		sub, err := s.server.Engine().NewSubscriber(s.participant.Address, s.log, s.state)
		if err != nil {
			s.log.Error("no connection for subscribing", "error", err)
			s.fail(umbrellav1.Error_CODE_UNAVAILABLE, "no connection can be made")
			return
		}
		s.mu.Lock()
		s.sub = sub
		s.mu.Unlock()
	}
	changed := s.sub.Set(wishes)
	// One offer at a time: the next one covers all that came meanwhile.
	if s.offer == nil && s.socket != nil && (s.sub.NeedsOffer() || s.restart) {
		s.sub.CalledBy(s.socket.caller)
		sdp, err := s.sub.Offer(s.restart)
		if err != nil {
			s.log.Error("no offer", "error", err)
			s.fail(umbrellav1.Error_CODE_NEGOTIATION_FAILED, err.Error())
			return
		}
		s.restart = false
		s.offerID++
		s.offer = &umbrellav1.SubscribeOffer{Id: s.offerID, Sdp: sdp}
		s.send(subscribeOffer(s.offer))
		changed = true
	}
	if s.socket != nil && (changed || !s.wasMapped) {
		s.wasMapped = true
		m := streamMap(s.sub.Mapping())
		left, why := s.sub.LeftOut()
		s.leftOut = len(left) > 0
		for _, t := range left {
			m.LeftOutTrackIds = append(m.LeftOutTrackIds, t.ID)
			m.LeftOutReason = why.Error()
		}
		s.send(&umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_StreamMap{StreamMap: m}})
	}
}

func subscribeOffer(o *umbrellav1.SubscribeOffer) *umbrellav1.ServerMessage {
	return &umbrellav1.ServerMessage{Message: &umbrellav1.ServerMessage_SubscribeOffer{SubscribeOffer: o}}
}

func streamMap(mapping []rtc.Mapping) *umbrellav1.StreamMap {
	m := &umbrellav1.StreamMap{}
	for _, e := range mapping {
		m.Streams = append(m.Streams, &umbrellav1.Stream{
			Mid: e.Mid, TrackId: e.Track.ID, ParticipantId: e.Track.Participant().ID,
		})
	}
	return m
}

// answered takes the answer to our offer.
func (s *session) answered(m *umbrellav1.SubscribeAnswer) {
	if s.offer == nil || s.offer.Id != m.Id {
		return // to an offer that was sent twice
	}
	if err := s.sub.Answered(m.Sdp); err != nil {
		s.log.Warn("an answer could not be applied", "error", err)
		s.fail(umbrellav1.Error_CODE_NEGOTIATION_FAILED, err.Error())
		// Good answers are as many as the node's own offers; others count.
		if s.server.Offer != nil && s.server.Offer(s.grant.Client) != nil && s.socket != nil {
			s.socket.tooFast()
		}
		s.leaving = s.leaving || errors.Is(err, crash.ErrPanic) // the connection is of no use any more
		return
	}
	s.offer = nil
	s.subscribe(s.look())
}

// maxTile bounds the sides of a tile, in device pixels.
const maxTile = 1 << 14

// set takes what the browser says of tracks that are there.
func (s *session) set(m *umbrellav1.SetSubscriptions) {
	if !s.grant.Subscribe {
		return // it gets none of them
	}
	states := s.look()
	known := s.others(states)
	for _, t := range m.Settings {
		if known[t.TrackId] {
			s.settings[t.TrackId] = setting{
				paused: t.Paused, width: int(min(t.Width, maxTile)), height: int(min(t.Height, maxTile)),
				pinned: t.Pinned,
			}
		}
	}
	s.subscribe(states)
}

// others are the ids of the tracks of everybody else.
func (s *session) others(states []sfu.State) map[string]bool {
	known := map[string]bool{}
	for _, st := range states {
		if st.Participant == s.participant {
			continue
		}
		for _, t := range st.Tracks {
			known[t.ID] = true
		}
	}
	return known
}

// measure tells the room how well the browser is connected.
func (s *session) measure() {
	now := time.Now()
	var loss float64
	var trip time.Duration
	if s.sub != nil {
		for _, o := range s.sub.Outputs(now) {
			loss, trip = max(loss, o.Loss), max(trip, o.RoundTrip)
		}
	}
	if s.pub != nil {
		layers := s.pub.Layers()
		for _, l := range layers {
			is := l.Stats(now)
			loss = max(loss, forward.LossBetween(s.layersWere[l], is))
			s.layersWere[l] = is
		}
		for l := range s.layersWere {
			if !slices.Contains(layers, l) {
				delete(s.layersWere, l)
			}
		}
	}
	if s.leftOut { // there may be a place by now
		s.subscribe(s.look())
	}
	s.participant.SetQuality(quality(s.socket != nil, s.broken(), loss, trip))
}

// broken tells that a connection that is needed does not work.
func (s *session) broken() bool {
	return s.pub != nil && s.pub.Broken() || s.sub != nil && s.sub.Broken()
}

// quality judges a connection.
func quality(present, broken bool, loss float64, trip time.Duration) sfu.Quality {
	switch {
	case !present || broken:
		return sfu.Lost
	case loss > 0.08 || trip > 800*time.Millisecond:
		return sfu.Poor
	case loss > 0.02 || trip > 300*time.Millisecond:
		return sfu.Fair
	}
	return sfu.Good
}

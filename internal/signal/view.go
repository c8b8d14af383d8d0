package signal

import (
	"strings"

	"umbrella/internal/clock"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// view is what a browser was told of its room, so that it is told only what
// is new.
type view struct {
	told    map[string]toldParticipant
	quality map[string]sfu.Quality
}

type toldParticipant struct {
	is      *sfu.Participant // who may come back under the same id
	version uint64
}

// update returns what changed, and makes it known; nil when nothing did. self
// is the one who looks.
func (v *view) update(states []sfu.State, self string) *umbrellav1.RoomUpdate {
	u := &umbrellav1.RoomUpdate{}
	now := make(map[string]toldParticipant, len(states))
	for _, s := range states {
		is := toldParticipant{s.Participant, s.Version}
		now[s.ID] = is
		if v.told[s.ID] != is {
			u.Participants = append(u.Participants, participant(s, s.ID == self))
		}
	}
	for id := range v.told {
		if _, ok := now[id]; !ok {
			u.LeftParticipantIds = append(u.LeftParticipantIds, id)
		}
	}
	v.told = now
	if len(u.Participants) == 0 && len(u.LeftParticipantIds) == 0 {
		return nil
	}
	return u
}

// qualities returns those that changed, and makes them known.
func (v *view) qualities(states []sfu.State) []*umbrellav1.ConnectionQuality {
	var list []*umbrellav1.ConnectionQuality
	now := make(map[string]sfu.Quality, len(states))
	for _, s := range states {
		now[s.ID] = s.Quality
		if s.Quality != sfu.QualityUnknown && v.quality[s.ID] != s.Quality {
			list = append(list, &umbrellav1.ConnectionQuality{
				ParticipantId: s.ID, Level: umbrellav1.QualityLevel(s.Quality),
			})
		}
	}
	v.quality = now
	return list
}

// participant describes one to a browser; mids are only for the publisher.
func participant(s sfu.State, own bool) *umbrellav1.Participant {
	p := &umbrellav1.Participant{
		Id: s.ID, Name: s.Name, Kind: umbrellav1.ParticipantKind(s.Kind),
		ViewOnly: s.ViewOnly, JoinedAtMs: clock.Milli(s.JoinedAt), NodeName: s.Node, Notice: s.Notice, TakesSound: s.Loudspeaker != nil, Moderator: s.Participant.Moderator(),
	}
	for _, t := range s.Tracks {
		d := &umbrellav1.Track{
			Id: t.ID, Kind: umbrellav1.TrackKind(t.Kind), Source: umbrellav1.TrackSource(t.Source),
			Muted: t.Muted(), Codec: heard(t.Codec.MimeType),
		}
		if own {
			d.Mid = t.Mid
		}
		p.Tracks = append(p.Tracks, d)
	}
	return p
}

// heard is the codec that a browser has to have for a track: what is in RED is
// Opus, and is taken out for one that does not know RED.
func heard(mimeType string) string {
	if strings.EqualFold(mimeType, "audio/red") {
		return "audio/opus"
	}
	return mimeType
}

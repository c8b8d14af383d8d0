package backhaul

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/bound"
	"umbrella/internal/clock"
	"umbrella/internal/crash"
	"umbrella/internal/forward"
	"umbrella/internal/names"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// What is taken of one participant of another node.
const (
	// maxID bounds an id in bytes: a room's name, '/', and the id of a program of another
	// node, which holds the name that it gave.
	maxID     = names.MaxBytes + 160
	maxText   = 256 // bytes of a name, a codec or its parameters
	maxNotice = 200 // bytes that are passed on of why there is nothing to see
	maxTracks = 16
	maxLayers = 8 // of a track
	// maxCandidates of one end's media.
	maxCandidates = 32
	// maxParticipant bytes at most: as many as one message brings stay within
	// maxMessage, wherever they come from.
	maxParticipant = 4200
)

// describe tells other nodes of a participant of this one. snapshots reports whether
// the cameras of this node give pictures.
func describe(p *sfu.Participant, node string, snapshots bool) *umbrellav1.TrunkParticipant {
	st := p.State()
	d := &umbrellav1.TrunkParticipant{
		Name: p.Name, Kind: umbrellav1.ParticipantKind(p.Kind), ViewOnly: p.ViewOnly,
		JoinedAtMs: clock.Milli(p.JoinedAt), NodeName: node, Notice: noticeOf(st.Notice),
		Moderator: p.Moderator(), Snapshot: snapshots && p.Kind == sfu.Camera,
	}
	for _, t := range st.Tracks[:min(len(st.Tracks), maxTracks)] {
		track := &umbrellav1.TrunkTrack{
			Id: t.ID, Kind: umbrellav1.TrackKind(t.Kind), Source: umbrellav1.TrackSource(t.Source), Muted: t.Muted(),
			MimeType: t.Codec.MimeType, ClockRate: t.Codec.ClockRate, Channels: uint32(t.Codec.Channels), Fmtp: t.Codec.Fmtp,
		}
		layers := t.Media.Layers()
		for _, l := range layers[:min(len(layers), maxLayers)] {
			s := l.Scale()
			track.Layers = append(track.Layers, &umbrellav1.TrunkLayer{
				Rid: l.RID(), Width: uint32(s.Width), Height: uint32(s.Height), Spatial: uint32(s.Spatial), Temporal: uint32(s.Temporal),
			})
		}
		d.Tracks = append(d.Tracks, track)
		if proto.Size(d) > maxParticipant {
			d.Tracks = d.Tracks[:len(d.Tracks)-1]
			break
		}
	}
	return d
}

// routesOf reads what the other end can supply, and no longer can. The error is a
// panic.
func routesOf(u *umbrellav1.TrunkUpdate) (offers []routing.Offer[*umbrellav1.TrunkParticipant], withdrawn []routing.Key, err error) {
	defer crash.Catch(crash.Trunk, "", &err)
	for _, a := range u.Announcements {
		if o, ok := offerOf(a); ok {
			offers = append(offers, o)
		}
	}
	for _, k := range u.Withdrawals {
		if key, ok := keyOf(k); ok {
			withdrawn = append(withdrawn, key)
		}
	}
	return offers, withdrawn, nil
}

// offerOf reads an announcement that came from outside; ok is false for one
// that no node of ours sends.
func offerOf(a *umbrellav1.TrunkAnnouncement) (o routing.Offer[*umbrellav1.TrunkParticipant], ok bool) {
	key, ok := keyOf(a.GetKey())
	p := a.GetParticipant()
	if !ok || p == nil || !names.IsRoom(a.Room) || !acceptable(p) {
		return o, false
	}
	for _, s := range a.Path {
		id, err := routing.ParseNodeID(s)
		if err != nil {
			return o, false
		}
		o.Path = append(o.Path, id)
	}
	o.Key, o.Room, o.Info = key, a.Room, p
	o.RTT = time.Duration(a.RoundTripUs) * time.Microsecond
	return o, true
}

// acceptable tells whether a participant is one that can be shown.
func acceptable(p *umbrellav1.TrunkParticipant) bool {
	if len(p.Name) > maxText || len(p.NodeName) > maxText || len(p.Notice) > maxText || len(p.Tracks) > maxTracks ||
		proto.Size(p) > maxParticipant {
		return false
	}
	switch p.Kind {
	case umbrellav1.ParticipantKind_PARTICIPANT_KIND_PERSON, umbrellav1.ParticipantKind_PARTICIPANT_KIND_CAMERA,
		umbrellav1.ParticipantKind_PARTICIPANT_KIND_STREAM:
	default:
		return false
	}
	ids := map[string]bool{}
	for _, t := range p.Tracks {
		kind := strings.HasPrefix(strings.ToLower(t.MimeType), "audio/")
		audio := t.Kind == umbrellav1.TrackKind_TRACK_KIND_AUDIO
		if t.Id == "" || len(t.Id) > maxID || ids[t.Id] || len(t.MimeType) > maxText || len(t.Fmtp) > maxText ||
			t.ClockRate == 0 || t.Channels > 16 || len(t.Layers) > maxLayers || kind != audio ||
			!audio && t.Kind != umbrellav1.TrackKind_TRACK_KIND_VIDEO {
			return false
		}
		ids[t.Id] = true
		rids := map[string]bool{}
		for _, l := range t.Layers {
			if len(l.Rid) > 16 || rids[l.Rid] {
				return false
			}
			rids[l.Rid] = true
		}
	}
	return true
}

// hint is what is told of a layer before anything of it has come.
func hint(l *umbrellav1.TrunkLayer) forward.Scale {
	return forward.Scale{
		Width: uint16(min(l.Width, 1<<16-1)), Height: uint16(min(l.Height, 1<<16-1)),
		Spatial: uint8(min(l.Spatial, forward.MaxSpatial)), Temporal: uint8(min(l.Temporal, forward.MaxTemporal)),
	}
}

// noticeOf is what is passed on of a notice, which may hold words of a camera: one
// that is longer than maxText would keep the participant from other nodes.
func noticeOf(s string) string { return bound.Text(printable(s), maxNotice) }

package backhaul

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/clock"
	"umbrella/internal/forward"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// remote is a participant of another node, as it is in the room here. The hub's
// mu guards it.
type remote struct {
	hub         *hub
	key         routing.Key
	room        string
	link        *link     // which it comes by; nil while there is no way
	lost        time.Time // since when there is none
	participant *sfu.Participant
	cost        int    // what it takes in the room
	notice      string // why there is nothing to see of it
	path        []routing.NodeID
	arrived     uint64    // packets, when something last came
	heard       time.Time // when that was, or was first to come by that way
	name        string    // of the participant and its node
	kind        umbrellav1.ParticipantKind
	snapshot    bool                    // it gives pictures
	tracks      map[string]*remoteTrack // by its id there
}

type remoteTrack struct {
	track  *sfu.Track
	said   *umbrellav1.TrunkTrack
	layers map[string]*remoteLayer // by RID
}

// remoteLayer is one layer that can be had of another node.
type remoteLayer struct {
	layer *forward.Layer
	rate  uint32
	// by is what it comes from now, nil while it is not pulled.
	by   atomic.Pointer[pull]
	used bool      // it was pulled once
	left time.Time // when the last one left it
}

// pull is a layer on its way here.
type pull struct {
	link *link
	ssrc uint32
}

// localID is the id that something of another node has here.
func localID(id string, origin routing.NodeID) string {
	if _, own, ok := strings.Cut(id, "/"); ok {
		id = own
	}
	return sfu.RemoteID(id, string(origin))
}

// follow makes the room what the routes say of one participant. The caller
// holds mu.
func (h *hub) follow(key routing.Key, now time.Time) {
	delete(h.waiting, key)
	route, ok := h.table.Best(key)
	r := h.remotes[key]
	if !ok {
		delete(h.barred, key)
		if r != nil && r.lost.IsZero() {
			r.lose(now)
		}
		return
	}
	if r != nil && (route.Room != r.room || r.isAnother(route.Info)) {
		r.end()
		delete(h.remotes, key)
		r = nil
	}
	l := h.links[route.Trunk]
	if l == nil {
		return
	}
	cost := shown(route.Info)
	fits := h.affords(r, l, cost)
	if !fits {
		h.waiting[key] = true // and stays what it is meanwhile
	}
	if r == nil {
		if !fits {
			return
		}
		if r = h.join(key, route.Room, route.Info); r == nil {
			return
		}
		h.remotes[key] = r
	}
	if r.link != l {
		r.reroute(l)
	}
	if !slices.Equal(r.path, route.Path) {
		r.path, r.heard = route.Path, now
	}
	if fits {
		r.cost = cost
		r.update(route.Info)
	}
}

// lose notes that there is no way to the participant now. One that is found
// soon, as after a link was cut, goes on with it.
func (r *remote) lose(now time.Time) {
	r.lost, r.link = now, nil
	r.participant.SetQuality(sfu.Lost)
	for _, rt := range r.tracks {
		for _, rl := range rt.layers {
			rl.release()
		}
	}
}

// isAnother tells that what a participant here cannot change is not as it was.
func (r *remote) isAnother(info *umbrellav1.TrunkParticipant) bool {
	return r.name != info.Name+"\n"+info.NodeName || r.kind != info.Kind
}

// join brings somebody of another node into a room.
func (h *hub) join(key routing.Key, room string, info *umbrellav1.TrunkParticipant) *remote {
	p, err := h.owner.SFU.Join(sfu.Entry{
		Room: room, ID: localID(key.Participant, key.Origin), Name: info.Name, Kind: sfu.Kind(info.Kind),
		ViewOnly: info.ViewOnly, Node: cut(info.NodeName), Origin: string(key.Origin), JoinedAt: moment(info.JoinedAtMs),
	})
	delete(h.barred, key)
	if errors.Is(err, sfu.ErrLocked) {
		h.barred[key] = room
		return nil
	}
	if err != nil {
		h.owner.Log.Debug("somebody of another node is not shown", "room", room, "error", err)
		return nil
	}
	return &remote{
		hub: h, key: key, room: room, participant: p, name: info.Name + "\n" + info.NodeName, kind: info.Kind,
		tracks: map[string]*remoteTrack{},
	}
}

// moment is a time that another node has told, in milliseconds by the clock of this one: not in the
// future.
func moment(ms int64) time.Time {
	now := time.Now()
	return clock.FromMilli(min(max(ms, 0), clock.Milli(now)))
}

// update makes the tracks those that are announced.
func (r *remote) update(info *umbrellav1.TrunkParticipant) {
	r.snapshot = info.Snapshot
	r.notice = noticeOf(info.Notice)
	r.participant.SetNotice(r.notice)
	r.participant.SetModeratorElsewhere(info.Moderator)
	said := map[string]bool{}
	for _, t := range info.Tracks {
		said[t.Id] = true
		have := r.tracks[t.Id]
		if have != nil && (have.said.MimeType != t.MimeType || have.said.Fmtp != t.Fmtp || have.said.Source != t.Source) {
			r.drop(t.Id)
			have = nil
		}
		if have == nil {
			have = r.publish(t)
			if have == nil {
				continue
			}
		}
		have.said = t
		have.track.SetMuted(t.Muted)
		r.layers(have)
	}
	for id := range r.tracks {
		if !said[id] {
			r.drop(id)
		}
	}
}

func (r *remote) publish(t *umbrellav1.TrunkTrack) *remoteTrack {
	track, err := r.participant.Publish(sfu.Publication{
		ID: localID(t.Id, r.key.Origin), Kind: sfu.TrackKind(t.Kind), Source: sfu.Source(t.Source), Muted: t.Muted,
		Codec: sfu.Codec{MimeType: t.MimeType, ClockRate: t.ClockRate, Channels: uint16(t.Channels), Fmtp: t.Fmtp},
		Media: &forward.Source{},
	})
	if err != nil {
		return nil
	}
	rt := &remoteTrack{track: track, said: t, layers: map[string]*remoteLayer{}}
	r.tracks[t.Id] = rt
	return rt
}

// layers makes the layers of a track those that are announced.
func (r *remote) layers(rt *remoteTrack) {
	said := map[string]bool{}
	for _, l := range rt.said.Layers {
		said[l.Rid] = true
		if rt.layers[l.Rid] == nil {
			rt.layers[l.Rid] = r.layer(rt, l)
		}
	}
	for rid, rl := range rt.layers {
		if !said[rid] {
			rl.release()
			rt.track.Media.Remove(rl.layer)
			delete(rt.layers, rid)
		}
	}
}

// layer makes a layer that is pulled when somebody takes it.
func (r *remote) layer(rt *remoteTrack, l *umbrellav1.TrunkLayer) *remoteLayer {
	rl := &remoteLayer{rate: rt.said.ClockRate}
	cfg := forward.LayerConfig{
		MimeType: rt.said.MimeType, ClockRate: rt.said.ClockRate, RID: l.Rid, Extensions: rtc.TrunkExtensions(),
		Clock: r.participant.Clock(), Totals: r.hub.owner.Totals, Account: r.participant.History(), Demand: r.hub.ring, Hint: hint(l), Ticked: true,
		RequestKeyframe: func() {
			if p := rl.by.Load(); p != nil {
				p.link.media.RequestKeyframe(p.ssrc)
			}
		},
	}
	if rt.track.Kind == sfu.Audio {
		cfg.Pass = r.participant.PassSound
	}
	if r.participant.Kind == sfu.Camera && rt.track.Kind == sfu.Video {
		cfg.KeepGroup, cfg.Patient = forward.DefaultKeepGroup, true
	}
	rl.layer = forward.NewLayer(cfg)
	rt.track.Media.Add(rl.layer)
	return rl
}

// reroute takes everything from another link from now on. What plays goes on in
// layers that are new: their numbers have nothing to do with the old ones'.
func (r *remote) reroute(l *link) {
	if !r.lost.IsZero() {
		r.participant.SetQuality(sfu.QualityUnknown)
	}
	r.link, r.lost = l, time.Time{}
	for _, rt := range r.tracks {
		for _, said := range rt.said.Layers {
			old := rt.layers[said.Rid]
			if old == nil || !old.used {
				continue
			}
			old.release()
			rt.layers[said.Rid] = r.layer(rt, said)
			rt.track.Media.Remove(old.layer)
		}
	}
}

// pull asks for what somebody takes, and gives back what nobody does.
func (r *remote) pull(now time.Time) {
	for id, rt := range r.tracks {
		for rid, rl := range rt.layers {
			p := rl.by.Load()
			switch taken := rl.layer.Subscribers() > 0; {
			case taken && p == nil && r.link != nil:
				rl.left = time.Time{}
				r.ask(id, rid, rl)
			case taken:
				rl.left = time.Time{}
			case p != nil && rl.left.IsZero():
				rl.left = now
			case p != nil && now.Sub(rl.left) >= releasePatience:
				rl.release()
			}
		}
	}
}

func (r *remote) ask(id, rid string, rl *remoteLayer) {
	l := r.link
	p := &pull{link: l, ssrc: l.nextSSRC}
	l.nextSSRC += 2
	rl.used = true
	rl.by.Store(p)
	l.media.Receive(p.ssrc, rl.layer, rl.rate)
	l.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Pull{Pull: &umbrellav1.TrunkPull{
		Key: keyMessage(r.key), TrackId: id, Rid: rid, Ssrc: p.ssrc,
	}}})
}

// release gives a layer back.
func (rl *remoteLayer) release() {
	p := rl.by.Swap(nil)
	if p == nil {
		return
	}
	p.link.media.Forget(p.ssrc)
	rl.layer.Forget()
	p.link.send(&umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Release{Release: &umbrellav1.TrunkRelease{Ssrc: p.ssrc}}})
}

// drop takes a track back.
func (r *remote) drop(id string) {
	rt := r.tracks[id]
	delete(r.tracks, id)
	for _, rl := range rt.layers {
		rl.release()
	}
	rt.track.Close()
}

// end gives everything back; the participant leaves.
func (r *remote) end() {
	for _, rt := range r.tracks {
		for _, rl := range rt.layers {
			rl.release()
		}
	}
	r.participant.Leave()
}

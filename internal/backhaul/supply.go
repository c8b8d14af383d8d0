package backhaul

import (
	"umbrella/internal/backhaul/routing"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// output is a layer that the other end of a link has asked for.
type output struct {
	ssrc uint32
	wish
	sending bool
}

// wish names a layer on all nodes.
type wish struct {
	key     routing.Key
	trackID string // at its origin
	rid     string
}

// maxOutputs bounds what one link asks for at a time.
const maxOutputs = 4096

// pulled notes that the other end wants a layer.
func (h *hub) pulled(l *link, p *umbrellav1.TrunkPull) *Refusal {
	key, ok := keyOf(p.GetKey())
	if !ok || p.Ssrc == 0 || p.Ssrc%2 != 0 || len(p.TrackId) > maxID || len(p.Rid) > maxID {
		return errProtocol
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links[l.id()] != l {
		return nil
	}
	o := &output{ssrc: p.Ssrc, wish: wish{key: key, trackID: p.TrackId, rid: p.Rid}}
	// The newer one counts: a layer crosses once, and so does what has an SSRC.
	h.stop(l, l.wishes[o.wish])
	h.stop(l, l.outputs[o.ssrc])
	if len(l.outputs) >= maxOutputs {
		return refuse(umbrellav1.TrunkRefusal_REASON_MISBEHAVED, "more than %d layers are asked for at once", maxOutputs)
	}
	l.outputs[o.ssrc], l.wishes[o.wish] = o, o
	return nil
}

// stop ends an output of a link; nil is none. The caller holds mu.
func (h *hub) stop(l *link, o *output) {
	if o == nil {
		return
	}
	delete(l.outputs, o.ssrc)
	delete(l.wishes, o.wish)
	l.media.Stop(o.ssrc)
}

// released notes that it does not want it any more.
func (h *hub) released(l *link, ssrc uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stop(l, l.outputs[ssrc])
}

// supply makes what was asked for leave, if it is here. The caller holds mu.
func (h *hub) supply(l *link, o *output) {
	track, layer := h.find(l, o)
	if track == nil || layer == nil {
		if o.sending {
			o.sending = false
			l.media.Stop(o.ssrc)
		}
		return
	}
	o.sending = true
	l.media.Send(o.ssrc, track, layer)
}

// find looks for what an output is to send. What comes from the other end is
// not sent back to it, and what a room of the trunk does not have is not sent.
func (h *hub) find(l *link, o *output) (*sfu.Track, *forward.Layer) {
	if !h.table.Told(l.id(), o.key) {
		return nil, nil
	}
	if o.key.Origin == h.owner.id {
		p := h.local(o.key.Participant)
		if p == nil {
			return nil, nil
		}
		for _, t := range p.State().Tracks {
			if t.ID != o.trackID {
				continue
			}
			for _, layer := range t.Media.Layers() {
				if layer.RID() == o.rid {
					return t, layer
				}
			}
		}
		return nil, nil
	}
	r := h.remotes[o.key]
	if r == nil || r.link == nil || r.link.peer == l.peer {
		return nil, nil
	}
	rt := r.tracks[o.trackID]
	if rt == nil || rt.layers[o.rid] == nil {
		return nil, nil
	}
	return rt.track, rt.layers[o.rid].layer
}

package backhaul

import (
	"time"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/sfu"
)

// What keeps pictures from going to and fro between ways: a link that has come
// up takes over from others only after a while, and a way by which nothing comes
// is left for a while. Both grow each time.
const (
	// holdTime is how long a link has to be up before it takes anything over that
	// comes well by another. It doubles, holdDoublings times at most, each time
	// that the link has gone down within flapMemory of the last time.
	holdTime      = 2 * time.Second
	holdDoublings = 5
	flapMemory    = 2 * time.Minute
	// silentAfter is how long nothing of a participant may come whose picture is
	// asked for and not muted; nodes farther from where it is lost wait for
	// silentHop more at each: those before them find another way first.
	silentAfter = 2 * time.Second
	silentHop   = 500 * time.Millisecond
	// A way is doubted for doubtFirst, then for twice as long each time.
	doubtFirst = 10 * time.Second
	doubtMost  = 10 * time.Minute
	// maxNotes bounds what is remembered of either.
	maxNotes = 1024
)

// flap is how often a link has gone down lately.
type flap struct {
	times int
	last  time.Time
}

// fell notes that a link went down.
func (h *hub) fell(id string, now time.Time) {
	for id, f := range h.flaps {
		if now.Sub(f.last) > flapMemory {
			delete(h.flaps, id)
		}
	}
	if len(h.flaps) < maxNotes || h.flaps[id].times > 0 {
		h.flaps[id] = flap{times: min(h.flaps[id].times+1, holdDoublings), last: now}
	}
}

// holdFor is how long a link that comes up now takes nothing over.
func (h *hub) holdFor(id string, now time.Time) time.Duration {
	if f := h.flaps[id]; now.Sub(f.last) <= flapMemory {
		return holdTime << f.times
	}
	return holdTime
}

// way is a participant by a link.
type way struct {
	link string
	key  routing.Key
}

// doubt is a way by which nothing came.
type doubt struct {
	until time.Time
	lasts time.Duration
}

// steady takes up again what was left for a while, and leaves ways by which
// nothing comes. The caller holds mu.
func (h *hub) steady(now time.Time) {
	for id, l := range h.links {
		if !l.settles.IsZero() && !now.Before(l.settles) {
			l.settles = time.Time{}
			h.table.Settle(id)
		}
	}
	for w, d := range h.doubts {
		if now.Before(d.until) {
			continue
		}
		h.table.Trust(w.link, w.key)
		if now.Sub(d.until) >= d.lasts+silentAfter { // it went well for as long
			delete(h.doubts, w)
		}
	}
	for key, r := range h.remotes {
		if r.link == nil || !r.silent(now) {
			continue
		}
		w := way{r.link.id(), key}
		d := h.doubts[w]
		if d.lasts == 0 && len(h.doubts) >= maxNotes || !h.table.Distrust(w.link, key) {
			continue
		}
		d.lasts = min(max(doubtFirst, 2*d.lasts), doubtMost)
		d.until = now.Add(d.lasts)
		h.doubts[w] = d
		r.heard = now
		h.owner.Log.Info("nothing comes of somebody by the shortest way, and another one is tried",
			"trunk", r.link.trunk, "node", r.link.name, "participant", r.participant.Name)
	}
}

// silent tells that nothing at all comes of somebody whose picture should. Sound
// alone tells nothing: that of people who are silent does not cross, nor does
// a screen on which nothing moves.
func (r *remote) silent(now time.Time) bool {
	arrived, due := uint64(0), false
	for _, rt := range r.tracks {
		for _, rl := range rt.layers {
			if rl.by.Load() == nil {
				continue
			}
			arrived += rl.layer.Stats(now).Packets
			due = due || rt.track.Kind == sfu.Video && rt.track.Source != sfu.Screen && !rt.track.Muted()
		}
	}
	if !due || arrived != r.arrived || r.notice != "" {
		r.heard, r.arrived = now, arrived
		return false
	}
	return now.Sub(r.heard) >= silentAfter+time.Duration(len(r.path)-1)*silentHop
}

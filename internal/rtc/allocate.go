package rtc

import (
	"cmp"
	"slices"
	"time"

	"umbrella/internal/bandwidth"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

const (
	// allocateInterval is how often it is looked at what each receiver gets, when
	// nothing calls for it earlier.
	allocateInterval = 250 * time.Millisecond
	// unknownRate stands for the rate of a layer that was never measured, in
	// bits per second and pixel: that of the middle layer of most encoders.
	unknownRate = 2.2
)

// allocation is what is needed to share out the bandwidth of a connection. It
// is used again each time.
type allocation struct {
	slots    []*slot
	requests []bandwidth.Request
	choices  []bandwidth.Choice
	options  []bandwidth.Option
	layers   []*forward.Layer
	sounds   sounds
}

// addSound makes a request for a sound track, whose share is known when all have
// been looked at.
func (a *allocation) addSound(t *sfu.Track, l *forward.Layer, paused bool, now time.Time) {
	if !paused {
		a.sounds.add(len(a.requests), t, l, now)
	}
	n := len(a.options)
	a.options = append(a.options, bandwidth.Option{})
	a.requests = append(a.requests, bandwidth.Request{Audio: true, Options: a.options[n : n+1 : n+1], Paused: paused})
}

// allocate gives each slot the layer that its tile needs and the path carries.
// The caller holds mu.
func (s *Subscriber) allocate(now time.Time) {
	a := &s.allocation
	a.slots, a.requests = a.slots[:0], a.requests[:0]
	a.options, a.layers = a.options[:0], a.layers[:0]
	a.sounds.begin()
	for _, g := range s.groups {
		for _, sl := range g.slots {
			if sl.track == nil {
				continue
			}
			layers := sl.track.Media.Layers()
			if sl.track.Kind == sfu.Audio {
				var layer *forward.Layer
				if len(layers) > 0 {
					layer = layers[0]
					sl.out.Aim(layer, 0, 0)
				}
				a.slots = append(a.slots, sl)
				a.addSound(sl.track, layer, sl.paused, now)
				continue
			}
			a.add(sl, layers, now)
		}
	}
	a.sounds.reserve(a.requests)
	wanted := bandwidth.Wanted(a.requests)
	s.path.wanted.Store(wanted)
	budget := s.path.estimator.Target()
	a.choices = bandwidth.Allocate(budget, a.requests, a.choices[:0])
	for i, c := range a.choices {
		sl, r := a.slots[i], &a.requests[i]
		if r.Audio {
			continue
		}
		sl.limited = c.Limited
		if c.Option < 0 {
			sl.choice = bandwidth.Option{Layer: -1}
			sl.out.Aim(nil, 0, 0)
			continue
		}
		o := r.Options[c.Option]
		sl.choice = o
		sl.out.Aim(a.layers[o.Layer], o.Spatial, o.Temporal)
	}
}

// add makes a request for a slot with a picture.
func (a *allocation) add(sl *slot, layers []*forward.Layer, now time.Time) {
	first := len(a.options)
	temporal := uint8(0)
	some := slices.ContainsFunc(layers, func(l *forward.Layer) bool { return l.Available(now) })
	for _, l := range layers {
		if some && !l.Available(now) || !some && !l.Patient() {
			continue
		}
		a.layers = append(a.layers, l)
		scale := l.Scale()
		temporal = max(temporal, scale.Temporal)
		a.options = appendOptions(a.options, scale, len(a.layers)-1)
	}
	options := a.options[first:]
	slices.SortStableFunc(options, func(x, y bandwidth.Option) int {
		return cmp.Or(cmp.Compare(x.Height, y.Height), cmp.Compare(x.Temporal, y.Temporal))
	})
	if sl.track.Source != sfu.Screen && len(options) > 0 {
		// A smaller picture that moves is better than one with a quarter of its
		// frames.
		least := options[0].Height
		options = slices.DeleteFunc(options, func(o bandwidth.Option) bool {
			return o.Height > least && o.Temporal+2 < temporal
		})
	}
	options = affordable(options)
	a.options = a.options[:first+len(options)]
	current := -1
	for i, o := range options {
		if sl.choice.Layer >= 0 && o.Height == sl.choice.Height && o.Temporal == sl.choice.Temporal {
			current = i
		}
	}
	a.slots = append(a.slots, sl)
	a.requests = append(a.requests, bandwidth.Request{
		Pinned: sl.pinned, Speaking: sl.track.Participant().Speaking(), Screen: sl.track.Source == sfu.Screen,
		Pixels: sl.width * sl.height, Paused: sl.paused, Options: options, Current: current,
	})
}

// appendOptions lists what can be had of one layer: each of its spatial layers
// with each number of temporal ones, and what that takes in all.
func appendOptions(list []bandwidth.Option, sc forward.Scale, layer int) []bandwidth.Option {
	spatial, temporal := max(sc.Spatial, 1), max(sc.Temporal, 1)
	for sp := range spatial {
		width, height := sc.Width>>(spatial-1-sp), sc.Height>>(spatial-1-sp)
		for te := range temporal {
			rate := uint64(0)
			for i := range sp + 1 {
				for j := range te + 1 {
					rate += uint64(sc.Rates[i][j])
				}
			}
			if !sc.Measured {
				rate = uint64(unknownRate * float64(sc.Width) * float64(sc.Height))
			}
			list = append(list, bandwidth.Option{
				Bitrate: rate, Width: width, Height: height, Spatial: sp, Temporal: te, Layer: layer,
			})
		}
	}
	return list
}

// affordable leaves out what takes more than something better does. It works in
// place on a list from the worst to the best.
func affordable(list []bandwidth.Option) []bandwidth.Option {
	least := ^uint64(0)
	n := len(list)
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Bitrate < least {
			least = list[i].Bitrate
			n--
			list[n] = list[i]
		}
	}
	return append(list[:0], list[n:]...)
}

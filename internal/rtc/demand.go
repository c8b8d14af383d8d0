package rtc

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"umbrella/internal/sfu"
)

// Demand is what of one published track anybody takes.
type Demand struct {
	Mid string
	// RIDs of the encodings that are taken; the only one of a track without
	// simulcast has the empty name.
	RIDs []string
}

// demandPatience is how long an encoding is still sent when nobody takes it any
// more: a window that is dragged, or somebody who reloads the page, wants it
// again at once.
const demandPatience = 2 * time.Second

// demand looks after which encodings are taken: those that are wanted are told
// of at once, those that are not after demandPatience.
type demand struct {
	look  func(now time.Time) (list []Demand, again time.Duration)
	tell  func()
	timer *time.Timer
	dirty atomic.Bool

	mu      sync.Mutex
	stopped bool
	told    []Demand
	left    map[string]time.Time // when an encoding, by mid and rid, was left
}

// init sets look, which finds out what is taken now and when to look again (0
// for never), and tell, which is called when that has changed.
func (d *demand) init(look func(time.Time) ([]Demand, time.Duration), tell func()) {
	d.look, d.tell, d.left = look, tell, map[string]time.Time{}
	d.timer = time.AfterFunc(time.Hour, d.update)
	d.timer.Stop()
}

// changed says that something may be taken that was not, or the other way
// round. It does not block.
func (d *demand) changed() {
	if d.tell != nil {
		d.dirty.Store(true)
		d.timer.Reset(0)
	}
}

func (d *demand) stop() {
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.timer.Stop()
}

func (d *demand) update() {
	d.mu.Lock() // over all of it: of two at once the later to look is the later to tell
	if d.stopped {
		d.mu.Unlock()
		return
	}
	d.dirty.Store(false)
	list, again := d.look(time.Now())
	same := slices.EqualFunc(list, d.told, func(a, b Demand) bool {
		return a.Mid == b.Mid && slices.Equal(a.RIDs, b.RIDs)
	})
	d.told = list
	if again > 0 {
		d.timer.Reset(again)
	}
	if d.dirty.Load() { // again, while this was looked at
		d.timer.Reset(0)
	}
	d.mu.Unlock()
	if !same {
		d.tell()
	}
}

// Demand returns what is taken of each track with a picture, by mid.
func (b *Publisher) Demand() []Demand {
	b.demand.mu.Lock()
	defer b.demand.mu.Unlock()
	return slices.Clone(b.demand.told)
}

// demanded is what is taken now.
func (b *Publisher) demanded(now time.Time) (list []Demand, again time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.demand.left
	for mid, in := range b.inputs {
		if in.kind != sfu.Video || in.track == nil {
			continue
		}
		d := Demand{Mid: mid}
		for _, e := range in.encodings {
			l := e.layer.Load()
			if l == nil {
				continue
			}
			key := mid + "/" + e.rid
			if l.Subscribers() > 0 {
				delete(left, key)
				d.RIDs = append(d.RIDs, e.rid)
				continue
			}
			since, ok := left[key]
			if !ok {
				since = now
				left[key] = now
			}
			if wait := demandPatience - now.Sub(since); wait > 0 {
				d.RIDs = append(d.RIDs, e.rid)
				if again == 0 || wait < again {
					again = wait
				}
			}
		}
		if l := b.lines[mid]; l != nil && len(d.RIDs) > 0 {
			// One that never came is not known to be of no use: publishers begin
			// with the small ones.
			for _, rid := range l.rids {
				if !slices.ContainsFunc(in.encodings, func(e *encoding) bool { return e.rid == rid }) {
					d.RIDs = append(d.RIDs, rid)
				}
			}
		}
		slices.Sort(d.RIDs)
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Demand) int { return strings.Compare(a.Mid, b.Mid) })
	return list, again
}

package bandwidth

import (
	"cmp"
	"math/bits"
	"slices"
)

// Request is one subscription that wants its share of a path.
type Request struct {
	Audio bool
	// What makes a picture more important than others.
	Pinned, Speaking, Screen bool
	// Pixels of the tile it is shown in, width times height in device pixels;
	// 0 when not known, which counts as all of the screen.
	Pixels int
	// Further is another encoding of a picture of which a smaller one is asked for
	// as well: it gets nothing before everybody has that.
	Further bool
	// Paused subscriptions get nothing and want nothing.
	Paused bool
	// Options are what can be had of the track, ascending in cost.
	Options []Option
	// Current is the index in Options of what it gets now; -1 is nothing. It is
	// kept at a lower price than it is newly given.
	Current int
}

// Option is one quality that a track can be had in.
type Option struct {
	Bitrate           uint64 // bit/s
	Width, Height     uint16 // 0 when not known
	Spatial, Temporal uint8  // the highest layers that are sent
	Layer             int    // which encoding
}

// Choice is what a subscription gets.
type Choice struct {
	// Option is an index in Options, or -1 for nothing.
	Option int
	// Limited: a better option would fit the tile, but not the budget.
	Limited bool

	rank int32 // scratch: which request has this place in the order of importance
}

// What must be left free for somebody to get more than now, in percent of all
// that is given away: so much may bitrates and the estimate waver without a
// picture changing to and fro. A first picture needs less.
const (
	headroom      = 15
	firstHeadroom = 5
)

// Allocate shares budget, in bit/s, among requests and gives a choice for each
// of them in out, which is used again. It allocates nothing when out has the
// room.
//
// Sound comes first, whatever the budget. Then everybody's least option, the
// most important first, but for Further. What is left goes to those and to better ones, again to the most
// important first, in turns among those who are equally important: a pinned
// picture, who speaks, a screen, then the larger on screen. Nobody gets more
// than the tile shows. The same input gives the same result, and with that as
// Current it stays.
func Allocate(budget uint64, requests []Request, out []Choice) []Choice {
	out = slices.Grow(out[:0], len(requests))[:len(requests)]
	for i := range out {
		out[i] = Choice{Option: -1, rank: int32(i)}
	}
	slices.SortFunc(out, func(a, b Choice) int {
		return cmp.Or(
			cmp.Compare(requests[b.rank].importance(), requests[a.rank].importance()),
			cmp.Compare(a.rank, b.rank))
	})
	a := allocation{budget: budget, requests: requests, out: out}
	for i := range requests {
		if r := &requests[i]; r.Audio && !r.Paused && len(r.Options) > 0 {
			out[i].Option = len(r.Options) - 1
			a.given += r.Options[len(r.Options)-1].Bitrate
		}
	}
	for k := range out {
		if i := out[k].rank; !requests[i].Audio && !requests[i].Further {
			a.raise(int(i))
		}
	}
	for first := 0; first < len(out); {
		last := first + 1
		for last < len(out) && a.rank(last) == a.rank(first) {
			last++
		}
		a.share(first, last)
		first = last
	}
	for i := range requests {
		r := &requests[i]
		out[i].Limited = !r.Audio && r.next(out[i].Option) >= 0
	}
	return out
}

// Wanted is the budget in bit/s with which everybody gets the best that the
// tile shows.
func Wanted(requests []Request) uint64 {
	sum, more := uint64(0), false
	for i := range requests {
		r := &requests[i]
		if r.Paused || len(r.Options) == 0 {
			continue
		}
		best := len(r.Options) - 1
		if !r.Audio {
			best = r.best()
			more = more || best > r.Current
		}
		sum += r.Options[best].Bitrate
	}
	if more {
		sum += sum/100*headroom + headroom
	}
	return sum
}

// allocation is one run of Allocate.
type allocation struct {
	budget, given uint64
	requests      []Request
	out           []Choice
}

// rank gives the importance of the one in a place of the order.
func (a *allocation) rank(place int) int { return a.requests[a.out[place].rank].importance() }

// share gives better options to those between two places of the order, in
// turns, until none of them can have more.
func (a *allocation) share(first, last int) {
	for again := true; again; {
		again = false
		for k := first; k < last; k++ {
			i := int(a.out[k].rank)
			had := a.out[i].Option >= 0 || a.requests[i].Further
			if had && !a.requests[i].Audio && a.raise(i) {
				again = true
			}
		}
	}
}

// raise gives a request the next better option, if there is one that the
// budget allows.
func (a *allocation) raise(i int) bool {
	r, now := &a.requests[i], a.out[i].Option
	next := r.next(now)
	if next < 0 {
		return false
	}
	given := a.given + r.Options[next].Bitrate
	if now >= 0 {
		given -= min(r.Options[now].Bitrate, given)
	}
	need := given
	switch {
	case next <= r.Current:
	case now < 0:
		need += given / 100 * firstHeadroom
	default:
		need += given / 100 * headroom
	}
	if need > a.budget {
		return false
	}
	a.given, a.out[i].Option = given, next
	return true
}

// importance orders requests. Tiles of about the same size are equal.
func (r *Request) importance() int {
	size := bits.UintSize
	if r.Pixels > 0 {
		size = bits.Len(uint(r.Pixels))
	}
	for place, is := range [...]bool{r.Screen, r.Speaking, r.Pinned} {
		if is {
			size += (place + 1) << 8
		}
	}
	return size
}

// next gives the option after the one at index now, -1 for none, that costs
// more and shows more, without showing more than the tile; or -1.
func (r *Request) next(now int) int {
	if r.Paused {
		return -1
	}
	most := r.most()
	for i := now + 1; i < len(r.Options); i++ {
		if r.area(i) <= most && (now < 0 || r.better(i, now)) {
			return i
		}
	}
	return -1
}

// best gives the option that next comes to at last.
func (r *Request) best() int {
	best := 0
	for i := r.next(-1); i >= 0; i = r.next(i) {
		best = i
	}
	return best
}

// most is the area of the options that fill the tile: the least that has four
// fifths of its pixels, which is nine tenths of its height.
func (r *Request) most() uint64 {
	most := ^uint64(0)
	if r.Pixels <= 0 || !r.sized() {
		return most
	}
	for i := range r.Options {
		if area := r.area(i); area >= uint64(r.Pixels)/5*4 {
			most = min(most, area)
		}
	}
	return most
}

// sized tells whether the sizes of all options are known.
func (r *Request) sized() bool {
	for i := range r.Options {
		if r.Options[i].Width == 0 || r.Options[i].Height == 0 {
			return false
		}
	}
	return true
}

// area of an option in pixels. Where sizes are not known it is a number that
// orders encodings and spatial layers as they are listed first, each twice as
// wide and high as the one before.
func (r *Request) area(i int) uint64 {
	if r.sized() {
		return uint64(r.Options[i].Width) * uint64(r.Options[i].Height)
	}
	area := uint64(1)
	for k := range r.first(i) {
		if r.first(k) == k {
			area *= 4
		}
	}
	return area
}

// first gives the first option that is alike.
func (r *Request) first(i int) int {
	for k := range i {
		if r.alike(k, i) {
			return k
		}
	}
	return i
}

// alike tells whether two options differ at most in their frame rate.
func (r *Request) alike(i, k int) bool {
	return r.Options[i].Layer == r.Options[k].Layer && r.Options[i].Spatial == r.Options[k].Spatial
}

// better tells whether the option i shows more than the option k. Of a screen,
// that is the one with more pixels, so that text can be read, and of such as
// have the same, the one with more frames; of a camera, the one with more
// pixels a second.
func (r *Request) better(i, k int) bool {
	pi, pk := r.area(i), r.area(k)
	fi, fk := r.frames(i), r.frames(k)
	if r.Screen && pi != pk {
		return pi > pk
	}
	return pi>>fi > pk>>fk
}

// frames says by how many temporal layers an option is short of the full frame
// rate of its encoding: each halves it.
func (r *Request) frames(i int) int {
	most := r.Options[i].Temporal
	for k := range r.Options {
		if r.alike(i, k) {
			most = max(most, r.Options[k].Temporal)
		}
	}
	return int(most - r.Options[i].Temporal)
}

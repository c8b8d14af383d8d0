package bandwidth

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// simulcast is what three encodings of a camera give, with two frame rates.
func simulcast() []Option {
	return []Option{
		{Bitrate: 90_000, Width: 320, Height: 180, Layer: 0},
		{Bitrate: 150_000, Width: 320, Height: 180, Layer: 0, Temporal: 1},
		{Bitrate: 300_000, Width: 640, Height: 360, Layer: 1},
		{Bitrate: 500_000, Width: 640, Height: 360, Layer: 1, Temporal: 1},
		{Bitrate: 900_000, Width: 1280, Height: 720, Layer: 2},
		{Bitrate: 1_500_000, Width: 1280, Height: 720, Layer: 2, Temporal: 1},
	}
}

// slides is a screen in AV1 L1T3 and a small one before it.
func slides() []Option {
	return []Option{
		{Bitrate: 100_000, Width: 480, Height: 270, Layer: 0},
		{Bitrate: 180_000, Width: 480, Height: 270, Layer: 0, Temporal: 1},
		{Bitrate: 300_000, Width: 480, Height: 270, Layer: 0, Temporal: 2},
		{Bitrate: 400_000, Width: 1920, Height: 1080, Layer: 1},
		{Bitrate: 700_000, Width: 1920, Height: 1080, Layer: 1, Temporal: 1},
		{Bitrate: 1_400_000, Width: 1920, Height: 1080, Layer: 1, Temporal: 2},
	}
}

func TestAllocate(t *testing.T) {
	camera := Request{Options: simulcast(), Current: -1}
	with := func(r Request, change func(*Request)) Request {
		change(&r)
		return r
	}
	tile := func(r Request, width, height int) Request {
		r.Pixels = width * height
		return r
	}
	now := func(r Request, current int) Request {
		r.Current = current
		return r
	}
	speaking := func(r Request) Request { r.Speaking = true; return r }
	pinned := func(r Request) Request { r.Pinned = true; return r }
	screen := Request{Screen: true, Options: slides(), Current: -1}
	audio := Request{Audio: true, Options: []Option{{Bitrate: 64_000}}, Current: -1}
	small := Request{Options: simulcast()[:2], Pixels: 320 * 180, Current: -1}
	further := Request{Options: simulcast()[4:5], Pixels: 1280 * 720, Further: true, Current: -1}
	single := Request{Options: []Option{{Bitrate: 4_000_000, Width: 2560, Height: 1440}}, Current: -1}
	for _, c := range []struct {
		name     string
		budget   uint64
		requests []Request
		want     []int
		limited  []bool
	}{
		{name: "nobody", budget: 1_000_000},
		{"a further encoding waits until everybody has the least", 1_000_000, []Request{further, small, small}, []int{-1, 1, 1}, []bool{true, false, false}},
		{"that of who speaks before the better of others", 1_250_000, []Request{speaking(further), speaking(small), small}, []int{0, 0, 0}, []bool{false, true, true}},
		{"plenty", 10_000_000, []Request{audio, camera, screen}, []int{0, 5, 5}, []bool{false, false, false}},
		{"sound whatever there is", 0, []Request{audio, audio, camera}, []int{0, 0, -1}, []bool{false, false, true}},
		{"paused", 10_000_000, []Request{with(camera, func(r *Request) { r.Paused = true }), with(audio, func(r *Request) { r.Paused = true })}, []int{-1, -1}, []bool{false, false}},
		{"nothing to be had", 10_000_000, []Request{{Current: -1}, {Audio: true}}, []int{-1, -1}, []bool{false, false}},
		{"small tile", 10_000_000, []Request{tile(camera, 320, 180)}, []int{1}, []bool{false}},
		{"tile a little larger than the picture", 10_000_000, []Request{tile(camera, 350, 197)}, []int{1}, []bool{false}},
		{"tile clearly larger", 10_000_000, []Request{tile(camera, 400, 225)}, []int{3}, []bool{false}},
		{"tile larger than everything", 10_000_000, []Request{tile(camera, 3840, 2160)}, []int{5}, []bool{false}},
		{"small tile limited", 100_000, []Request{tile(camera, 320, 180)}, []int{0}, []bool{true}},
		{"more frames before more pixels at few frames", 450_000, []Request{camera}, []int{2}, []bool{true}},
		{"up needs room", 500_000, []Request{now(camera, 2)}, []int{2}, []bool{true}},
		{"staying needs none", 500_000, []Request{now(camera, 3)}, []int{3}, []bool{true}},
		{"up with room", 576_000, []Request{now(camera, 2)}, []int{3}, []bool{true}},
		{"down when it must be", 499_999, []Request{now(camera, 3)}, []int{2}, []bool{true}},
		{"first picture needs little room", 95_000, []Request{camera}, []int{0}, []bool{true}},
		{"everybody's least first", 300_000, []Request{camera, camera, speaking(camera)}, []int{0, 0, 0}, []bool{true, true, true}},
		{"then the speaker", 800_000, []Request{camera, camera, speaking(camera)}, []int{0, 0, 3}, []bool{true, true, true}},
		{"in turns among equals", 1_200_000, []Request{camera, camera}, []int{3, 3}, []bool{true, true}},
		{"pinned before speaker", 800_000, []Request{speaking(camera), camera, pinned(camera)}, []int{0, 0, 3}, []bool{true, true, true}},
		{"speaker before screen", 700_000, []Request{screen, speaking(camera)}, []int{0, 3}, []bool{true, true}},
		{"screen before cameras", 1_000_000, []Request{camera, screen}, []int{1, 4}, []bool{true, true}},
		{"large tile before small", 800_000, []Request{tile(camera, 640, 360), tile(camera, 1280, 720)}, []int{1, 3}, []bool{true, true}},
		{"least important gets nothing", 250_000, []Request{camera, camera, speaking(camera)}, []int{0, -1, 0}, []bool{true, true, true}},
		{"what is too large for the path holds nobody up", 1_800_000, []Request{speaking(single), camera}, []int{-1, 5}, []bool{true, false}},
		{"screen: pixels before frames", 480_000, []Request{screen}, []int{3}, []bool{true}},
		{"screen: frames when pixels are out of reach", 250_000, []Request{screen}, []int{1}, []bool{true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := Allocate(c.budget, c.requests, nil)
			for i := range c.want {
				if out[i].Option != c.want[i] || out[i].Limited != c.limited[i] {
					t.Errorf("request %d: option %d limited %v, want %d %v", i, out[i].Option, out[i].Limited, c.want[i], c.limited[i])
				}
			}
			if len(out) != len(c.requests) {
				t.Errorf("%d choices for %d requests", len(out), len(c.requests))
			}
		})
	}
}

// Sizes of a camera's streams are not known before the first keyframe: then the
// order of the options counts.
func TestAllocateUnknownSizes(t *testing.T) {
	r := Request{Options: simulcast(), Current: -1, Pixels: 320 * 180}
	for i := range r.Options {
		r.Options[i].Width, r.Options[i].Height = 0, 0
	}
	for budget, want := range map[uint64]int{110_000: 0, 200_000: 1, 450_000: 2, 600_000: 3, 1_200_000: 4, 2_000_000: 5} {
		if got := Allocate(budget, []Request{r}, nil)[0].Option; got != want {
			t.Errorf("with %d bit/s option %d, want %d", budget, got, want)
		}
	}
}

// anything makes requests of all kinds.
func anything(r *rand.Rand) []Request {
	requests := make([]Request, r.IntN(12))
	for i := range requests {
		q := &requests[i]
		*q = Request{
			Audio: r.IntN(5) == 0, Pinned: r.IntN(8) == 0, Speaking: r.IntN(4) == 0,
			Screen: r.IntN(6) == 0, Paused: r.IntN(8) == 0, Current: -1,
		}
		if r.IntN(3) > 0 {
			q.Pixels = 1 + r.IntN(2_000_000)
		}
		if q.Audio {
			q.Options = []Option{{Bitrate: 20_000 + r.Uint64N(80_000)}}
			continue
		}
		rate, known := 30_000+r.Uint64N(400_000), r.IntN(4) > 0
		spatial, temporal := 1+r.IntN(3), 1+r.IntN(3)
		for s := range spatial {
			for te := range temporal {
				o := Option{Bitrate: rate, Layer: s, Temporal: uint8(te)}
				if known {
					o.Width, o.Height = 320<<s, 180<<s
				}
				q.Options = append(q.Options, o)
				rate += 1 + r.Uint64N(rate)
			}
		}
		q.Current = r.IntN(len(q.Options)+1) - 1
	}
	return requests
}

func options(choices []Choice) []int {
	list := make([]int, len(choices))
	for i, c := range choices {
		list[i] = c.Option
	}
	return list
}

func TestAllocateProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		requests := anything(r)
		budget := r.Uint64N(5_000_000)
		out := Allocate(budget, requests, nil)
		got := options(out)
		if again := options(Allocate(budget, requests, out)); !reflect.DeepEqual(got, again) {
			t.Fatalf("not the same twice: %v, %v", got, again)
		}
		var sound, picture uint64
		for i, o := range got {
			q := &requests[i]
			switch {
			case o >= len(q.Options):
				t.Fatalf("option %d of %d", o, len(q.Options))
			case q.Paused && o >= 0:
				t.Fatalf("a paused one got option %d", o)
			case q.Audio && !q.Paused:
				sound += q.Options[0].Bitrate
				if o != 0 {
					t.Fatal("sound got nothing")
				}
			case o >= 0:
				picture += q.Options[o].Bitrate
			}
		}
		if picture > 0 && sound+picture > budget {
			t.Fatalf("%d given of %d, of it %d to sound", sound+picture, budget, sound)
		}

		// What was given stays.
		taken := slices.Clone(requests)
		for i := range taken {
			taken[i].Current = got[i]
		}
		if stays := options(Allocate(budget, taken, nil)); !reflect.DeepEqual(got, stays) {
			t.Fatalf("%v became %v with the same budget", got, stays)
		}

		// More of it is never to the disadvantage of the most important of those
		// who get the same in another place: as long as nobody else comes on screen,
		// the first in the order who gets something else gets more.
		more := options(Allocate(budget+r.Uint64N(1_000_000), requests, nil))
		order := make([]int, len(requests))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return requests[b].importance() - requests[a].importance() })
		shown := func(o int) int { return min(o, 0) }
		for _, i := range order {
			if shown(more[i]) != shown(got[i]) {
				if shown(more[i]) < shown(got[i]) {
					t.Fatalf("with more for all request %d is not shown any more: %v, %v", i, got, more)
				}
				break
			}
		}
		if slices.EqualFunc(got, more, func(a, b int) bool { return shown(a) == shown(b) }) && len(order) > 0 {
			top := -1
			for _, i := range order {
				if got[i] >= 0 && !requests[i].Audio {
					top = i
					break
				}
			}
			alone := top >= 0 && !slices.ContainsFunc(order, func(i int) bool {
				return i != top && requests[i].importance() == requests[top].importance()
			})
			if alone && more[top] < got[top] {
				t.Fatalf("with more for all the most important, %d, gets less: %v, %v", top, got, more)
			}
		}

		// What is wanted is enough.
		for i, c := range Allocate(Wanted(requests), requests, nil) {
			if c.Limited {
				t.Fatalf("%d wanted, but request %d is limited", Wanted(requests), i)
			}
		}
	}
}

func TestAllocateDoesNotAllocate(t *testing.T) {
	requests := make([]Request, 16)
	for i := range requests {
		requests[i] = Request{Options: simulcast(), Pixels: 100_000 * i, Speaking: i == 3, Current: -1}
	}
	out := Allocate(5_000_000, requests, nil)
	if n := testing.AllocsPerRun(100, func() { out = Allocate(5_000_000, requests, out) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkAllocate(b *testing.B) {
	requests := make([]Request, 16)
	for i := range requests {
		requests[i] = Request{Options: simulcast(), Pixels: 100_000 * i, Speaking: i == 3, Current: 2}
	}
	var out []Choice
	b.ReportAllocs()
	for b.Loop() {
		out = Allocate(10_000_000, requests, out)
	}
}

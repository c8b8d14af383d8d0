package bound

import (
	"cmp"
	"context"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Large bounds what the node holds at once of large messages from outside: one who
// opens hundreds of sockets and sends half of a message on each would fill the memory
// otherwise. Small ones are read at once; a larger one waits for a place, unread. Set
// the fields; it is safe for concurrent use.
type Large struct {
	Small     int           // bytes that are read without a place
	Most      int           // places
	MostOfOne int           // places of one origin; of a /48 four times as many, or half
	Within    time.Duration // how long one that has a place may take to come

	buffers sync.Pool // of *[]byte
	counter Counter
	mu      sync.Mutex
	held    map[netip.Prefix]int // places, by origin
	waiting []*waiting           // the first one first
	reading []*reading           // those that have a place and are not read to their end
}

// reading is a message that has a place and still comes.
type reading struct {
	origin netip.Prefix
	since  time.Time
	cut    func()
}

// largePatience is how long a message may take to come while others wait for its place.
const largePatience = time.Second

type waiting struct {
	origin netip.Prefix
	place  chan func() // gets what gives the place back
}

// NewLarge returns the bounds of a node: 8 messages of more than 16 KiB, four of one
// origin, each of which has to come within 10 s.
func NewLarge() *Large {
	return &Large{Small: 16 << 10, Most: 8, MostOfOne: 4, Within: 10 * time.Second}
}

// Limit tells how many places are taken.
func (l *Large) Limit(name, description string) Limit { return l.counter.Limit(name, description) }

// Read reads a message to its end, whose length the reader bounds. Once it is large
// it waits for a place, which is kept until done is called: the caller calls it when
// it needs the message no more, once or more often, also after an error. cut has to
// end the reading of one that takes too long.
func (l *Large) Read(ctx context.Context, origin netip.Prefix, r io.Reader, cut func()) (message []byte, done func(), err error) {
	done = func() {}
	b := make([]byte, 0, min(512, l.Small))
	for {
		if len(b) == cap(b) && len(b) < l.Small {
			b = append(make([]byte, 0, min(2*cap(b), l.Small)), b...)
		}
		if len(b) == cap(b) {
			break
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, done, nil
		}
		if err != nil {
			return nil, done, err
		}
	}
	if done, err = l.place(ctx, origin); err != nil {
		return nil, func() {}, err
	}
	late := time.AfterFunc(l.Within, cut)
	defer late.Stop()
	defer l.read(&reading{origin, time.Now(), cut})()
	used, done := l.buffer(done)
	b = append((*used)[:0], b...)
	for {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, 2*cap(b)), b...)
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		*used = b
		if err == io.EOF {
			return b, done, nil
		}
		if err != nil {
			return nil, done, err
		}
	}
}

// buffer is memory that was used before, and is again after done.
func (l *Large) buffer(done func()) (used *[]byte, _ func()) {
	const size = 64 << 10 // of most that are large
	used, ok := l.buffers.Get().(*[]byte)
	if !ok {
		b := make([]byte, 0, size)
		used = &b
	}
	return used, sync.OnceFunc(func() {
		l.buffers.Put(used)
		done()
	})
}

// place waits for one.
func (l *Large) place(ctx context.Context, origin netip.Prefix) (done func(), err error) {
	done, w := l.enter(origin)
	if w == nil {
		return done, nil
	}
	for waits := true; waits; {
		select {
		case done := <-w.place:
			return done, nil
		case <-ctx.Done():
			waits = false
		case <-time.After(largePatience):
			l.hurry(origin)
		}
	}
	l.leave(w)
	select {
	case done := <-w.place: // it came meanwhile
		done()
	default:
	}
	return nil, ctx.Err()
}

// enter takes a place, or waits for one: then w is not nil.
func (l *Large) enter(origin netip.Prefix) (done func(), w *waiting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if done, ok := l.take(origin); ok {
		return done, nil
	}
	w = &waiting{origin, make(chan func(), 1)}
	l.waiting = append(l.waiting, w)
	return nil, w
}

func (l *Large) leave(w *waiting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(o *waiting) bool { return o == w })
}

// take is place for one that is free. The caller holds mu.
func (l *Large) take(origin netip.Prefix) (done func(), ok bool) {
	release, ok := l.counter.Add(origin, l.MostOfOne, l.Most)
	if !ok {
		return nil, false
	}
	if l.held == nil {
		l.held = map[netip.Prefix]int{}
	}
	l.held[origin]++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		release()
		if l.held[origin]--; l.held[origin] == 0 {
			delete(l.held, origin)
		}
		l.fill()
	}), true
}

// fill gives free places to those that wait: first to the origin that has the fewest,
// and of equals to the one that came first. The caller holds mu.
func (l *Large) fill() {
	order := slices.Clone(l.waiting)
	slices.SortStableFunc(order, func(a, b *waiting) int { return cmp.Compare(l.held[a.origin], l.held[b.origin]) })
	for _, w := range order {
		done, ok := l.take(w.origin)
		if !ok {
			continue
		}
		l.waiting = slices.DeleteFunc(l.waiting, func(o *waiting) bool { return o == w })
		w.place <- done
		return // a place at a time becomes free
	}
}

// read notes a message that has a place, until ended is called.
func (l *Large) read(r *reading) (ended func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = append(l.reading, r)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reading = slices.DeleteFunc(l.reading, func(o *reading) bool { return o == r })
	}
}

// hurry ends the slowest message of an origin that has more places than the one that
// waits: few clients must not hold all of them by sending slowly.
func (l *Large) hurry(origin netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.reading { // the first is the oldest
		if time.Since(r.since) >= largePatience && l.held[r.origin] > l.held[origin] {
			r.since = time.Now() // once is enough
			go r.cut()
			return
		}
	}
}

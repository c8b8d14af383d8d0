package forward

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Source is what one track sends: its layers, of which each stream plays one
// at a time. There is one of sound, up to three of simulcast (RFC 8853), two
// of a camera. Safe for concurrent use; the zero value has none yet.
type Source struct {
	mu     sync.Mutex
	layers atomic.Pointer[[]*Layer]
	closed bool
}

// Add takes a further layer; it is closed with the Source.
func (s *Source) Add(l *Layer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.Close()
		return
	}
	next := append(slices.Clone(s.Layers()), l)
	s.layers.Store(&next)
}

// Remove closes a layer and takes it away.
func (s *Source) Remove(l *Layer) {
	s.mu.Lock()
	next := slices.DeleteFunc(slices.Clone(s.Layers()), func(o *Layer) bool { return o == l })
	s.layers.Store(&next)
	s.mu.Unlock()
	l.Close()
}

// Layers that there are, in the order in which they came. The slice is not to
// be changed.
func (s *Source) Layers() []*Layer {
	if p := s.layers.Load(); p != nil {
		return *p
	}
	return nil
}

// Close ends all layers.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	layers := s.Layers()
	s.layers.Store(nil)
	s.mu.Unlock()
	for _, l := range layers {
		l.Close()
	}
}

// TakeLevel returns the loudest audio level since the last call, in -dBov
// (RFC 6464); ok is false when there was none.
func (s *Source) TakeLevel() (level uint8, ok bool) {
	for _, l := range s.Layers() {
		if is, had := l.TakeLevel(); had && (!ok || is < level) {
			level, ok = is, true
		}
	}
	return level, ok
}

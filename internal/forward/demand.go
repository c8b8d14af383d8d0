package forward

import "time"

// taken notes that somebody takes the layer now, and left that nobody does.
func (l *Layer) taken(now time.Time) {
	l.mu.Lock()
	l.wanted, l.wantedSince = true, now
	l.mu.Unlock()
	if l.cfg.Demand != nil {
		l.cfg.Demand()
	}
}

func (l *Layer) left(now time.Time) {
	l.mu.Lock()
	l.starved = l.scale.last.Before(l.wantedSince)
	l.wanted, l.leftAt = false, now
	l.mu.Unlock()
	if l.cfg.Demand != nil {
		l.cfg.Demand()
	}
}

const (
	// starvedAfter is how long a layer that is wanted may send nothing.
	starvedAfter = 1500 * time.Millisecond
	// starvedFor is how long one that did not come is not tried again.
	starvedFor = 5 * time.Second
)

// Patient tells whether the layer is to be waited for where none of its track
// is available.
func (l *Layer) Patient() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cfg.Patient && !l.closed
}

// Available tells whether the layer can be had: it comes in, or will when it
// is wanted. A publisher that is short of bandwidth or of a processor leaves
// its best layers out.
func (l *Layer) Available(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return false
	case now.Sub(l.scale.last) < starvedAfter:
		return true
	case l.wanted:
		return now.Sub(l.wantedSince) < starvedAfter
	}
	return !l.starved || now.Sub(l.leftAt) > starvedFor
}

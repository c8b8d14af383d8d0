package forward

import "time"

const (
	// keyframeInterval is the least time between two keyframe requests to one
	// publisher, whoever asks.
	keyframeInterval = 500 * time.Millisecond
	// repairInterval is that for receivers that lost the picture: one with a bad
	// connection must not make the pictures worse for all others.
	repairInterval = 2 * time.Second
)

// RequestKeyframe asks the publisher for a keyframe for a stream that begins,
// now or as soon as half a second has passed since the last time.
func (l *Layer) RequestKeyframe() { l.requestKeyframe(keyframeInterval) }

// RepairKeyframe asks for a keyframe for a receiver that lost the picture, now
// or as soon as two seconds have passed since the last time.
func (l *Layer) RepairKeyframe() { l.requestKeyframe(repairInterval) }

func (l *Layer) requestKeyframe(interval time.Duration) {
	if l.cfg.RequestKeyframe == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	due := l.lastRequest.Add(interval)
	if !due.After(now) {
		l.requestNow()
		return
	}
	l.stats.KeyframeRequestsHeld++
	if l.requestDue != nil {
		if !due.Before(l.dueAt) {
			return // one is on its way by then
		}
		l.requestDue.Stop()
	}
	l.dueAt = due
	l.requestDue = time.AfterFunc(due.Sub(now), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.closed && l.dueAt.Equal(due) && l.requestDue != nil {
			l.requestNow()
		}
	})
}

func (l *Layer) requestNow() {
	if l.requestDue != nil {
		l.requestDue.Stop()
		l.requestDue = nil
	}
	l.lastRequest = time.Now()
	l.stats.KeyframeRequests++
	l.cfg.Totals.KeyframeRequests.Add(1)
	l.cfg.RequestKeyframe()
}

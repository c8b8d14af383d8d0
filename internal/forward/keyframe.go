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
	if l.requestDueNow(interval) {
		l.cfg.RequestKeyframe() // it sends: nobody is to wait for that
	}
}

// requestDueNow notes a request that is to leave now; one that is not is put off
// until its time.
func (l *Layer) requestDueNow(interval time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	now := time.Now()
	due := l.lastRequest.Add(interval)
	if !due.After(now) {
		l.noteRequest()
		return true
	}
	l.stats.KeyframeRequestsHeld++
	if l.requestDue != nil {
		if !due.Before(l.dueAt) {
			return false // one is on its way by then
		}
		l.requestDue.Stop()
	}
	l.dueAt = due
	l.requestDue = time.AfterFunc(due.Sub(now), func() {
		l.mu.Lock()
		is := !l.closed && l.dueAt.Equal(due) && l.requestDue != nil
		if is {
			l.noteRequest()
		}
		l.mu.Unlock()
		if is {
			l.cfg.RequestKeyframe()
		}
	})
	return false
}

// noteRequest notes that a request leaves. The caller holds mu.
func (l *Layer) noteRequest() {
	if l.requestDue != nil {
		l.requestDue.Stop()
		l.requestDue = nil
	}
	l.lastRequest = time.Now()
	l.stats.KeyframeRequests++
	l.cfg.Totals.KeyframeRequests.Add(1)
}

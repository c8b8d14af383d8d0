package bandwidth

const (
	// meterShift makes buckets of 2^15 µs, about 33 ms.
	meterShift   = 15
	meterBuckets = 64
)

// meter measures a rate over the last two seconds. Times are in µs and may come
// a little out of order.
type meter struct {
	bytes         [meterBuckets]uint32
	first, newest int64 // the first and the latest time that were added
	last          int   // bytes of the newest
	begun         bool
}

func (m *meter) add(at int64, size int) {
	slot := at >> meterShift
	last := m.newest >> meterShift
	switch {
	case !m.begun || slot >= last+meterBuckets || slot <= last-4*meterBuckets:
		// The first one, a long pause, or a clock that was set.
		*m = meter{begun: true, first: at, newest: at, last: size}
	case slot > last:
		for s := last + 1; s <= slot; s++ {
			m.bytes[s&(meterBuckets-1)] = 0
		}
		m.newest, m.last = at, size
	case slot <= last-meterBuckets:
		return
	case at >= m.newest:
		m.newest, m.last = at, size
	}
	m.bytes[slot&(meterBuckets-1)] += uint32(size)
}

// rate gives the rate in bit/s over the time before the newest packet: span, in
// µs, up to two seconds.
func (m *meter) rate(span int64) float64 { return m.rateAt(m.newest, span) }

// rateAt gives the rate over the time before now.
func (m *meter) rateAt(now, span int64) float64 {
	if !m.begun {
		return 0
	}
	now = max(now, m.newest)
	last := now >> meterShift
	n := min(max(span>>meterShift, 2), meterBuckets-1)
	oldest := m.newest>>meterShift - meterBuckets + 1
	sum := uint64(0)
	for s := max(last-n+1, oldest); s <= m.newest>>meterShift; s++ {
		sum += uint64(m.bytes[s&(meterBuckets-1)])
	}
	if now == m.newest {
		// The time ends with the arrival of a packet, and so has half of one too many.
		sum -= min(sum, uint64(m.last/2))
	}
	covered := now - (last-n+1)<<meterShift
	covered = max(min(covered, now-m.first), 2<<meterShift)
	return float64(sum) * 8e6 / float64(covered)
}

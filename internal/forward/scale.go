package forward

import "time"

// Most spatial and temporal layers that one encoding has, as scalability modes
// go (W3C WebRTC-SVC §6).
const (
	MaxSpatial  = 4
	MaxTemporal = 4
)

// scale measures what an encoding takes, layer by layer. The zero value is
// ready.
type scale struct {
	begin    time.Time
	bytes    [MaxSpatial][MaxTemporal]uint32
	rates    [MaxSpatial][MaxTemporal]uint32 // bits per second
	last     time.Time                       // packet
	measured bool

	width, height     uint16
	sizedAt           uint32 // timestamp
	spatial, temporal uint8  // numbers of layers
}

// scaleWindow is how long is measured for one figure. Encoders do not keep
// their rate over a few frames.
const scaleWindow = 500 * time.Millisecond

func (s *scale) add(p *Packet, size int, now time.Time) {
	i := &p.Info
	if i.Width > 0 && (i.Width > s.width || p.Timestamp != s.sizedAt && i.Spatial+1 >= s.spatial) {
		// Each spatial layer has its own size; that of the highest counts.
		s.width, s.height, s.sizedAt = i.Width, i.Height, p.Timestamp
	}
	sp, te := min(i.Spatial, MaxSpatial-1), min(i.Temporal, MaxTemporal-1)
	s.spatial = max(s.spatial, sp+1, min(i.SpatialLayers, MaxSpatial))
	s.temporal = max(s.temporal, te+1)
	if s.begin.IsZero() || now.Sub(s.last) > scaleWindow {
		// It begins, or was paused: nothing is known of the time between.
		s.begin = now
		s.bytes = [MaxSpatial][MaxTemporal]uint32{}
	}
	s.last = now
	s.bytes[sp][te] += uint32(size)
	d := now.Sub(s.begin)
	if d < scaleWindow {
		return
	}
	for i := range s.bytes {
		for j, n := range s.bytes[i] {
			rate := uint32(float64(n) * 8 / d.Seconds())
			if s.measured {
				rate = s.rates[i][j]/2 + rate/2
			}
			s.rates[i][j] = rate
		}
	}
	s.measured = true
	s.begin = now
	s.bytes = [MaxSpatial][MaxTemporal]uint32{}
}

// Scale is what one layer offers: how large its pictures are and what each of
// its spatial and temporal layers takes.
type Scale struct {
	Width, Height     uint16 // in pixels; 0 where it is not known
	Spatial, Temporal uint8  // numbers of layers; 0 before the first packet
	// Rates in bits per second of each spatial and temporal layer by itself, and
	// whether they were measured yet.
	Rates    [MaxSpatial][MaxTemporal]uint32
	Measured bool
	// Last is when the last packet came; zero before the first.
	Last time.Time
}

// Scale returns what the layer offers.
func (l *Layer) Scale() Scale {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.scale
	return Scale{
		Width: s.width, Height: s.height, Spatial: s.spatial, Temporal: s.temporal,
		Rates: s.rates, Measured: s.measured, Last: s.last,
	}
}

// Rate is what all of the layer takes, in bits per second; 0 before it was
// measured.
func (l *Layer) Rate() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := uint64(0)
	for i := range l.scale.rates {
		for _, r := range l.scale.rates[i] {
			sum += uint64(r)
		}
	}
	return sum
}

// SpatialLayers is how many there are; 0 before the first packet.
func (l *Layer) SpatialLayers() uint8 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.scale.spatial
}

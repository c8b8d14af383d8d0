package codec

import "testing"

func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"vp8-L1T3", "vp9-L3T3_KEY", "h264-L1T2", "av1-L3T3"} {
		b.Run(name, func(b *testing.B) {
			mime, packets := captured(b, name)
			r := NewReader(mime)
			r.Read(packets[0].payload, packets[0].dependency, false)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				p := &packets[n%len(packets)]
				i := r.Read(p.payload, p.dependency, p.marker)
				s, t := i.Switch(1, 1, 2, 2)
				_ = i.InTarget(s, t)
			}
		})
	}
}

func BenchmarkRewrite(b *testing.B) {
	b.Run("vp8", func(b *testing.B) {
		_, packets := captured(b, "vp8-L1T3")
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			RewriteVP8(packets[n%len(packets)].payload, uint16(n), uint8(n))
		}
	})
	b.Run("vp9", func(b *testing.B) {
		_, packets := captured(b, "vp9-L3T3_KEY")
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			RewriteVP9(packets[n%len(packets)].payload, uint16(n), uint8(n))
		}
	})
	_, packets := captured(b, "av1-L3T3")
	buf := make([]byte, 0, 256)
	b.Run("dependency", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			buf = RewriteDependency(buf[:0], packets[n%len(packets)].dependency, uint16(n))
		}
	})
}

// TestNoAllocations: reading and rewriting leave nothing to the collector.
func TestNoAllocations(t *testing.T) {
	buf := make([]byte, 0, 256)
	for _, name := range []string{"vp8-L1T3", "vp8-L1T3-descriptor", "vp9-L3T3_KEY", "h264-L1T2", "av1-L3T3"} {
		mime, packets := captured(t, name)
		r := NewReader(mime)
		r.Read(packets[0].payload, packets[0].dependency, false)
		r.Read(packets[0].payload, packets[0].dependency, false)
		n := testing.AllocsPerRun(10, func() {
			for _, p := range packets {
				r.Read(p.payload, p.dependency, p.marker)
				buf = RewriteDependency(buf[:0], p.dependency, 1)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

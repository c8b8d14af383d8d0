package camera

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/conn"
	"github.com/pion/rtp"

	"umbrella/internal/camera/nal"
	"umbrella/internal/config"
	"umbrella/internal/sfu"
)

// looseCamera is an RTSP server that sends what a test wants, by TCP or UDP.
type looseCamera struct {
	sdp string
	// send plays until it returns false.
	send  func(w *sending) bool
	noUDP bool

	scripted
}

// sending is what goes to one viewer.
type sending struct {
	udp  bool
	n    int // how often send was called
	seq  uint16
	mu   sync.Mutex
	rtsp *conn.Conn
	// RTP and RTCP of the first of the media.
	sockets [2]*net.UDPConn
	to      [2]*net.UDPAddr
}

func (w *sending) write(channel int, b []byte) bool {
	if w.udp {
		_, _ = w.sockets[channel].WriteToUDP(b, w.to[channel]) // what is lost is lost
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rtsp.WriteInterleavedFrame(&base.InterleavedFrame{Channel: channel, Payload: b}, make([]byte, len(b)+4)) == nil
}

func (w *sending) packet(p *rtp.Packet) bool {
	b, err := p.Marshal()
	return err == nil && w.write(0, b)
}

func startLoose(t testing.TB, c *looseCamera) *looseCamera {
	t.Helper()
	if c.sdp == "" {
		c.sdp = goodSDP
	}
	c.start(t, "127.0.0.1", c.serve)
	return c
}

func (c *looseCamera) serve(nc net.Conn) {
	w := &sending{rtsp: conn.NewConn(nc)}
	var plays sync.WaitGroup
	var stop atomic.Bool
	defer func() {
		stop.Store(true)
		nc.Close()
		plays.Wait()
		for _, s := range w.sockets {
			if s != nil {
				s.Close()
			}
		}
	}()
	for {
		what, err := w.rtsp.Read()
		if err != nil {
			return
		}
		req, ok := what.(*base.Request)
		if !ok {
			continue
		}
		res := &base.Response{StatusCode: base.StatusOK, Header: base.Header{"CSeq": req.Header["CSeq"], "Session": base.HeaderValue{"1"}}}
		switch req.Method {
		case base.Describe:
			res.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
			res.Body = []byte(c.sdp)
		case base.Setup:
			if res.StatusCode = c.setup(w, req.Header["Transport"][0], res); res.StatusCode != base.StatusOK {
				delete(res.Header, "Session")
			}
		}
		w.mu.Lock()
		err = w.rtsp.WriteResponse(res)
		w.mu.Unlock()
		if err != nil || req.Method == base.Teardown {
			return
		}
		if req.Method == base.Play {
			plays.Go(func() {
				for !stop.Load() && c.send(w) {
					w.n++
				}
			})
		}
	}
}

func (c *looseCamera) setup(w *sending, asked string, res *base.Response) base.StatusCode {
	res.Header["Transport"] = base.HeaderValue{asked}
	if strings.Contains(asked, "TCP") {
		return base.StatusOK
	}
	if c.noUDP || w.sockets[0] != nil {
		return base.StatusUnsupportedTransport
	}
	var ports [2]int
	for _, part := range strings.Split(asked, ";") {
		_, _ = fmt.Sscanf(part, "client_port=%d-%d", &ports[0], &ports[1]) // it is that, or it is not
	}
	w.udp = true
	for i := range w.sockets {
		var err error
		if w.sockets[i], err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			return base.StatusInternalServerError
		}
		w.to[i] = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: ports[i]}
	}
	return base.StatusOK
}

// film sends a clip with packets of that size, and lets each be changed. every is the
// time between two pictures.
type film struct {
	pictures [][][]byte
	size     int
	every    time.Duration
	change   func(p *rtp.Packet, picture int, key bool)
	lose     func(w *sending, picture int, key bool, packet int) bool
}

func (f *film) send() func(*sending) bool {
	return func(w *sending) bool {
		au := f.pictures[w.n%len(f.pictures)]
		key := len(au) > 1
		n := 0
		put := func(b []byte, marker bool) bool {
			w.seq++
			q := &rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: w.seq, Timestamp: uint32(w.n) * 1800, SSRC: 1, Marker: marker},
				Payload: b,
			}
			if f.change != nil {
				f.change(q, w.n, key)
			}
			n++
			if f.lose != nil && f.lose(w, w.n, key, n) {
				return true
			}
			return w.packet(q)
		}
		for i, u := range au {
			last := i == len(au)-1
			if len(u) <= f.size {
				if !put(u, last) {
					return false
				}
				continue
			}
			for flags, rest := byte(0x80), u[1:]; len(rest) > 0; flags = 0 {
				k := min(f.size-2, len(rest))
				if k == len(rest) {
					flags |= 0x40
				}
				b := append([]byte{u[0]&0xe0 | 28, flags | u[0]&0x1f}, rest[:k]...)
				if rest = rest[k:]; !put(b, last && len(rest) == 0) {
					return false
				}
			}
		}
		time.Sleep(f.every)
		return true
	}
}

// large makes keyframes larger than they are, by what a slice may have at its end:
// words of zeros (H.264 §7.4.2.10).
func large(pictures [][][]byte, size int) [][][]byte {
	var out [][][]byte
	for _, au := range pictures {
		au = append([][]byte(nil), au...)
		if last := au[len(au)-1]; len(au) > 1 {
			u := append([]byte(nil), last...)
			for len(u) < size {
				u = append(u, 0, 0, 3)
			}
			au[len(au)-1] = u
		}
		out = append(out, au)
	}
	return out
}

func auto(url string) config.Camera {
	cfg := settings(url)
	cfg.Transport = config.TransportAuto
	return cfg
}

// Uniview's cameras change the SSRC with each keyframe (bluenviron/gortsplib#687),
// others begin their numbers and timestamps anew with it.
func TestSSRCsThatChange(t *testing.T) {
	for name, change := range map[string]func(p *rtp.Packet, group int){
		"numbers go on": func(p *rtp.Packet, group int) { p.SSRC = 0x1111 + uint32(group) },
		"all begins anew": func(p *rtp.Packet, group int) {
			p.SSRC = 0x1111 + uint32(group)
			p.SequenceNumber += uint16(group) * 30011
			p.Timestamp += uint32(group) * 1_000_003
		},
		"only the numbers begin anew": func(p *rtp.Packet, group int) { p.SequenceNumber -= uint16(group) * 30011 },
	} {
		for _, transport := range []config.Transport{config.TransportTCP, config.TransportUDP} {
			t.Run(fmt.Sprint(name, " ", transport), func(t *testing.T) {
				t.Parallel()
				pictures := units(t, "sub.h264")
				f := &film{pictures: pictures, size: 1400, every: 5 * time.Millisecond}
				f.change = func(p *rtp.Packet, picture int, _ bool) { change(p, picture/20) }
				c := startLoose(t, &looseCamera{send: f.send()})
				cfg := settings(c.url("stream"))
				cfg.Transport = transport
				n := startNode(t, cfg)
				v := watch(t, n.track(t, sfu.Video), 0)
				until(t, "pictures of several groups", func() bool { return v.count() > 150 })
				v.leave()
				stream, count := v.pictures(t, nal.H264)
				if got := decoded(t, "h264", stream); got != count {
					t.Errorf("%d pictures of %d can be decoded", got, count)
				}
				if c.dials() > 1 || len(n.state().Streams[0].Notes) > 0 {
					t.Errorf("%d connections, %v", c.dials(), n.state().Streams[0].Notes)
				}
			})
		}
	}
}

// A Tapo sends datagrams of up to 10,000 bytes (bluenviron/mediamtx#3158); others send
// keyframes of more than a megabyte at once, which the kernel's buffers do not hold.
func TestLargeDatagramsAndKeyframes(t *testing.T) {
	for name, c := range map[string]struct{ size, key int }{
		"datagrams of 9000 bytes":  {9000, 30_000},
		"datagrams of 60000 bytes": {60_000, 200_000},
		"a keyframe of 1.5 MB":     {1400, 1_500_000},
	} {
		t.Run(name, func(t *testing.T) {
			f := &film{pictures: large(units(t, "sub.h264"), c.key), size: c.size, every: 20 * time.Millisecond}
			cam := startLoose(t, &looseCamera{send: f.send()})
			n := startNode(t, auto(cam.url("stream")))
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "a keyframe and what follows", func() bool { return v.count() > c.key/nal.MaxPayload+30 })
			if s := n.state().Streams[0]; s.Transport != "udp" && name != "a keyframe of 1.5 MB" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Where keyframes do not come whole by UDP, TCP is used, and it says so.
func TestTornPicturesGoByTCP(t *testing.T) {
	f := &film{pictures: units(t, "sub.h264"), size: 300, every: 5 * time.Millisecond}
	// A firewall that drops the fragments of large datagrams.
	f.lose = func(w *sending, _ int, key bool, packet int) bool { return w.udp && key && packet == 4 }
	cam := startLoose(t, &looseCamera{send: f.send()})
	n := startNode(t, auto(cam.url("stream")))
	v := watch(t, n.track(t, sfu.Video), 0)
	until(t, "pictures by TCP", func() bool { return v.count() > 30 && n.state().Streams[0].Transport == "tcp" })
	until(t, "a note", func() bool {
		s := n.state().Streams[0]
		return len(s.Notes) == 1 && *s.Notes[0] == *errTorn
	})
	t.Run("probe", func(t *testing.T) {
		r := (&Probe{URL: cam.url("stream")}).Run(t.Context())
		if r.Transport != "tcp" || !r.Plays || r.UDPTrouble == nil || *r.UDPTrouble != *errTorn {
			t.Errorf("%s", r)
		}
	})
	t.Run("the next time at once", func(t *testing.T) {
		udp := cam.dials()
		cam.mu.Lock()
		for _, c := range cam.conns {
			c.Close()
		}
		cam.mu.Unlock()
		until(t, "another connection", func() bool { return cam.dials() > udp })
		n.phase(t, Live)
		if s := n.state().Streams[0]; s.Transport != "tcp" {
			t.Errorf("%+v", s)
		}
	})
}

// Cameras for time lapse send a picture in 7 to 10 s (bluenviron/mediamtx#176,
// bluenviron/gortsplib#968); here they have as little patience to stand as a test has.
func TestPicturesFarApart(t *testing.T) {
	f := &film{pictures: units(t, "sub.h264"), size: 1400, every: 500 * time.Millisecond}
	cam := startLoose(t, &looseCamera{send: f.send()})
	times := quick
	times.Stall = 200 * time.Millisecond
	n := startNodeAt(t, times, settings(cam.url("stream")))
	v := watch(t, n.track(t, sfu.Video), 0)
	until(t, "pictures", func() bool { return v.count() > 10 })
	if n := cam.dials(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

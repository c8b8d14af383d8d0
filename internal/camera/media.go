package camera

import (
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"umbrella/internal/camera/rtsp"
)

// mediaIntake is where the packets of one of the media come in, as they come.
type mediaIntake struct {
	media     *description.Media
	ssrc      uint32    // ours
	udp       *udpMedia // nil: by the RTSP connection
	disguises map[uint8]*disguise
	bye       atomic.Pointer[time.Time] // when the last BYE came; nil: none has

	// Where packets of some payload types go. They are set before packets come.
	packets *intake // nil: nowhere
	handled map[uint8]bool
}

// setUp asks for one of the media.
func (s *session) setUp(b *base.URL, m *description.Media) error {
	if m.IsBackChannel {
		return s.setUpBack(b, m)
	}
	in := &mediaIntake{media: m, ssrc: rand.Uint32(), disguises: map[uint8]*disguise{}}
	formats := m.Formats
	m.Formats = slices.Clone(formats)
	for i, f := range formats {
		d := &disguise{Format: f}
		in.disguises[f.PayloadType()], m.Formats[i] = d, d
	}
	// The library keeps what it finds now.
	defer func() { m.Formats = formats }()
	port := 0
	if s.transport == gortsplib.TransportUDP {
		u, err := s.listen()
		if err != nil {
			return err
		}
		u.ssrc = in.ssrc
		in.udp, port = u, u.port()
		s.setting.Store(u)
		defer s.setting.Store(nil)
	}
	_, err := s.client.Setup(b, m, port, port+min(port, 1))
	if err != nil {
		in.close()
		return err
	}
	s.media[m] = in
	return nil
}

// setUpBack asks for one of the media that go to the camera, by the library alone. It
// is told a pair of ports: it would look for a free one without end.
func (s *session) setUpBack(b *base.URL, m *description.Media) error {
	port := 0
	if s.transport == gortsplib.TransportUDP {
		u, err := s.listen()
		if err != nil {
			return err
		}
		port = u.port()
		u.close()
	}
	_, err := s.client.Setup(b, m, port, port+min(port, 1))
	return err
}

// listenPacket gives the library its sockets.
func (s *session) listenPacket(network, address string) (net.PacketConn, error) {
	if s.setting.Load() == nil {
		return net.ListenPacket(network, address)
	}
	// Nothing comes by this one.
	return net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

func (s *session) listen() (*udpMedia, error) {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		return nil, errHungUp
	}
	return listenUDP(conn)
}

// lead sends the packets of a format to handle, in order, and what comes of RTCP
// to control. The media are set up, and do not play yet. Media may have several formats
// of one codec: those that are led share the numbers of their packets.
func (s *session) lead(m *description.Media, f format.Format, handle func(*rtp.Packet), control func(rtcp.Packet)) {
	in := s.media[m]
	if in.packets == nil {
		in.packets = &intake{rate: float64(f.ClockRate()), ordered: in.udp == nil, handOn: handle}
		in.handled = map[uint8]bool{}
	}
	in.handled[f.PayloadType()] = true
	report := func(p rtcp.Packet) {
		now := time.Now()
		switch p := p.(type) {
		case *rtcp.SenderReport:
			in.packets.received.reported(p, now)
		case *rtcp.Goodbye:
			in.bye.Store(&now)
		}
		control(p)
	}
	if in.udp != nil {
		in.udp.onRTP = contained(s, func(b []byte) {
			var p rtp.Packet
			if p.Unmarshal(b) == nil && in.handled[p.PayloadType] {
				in.packets.push(&p, time.Now())
			}
		})
		in.udp.onRTCP = contained(s, func(b []byte) {
			for _, list := range rtsp.Controls(b) {
				for _, p := range list {
					report(p)
				}
			}
		})
		return
	}
	d := in.disguises[f.PayloadType()]
	s.client.OnPacketRTP(m, f, contained(s, func(p *rtp.Packet) {
		d.undo(p)
		in.packets.push(p, time.Now())
	}))
	s.client.OnPacketRTCP(m, contained(s, report))
}

// open makes way for packets.
func (in *mediaIntake) open() {
	if in.udp != nil && in.packets != nil {
		in.udp.start()
		in.udp.open()
	}
}

func (in *mediaIntake) close() {
	if in.udp != nil {
		in.udp.close()
	}
}

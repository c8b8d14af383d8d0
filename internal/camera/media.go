package camera

import (
	"net"
	"slices"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// mediaIntake is where the packets of one of the media come in, as they come.
type mediaIntake struct {
	udp       *udpMedia // nil: by the RTSP connection
	disguises map[uint8]*disguise

	// What listens. It is set before packets come.
	payloadType uint8
	packets     *intake
	control     func(rtcp.Packet)
}

// setUp asks for one of the media.
func (s *session) setUp(b *base.URL, m *description.Media) error {
	if m.IsBackChannel {
		return s.setUpBack(b, m)
	}
	in := &mediaIntake{disguises: map[uint8]*disguise{}}
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
		in.udp, s.setting, port = u, u, u.port()
		defer func() { s.setting = nil }()
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
	if s.setting == nil {
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

// request and response see what goes and comes by RTSP. They are called by the library.
func (s *session) request(req *base.Request) {
	if s.setting != nil && req.Method == base.Setup {
		s.setting.ask(req)
	}
	s.repair.request(req)
}

func (s *session) response(res *base.Response) {
	s.repair.response(res)
	if s.setting != nil {
		s.setting.answered(res)
	}
}

// lead sends the packets of one format to handle, in order, and what comes of RTCP
// to control. The media are set up, and do not play yet.
func (s *session) lead(m *description.Media, f format.Format, handle func(*rtp.Packet), control func(rtcp.Packet)) {
	in := s.media[m]
	d := in.disguises[f.PayloadType()]
	in.payloadType = f.PayloadType()
	in.packets = &intake{rate: float64(f.ClockRate()), ordered: in.udp == nil, handOn: handle}
	in.control = func(p rtcp.Packet) {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			in.packets.received.reported(sr, time.Now())
		}
		control(p)
	}
	push := contained(s, func(p *rtp.Packet) { in.packets.push(p, time.Now()) })
	report := contained(s, in.control)
	if in.udp == nil {
		s.client.OnPacketRTP(m, f, func(p *rtp.Packet) {
			d.undo(p)
			push(p)
		})
		s.client.OnPacketRTCP(m, report)
		return
	}
	in.udp.onRTP = func(p *rtp.Packet) {
		if p.PayloadType == in.payloadType {
			push(p)
		}
	}
	in.udp.onRTCP = report
	in.udp.reception = func() *reception { return &in.packets.received }
	in.udp.start()
}

// open makes way for packets.
func (in *mediaIntake) open() {
	if in.udp != nil {
		in.udp.open()
	}
}

func (in *mediaIntake) close() {
	if in.udp != nil {
		in.udp.close()
	}
}

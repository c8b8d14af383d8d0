package camera

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"umbrella/internal/bound"
)

// udpMedia are the two sockets by which the packets of one of the media come. The RTSP
// library reads no datagram of more than 1472 bytes, and cameras send larger ones: a
// Tapo up to 10,000 bytes (bluenviron/mediamtx#3158). It also leaves them to the
// kernel while it handles one, whose buffers are too small for a keyframe of 4K.
//
// Only the camera is listened to: its address is that of the RTSP connection, and of
// its ports the first that sends.
type udpMedia struct {
	rtp, rtcp udpSocket
	ssrc      uint32 // ours
	onRTP     func([]byte)
	onRTCP    func([]byte)

	queue  *queue
	owners sync.WaitGroup
}

// udpSocket is one of the two.
type udpSocket struct {
	conn   *net.UDPConn
	camera netip.Addr
	from   uint16        // the port that sends; 0: not known yet
	to     atomic.Uint32 // where to send to; 0: not known
}

const (
	// udpBuffer is what the kernel is to keep of each socket. Without the right to have
	// it, it gives what the system allows, of some 200 KiB.
	udpBuffer = 4 << 20
	// maxQueued is what is kept of the media on top of that, in bytes: two keyframes of
	// 4K at a high bitrate.
	maxQueued = 4 << 20
	// packetCost is what a packet costs over its bytes.
	packetCost  = 128
	maxDatagram = 65535
	// A camera may send so many compound RTCP packets a second, and at once.
	controlRate, controlBurst = 20, 100
)

// listenUDP opens the sockets for one of the media of the camera at the other end of
// an RTSP connection.
func listenUDP(rtsp net.Conn) (*udpMedia, error) {
	camera := bound.Peer(rtsp.RemoteAddr())
	var local net.UDPAddr
	if a, ok := rtsp.LocalAddr().(*net.TCPAddr); ok {
		local.IP, local.Zone = a.IP, a.Zone
	}
	if a, ok := rtsp.RemoteAddr().(*net.TCPAddr); ok && a.Zone != "" {
		camera = camera.WithZone(a.Zone)
	}
	var even, odd *net.UDPConn
	err := withUDPPorts(func(first, second int) (err error) {
		local.Port = first
		if even, err = net.ListenUDP("udp", &local); err != nil {
			return err
		}
		local.Port = second
		if odd, err = net.ListenUDP("udp", &local); err != nil {
			_ = even.Close()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	enlarge(even)
	return &udpMedia{
		rtp: udpSocket{conn: even, camera: camera}, rtcp: udpSocket{conn: odd, camera: camera}, queue: newQueue(),
	}, nil
}

// enlarge gives a socket room for a keyframe.
func enlarge(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, udpBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, udpBuffer)
		}
	})
}

// port of the first of the two sockets.
func (u *udpMedia) port() int { return u.rtp.conn.LocalAddr().(*net.UDPAddr).Port }

// start reads. The functions are called from one goroutine each.
func (u *udpMedia) start() {
	u.owners.Go(u.readRTP)
	u.owners.Go(u.handle)
	u.owners.Go(u.readRTCP)
}

func (u *udpMedia) close() {
	_ = u.rtp.conn.Close()
	_ = u.rtcp.conn.Close()
	u.queue.close()
	u.owners.Wait()
}

// read gives the next datagram of the camera; n is negative once the socket is closed.
func (s *udpSocket) read(b []byte) (n int) {
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return -1
		}
		if from.Addr().Unmap().WithZone("") != s.camera.WithZone("") {
			continue
		}
		if s.from == 0 {
			s.from = from.Port()
		}
		if from.Port() == s.from {
			return n
		}
	}
}

func (s *udpSocket) write(b []byte) {
	if port := s.to.Load(); port != 0 {
		_, _ = s.conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(s.camera, uint16(port))) // a report that is lost is nothing
	}
}

// readRTP puts datagrams into the queue as fast as they come.
func (u *udpMedia) readRTP() {
	limiter := rate.NewLimiter(maxRate, maxRate)
	b := make([]byte, maxDatagram)
	for {
		n := u.rtp.read(b)
		if n < 0 {
			return
		}
		if limiter.AllowN(time.Now(), n+packetCost) {
			u.queue.put(b[:n])
		}
	}
}

// handle hands on what is in the queue.
func (u *udpMedia) handle() {
	for {
		b, ok := u.queue.get()
		if !ok {
			return
		}
		u.onRTP(b)
	}
}

func (u *udpMedia) readRTCP() {
	b := make([]byte, maxDatagram)
	limiter := rate.NewLimiter(controlRate, controlBurst)
	for {
		n := u.rtcp.read(b)
		if n < 0 {
			return
		}
		if u.rtcp.to.Load() == 0 {
			u.rtcp.to.Store(uint32(u.rtcp.from))
		}
		if limiter.Allow() {
			u.onRTCP(b[:n])
		}
	}
}

func (u *udpMedia) report(r *rtcp.ReceiverReport) {
	if b, err := r.Marshal(); err == nil {
		u.rtcp.write(b)
	}
}

// open sends an empty packet by each socket to where the camera said that it sends
// from, so that firewalls let its packets in.
func (u *udpMedia) open() {
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: u.ssrc}}).Marshal()
	if err == nil {
		u.rtp.write(b)
	}
	u.report(&rtcp.ReceiverReport{SSRC: u.ssrc})
}

// queue is what came and was not handled yet, first in, first out.
type queue struct {
	mu    sync.Mutex
	ready sync.Cond
	list  [][]byte
	bytes int
	done  bool
}

func newQueue() *queue {
	q := &queue{}
	q.ready.L = &q.mu
	return q
}

// put copies a datagram into the queue, or drops it where it is full.
func (q *queue) put(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done || q.bytes+len(b)+packetCost > maxQueued {
		return
	}
	q.list = append(q.list, slices.Clone(b))
	q.bytes += len(b) + packetCost
	q.ready.Signal()
}

// get waits for the next datagram; ok is false once the queue is closed.
func (q *queue) get() (b []byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) == 0 && !q.done {
		q.ready.Wait()
	}
	if q.done {
		return nil, false
	}
	b, q.list[0] = q.list[0], nil
	q.list = q.list[1:]
	q.bytes -= len(b) + packetCost
	return b, true
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = true
	q.ready.Broadcast()
}

// ask writes our ports into a SETUP.
func (u *udpMedia) ask(req *base.Request) {
	for i, v := range req.Header["Transport"] {
		parts := strings.Split(v, ";")
		for k, part := range parts {
			if strings.HasPrefix(part, "client_port=") {
				parts[k] = "client_port=" + strconv.Itoa(u.port()) + "-" + strconv.Itoa(u.port()+1)
			}
		}
		req.Header["Transport"][i] = strings.Join(parts, ";")
	}
}

// answered takes the camera's ports out of an answer to SETUP: the library is not to
// send there.
func (u *udpMedia) answered(res *base.Response) {
	for i, v := range res.Header["Transport"] {
		parts := strings.Split(v, ";")
		parts = slices.DeleteFunc(parts, func(part string) bool {
			ports, ok := strings.CutPrefix(part, "server_port=")
			if !ok {
				return false
			}
			a, b, both := strings.Cut(ports, "-")
			first, err := strconv.ParseUint(a, 10, 16)
			if err != nil || first == 0 {
				return true
			}
			u.rtp.to.Store(uint32(first))
			second := first + 1
			if n, err := strconv.ParseUint(b, 10, 16); both && err == nil && n != 0 {
				second = n
			}
			u.rtcp.to.Store(uint32(min(second, maxDatagram)))
			return true
		})
		res.Header["Transport"][i] = strings.Join(parts, ";")
	}
}

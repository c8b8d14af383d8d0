package rtc

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// intake holds what one system call brought in until it is asked for: several
// datagrams, each of which the kernel may have made of several packets (GRO).
// Only the one goroutine that reads the socket touches it.
type intake struct {
	messages *messages
	data     [][]byte // of each message
	control  [][]byte
	filled   int // messages
	next     int
	// What is left of the message before next, and how it is cut.
	rest    []byte
	segment int
	from    netip.AddrPort
	oob     []byte
	now     time.Time
}

const (
	intakeMessages = 8
	// intakeSize holds the most that the kernel joins: a whole IP packet.
	intakeSize = 1 << 16
	// intakeControl holds a pktinfo of each family and a segment size.
	intakeControl = 128
)

func (in *intake) start() {
	in.messages = newMessages(intakeMessages)
	for range intakeMessages {
		in.data = append(in.data, make([]byte, intakeSize))
		in.control = append(in.control, make([]byte, intakeControl))
	}
}

// fill waits for datagrams.
func (in *intake) fill(c *mediaConn) error {
	for failures := 0; ; failures++ {
		for i := range in.data {
			in.messages.set(i, in.data[i], in.control[i], nil)
		}
		n, err := in.messages.receive(c.kernel)
		if passing(err) {
			if failures > 0 { // it may last, as want of memory does
				time.Sleep(intakePause)
			}
			continue
		}
		in.filled, in.next, in.now = n, 0, time.Now()
		return err
	}
}

// intakePause is how long it is waited after a second error in a row.
const intakePause = 10 * time.Millisecond

// passing tells of an error that the next read need not have: one of the
// network, told by the socket, or want of memory. Whoever reads the media port
// for us ends at its first error.
func passing(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case unix.EBADF, unix.ENOTSOCK, unix.EINVAL, unix.EFAULT, unix.ENOSYS, unix.EPERM, unix.EACCES:
		return false
	}
	return true
}

// ReadFromAddrPort reads one packet of STUN or DTLS that may go to pion. Media that
// comes meanwhile goes to the transport of its peer. Packets from an address that
// belongs to no session are dropped, unless they prove that they do.
func (c *mediaConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	in := &c.intake
	for {
		for len(in.rest) == 0 {
			if in.next == in.filled {
				if err := in.fill(c); err != nil {
					return 0, netip.AddrPort{}, err
				}
			}
			in.open()
		}
		packet := in.cut()
		if isMedia(packet) {
			if o := c.peer(in.from); o != nil {
				o.remote.session.transport.packet(packet, way{udp: o}, in.now)
			}
			continue
		}
		if c.admit(packet, in.from, in.oob, in.now) {
			return copy(b, packet), in.from, nil
		}
		c.dropped.Add(1)
	}
}

// open makes the next message the one that is read from.
func (in *intake) open() {
	i := in.next
	in.next++
	size, control, from := in.messages.received(i)
	in.rest, in.oob, in.from = in.data[i][:size], in.control[i][:control], from
	in.segment = size
	if n := segmentSize(in.oob); n > 0 {
		in.segment = n
	}
}

// cut returns the next packet of the message.
func (in *intake) cut() []byte {
	packet := in.rest[:min(in.segment, len(in.rest))]
	in.rest = in.rest[len(packet):]
	return packet
}

// segmentSize reads how large the packets were that the kernel joined; 0 when
// it joined none. It walks the control messages by hand: this runs for every
// datagram, and the library's way allocates.
func segmentSize(oob []byte) int {
	for len(oob) >= unix.SizeofCmsghdr {
		size, level, typ := controlHeader(oob)
		if size < unix.SizeofCmsghdr || size > len(oob) {
			return 0
		}
		if level == unix.SOL_UDP && typ == unix.UDP_GRO && size >= unix.CmsgLen(4) {
			return int(binary.NativeEndian.Uint32(oob[unix.CmsgLen(0):]))
		}
		next := unix.CmsgSpace(size - unix.CmsgLen(0))
		if next > len(oob) {
			return 0
		}
		oob = oob[next:]
	}
	return 0
}

// controlHeader reads struct cmsghdr, whose length is as wide as a pointer.
func controlHeader(b []byte) (size, level, typ int) {
	word := unix.SizeofCmsghdr - 8
	if word == 8 {
		size = int(binary.NativeEndian.Uint64(b))
	} else {
		size = int(binary.NativeEndian.Uint32(b))
	}
	return size, int(int32(binary.NativeEndian.Uint32(b[word:]))), int(int32(binary.NativeEndian.Uint32(b[word+4:])))
}

// appendControl appends one control message.
func appendControl(b []byte, level, typ int, data []byte) []byte {
	begin := len(b)
	b = append(b, make([]byte, unix.CmsgSpace(len(data)))...)
	h := b[begin:]
	word := unix.SizeofCmsghdr - 8
	if word == 8 {
		binary.NativeEndian.PutUint64(h, uint64(unix.CmsgLen(len(data))))
	} else {
		binary.NativeEndian.PutUint32(h, uint32(unix.CmsgLen(len(data))))
	}
	binary.NativeEndian.PutUint32(h[word:], uint32(level))
	binary.NativeEndian.PutUint32(h[word+4:], uint32(typ))
	copy(h[unix.CmsgLen(0):], data)
	return b
}

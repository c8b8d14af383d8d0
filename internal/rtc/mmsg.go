package rtc

import (
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	size   uint32
}

// messages is the memory of one batch of datagrams. The system calls on it do
// not block, and the Go scheduler is not told of them: it would take the
// processor away from whoever makes them, and the change of threads costs more
// than the call.
type messages struct {
	headers []mmsghdr
	iovecs  []unix.Iovec
	names   [][unix.SizeofSockaddrInet6]byte

	// Of the call that is being made, for run, which is made a func once.
	first, n, done int
	trap           uintptr
	err            syscall.Errno
	run            func(fd uintptr) bool
	wait           bool // until there is something
}

func newMessages(n int) *messages {
	m := &messages{
		headers: make([]mmsghdr, n), iovecs: make([]unix.Iovec, n),
		names: make([][unix.SizeofSockaddrInet6]byte, n),
	}
	for i := range m.headers {
		h := &m.headers[i].header
		h.Iov = &m.iovecs[i]
		h.SetIovlen(1)
	}
	m.run = m.call
	return m
}

// set fills in one message. name is where it goes to; for one that is to come
// in it is nil.
func (m *messages) set(i int, data, control, name []byte) {
	h, v := &m.headers[i].header, &m.iovecs[i]
	v.Base = unsafe.SliceData(data)
	v.SetLen(len(data))
	h.Control = unsafe.SliceData(control)
	h.SetControllen(len(control))
	if name == nil {
		name = m.names[i][:]
	}
	h.Name = unsafe.SliceData(name)
	h.Namelen = uint32(len(name))
}

// forget lets go of what a message pointed to.
func (m *messages) forget(i int) {
	m.iovecs[i].Base = nil
	m.headers[i].header.Control, m.headers[i].header.Name = nil, nil
}

// send sends the messages from first up to, not with, end. It returns how many
// left; if that is none, err says why the first did not.
func (m *messages) send(c syscall.RawConn, first, end int) (int, error) {
	m.first, m.n, m.trap, m.wait = first, end-first, unix.SYS_SENDMMSG, false
	return m.result(c.Write(m.run))
}

// receive waits for datagrams and takes as many as there are and fit.
func (m *messages) receive(c syscall.RawConn) (int, error) {
	m.first, m.n, m.trap, m.wait = 0, len(m.headers), unix.SYS_RECVMMSG, true
	return m.result(c.Read(m.run))
}

func (m *messages) result(err error) (int, error) {
	runtime.KeepAlive(m)
	if err != nil { // the socket is closed
		return 0, err
	}
	if m.err != 0 {
		return 0, m.err
	}
	return m.done, nil
}

func (m *messages) call(fd uintptr) bool {
	for {
		n, _, err := syscall.RawSyscall6(m.trap, fd, uintptr(unsafe.Pointer(&m.headers[m.first])), uintptr(m.n),
			unix.MSG_DONTWAIT, 0, 0)
		if err == syscall.EINTR {
			continue
		}
		m.done, m.err = int(n), err
		return !m.wait || err != syscall.EAGAIN
	}
}

// received returns how long message i is, its control messages' length and from
// where it came.
func (m *messages) received(i int) (size, control int, from netip.AddrPort) {
	h := &m.headers[i]
	return int(h.size), int(h.header.Controllen), addrPortOf(m.names[i][:h.header.Namelen])
}

// sockaddr writes an address as the kernel takes it.
func sockaddr(a netip.AddrPort) []byte {
	if a.Addr().Is4() {
		b := make([]byte, unix.SizeofSockaddrInet4)
		binary.NativeEndian.PutUint16(b, unix.AF_INET)
		binary.BigEndian.PutUint16(b[2:], a.Port())
		ip := a.Addr().As4()
		copy(b[4:], ip[:])
		return b
	}
	b := make([]byte, unix.SizeofSockaddrInet6)
	binary.NativeEndian.PutUint16(b, unix.AF_INET6)
	binary.BigEndian.PutUint16(b[2:], a.Port())
	ip := a.Addr().As16()
	copy(b[8:], ip[:])
	binary.NativeEndian.PutUint32(b[24:], zoneIndex(a.Addr().Zone()))
	return b
}

// zoneIndex is the number of an interface that is named by it or by its name.
func zoneIndex(zone string) uint32 {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// addrPortOf reads what sockaddr writes. The zone of a link-local address is
// its interface's number.
func addrPortOf(b []byte) netip.AddrPort {
	if len(b) < unix.SizeofSockaddrInet4 {
		return netip.AddrPort{}
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch binary.NativeEndian.Uint16(b) {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port)
	case unix.AF_INET6:
		if len(b) < unix.SizeofSockaddrInet6 {
			break
		}
		ip := netip.AddrFrom16([16]byte(b[8:24]))
		if index := binary.NativeEndian.Uint32(b[24:]); index != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(index), 10))
		}
		return netip.AddrPortFrom(ip, port)
	}
	return netip.AddrPort{}
}

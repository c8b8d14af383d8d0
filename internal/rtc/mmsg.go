package rtc

import (
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	size   uint32
}

// kernel is the system calls of the media port. None of them waits, and the Go
// scheduler is not told of them: it would take the processor away from whoever
// makes them, and the change of threads costs more than the call. Tests put
// others in their place.
type kernel struct {
	raw                syscall.RawConn
	sendmmsg, recvmmsg func(fd uintptr, list []mmsghdr) (int, syscall.Errno) // how many
	sendmsg, recvmsg   func(fd uintptr, h *unix.Msghdr) (int, syscall.Errno) // bytes

	// Kernels built without a call, and sandboxes that forbid it, are remembered:
	// then it is one message with each call.
	sendsOne, receivesOne atomic.Bool
	sendsMany             atomic.Bool // it has worked
}

func newKernel(raw syscall.RawConn) *kernel {
	return &kernel{raw: raw, sendmmsg: sendmmsg, recvmmsg: recvmmsg, sendmsg: sendmsg, recvmsg: recvmsg}
}

func sendmmsg(fd uintptr, list []mmsghdr) (int, syscall.Errno) {
	return call(unix.SYS_SENDMMSG, fd, unsafe.Pointer(&list[0]), uintptr(len(list)), unix.MSG_DONTWAIT)
}

func recvmmsg(fd uintptr, list []mmsghdr) (int, syscall.Errno) {
	return call(unix.SYS_RECVMMSG, fd, unsafe.Pointer(&list[0]), uintptr(len(list)), unix.MSG_DONTWAIT)
}

func sendmsg(fd uintptr, h *unix.Msghdr) (int, syscall.Errno) {
	return call(unix.SYS_SENDMSG, fd, unsafe.Pointer(h), unix.MSG_DONTWAIT, 0)
}

func recvmsg(fd uintptr, h *unix.Msghdr) (int, syscall.Errno) {
	return call(unix.SYS_RECVMSG, fd, unsafe.Pointer(h), unix.MSG_DONTWAIT, 0)
}

func call(trap, fd uintptr, p unsafe.Pointer, third, fourth uintptr) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall6(trap, fd, uintptr(p), third, fourth, 0, 0)
		if err != syscall.EINTR {
			return int(n), err
		}
	}
}

// absent tells that a system call is not there, or not for us.
func absent(err syscall.Errno) bool { return err == syscall.ENOSYS || err == syscall.EPERM }

// messages is the memory of one batch of datagrams.
type messages struct {
	headers []mmsghdr
	iovecs  []unix.Iovec
	names   [][unix.SizeofSockaddrInet6]byte

	// Of the call that is being made, for funcs that are made once.
	kernel         *kernel
	first, n, done int
	err            syscall.Errno
	sending        func(fd uintptr)
	receiving      func(fd uintptr) bool
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
	m.sending, m.receiving = m.sendNow, m.receiveNow
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
// left; if that is none, err says why the first did not. Several cores may send
// at once: what Go's own way of writing excludes, the kernel allows.
func (m *messages) send(k *kernel, first, end int) (int, error) {
	m.kernel, m.first, m.n = k, first, end-first
	return m.result(k.raw.Control(m.sending))
}

func (m *messages) sendNow(fd uintptr) {
	k := m.kernel
	tried := !k.sendsOne.Load()
	if tried {
		m.done, m.err = k.sendmmsg(fd, m.headers[m.first:m.first+m.n])
		if m.err == 0 && !k.sendsMany.Load() {
			k.sendsMany.Store(true)
		}
		// EPERM of a call that has worked before is a firewall's word on a packet.
		if !absent(m.err) || k.sendsMany.Load() {
			return
		}
	}
	missing := tried && m.err == syscall.ENOSYS
	_, m.err = k.sendmsg(fd, &m.headers[m.first].header)
	m.done = 1
	if missing || tried && m.err == 0 {
		k.sendsOne.Store(true)
	}
}

// receive waits for datagrams and takes as many as there are and fit.
func (m *messages) receive(k *kernel) (int, error) {
	m.kernel = k
	return m.result(k.raw.Read(m.receiving))
}

func (m *messages) receiveNow(fd uintptr) bool {
	k := m.kernel
	if !k.receivesOne.Load() {
		if m.done, m.err = k.recvmmsg(fd, m.headers); !absent(m.err) {
			return m.err != syscall.EAGAIN
		}
		k.receivesOne.Store(true)
	}
	var size int
	size, m.err = k.recvmsg(fd, &m.headers[0].header)
	m.headers[0].size, m.done = uint32(size), 1
	return m.err != syscall.EAGAIN
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

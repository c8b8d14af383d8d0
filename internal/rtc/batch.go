package rtc

import (
	"encoding/binary"
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// flush sends all that waits. Any number may call it at once, and nobody waits
// in it: what a full socket does not take goes back to where it waited, and
// leaves as soon as there is room.
func (c *mediaConn) flush() {
	if c.waiting.Load() && !c.full.Load() {
		c.flushAll()
	}
}

// flushAll tells whether the socket was full.
func (c *mediaConn) flushAll() (full bool) {
	b := c.batches.Get().(*batch)
	defer c.batches.Put(b)
	c.dirtyMu.Lock()
	c.dirty, b.outlets = b.outlets[:0], c.dirty
	c.waiting.Store(false)
	c.dirtyMu.Unlock()
	for len(b.taken) < len(b.outlets) {
		b.taken = append(b.taken, taken{})
	}
	for i, o := range b.outlets {
		t := &b.taken[i]
		o.mu.Lock()
		o.queued = false
		whole := o.whole
		t.buf, o.buf = o.buf, nil
		t.runs, o.runs = o.runs, t.runs[:0]
		o.mu.Unlock()
		for _, r := range t.runs {
			b.add(c, i, r, whole)
		}
	}
	b.send(c)
	if full, b.full = b.full, false; full {
		c.full.Store(true) // what comes meanwhile does not overtake
		for i := b.stopped.outlet; i < len(b.outlets); i++ {
			c.putBack(b.outlets[i], &b.taken[i], b.stopped.offset)
			b.stopped.offset = 0
		}
		select {
		case c.stalled <- struct{}{}:
		default: // it is waited already
		}
	}
	for i := range b.outlets {
		c.spares.give(b.taken[i].buf)
		b.taken[i].buf = nil
	}
	clear(b.outlets)
	return full
}

// batch is what one flush works with.
type batch struct {
	outlets  []*outlet
	taken    []taken
	messages *messages
	parts    [batchMessages]part
	n        int // messages in use
	lone     *messages
	// full: the socket takes no more, from the packet that stopped says.
	full    bool
	stopped place
}

// place is where in a batch a message begins.
type place struct {
	outlet int // index
	offset int // in what was taken from it
}

// part is what one message of a batch was made of.
type part struct {
	place
	data    []byte
	control []byte // memory of its own, for a message that is to be cut
	segment int    // 0: it is one packet
}

type taken struct {
	buf  []byte
	runs []run
}

func newBatch() any {
	return &batch{messages: newMessages(batchMessages), lone: newMessages(1)}
}

// add makes a run of an outlet one message, or one for each packet where the
// way there takes no segments.
func (b *batch) add(c *mediaConn, outlet int, r run, whole bool) {
	control := b.outlets[outlet].video
	if r.voice {
		control = b.outlets[outlet].voice
	}
	data := b.taken[outlet].buf[r.begin:r.end]
	at := place{outlet, r.begin}
	if r.packets == 1 {
		b.message(c, at, data, control[:len(control)-segmentSpace], 0)
		return
	}
	if !whole {
		b.message(c, at, data, control, r.segment)
		return
	}
	for len(data) > 0 {
		n := min(r.segment, len(data))
		b.message(c, at, data[:n], control[:len(control)-segmentSpace], 0)
		data = data[n:]
		at.offset += n
	}
}

func (b *batch) message(c *mediaConn, at place, data, control []byte, segment int) {
	if b.n == batchMessages {
		b.send(c)
	}
	if b.full {
		return
	}
	p := &b.parts[b.n]
	p.place, p.data, p.segment = at, data, segment
	if segment > 0 {
		p.control = append(p.control[:0], control...)
		binary.NativeEndian.PutUint16(p.control[len(control)-segmentSpace+unix.CmsgLen(0):], uint16(segment))
		control = p.control
	}
	b.messages.set(b.n, data, control, b.outlets[at.outlet].name)
	b.n++
}

// send sends the messages, until the socket is full.
func (b *batch) send(c *mediaConn) {
	for i := 0; i < b.n && !b.full; {
		n, err := b.messages.send(c.kernel, i, b.n)
		if n > 0 {
			i += n
			continue
		}
		p := &b.parts[i]
		switch {
		case errors.Is(err, unix.EAGAIN):
			b.full, b.stopped = true, p.place
		case errors.Is(err, net.ErrClosed):
			i = b.n
		case p.segment > 0 && uncut(err):
			b.sendWhole(c, p)
			i++
		default: // lost, like any packet on the way
			i++
		}
	}
	for i := range b.n { // keep nothing alive
		b.messages.forget(i)
		b.parts[i].data = nil
	}
	b.n = 0
}

// uncut tells of an error with which the kernel refuses to cut a datagram: the
// network card on the way may have no checksums to offer (EIO), or its MTU may
// be smaller than a segment. Any other error would meet each packet as well.
func uncut(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE)
}

// sendWhole sends the packets of a message that the kernel would not cut, each
// by itself, and remembers that it would not.
func (b *batch) sendWhole(c *mediaConn, p *part) {
	o := b.outlets[p.outlet]
	o.mu.Lock()
	o.whole = true
	o.mu.Unlock()
	control := p.control[:len(p.control)-segmentSpace]
	at := p.place
	for data := p.data; len(data) > 0; {
		n := min(p.segment, len(data))
		if err := b.sendOne(c, o, data[:n], control); errors.Is(err, unix.EAGAIN) {
			b.full, b.stopped = true, at
			break
		}
		data = data[n:]
		at.offset += n
	}
}

func (b *batch) sendOne(c *mediaConn, o *outlet, packet, control []byte) error {
	b.lone.set(0, packet, control, o.name)
	_, err := b.lone.send(c.kernel, 0, 1)
	b.lone.forget(0)
	return err
}

// sendNow sends one packet that is no RTP; it is lost if the socket is full.
func (c *mediaConn) sendNow(o *outlet, packet []byte) error {
	b := c.batches.Get().(*batch)
	defer c.batches.Put(b)
	return b.sendOne(c, o, packet, o.source)
}

// putBack lets wait again what was taken of an outlet, from an offset on, before
// what has come to it meanwhile.
func (c *mediaConn) putBack(o *outlet, t *taken, from int) {
	o.mu.Lock()
	newer, runs := o.buf, o.runs
	o.buf, o.runs = nil, nil
	o.again(t.runs, t.buf, from, &c.spares)
	o.again(runs, newer, 0, &c.spares)
	dirty := len(o.runs) > 0 && !o.queued
	o.queued = o.queued || dirty
	o.mu.Unlock()
	c.spares.give(newer)
	if dirty {
		c.queue(o)
	}
}

// again keeps the packets of runs once more. The caller holds mu.
func (o *outlet) again(runs []run, buf []byte, from int, s *spares) {
	for _, r := range runs {
		for at := max(r.begin, from); at < r.end; {
			n := min(r.segment, r.end-at)
			copy(o.room(n, s), buf[at:at+n])
			o.commit(n, r.voice)
			at += n
		}
	}
}

// drain sends what a full socket did not take, when there is room again.
func (c *mediaConn) drain() {
	socket := []unix.PollFd{{Events: unix.POLLOUT}}
	room := func(fd uintptr) bool {
		socket[0].Fd = int32(fd)
		n, err := unix.Poll(socket, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	}
	for {
		select {
		case <-c.closed:
			return
		case <-c.stalled:
		}
		if err := c.kernel.raw.Write(room); errors.Is(err, net.ErrClosed) {
			return
		}
		if !c.flushAll() {
			c.full.Store(false)
			c.flush() // what came too late for that, and was not sent by who left it
		}
	}
}

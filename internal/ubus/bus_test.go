package ubus

import (
	"bytes"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// bus does what ubusd does, as far as the tests need it. TestBusAsRecorded holds
// it against the real one.
type bus struct {
	// ids are given out first; afterwards they count up.
	ids []uint32
	// refuse is the status for what a client asks; nil refuses nothing.
	refuse func(kind byte, name string) Status
	// user and group that it says callers have.
	user string

	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	lastID  uint32
	clients map[uint32]*busClient
	objects map[uint32]*busObject
	events  []string // name and data of each
}

type busClient struct {
	id   uint32
	conn net.Conn
}

type busObject struct {
	id, kind  uint32
	path      string
	signature []byte
	owner     *busClient
}

func startBus(t *testing.T, path string) *bus {
	t.Helper()
	b := &bus{user: "root"}
	b.start(t, path)
	return b
}

func (b *bus) start(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	b.listener, b.lastID = l, 0x80000000
	b.clients, b.objects = map[uint32]*busClient{}, map[uint32]*busObject{}
	b.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.running.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(b.stop)
}

// stop ends it as a crash does.
func (b *bus) stop() {
	_ = b.listener.Close()
	b.mu.Lock()
	for _, c := range b.clients {
		_ = c.conn.Close()
	}
	b.mu.Unlock()
	b.running.Wait()
}

func (b *bus) newID() uint32 {
	if len(b.ids) > 0 {
		id := b.ids[0]
		b.ids = b.ids[1:]
		return id
	}
	b.lastID++
	return b.lastID
}

func (b *bus) serve(conn net.Conn) {
	b.mu.Lock()
	c := &busClient{id: b.newID(), conn: conn}
	b.clients[c.id] = c
	c.send(newMessage(messageHello, 0, c.id))
	b.mu.Unlock()
	for {
		m, err := readMessage(conn)
		if err != nil {
			break
		}
		b.mu.Lock()
		if status, ok := b.take(c, m); ok {
			c.send(appendUint32(newMessage(messageStatus, m.seq, m.peer), attrStatus, uint32(status)))
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = conn.Close()
	delete(b.clients, c.id)
	for id, o := range b.objects {
		if o.owner == c {
			delete(b.objects, id)
		}
	}
}

func (c *busClient) send(raw []byte) {
	raw, err := endMessage(raw)
	if err == nil {
		_, _ = c.conn.Write(raw)
	}
}

// take does what a message asks. Without ok there is no status to send.
func (b *bus) take(c *busClient, m *message) (status Status, ok bool) {
	name := m.string(attrMethod)
	if m.kind == messageAddObject || m.kind == messageLookup {
		name = m.string(attrObjectPath)
	}
	if b.refuse != nil {
		if s := b.refuse(m.kind, name); s != StatusOK {
			return s, true
		}
	}
	id, _ := m.uint32(attrObjectID)
	switch m.kind {
	case messageLookup:
		return b.lookup(c, m, name), true
	case messageAddObject:
		return b.add(c, m, name), true
	case messageRemoveObject:
		o := b.objects[id]
		if o == nil || o.owner != c {
			return StatusNotFound, true
		}
		delete(b.objects, id)
		answer := appendUint32(newMessage(messageData, m.seq, m.peer), attrObjectID, id)
		c.send(appendUint32(answer, 5, o.kind))
		return StatusOK, true
	case messageInvoke:
		if id == eventObject {
			return b.event(m), true
		}
		return b.invoke(c, m, b.objects[id])
	case messageData, messageStatus:
		if o, to := b.objects[id], b.clients[m.peer]; o != nil && o.owner == c && to != nil {
			to.send(forward(m, m.kind, id))
		}
		return 0, false
	default:
		return StatusInvalidCommand, true
	}
}

// forward is the message again, for another peer: the attributes of an answer.
func forward(m *message, kind byte, peer uint32) []byte {
	raw := newMessage(kind, m.seq, peer)
	order := []int{attrObjectID, attrData}
	if kind == messageStatus {
		order = []int{attrStatus, attrObjectID}
	}
	for _, id := range order {
		raw = appendBlob(raw, id, m.attrs[id])
	}
	return raw
}

func (b *bus) lookup(c *busClient, m *message, pattern string) Status {
	var found []*busObject
	for _, o := range b.objects {
		prefix, partial := strings.CutSuffix(pattern, "*")
		if o.path == pattern || partial && strings.HasPrefix(o.path, prefix) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return StatusNotFound
	}
	slices.SortFunc(found, func(x, y *busObject) int { return strings.Compare(x.path, y.path) })
	for _, o := range found {
		raw := appendString(newMessage(messageData, m.seq, m.peer), attrObjectPath, o.path)
		raw = appendUint32(raw, attrObjectID, o.id)
		raw = appendUint32(raw, 5, o.kind)
		c.send(appendBlob(raw, attrSignature, o.signature))
	}
	return StatusOK
}

func (b *bus) add(c *busClient, m *message, path string) Status {
	for _, o := range b.objects {
		if o.path == path {
			return StatusInvalidArgument
		}
	}
	o := &busObject{kind: b.newID(), id: b.newID(), path: path, signature: m.attrs[attrSignature], owner: c}
	b.objects[o.id] = o
	answer := appendUint32(newMessage(messageData, m.seq, m.peer), attrObjectID, o.id)
	c.send(appendUint32(answer, 5, o.kind))
	return StatusOK
}

func (b *bus) invoke(c *busClient, m *message, o *busObject) (Status, bool) {
	if o == nil {
		return StatusNotFound, true
	}
	raw := appendUint32(newMessage(messageInvoke, m.seq, c.id), attrObjectID, o.id)
	raw = appendBlob(raw, attrMethod, m.attrs[attrMethod])
	raw = appendString(raw, attrUser, b.user)
	raw = appendString(raw, attrGroup, b.user)
	if m.attrs[attrData] != nil {
		raw = appendBlob(raw, attrData, m.attrs[attrData])
	}
	o.owner.send(raw)
	return 0, false
}

func (b *bus) event(m *message) Status {
	var e struct {
		ID   string
		Data *json.RawMessage
	}
	if m.string(attrMethod) != "send" || Unmarshal(m.attrs[attrData], &e) != nil || e.ID == "" || e.Data == nil {
		return StatusInvalidArgument
	}
	b.events = append(b.events, e.ID+" "+string(*e.Data))
	return StatusOK
}

// seen is what events there were.
func (b *bus) seen() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events)
}

// published says whether there is such an object.
func (b *bus) published(path string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.objects {
		if o.path == path {
			return true
		}
	}
	return false
}

// dial is a bare connection, whose greeting has been read.
func dial(t *testing.T, path string) (net.Conn, *message) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	m, err := readMessage(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, m
}

func send(t *testing.T, conn net.Conn, raw []byte) {
	t.Helper()
	if _, err := conn.Write(raw); err != nil {
		t.Fatal(err)
	}
}

func ended(t *testing.T, raw []byte) []byte {
	t.Helper()
	raw, err := endMessage(raw)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// expect reads what has to come.
func expect(t *testing.T, conn net.Conn, i int, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := readFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("message %d: got %x, %v\nwant %x", i, got[:n], err, want)
	}
}

// TestBusAsRecorded: the bus of these tests says what ubusd said.
func TestBusAsRecorded(t *testing.T) {
	t.Run("publish", func(t *testing.T) {
		lines := recording(t, "publish")
		b := &bus{user: "root"}
		added := lines[2]
		object, _ := added.uint32(attrObjectID)
		b.ids = []uint32{lines[0].peer, bigEndian(added.attrs[5]), object}
		path := socketPath(t)
		b.start(t, path)
		conn, hello := dial(t, path)
		if hello.peer != lines[0].peer {
			t.Fatalf("greeted %x", hello.peer)
		}
		for i, l := range lines[1:] {
			switch {
			case l.toBus:
				send(t, conn, l.raw)
				continue
			case l.kind == messageInvoke: // of somebody else
				b.mu.Lock()
				b.ids = []uint32{l.peer}
				b.mu.Unlock()
				other, _ := dial(t, path)
				raw := appendUint32(newMessage(messageInvoke, l.seq, object), attrObjectID, object)
				raw = appendBlob(raw, attrMethod, l.attrs[attrMethod])
				send(t, other, ended(t, appendBlob(raw, attrData, l.attrs[attrData])))
			}
			expect(t, conn, i+1, l.raw)
		}
		if want := []string{`umbrella.join {"room":"lobby","name":"Ann"}`}; !slices.Equal(b.seen(), want) {
			t.Errorf("got %q", b.seen())
		}
	})
	t.Run("stations", func(t *testing.T) {
		lines := recording(t, "stations")
		b := &bus{}
		path := socketPath(t)
		b.start(t, path)
		hostapd, _ := dial(t, path)
		for i, l := range lines[2:4] { // its two objects
			id, _ := l.uint32(attrObjectID)
			b.mu.Lock()
			b.ids = []uint32{bigEndian(l.attrs[5]), id}
			b.mu.Unlock()
			raw := appendBlob(newMessage(messageAddObject, uint16(i), 0), attrObjectPath, l.attrs[attrObjectPath])
			send(t, hostapd, ended(t, appendBlob(raw, attrSignature, l.attrs[attrSignature])))
			for range 2 {
				if _, err := readMessage(hostapd); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.mu.Lock()
		b.ids = []uint32{lines[0].peer}
		b.mu.Unlock()
		conn, _ := dial(t, path)
		for i, l := range lines[1:] {
			if l.toBus {
				send(t, conn, l.raw)
				continue
			}
			if l.peer != 0 { // hostapd's answer
				if l.kind == messageData {
					m, err := readMessage(hostapd)
					if err != nil || m.kind != messageInvoke || m.peer != lines[0].peer || m.string(attrMethod) != "get_clients" {
						t.Fatalf("got %+v, %v", m, err)
					}
				}
				send(t, hostapd, ended(t, forward(l.message, l.kind, lines[0].peer)))
			}
			expect(t, conn, i+1, l.raw)
		}
	})
}

func bigEndian(b []byte) (v uint32) {
	for _, x := range b {
		v = v<<8 | uint32(x)
	}
	return v
}

package backhaul

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/bound"
	"umbrella/internal/config"
	"umbrella/internal/memory"
	"umbrella/internal/rtc"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/bombs"
)

// anyID is one that no node of a test has.
const anyID = "00000000000000ff"

// partyOf is a node as the end that dials, with a secret.
func partyOf(own *testNode, media *rtc.Trunk, secret string) party {
	return party{
		dialled: true, fingerprint: own.fingerprint,
		find:      func(right func(string) bool) (string, bool) { return "", right(secret) },
		introduce: func() *umbrellav1.TrunkIntroduction { return introduction(own.Name, media.Parameters()) },
	}
}

// intruder is a node that knows the secret, and then says what it likes.
type intruder struct {
	*websocket.Conn
	id      string
	media   *rtc.Trunk
	refusal chan string  // what it was told at the end
	pulls   atomic.Int32 // that it was asked for
}

// rogue has an intruder dial a node.
func rogue(t *testing.T, n *testNode) *intruder {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	own := newNode(t, "rogue")
	media := own.Engine().NewTrunk(true, own.Log)
	t.Cleanup(func() { _ = media.Close() })
	ws, err := dial(ctx, config.Backhaul{URL: n.url(), Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	peer, _, err := shake(ctx, ws, partyOf(own, media, secret))
	if err != nil {
		t.Fatal(err)
	}
	if err := media.Connect(ctx, peer.media); err != nil {
		t.Fatal(err)
	}
	media.Await(true) // it lives, for all that the other end can tell
	r := &intruder{Conn: ws, id: own.ID(), media: media, refusal: make(chan string, 1)}
	done := make(chan struct{})
	go func() { // pings, and whatever else comes
		defer close(done)
		for {
			m, _, err := read(context.Background(), ws, afterProof)
			if err != nil {
				return
			}
			if refusal := m.GetRefusal(); refusal != nil {
				r.refusal <- refusal.Message
			}
			if m.GetPull() != nil {
				r.pulls.Add(1)
			}
		}
	}()
	go func() {
		for number := uint64(1); ; number += 2 {
			select {
			case <-done:
				return
			case <-time.After(pingInterval):
				_ = say(r, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Ping{Ping: &umbrellav1.TrunkPing{}}})
			}
		}
	}()
	eventually(t, "the rogue is connected", func() bool {
		trunks, _ := n.Status(time.Now())
		for _, l := range trunks[0].Links {
			if l.NodeId == own.ID() {
				return true
			}
		}
		return false
	})
	return r
}

// refused waits for the sentence that an intruder is sent away with.
func (r *intruder) refused(t *testing.T, sentence string) {
	t.Helper()
	select {
	case s := <-r.refusal:
		if !strings.Contains(s, sentence) {
			t.Errorf("it is told %q", s)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("it is not told that %q", sentence)
	}
}

func say(ws interface {
	Write(context.Context, websocket.MessageType, []byte) error
}, m *umbrellav1.TrunkMessage) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return ws.Write(context.Background(), websocket.MessageBinary, b)
}

func announcement(origin, id, room string, path ...string) *umbrellav1.TrunkAnnouncement {
	return &umbrellav1.TrunkAnnouncement{
		Key: &umbrellav1.TrunkKey{Origin: origin, ParticipantId: id}, Room: room, Path: path,
		Participant: &umbrellav1.TrunkParticipant{Name: "x", Kind: umbrellav1.ParticipantKind_PARTICIPANT_KIND_PERSON},
	}
}

func update(list ...*umbrellav1.TrunkAnnouncement) *umbrellav1.TrunkMessage {
	return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Update{Update: &umbrellav1.TrunkUpdate{Announcements: list}}}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// undisturbed has a call between two nodes, and looks that it goes on.
func undisturbed(t *testing.T) (n *testNode, check func()) {
	t.Helper()
	a, b := newNode(t, "a"), newNode(t, "b").accept(secret)
	a.join(t, "den", "ada")
	a.dialTo(b, "up")
	eventually(t, "ada is seen", func() bool { return b.see("den", "ada", a) != nil })
	p := b.see("den", "ada", a)
	out, _ := watch(t, p)
	return b, func() {
		t.Helper()
		was := out.packets.Load()
		eventually(t, "the call goes on", func() bool { return out.packets.Load() > was+10 })
		if b.see("den", "ada", a) != p {
			t.Error("ada was disturbed")
		}
	}
}

func TestMillionAnnouncements(t *testing.T) {
	n, check := undisturbed(t)
	check()
	ws := rogue(t, n)
	was := heap()
	const total, each = 1_000_000, maxUpdate
	for i := 0; i < total; i += each {
		var list []*umbrellav1.TrunkAnnouncement
		for j := range each {
			list = append(list, announcement(ws.id, fmt.Sprintf("den/%d", i+j), "den", ws.id))
		}
		if err := say(ws, update(list...)); err != nil {
			t.Fatalf("after %d: %v", i, err)
		}
	}
	check()
	if is := heap(); is > was+64<<20 {
		t.Errorf("%d MB more are taken", (is-was)>>20)
	}
	if r := n.sfu.Room("den"); len(r.Participants()) > maxOffered+1 {
		t.Errorf("%d participants are shown", len(r.Participants()))
	}
	trunks, _ := n.Status(time.Now())
	for _, l := range trunks[0].Links {
		if told := strings.Contains(l.Refused, "beyond the number"); told != (l.NodeId == ws.id) {
			t.Errorf("of %s it is told: %q", l.NodeName, l.Refused)
		}
	}
	_ = ws.CloseNow()
	eventually(t, "they are gone", func() bool { return len(n.sfu.Room("den").Participants()) == 1 })
	check()
}

// Participants with as many tracks and layers as are taken cost no more than
// others, and keep nobody else out.
func TestManyTracks(t *testing.T) {
	a, n := newNode(t, "a"), newNode(t, "b").accept(secret)
	n.sfu.SetLimit(func(string) int { return 1 })
	a.join(t, "den", "ada")
	a.dialTo(n, "up")
	eventually(t, "ada is seen", func() bool { return n.see("den", "ada", a) != nil })
	ws := rogue(t, n)
	was := heap()
	const total, each = 10_000, 200
	for i := 0; i < total; i += each {
		var list []*umbrellav1.TrunkAnnouncement
		for j := range each {
			x := announcement(ws.id, fmt.Sprintf("den/%d", i+j), "den", ws.id)
			for k := range maxTracks {
				track := &umbrellav1.TrunkTrack{
					Id: fmt.Sprint(k), Kind: umbrellav1.TrackKind_TRACK_KIND_VIDEO, MimeType: "video/VP8", ClockRate: 90000,
				}
				for r := range maxLayers {
					track.Layers = append(track.Layers, &umbrellav1.TrunkLayer{Rid: fmt.Sprint(r)})
				}
				x.Participant.Tracks = append(x.Participant.Tracks, track)
			}
			list = append(list, x)
		}
		if err := say(ws, update(list...)); err != nil {
			t.Fatalf("after %d: %v", i, err)
		}
	}
	eventually(t, "all of it was read", func() bool {
		n.hub.mu.Lock()
		defer n.hub.mu.Unlock()
		return n.hub.table.Refused("in/"+ws.id).TooLarge > total*9/10 && len(n.hub.waiting) > 0
	})
	// Both nodes are in this process, and a is told what b takes.
	more := (float64(heap()) - float64(was)) / 2 / (1 << 20)
	t.Logf("%.1f MB more are taken by each node", more)
	if more > 16 {
		t.Errorf("%.1f MB more are taken by each node", more)
	}
	if r := n.sfu.Room("den"); len(r.Participants()) < 10 {
		t.Errorf("%d participants are shown", len(r.Participants()))
	}
	n.join(t, "den", "local") // the only one that its room takes of this node
	a.join(t, "den", "eve")
	eventually(t, "another one is seen", func() bool { return n.see("den", "eve", a) != nil })
	// Some go, and those who waited are shown instead.
	shown := func() (even, odd int) {
		n.hub.mu.Lock()
		defer n.hub.mu.Unlock()
		for key := range n.hub.remotes {
			if strings.ContainsAny(key.Participant[len(key.Participant)-1:], "02468") {
				even++
			} else if key.Origin == routing.NodeID(ws.id) {
				odd++
			}
		}
		return even, odd
	}
	_, before := shown()
	var keys []*umbrellav1.TrunkKey
	for i := 0; i < total; i += 2 {
		keys = append(keys, &umbrellav1.TrunkKey{Origin: ws.id, ParticipantId: fmt.Sprintf("den/%d", i)})
	}
	for some := range slices.Chunk(keys, maxUpdate) {
		if err := say(ws, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Update{Update: &umbrellav1.TrunkUpdate{Withdrawals: some}}}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "those who waited are shown", func() bool { even, odd := shown(); return even == 0 && odd > before })
}

// A node that is short of memory shows nobody else of other nodes until it has
// some again.
func TestShortOfMemory(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b").accept(secret)
	var needed atomic.Uint64
	needed.Store(60 << 20)
	b.Memory = &memory.Admission{
		Read: func() memory.Figures { return memory.Figures{Limit: 64 << 20, Needed: needed.Load()} }, Log: b.Log,
	}
	a.join(t, "den", "ada")
	a.dialTo(b, "up")
	eventually(t, "she is known", func() bool {
		b.hub.mu.Lock()
		defer b.hub.mu.Unlock()
		return len(b.hub.waiting) == 1
	})
	if b.see("den", "ada", a) != nil {
		t.Error("ada is shown")
	}
	needed.Store(10 << 20)
	eventually(t, "ada is seen", func() bool { return b.see("den", "ada", a) != nil })
}

// free is how many places there are for an address.
func (d *door) free(addr netip.Addr) (n int) {
	for {
		release, err := d.enter(caller{origin: bound.Origin(addr)})
		if err != nil {
			return n
		}
		defer release()
		n++
	}
}

// Whoever knows the secret can claim to be any number of nodes.
func TestManyNodesWithOneSecret(t *testing.T) {
	h := newHub(&Backhaul{})
	id := func(i int) routing.NodeID { return routing.NodeID(fmt.Sprintf("%016x", i)) }
	for i := range maxNodes {
		if !h.takes("in", id(i)) {
			t.Fatalf("node %d is turned down", i)
		}
		l := &link{trunk: "in", peer: id(i)}
		h.links[l.id()] = l
	}
	if h.takes("in", id(maxNodes)) {
		t.Error("one more is taken")
	}
	if !h.takes("in", id(3)) {
		t.Error("one that comes again is turned down")
	}
	if !h.takes("other", id(maxNodes)) {
		t.Error("another trunk takes none")
	}
}

func TestForgeries(t *testing.T) {
	n, check := undisturbed(t)
	ada := n.sfu.Room("den").Participants()[0]
	ws := rogue(t, n)
	long := strings.Repeat("x", 5000)
	name := announcement(ws.id, "den/1", "den", ws.id)
	name.Participant.Name = long
	tracks := announcement(ws.id, "den/2", "den", ws.id)
	for range 2 {
		tracks.Participant.Tracks = append(tracks.Participant.Tracks, &umbrellav1.TrunkTrack{Id: "t", MimeType: "video/VP8", ClockRate: 1})
	}
	kind := announcement(ws.id, "den/3", "den", ws.id)
	kind.Participant.Kind = 99
	nobody := announcement(ws.id, "den/4", "den", ws.id)
	nobody.Participant = nil
	for _, a := range []*umbrellav1.TrunkAnnouncement{
		announcement(n.ID(), "den/me", "den", ws.id, n.ID()),   // somebody of the node itself
		announcement(ada.Origin, "den/ada", "den", ada.Origin), // by another node than the neighbour
		announcement(ada.Origin, "den/ada", "attic", ws.id, n.ID(), ada.Origin),
		announcement(ws.id, "den/5", "no/room", ws.id),
		announcement(ws.id, long, "den", ws.id),
		announcement("nonsense", "den/6", "den", ws.id),
		{}, name, tracks, kind, nobody,
	} {
		if err := say(ws, update(a)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint32(5000) {
		if err := say(ws, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Chat{Chat: &umbrellav1.TrunkChat{
			Room: "den", From: &umbrellav1.TrunkKey{Origin: ws.id, ParticipantId: "den/1"},
			Message: &umbrellav1.ChatMessage{Id: fmt.Sprint(i), Text: "spam"},
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	check()
	if list := n.sfu.Room("den").Participants(); len(list) != 1 {
		t.Errorf("%d participants are shown", len(list))
	}
	// More pulls than anybody needs end the trunk.
	var err error
	for i := uint32(2); err == nil && i < 20_000; i += 2 {
		err = say(ws, pullOf(ws.id, fmt.Sprint(i), "t", i))
	}
	ws.refused(t, "more than 4096 layers are asked for")
	eventually(t, "it is cut off", func() bool {
		trunks, _ := n.Status(time.Now())
		return len(trunks[0].Links) == 1
	})
	check()
}

func pullOf(origin, id, track string, ssrc uint32) *umbrellav1.TrunkMessage {
	return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Pull{Pull: &umbrellav1.TrunkPull{
		Key: &umbrellav1.TrunkKey{Origin: origin, ParticipantId: id}, TrackId: track, Ssrc: ssrc,
	}}}
}

// A layer that is asked for again and again is sent once.
func TestOneLayerManyTimes(t *testing.T) {
	n, check := undisturbed(t)
	p := n.sfu.Room("den").Participants()[0]
	track, _, _ := strings.Cut(p.State().Tracks[0].ID, "@")
	ws := rogue(t, n)
	const last = 2000
	for ssrc := uint32(2); ssrc <= last; ssrc += 2 {
		if err := say(ws, pullOf(p.Origin, "den/ada", track, ssrc)); err != nil {
			t.Fatal(err)
		}
	}
	outputs := func() (n1 int, newest bool, sent int) {
		h := n.hub
		h.mu.Lock()
		defer h.mu.Unlock()
		l := h.links["in/"+ws.id]
		return len(l.outputs), l.outputs[last] != nil, l.media.Outgoing(time.Now()).Streams
	}
	eventually(t, "the last one counts", func() bool { _, newest, sent := outputs(); return newest && sent > 0 })
	if asked, _, sent := outputs(); asked != 1 || sent != 1 {
		t.Errorf("%d are asked for, and %d leave", asked, sent)
	}
	if taken := p.State().Tracks[0].Media.Layers()[0].Subscribers(); taken != 2 {
		t.Errorf("%d take the layer", taken)
	}
	// The same number for something else.
	if err := say(ws, pullOf(p.Origin, "den/nobody", track, last)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it leaves no more", func() bool { _, _, sent := outputs(); return sent == 0 })
	check()
}

// A neighbour that claims a shorter way to somebody, and sends nothing, costs a
// moment: the longer way is taken instead.
func TestBlackHole(t *testing.T) {
	nodes, _ := network(t, 4, [][2]int{{0, 1}, {1, 2}, {2, 3}})
	everybody(t, nodes)
	origin, n := nodes[0], nodes[3]
	p := n.see("den", "p0", origin)
	out, _ := watch(t, p)
	eventually(t, "the picture comes", func() bool { return out.packets.Load() > 20 })
	ws := rogue(t, n)
	forged := announcement(origin.ID(), "den/p0", "den", ws.id, origin.ID())
	n.hub.mu.Lock()
	known := n.hub.remotes[routing.Key{Origin: routing.NodeID(origin.ID()), Participant: "den/p0"}]
	forged.Participant = proto.CloneOf(describe(origin.sfu.Room("den").Participant("p0"), origin.Name, false))
	n.hub.mu.Unlock()
	if err := say(ws, update(forged)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is believed at first", func() bool { return ws.pulls.Load() > 0 })
	was := out.packets.Load()
	eventually(t, "the picture comes by the other way", func() bool { return out.packets.Load() > was+50 })
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	if known.link.peer != routing.NodeID(nodes[2].ID()) || len(n.hub.doubts) != 1 {
		t.Errorf("it comes by %s, and %d ways are doubted", known.link.name, len(n.hub.doubts))
	}
	if n.see("den", "p0", origin) != p {
		t.Error("the participant left and came back")
	}
}

func TestGarbage(t *testing.T) {
	n, check := undisturbed(t)
	for _, b := range [][]byte{{}, {0xff, 0xff, 0xff}, make([]byte, 100_000), nil} {
		ws := rogue(t, n)
		tooLong := b == nil
		if tooLong {
			b = make([]byte, 2*maxMessage)
			_, _ = rand.Read(b)
		}
		_ = ws.Write(context.Background(), websocket.MessageBinary, b)
		if !tooLong {
			ws.refused(t, "did not keep to the trunk protocol")
		}
		eventually(t, "it is cut off", func() bool {
			trunks, _ := n.Status(time.Now())
			return len(trunks[0].Links) == 1
		})
	}
	check()
}

// stranger opens the WebSocket of a trunk and knows no secret.
func stranger(t *testing.T, n *testNode) (*websocket.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ws, err := dial(ctx, config.Backhaul{URL: n.url()})
	if err == nil {
		ws.SetReadLimit(maxMessage)
		t.Cleanup(func() { _ = ws.CloseNow() })
	}
	return ws, err
}

// until closed reads what the other end says.
func untilClosed(ws *websocket.Conn) (list []*umbrellav1.TrunkMessage) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return list
		}
		m := &umbrellav1.TrunkMessage{}
		if proto.Unmarshal(b, m) == nil {
			list = append(list, m)
		}
	}
}

// Whoever has shown no secret is told nothing of the node but what any connection
// with it shows, and costs little.
func TestStrangersAtTheDoor(t *testing.T) {
	n := newNode(t, "a house of secrets").accept(secret)
	sum := make([]byte, 32)
	_, _ = rand.Read(sum)
	greet := &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Hello{Hello: hello(sum)}}
	old := hello(sum)
	old.Version = 0
	mirror := hello(n.fingerprint)
	for name, c := range map[string]struct {
		says []*umbrellav1.TrunkMessage
		told string // in the refusal; empty: none comes
	}{
		"nothing":           {nil, ""},
		"hello alone":       {[]*umbrellav1.TrunkMessage{greet}, ""},
		"a wrong proof":     {[]*umbrellav1.TrunkMessage{greet, proofOf(make([]byte, 32))}, "write the same secret on both nodes"},
		"an old version":    {[]*umbrellav1.TrunkMessage{{Message: &umbrellav1.TrunkMessage_Hello{Hello: old}}}, "update the older one"},
		"the node's own":    {[]*umbrellav1.TrunkMessage{{Message: &umbrellav1.TrunkMessage_Hello{Hello: mirror}}}, "back to the node itself"},
		"routes":            {[]*umbrellav1.TrunkMessage{update(announcement(anyID, "den/1", "den", anyID))}, ""},
		"routes, after all": {[]*umbrellav1.TrunkMessage{greet, update(announcement(anyID, "den/1", "den", anyID))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ws, err := stranger(t, n)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range c.says {
				if err := say(ws, m); err != nil {
					t.Fatal(err)
				}
			}
			list := untilClosed(ws)
			told := ""
			for _, m := range list {
				if b, _ := proto.Marshal(m); bytes.Contains(b, []byte(n.Name)) || bytes.Contains(b, []byte("candidate")) {
					t.Errorf("a stranger is told %v", m)
				}
				told += m.GetRefusal().GetMessage()
			}
			if !strings.Contains(told, c.told) || (c.told == "") != (told == "") {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
	eventually(t, "seven are noted, by five problems", func() bool {
		times := 0
		list := n.door.list()
		for _, r := range list {
			times += r.Times
		}
		return len(list) == 5 && times == 7
	})
}

func proofOf(mac []byte) *umbrellav1.TrunkMessage {
	return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Proof{Proof: &umbrellav1.TrunkProof{Mac: mac}}}
}

// A message of a stranger, or of a neighbour, is not unpacked into a hundred times
// its size.
func TestUnpackingIsBounded(t *testing.T) {
	n := newNode(t, "n").accept(secret)
	for name, b := range bombs.Of(&umbrellav1.TrunkIntroduction{}, 200_000) {
		if introductions.Check(b) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	i := 0
	for name, b := range bombs.Of(&umbrellav1.TrunkMessage{}, 200_000) {
		if messages.Check(b) == nil {
			t.Errorf("%s: taken", name)
		}
		if i++; i > 8 {
			continue // each costs a connection
		}
		ws, err := stranger(t, n)
		if err != nil {
			t.Fatal(err)
		}
		if err := ws.Write(context.Background(), websocket.MessageBinary, b); err == nil {
			untilClosed(ws)
		}
		eventually(t, "the places are free", func() bool { return n.door.free(netip.MustParseAddr("127.0.0.1")) == maxShakingEach })
	}
	for m, want := range map[*umbrellav1.TrunkMessage]bool{
		proofOf(nil): true, {Message: &umbrellav1.TrunkMessage_Hello{}}: true, refusalMessage(errProtocol): true,
		update(): false, chat(anyID, "x", "den", "x", "1", "x"): false, {Message: &umbrellav1.TrunkMessage_Pull{}}: false, {}: false,
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := beforeProof(firstField(b)); got != want {
			t.Errorf("%v before the proof: taken: %v", m, got)
		}
	}
	list := make([]*umbrellav1.TrunkAnnouncement, maxUpdate+1)
	for i := range list {
		list[i] = announcement(anyID, "den/1", "den", anyID)
	}
	for _, c := range []struct {
		list []*umbrellav1.TrunkAnnouncement
		want bool
	}{{list, false}, {list[1:], true}} {
		b, err := proto.Marshal(update(c.list...))
		if err != nil {
			t.Fatal(err)
		}
		if got := messages.Check(b) == nil; got != c.want {
			t.Errorf("%d announcements: taken: %v", len(c.list), got)
		}
	}
}

// As many of the largest participants as one message brings fit into it: else a
// neighbour could end the trunks of others with what they pass on.
func TestLargestUpdateFits(t *testing.T) {
	big := announcement(anyID, strings.Repeat("p", maxID), strings.Repeat("r", 64))
	for range routing.MaxPath {
		big.Path = append(big.Path, anyID)
	}
	big.RoundTripUs = 1<<32 - 1
	for i := 0; ; i++ {
		track := &umbrellav1.TrunkTrack{
			Id: fmt.Sprint(i), Kind: umbrellav1.TrackKind_TRACK_KIND_VIDEO, MimeType: "video/VP8", ClockRate: 1, Fmtp: strings.Repeat("f", 200),
		}
		big.Participant.Tracks = append(big.Participant.Tracks, track)
		if !acceptable(big.Participant) {
			big.Participant.Tracks = big.Participant.Tracks[:i]
			break
		}
	}
	var list []*umbrellav1.TrunkAnnouncement
	for range maxUpdate {
		list = append(list, big)
	}
	b, err := proto.Marshal(update(list...))
	if err != nil || len(b) > maxMessage || len(b) < maxMessage*3/4 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if err := messages.Check(b); err != nil {
		t.Error(err)
	}
}

// Nobody is another node who has not the key of its certificate.
func TestNodeIsItsKey(t *testing.T) {
	a, n := newNode(t, "a"), newNode(t, "n").accept(secret)
	a.dialTo(n, "up")
	linkOfA := func() *link {
		n.hub.mu.Lock()
		defer n.hub.mu.Unlock()
		return n.hub.links["in/"+a.ID()]
	}
	eventually(t, "a is connected", func() bool { return linkOfA() != nil })
	was := linkOfA()
	own := newNode(t, "rogue")
	media := own.Engine().NewTrunk(true, own.Log)
	defer func() { _ = media.Close() }()
	claim := partyOf(own, media, secret)
	claim.fingerprint = a.fingerprint
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ws, err := dial(ctx, config.Backhaul{URL: n.url()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	peer, _, err := shake(ctx, ws, claim)
	if err != nil {
		t.Fatal(err)
	}
	if err := media.Connect(ctx, peer.media); err == nil {
		t.Error("media is connected")
	}
	if linkOfA() != was {
		t.Error("the trunk of the honest node has ended")
	}
}

func FuzzMessage(f *testing.F) {
	b, err := proto.Marshal(update(announcement(anyID, "den/1", "den", anyID)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &umbrellav1.TrunkMessage{}
		if messages.Unmarshal(b, m) != nil {
			return
		}
		for _, a := range m.GetUpdate().GetAnnouncements() {
			if o, ok := offerOf(a); ok && (len(o.Info.Tracks) > maxTracks || len(o.Key.Participant) > maxID) {
				t.Errorf("%+v", o)
			}
		}
		if h := m.GetHello(); h != nil {
			_ = checkHello(&umbrellav1.TrunkHello{}, h)
			_, _ = meet(h, m.GetProof().GetIntroduction())
		}
		_, _ = keyOf(m.GetPull().GetKey())
	})
}

package backhaul

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/backhaul/routing"
	"umbrella/internal/config"
	"umbrella/internal/memory"
	"umbrella/internal/rtc"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

const rogueID = "00000000000000ff"

// intruder is a node that knows the secret, and then says what it likes.
type intruder struct {
	*websocket.Conn
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
	peer, _, err := shake(ctx, ws, hello(rogueID, "rogue", media.Parameters()), true, func(right func(string) bool) (string, bool) {
		return "", right(secret)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := media.Connect(ctx, parameters(peer)); err != nil {
		t.Fatal(err)
	}
	r := &intruder{Conn: ws, media: media, refusal: make(chan string, 1)}
	done := make(chan struct{})
	go func() { // pings, and whatever else comes
		defer close(done)
		for {
			m, _, err := read(context.Background(), ws)
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
			if l.NodeId == rogueID {
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

func say(ws *intruder, m *umbrellav1.TrunkMessage) error {
	_, err := write(context.Background(), ws.Conn, m)
	return err
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
	const total, each = 1_000_000, 2000
	for i := 0; i < total; i += each {
		var list []*umbrellav1.TrunkAnnouncement
		for j := range each {
			list = append(list, announcement(rogueID, fmt.Sprintf("den/%d", i+j), "den", rogueID))
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
		if told := strings.Contains(l.Refused, "beyond the number"); told != (l.NodeId == rogueID) {
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
			x := announcement(rogueID, fmt.Sprintf("den/%d", i+j), "den", rogueID)
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
		return n.hub.table.Refused("in/"+rogueID).TooLarge > total*9/10 && len(n.hub.waiting) > 0
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
			} else if key.Origin == rogueID {
				odd++
			}
		}
		return even, odd
	}
	_, before := shown()
	var keys []*umbrellav1.TrunkKey
	for i := 0; i < total; i += 2 {
		keys = append(keys, &umbrellav1.TrunkKey{Origin: rogueID, ParticipantId: fmt.Sprintf("den/%d", i)})
	}
	if err := say(ws, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Update{Update: &umbrellav1.TrunkUpdate{Withdrawals: keys}}}); err != nil {
		t.Fatal(err)
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
	name := announcement(rogueID, "den/1", "den", rogueID)
	name.Participant.Name = long
	tracks := announcement(rogueID, "den/2", "den", rogueID)
	for range 1000 {
		tracks.Participant.Tracks = append(tracks.Participant.Tracks, &umbrellav1.TrunkTrack{Id: "t", MimeType: "video/VP8", ClockRate: 1})
	}
	kind := announcement(rogueID, "den/3", "den", rogueID)
	kind.Participant.Kind = 99
	nobody := announcement(rogueID, "den/4", "den", rogueID)
	nobody.Participant = nil
	for _, a := range []*umbrellav1.TrunkAnnouncement{
		announcement(n.ID(), "den/me", "den", rogueID, n.ID()), // somebody of the node itself
		announcement(ada.Origin, "den/ada", "den", ada.Origin), // by another node than the neighbour
		announcement(ada.Origin, "den/ada", "attic", rogueID, n.ID(), ada.Origin),
		announcement(rogueID, "den/5", "no/room", rogueID),
		announcement(rogueID, long, "den", rogueID),
		announcement("nonsense", "den/6", "den", rogueID),
		{}, name, tracks, kind, nobody,
	} {
		if err := say(ws, update(a)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint32(5000) {
		if err := say(ws, &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Chat{Chat: &umbrellav1.TrunkChat{
			Room: "den", From: &umbrellav1.TrunkKey{Origin: rogueID, ParticipantId: "den/1"},
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
		err = say(ws, pullOf(rogueID, fmt.Sprint(i), "t", i))
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
	track, _, _ := strings.Cut(p.State().Tracks[0].ID, ".")
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
		l := h.links["in/"+rogueID]
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
	forged := announcement(origin.ID(), "den/p0", "den", rogueID, origin.ID())
	n.hub.mu.Lock()
	known := n.hub.remotes[routing.Key{Origin: routing.NodeID(origin.ID()), Participant: "den/p0"}]
	forged.Participant = proto.CloneOf(describe(origin.sfu.Room("den").Participant("p0"), origin.Name))
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

func TestStrangersAtTheDoor(t *testing.T) {
	n, check := undisturbed(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	// Many who say nothing take no more than their places.
	for range maxShaking + 4 {
		if ws, err := dial(ctx, config.Backhaul{URL: n.url()}); err == nil {
			defer func() { _ = ws.CloseNow() }()
		} else if !strings.Contains(err.Error(), "503") {
			t.Error(err)
		}
	}
	check()
	// A replayed proof is worth nothing: the other end's number is another.
	own := hello(rogueID, "old", rtc.TrunkParameters{Fingerprint: make([]byte, 32), Ufrag: "ufrag", Pwd: strings.Repeat("p", 24)})
	own.Version = 0
	eventually(t, "there is a place again", func() bool {
		ws, err := dial(ctx, config.Backhaul{URL: n.url()})
		if err != nil {
			return false
		}
		defer func() { _ = ws.CloseNow() }()
		_, _, err = shake(ctx, ws, own, true, func(right func(string) bool) (string, bool) { return "", right(secret) })
		if err == nil || !strings.Contains(err.Error(), "update the older one") {
			t.Errorf("an old version: %v", err)
		}
		return true
	})
}

func FuzzMessage(f *testing.F) {
	b, err := proto.Marshal(update(announcement(rogueID, "den/1", "den", rogueID)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &umbrellav1.TrunkMessage{}
		if proto.Unmarshal(b, m) != nil {
			return
		}
		for _, a := range m.GetUpdate().GetAnnouncements() {
			if o, ok := offerOf(a); ok && (len(o.Info.Tracks) > maxTracks || len(o.Key.Participant) > maxID) {
				t.Errorf("%+v", o)
			}
		}
		if h := m.GetHello(); h != nil {
			_ = checkHello(&umbrellav1.TrunkHello{NodeId: rogueID}, h)
		}
		_, _ = keyOf(m.GetPull().GetKey())
	})
}

package backhaul

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// listener is in a room and notes what is said.
type listener struct {
	mu   sync.Mutex
	said []string
}

func (l *listener) RoomChanged()           {}
func (l *listener) Speaking([]sfu.Speaker) {}

func (l *listener) Chat(m sfu.ChatMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, m.Name+": "+m.Text)
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.said)
}

// listen has somebody in a room of a node who hears what is said.
func (n *testNode) listen(t *testing.T, room string) *listener {
	t.Helper()
	l := &listener{}
	p, err := n.sfu.Join(sfu.Entry{Room: room, ID: "ears", Name: "ears", Kind: sfu.Person, Observer: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Leave)
	return l
}

func chat(origin, participant, room, name, id, text string) *umbrellav1.TrunkMessage {
	return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Chat{Chat: &umbrellav1.TrunkChat{
		Room: room, From: &umbrellav1.TrunkKey{Origin: origin, ParticipantId: participant},
		Message: &umbrellav1.ChatMessage{Id: id, Name: name, Text: text, SentAtMs: 1},
	}}}
}

// Nobody speaks for somebody else in the chat, by another name, or where nobody has
// said that he is.
func TestChatIsOfWhoIsThere(t *testing.T) {
	n, check := undisturbed(t)
	ada := n.sfu.Room("den").Participants()[0]
	ears := n.listen(t, "den")
	ws := rogue(t, n)
	id := ws.id
	rita := announcement(id, "den/1", "den", id)
	rita.Participant.Name = "Rita"
	zoe := announcement(id, "den/2", "den", id)
	zoe.Participant.Name = "Zoe"
	for _, m := range []*umbrellav1.TrunkMessage{
		update(rita),
		chat(ada.Origin, "den/ada", "den", "ada", "1", "another node's"),
		chat(n.ID(), "den/ears", "den", "ears", "2", "this node's"),
		chat(id, "den/2", "den", "Zoe", "3", "not there yet"),
		chat(id, "den/1", "attic", "Rita", "4", "in another room"),
		chat(id, "den/1", "den", "ada", "5", "by her own name"),
		update(zoe),
		chat(id, "den/2", "den", "", "3", "there by now"),
	} {
		if err := say(ws, m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the last one is heard", func() bool { return slices.Contains(ears.heard(), "Zoe: there by now") })
	if got, want := ears.heard(), []string{"Rita: by her own name", "Zoe: there by now"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	check()
}

// Whoever comes and speaks at once is heard, however many nodes away.
func TestChatAtOnce(t *testing.T) {
	nodes, _ := network(t, 3, [][2]int{{0, 1}, {1, 2}})
	everybody(t, nodes)
	ears := nodes[2].listen(t, "den")
	var want []string
	for i := range 30 {
		name := fmt.Sprint("g", i)
		p, err := nodes[0].sfu.Join(sfu.Entry{Room: "den", ID: name, Name: name, Kind: sfu.Person})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Say("hello"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Leave)
		want = append(want, name+": hello")
	}
	eventually(t, "the last one is heard", func() bool { return slices.Contains(ears.heard(), want[29]) })
	if got := ears.heard(); !slices.Equal(got, want) {
		t.Errorf("heard %q", got)
	}
}

// A node keeps what was said at another one while nobody of its own was in the room,
// and gives it to the first who comes. What was said before the trunk was up stays where
// it was said.
func TestChatOfBeforeAcross(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b").accept(secret)
	a.join(t, "den", "ada")
	ada := a.sfu.Room("den").Participants()[0]
	say := func(text string) {
		if err := ada.Say(text); err != nil {
			t.Fatal(err)
		}
	}
	say("alone")
	a.dialTo(b, "up")
	eventually(t, "ada is seen", func() bool { return b.see("den", "ada", a) != nil })
	say("hello")
	var earlier []sfu.ChatMessage
	eventually(t, "somebody who comes reads it", func() bool {
		p, err := b.sfu.Join(sfu.Entry{Room: "den", Name: "bob", Kind: sfu.Person})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Leave()
		earlier = p.TakeEarlierChat()
		return len(earlier) > 0
	})
	if len(earlier) != 1 || earlier[0].Text != "hello" || earlier[0].Name != "ada" {
		t.Errorf("read %+v", earlier)
	}
}

// Whom a trunk is not for he does not reach: neither his presence nor what he says.
func TestTrunkForOneRoom(t *testing.T) {
	b, rogueNode := newNode(t, "b"), newNode(t, "rogue")
	den, attic := b.listen(t, "den"), b.listen(t, "attic")
	b.join(t, "attic", "bob")
	rogueNode.join(t, "attic", "rex")
	rogueNode.join(t, "den", "rita")
	rogueNode.dialBy(b.url(), b.mint(t, "den"))
	eventually(t, "rita is seen", func() bool { return b.see("den", "rita", rogueNode) != nil })
	// The node that was invited says all the same what it should not.
	rogueNode.hub.mu.Lock()
	var l *link
	for _, l = range rogueNode.hub.links {
	}
	rogueNode.hub.mu.Unlock()
	id := rogueNode.ID()
	rex := announcement(id, "attic/rex", "attic", id)
	l.send(update(rex))
	l.send(chat(id, "attic/rex", "attic", "rex", "1", "in the attic"))
	l.send(chat(id, "den/rita", "attic", "rita", "2", "in the attic"))
	l.send(chat(id, "den/rita", "den", "rita", "3", "in the den"))
	eventually(t, "what may be said is heard", func() bool { return slices.Contains(den.heard(), "rita: in the den") })
	if said := attic.heard(); len(said) > 0 || b.see("attic", "rex", rogueNode) != nil {
		t.Errorf("in the attic: %q, %v", said, b.see("attic", "rex", rogueNode))
	}
	if rogueNode.see("attic", "bob", b) != nil {
		t.Error("bob is told to the invited node")
	}
}

// A locked room keeps out who comes by another node as well, until it is unlocked.
// Who was in stays, also when the way to him is lost for a while.
func TestLockedRoom(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b").accept(secret)
	a.join(t, "den", "ada")
	ears := b.listen(t, "den")
	a.dialTo(b, "up")
	eventually(t, "ada is seen", func() bool { return b.see("den", "ada", a) != nil })
	room := b.sfu.Room("den")
	room.SetLocked(true)
	late := a.join(t, "den", "late")
	if err := late.Say("let me in"); err != nil {
		t.Fatal(err)
	}
	a.publish(t, sfu.Entry{Room: "den", ID: "door", Name: "door", Kind: sfu.Camera}, 0)
	eventually(t, "the camera is seen", func() bool { return b.see("den", "door", a) != nil })
	if b.see("den", "late", a) != nil || b.see("den", "ada", a) == nil {
		t.Error("somebody has come in, or left")
	}
	a.Apply(nil)
	eventually(t, "ada is gone", func() bool { return b.see("den", "ada", a) == nil })
	a.Apply(a.trunks)
	eventually(t, "ada is back", func() bool { return b.see("den", "ada", a) != nil })
	eventually(t, "the camera is back", func() bool { return b.see("den", "door", a) != nil })
	if b.see("den", "late", a) != nil || len(ears.heard()) > 0 {
		t.Errorf("somebody has come in; heard: %q", ears.heard())
	}
	gone := a.join(t, "den", "gone")
	gone.Leave()
	room.SetLocked(false)
	eventually(t, "the late one comes in", func() bool { return b.see("den", "late", a) != nil })
	if err := late.Say("here I am"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "he is heard", func() bool { return slices.Equal(ears.heard(), []string{"late: here I am"}) })
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	if len(b.hub.barred) > 0 {
		t.Errorf("kept out: %v", b.hub.barred)
	}
}

// A change of one trunk, whatever it is, leaves the links of the others as they are.
func TestChangesTouchOneTrunk(t *testing.T) {
	a := newNode(t, "a")
	others := []*testNode{newNode(t, "b").accept(secret), newNode(t, "c").accept(secret), newNode(t, "d").accept(secret)}
	section := func(i int, rooms ...string) config.Backhaul {
		return config.Backhaul{Section: fmt.Sprint("to", i), Enabled: true, URL: others[i].url(), Secret: secret, Rooms: rooms}
	}
	off := section(0)
	off.Enabled = false
	links := func() map[string]*link {
		a.hub.mu.Lock()
		defer a.hub.mu.Unlock()
		up := map[string]*link{}
		for _, l := range a.hub.links {
			up[l.trunk] = l
		}
		return up
	}
	accepting := config.Backhaul{Section: "in", Enabled: true, Secret: secret}
	var kept *link
	for _, c := range []struct {
		what string
		list []config.Backhaul
		up   int // links afterwards
		anew bool
	}{
		{"the first", []config.Backhaul{section(1)}, 1, false},
		{"one is added", []config.Backhaul{section(0), section(1)}, 2, false},
		{"one for a room", []config.Backhaul{section(0, "den"), section(1)}, 2, true},
		{"one that accepts", []config.Backhaul{accepting, section(0, "den"), section(1)}, 2, false},
		{"another order", []config.Backhaul{section(1), section(2), section(0, "den")}, 3, false},
		{"one is turned off", []config.Backhaul{off, section(1), section(2)}, 2, false},
		{"all but one", []config.Backhaul{section(1)}, 1, false},
	} {
		before := links()["to0"]
		a.Apply(c.list)
		eventually(t, c.what, func() bool { up := links(); return len(up) == c.up && (!c.anew || up["to0"] != before) })
		if kept == nil {
			kept = links()["to1"]
		}
		if links()["to1"] != kept {
			t.Fatalf("%s: the other trunk was connected anew", c.what)
		}
	}
	select {
	case <-kept.media.Ended():
		t.Error("its media have ended")
	case <-time.After(0):
	}
}

// A moderator mutes somebody at another node, however many nodes away. A node mutes
// nobody for one who is no moderator there, or is not in that room.
func TestMutesAtAnotherNode(t *testing.T) {
	nodes, _ := network(t, 3, [][2]int{{0, 1}, {1, 2}})
	ada, err := nodes[0].sfu.Join(sfu.Entry{Room: "den", ID: "ada", Name: "Ada", Kind: sfu.Person, Moderator: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ada.Leave)
	bob := nodes[2].join(t, "den", "bob")
	at := func(n *testNode, id string, origin *testNode) (p *sfu.Participant) {
		eventually(t, id+" is seen", func() bool {
			if r := n.sfu.Room("den"); r != nil {
				p = r.Participant(sfu.RemoteID(id, origin.ID()))
			}
			return p != nil
		})
		return p
	}
	away := at(nodes[0], "bob", nodes[2])
	eventually(t, "she is seen to moderate", func() bool { return at(nodes[2], "ada", nodes[0]).Moderator() })
	if err := nodes[0].sfu.Room("den").Mute("ada", away.ID, sfu.SourcesOf(sfu.CameraPicture)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-bob.Hushed():
	case <-time.After(10 * time.Second):
		t.Fatal("he is not muted")
	}
	if got := bob.Hushing(); got != sfu.SourcesOf(sfu.CameraPicture) {
		t.Errorf("of him is muted %b", got)
	}

	victim, check := undisturbed(t)
	ears := victim.listen(t, "den")
	ws := rogue(t, victim)
	wish := func(from string, room string) *umbrellav1.TrunkMessage {
		return &umbrellav1.TrunkMessage{Message: &umbrellav1.TrunkMessage_Mute{Mute: &umbrellav1.TrunkMute{
			Room: room, From: &umbrellav1.TrunkKey{Origin: ws.id, ParticipantId: from},
			Participant: &umbrellav1.TrunkKey{Origin: victim.ID(), ParticipantId: "den/ears"},
			Sources:     []umbrellav1.TrackSource{umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE},
		}}}
	}
	rita := announcement(ws.id, "den/1", "den", ws.id)
	boss := announcement(ws.id, "attic/2", "attic", ws.id)
	boss.Participant.Moderator = true
	zoe := announcement(ws.id, "den/3", "den", ws.id)
	zoe.Participant.Name = "Zoe"
	for _, m := range []*umbrellav1.TrunkMessage{
		update(rita, boss, zoe), wish("den/1", "den"), wish("attic/2", "attic"), wish("attic/2", "den"), wish("den/9", "den"),
		chat(ws.id, "den/3", "den", "Zoe", "1", "that was all"),
	} {
		if err := say(ws, m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the last one is heard", func() bool { return slices.Contains(ears.heard(), "Zoe: that was all") })
	if got := victim.sfu.Room("den").Participant("ears").Hushing(); got != 0 {
		t.Errorf("muted for nobody who may: %b", got)
	}
	check()
}

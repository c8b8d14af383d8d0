package signal_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"umbrella/internal/sfu"
	"umbrella/test/peer"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

func moderate(p *peer.Peer, m *umbrellav1.Moderate) {
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Moderate{Moderate: m}})
}

func mute(id string) *umbrellav1.Moderate {
	return &umbrellav1.Moderate{Action: &umbrellav1.Moderate_Mute{Mute: id}}
}

func remove(id string) *umbrellav1.Moderate {
	return &umbrellav1.Moderate{Action: &umbrellav1.Moderate_Remove{Remove: id}}
}

func lock(locked bool) *umbrellav1.Moderate {
	return &umbrellav1.Moderate{Action: &umbrellav1.Moderate_Lock{Lock: locked}}
}

// What a moderator has muted is not passed on, whatever its publisher sends, until
// that unmutes it.
func TestModeratorMutes(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	m := n.join(t, &peer.Peer{Name: "Moderator", Password: "moderator", ViewOnly: true})
	playing(t, a, m)
	gets(t, m, a)
	if a.Joined().Moderator || !m.Joined().Moderator {
		t.Error("not told who moderates")
	}
	id := a.ID()
	moderate(m, mute(id))
	if err := a.Wait(soon(t), func() bool { return len(a.Muted()) == 2 }); err != nil {
		t.Fatalf("not told of what was muted: %v", a.Muted())
	}
	muted := func(want bool) func() bool {
		return func() bool {
			tracks := m.Participants()[id].GetTracks()
			for _, tr := range tracks {
				if tr.Muted != want {
					return false
				}
			}
			return len(tracks) == 2
		}
	}
	if err := m.Wait(soon(t), muted(true)); err != nil {
		t.Errorf("not seen to be muted: %v", m.Participants()[id])
	}
	count := func() (audio, video uint64) {
		_ = m.Wait(soon(t), func() bool { audio, video = m.From(id); return true })
		return audio, video
	}
	time.Sleep(100 * time.Millisecond) // what was under way
	audio, video := count()
	time.Sleep(400 * time.Millisecond)
	if audio1, video1 := count(); audio1 != audio || video1 != video {
		t.Errorf("%d and %d packets came although it is muted", audio1-audio, video1-video)
	}
	for _, mid := range a.Muted() {
		a.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetMuted{SetMuted: &umbrellav1.SetMuted{Mid: mid}}})
	}
	if err := m.Wait(soon(t), muted(false)); err != nil {
		t.Error("it cannot be unmuted")
	}
	gets(t, m, a)
}

func TestModeratorRemovesAndLocks(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true})
	m := n.join(t, &peer.Peer{Name: "Moderator", Password: "moderator", ViewOnly: true})
	playing(t, a, m)
	moderate(m, lock(true))
	if err := a.Wait(soon(t), func() bool { return a.Locked() }); err != nil {
		t.Fatal("nobody is told that the room is locked")
	}
	late := func(password string) error {
		p := &peer.Peer{URL: n.url, Room: "room", Name: "Late", ViewOnly: true, Password: password}
		defer p.Close()
		err := p.Join(soon(t))
		if err == nil && !p.Joined().Locked {
			t.Error("who comes in is not told that the room is locked")
		}
		return err
	}
	if err := late(""); err == nil || !strings.HasPrefix(err.Error(), "CODE_LOCKED") {
		t.Errorf("into a locked room: %v", err)
	}
	if err := late("moderator"); err != nil {
		t.Errorf("a moderator into a locked room: %v", err)
	}
	id := a.ID()
	moderate(m, remove(id))
	if err := a.Wait(soon(t), func() bool { return a.Goodbye() != nil }); err != nil || a.Goodbye().Reason != umbrellav1.Goodbye_REASON_REMOVED {
		t.Fatalf("not sent away: %v", a.Goodbye())
	}
	if err := m.Wait(soon(t), func() bool { return m.Participants()[id] == nil }); err != nil {
		t.Error("still there")
	}
	moderate(m, lock(false))
	if err := m.Wait(soon(t), func() bool { return !m.Locked() }); err != nil {
		t.Fatal("still locked")
	}
	p := n.join(t, &peer.Peer{Name: "Late", ViewOnly: true})
	playing(t, p)
}

func TestModerateRefused(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true})
	m := n.join(t, &peer.Peer{Name: "Moderator", Password: "moderator", ViewOnly: true})
	playing(t, a, m)
	for id, e := range map[string]sfu.Entry{
		"door": {Kind: sfu.Camera}, "away@far": {Kind: sfu.Person, Origin: "far"}, "whip-program": {Kind: sfu.Stream},
	} {
		e.Room, e.ID, e.Name = "room", id, id
		p, err := n.Join(e)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Leave)
	}
	for _, c := range []struct {
		name string
		by   *peer.Peer
		m    *umbrellav1.Moderate
		want string
	}{
		{"mute by nobody special", a, mute(m.ID()), "moderators"},
		{"remove by nobody special", a, remove(m.ID()), "moderators"},
		{"lock by nobody special", a, lock(true), "moderators"},
		{"nobody", m, mute("x"), "nobody of that id"},
		{"remove nobody", m, remove(""), "nobody of that id"},
		{"remove a camera", m, remove("door"), "in the settings"},
		{"mute a camera", m, mute("door"), "only people"},
		{"mute a program", m, mute("whip-program"), "only people"},
		{"mute somebody at another node", m, mute("away@far"), "another node"},
		{"remove somebody at another node", m, remove("away@far"), "another node"},
		{"nothing", m, &umbrellav1.Moderate{}, "does not know"},
	} {
		before := len(c.by.Errors())
		moderate(c.by, c.m)
		if err := c.by.Wait(soon(t), func() bool { return len(c.by.Errors()) > before }); err != nil {
			t.Errorf("%s: no answer", c.name)
		} else if e := c.by.Errors()[before]; !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %v", c.name, e)
		}
	}
	if a.Goodbye() != nil || m.Goodbye() != nil || a.Locked() {
		t.Error("something happened")
	}
}

// What an invitation does not allow does not happen.
func TestGrants(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	named := n.join(t, &peer.Peer{Name: "Mallory", Token: "Bob", ViewOnly: true})
	deaf := n.join(t, &peer.Peer{Name: "Deaf", Password: "sender"})
	playing(t, a, named, deaf)
	gets(t, a, deaf)
	viewer := &peer.Peer{URL: n.url, Room: "room", Name: "Viewer", Password: "viewer"}
	if err := viewer.Join(soon(t)); err != nil {
		t.Fatal(err)
	}
	playing(t, viewer)
	if err := viewer.Wait(soon(t), func() bool { return len(viewer.Errors()) > 0 }); err != nil || !strings.Contains(viewer.Errors()[0].Message, "publishes nothing") {
		t.Errorf("a viewer publishes: %v", viewer.Errors())
	}
	gets(t, viewer, a)
	if err := a.Wait(soon(t), func() bool {
		o := a.Participants()[viewer.ID()]
		return o.GetViewOnly() && len(o.Tracks) == 0
	}); err != nil {
		t.Error("not seen as a viewer")
	}
	if name := named.Participants()[named.ID()].Name; name != "Bob" {
		t.Errorf("the name of the invitation is not used: %q", name)
	}
	if deaf.Joined().MaySubscribe || !a.Joined().MaySubscribe {
		t.Error("not told who may subscribe")
	}
	if audio, video := deaf.From(a.ID()); audio+video > 0 || len(deaf.Streams()) > 0 {
		t.Errorf("%d packets and %d streams although nothing may be seen", audio+video, len(deaf.Streams()))
	}
}

// Of who sends too much, as much as is allowed is taken, and of others everything.
// Another limit counts for who is there.
func TestPublishLimit(t *testing.T) {
	n := startNode(t)
	var limit atomic.Int64
	n.engine.PublishLimit = func() int { return int(limit.Load()) }
	limit.Store(200) // kbit/s
	b := n.join(t, &peer.Peer{Name: "Bob", ViewOnly: true})
	loud := n.join(t, &peer.Peer{Name: "Loud"}) // sends 1,000
	playing(t, b, loud)
	a := n.join(t, &peer.Peer{Name: "Ada"}) // sends 100
	ctx, stop := context.WithCancel(context.Background())
	a.Play(ctx, 100*time.Millisecond)
	t.Cleanup(func() {
		stop()
		a.Close()
	})
	gets(t, b, loud)
	gets(t, b, a)
	video := func(p *peer.Peer) (n uint64) {
		_ = b.Wait(soon(t), func() bool { _, n = b.From(p.ID0()); return true })
		return n
	}
	// for each packet of Ada's
	ratio := func() float64 {
		const packets = 60
		loud0, ada0 := video(loud), video(a)
		if err := b.Wait(soon(t), func() bool { _, v := b.From(a.ID0()); return v >= ada0+packets }); err != nil {
			t.Fatal("somebody else is limited")
		}
		return float64(video(loud)-loud0) / packets
	}
	if got := ratio(); got == 0 || got > 5 {
		t.Errorf("of who sends ten times as much, and five times what is allowed, come %.1f times as many packets", got)
	}
	limit.Store(0)
	for try := 1; ; try++ {
		if got := ratio(); got > 7 {
			break
		} else if try == 5 {
			t.Errorf("without a limit come %.1f times as many", got)
			break
		}
	}
}

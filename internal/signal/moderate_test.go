package signal_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/config"
	"umbrella/internal/sfu"
	"umbrella/test/peer"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

func moderate(p *peer.Peer, m *umbrellav1.Moderate) {
	p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Moderate{Moderate: m}})
}

func mute(id string, sources ...umbrellav1.TrackSource) *umbrellav1.Moderate {
	return &umbrellav1.Moderate{Action: &umbrellav1.Moderate_Mute{Mute: &umbrellav1.Mute{ParticipantId: id, Sources: sources}}}
}

const (
	microphone = umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE
	camera     = umbrellav1.TrackSource_TRACK_SOURCE_CAMERA
)

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
	moderate(m, mute(id, microphone, camera))
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
		{"mute by nobody special", a, mute(m.ID(), microphone), "moderators"},
		{"remove by nobody special", a, remove(m.ID()), "moderators"},
		{"lock by nobody special", a, lock(true), "moderators"},
		{"nobody", m, mute("x", microphone), "nobody of that id"},
		{"remove nobody", m, remove(""), "nobody of that id"},
		{"remove a camera", m, remove("door"), "in the settings"},
		{"mute a camera", m, mute("door", camera), "only people"},
		{"mute a program", m, mute("whip-program", camera), "only people"},
		{"mute somebody at another node", m, mute("away@far", microphone), "another node"},
		{"remove somebody at another node", m, remove("away@far"), "another node"},
		{"mute nothing", m, mute(a.ID()), "what is to be muted"},
		{"mute what there is not", m, mute(a.ID(), 0, 99), "what is to be muted"},
		{"promote by nobody special", a, promote(a.ID(), true), "moderators"},
		{"promote nobody", m, promote("x", true), "nobody of that id"},
		{"promote a program", m, promote("whip-program", true), "only people"},
		{"promote somebody at another node", m, promote("away@far", true), "another node"},
		{"demote one by their own right", m, promote(m.ID(), false), "of their own"},
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

// A microphone is muted without the camera, and a camera without the microphone.
func TestModeratorMutesOne(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	m := n.join(t, &peer.Peer{Name: "Moderator", Password: "moderator", ViewOnly: true})
	playing(t, a, m)
	gets(t, m, a)
	id := a.ID()
	muted := func(sources ...umbrellav1.TrackSource) func() bool {
		return func() bool {
			n := 0
			for _, tr := range m.Participants()[id].GetTracks() {
				if tr.Muted {
					n++
				}
				if tr.Muted != slices.Contains(sources, tr.Source) {
					return false
				}
			}
			return n == len(sources)
		}
	}
	moderate(m, mute(id, microphone))
	if err := m.Wait(soon(t), muted(microphone)); err != nil {
		t.Fatalf("the microphone alone: %v", m.Participants()[id])
	}
	var mid string
	if err := a.Wait(soon(t), func() bool { mid = strings.Join(a.Muted(), " "); return mid != "" }); err != nil {
		t.Fatal("who is muted is not told")
	}
	var video uint64
	_ = m.Wait(soon(t), func() bool { _, video = m.From(id); return true })
	if err := m.Wait(soon(t), func() bool { _, v := m.From(id); return v > video+3 }); err != nil {
		t.Error("the picture does not come any more")
	}
	a.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetMuted{SetMuted: &umbrellav1.SetMuted{Mid: mid}}})
	if err := m.Wait(soon(t), muted()); err != nil {
		t.Fatal("it cannot be unmuted")
	}
	moderate(m, mute(id, camera))
	if err := m.Wait(soon(t), muted(camera)); err != nil {
		t.Errorf("the camera alone: %v", m.Participants()[id])
	}
	audio, _ := m.From(id)
	if err := m.Wait(soon(t), func() bool { a, _ := m.From(id); return a > audio+3 }); err != nil {
		t.Error("the sound does not come any more")
	}
}

// Who was in when the room was locked comes back by their seat; others do not, nor does
// one who was removed.
func TestSeatsOfALockedRoom(t *testing.T) {
	n := startNode(t)
	const adas, bobs = "AAAAAAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBBBBBB"
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true, Seat: adas})
	b := n.join(t, &peer.Peer{Name: "Bob", ViewOnly: true, Seat: bobs})
	m := n.join(t, &peer.Peer{Name: "Moderator", Password: "moderator", ViewOnly: true})
	playing(t, b, m)
	enter := func(seat string) (*peer.Peer, error) {
		p := &peer.Peer{URL: n.url, Room: "room", Name: "Ada", ViewOnly: true, Seat: seat}
		t.Cleanup(p.Close)
		return p, p.Join(soon(t))
	}
	id := a.ID()
	a.Close() // just before the room is locked, as a page does that is loaded anew
	if err := m.Wait(soon(t), func() bool { return m.Participants()[id] == nil }); err != nil {
		t.Fatal("still there")
	}
	moderate(m, lock(true))
	if err := m.Wait(soon(t), m.Locked); err != nil {
		t.Fatal("not locked")
	}
	for _, seat := range []string{"", "CCCCCCCCCCCCCCCCCCCCCCCCCC"} {
		if _, err := enter(seat); err == nil || !strings.HasPrefix(err.Error(), "CODE_LOCKED") {
			t.Errorf("somebody else with the seat %q: %v", seat, err)
		}
	}
	again, err := enter(adas)
	if err != nil {
		t.Fatalf("who was in: %v", err)
	}
	if name := again.Participants()[again.ID()].Name; name != "Ada" {
		t.Errorf("who came back is called %q", name)
	}
	again.Close()
	if _, err := enter(adas); err != nil {
		t.Errorf("once more: %v", err)
	}
	id = b.ID()
	moderate(m, remove(id))
	if err := m.Wait(soon(t), func() bool { return m.Participants()[id] == nil }); err != nil {
		t.Fatal("not removed")
	}
	if _, err := enter(bobs); err == nil || !strings.HasPrefix(err.Error(), "CODE_LOCKED") {
		t.Errorf("who was removed: %v", err)
	}
}

// A browser that joins anew has one place: its session whose socket is gone ends at once,
// and so does one that publishes. Beside those it may watch.
func TestSeatIsOnePlace(t *testing.T) {
	n := startNode(t)
	n.SetLimit(func(string) int { return 2 })
	const seat = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	old := n.join(t, &peer.Peer{Name: "Ada", Seat: seat})
	playing(t, old)
	again := n.join(t, &peer.Peer{Name: "Ada", Seat: seat})
	playing(t, again)
	if err := old.Wait(soon(t), func() bool { return old.Goodbye() != nil }); err != nil || old.Goodbye().Reason != umbrellav1.Goodbye_REASON_REPLACED {
		t.Fatalf("the one before: %v", old.Goodbye())
	}
	if err := again.Wait(soon(t), func() bool { return len(again.Participants()) == 1 }); err != nil {
		t.Error("it is there twice")
	}
	watcher := n.join(t, &peer.Peer{Name: "Ada", Seat: seat, ViewOnly: true})
	playing(t, watcher)
	if err := again.Wait(soon(t), func() bool { return len(again.Participants()) == 2 }); err != nil || again.Goodbye() != nil {
		t.Errorf("beside one that watches: %v", again.Goodbye())
	}
}

// Nobody in a room is called as somebody else is, or so that it looks the same.
func TestNamesInARoomDiffer(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true})
	playing(t, a)
	for name, want := range map[string]string{"Аda": "Аda (2)", "علی\u200cرضا": "علی\u200cرضا", strings.Repeat("é", 64): strings.Repeat("é", 64)} {
		p := n.join(t, &peer.Peer{Name: name, ViewOnly: true})
		playing(t, p)
		if got := p.Participants()[p.ID()].Name; got != want {
			t.Errorf("%q is called %q", name, got)
		}
	}
	for name, want := range map[string]string{"علیرضا": "علیرضا (2)", strings.Repeat("é", 64): strings.Repeat("é", 60) + " (2)"} {
		p := n.join(t, &peer.Peer{Name: name, ViewOnly: true})
		playing(t, p)
		if got := p.Participants()[p.ID()].Name; got != want {
			t.Errorf("%q is called %q", name, got)
		}
	}
	p := n.join(t, &peer.Peer{Name: " ADA ", ViewOnly: true})
	playing(t, p)
	if got := p.Participants()[p.ID()].Name; got != "ADA (3)" && got != "ADA (2)" {
		t.Errorf("in capitals: %q", got)
	}
}

func promote(id string, moderator bool) *umbrellav1.Moderate {
	return &umbrellav1.Moderate{Action: &umbrellav1.Moderate_Promote{Promote: &umbrellav1.Promote{ParticipantId: id, Moderator: moderator}}}
}

// A moderator makes others moderators, who stay so when they come back, and takes it
// back.
func TestPromote(t *testing.T) {
	n := startNode(t)
	const seat = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true, Seat: seat})
	m := n.join(t, &peer.Peer{Name: "Moderator", Password: "moderator", ViewOnly: true})
	playing(t, m)
	moderate(m, promote(a.ID(), true))
	if err := a.Wait(soon(t), a.Moderator); err != nil {
		t.Fatal("not told that they moderate")
	}
	if err := m.Wait(soon(t), func() bool { return m.Participants()[a.ID0()].GetModerator() }); err != nil {
		t.Error("not seen to moderate")
	}
	moderate(a, lock(true))
	if err := m.Wait(soon(t), m.Locked); err != nil {
		t.Error("they cannot lock the room")
	}
	a.Close()
	a = n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true, Seat: seat})
	playing(t, a)
	if !a.Joined().Moderator {
		t.Error("after coming back they moderate no more")
	}
	moderate(m, promote(a.ID(), false))
	if err := a.Wait(soon(t), func() bool { return !a.Moderator() }); err != nil {
		t.Fatal("it is not taken back")
	}
	moderate(a, lock(false))
	if err := a.Wait(soon(t), func() bool { return len(a.Errors()) > 0 }); err != nil || !a.Locked() {
		t.Error("they moderate all the same")
	}
}

// Who knows the admin's password becomes a moderator in the call.
func TestBecomeModerator(t *testing.T) {
	n := startNode(t)
	n.server.MayAsk = func(*http.Request) bool { return true }
	n.server.AdmitModerator = func(_ *http.Request, password string) error {
		if password != "correct horse" {
			return access.ErrAdminPassword
		}
		return nil
	}
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true})
	playing(t, a)
	ask := func(password string) {
		a.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_BecomeModerator{BecomeModerator: &umbrellav1.BecomeModerator{Password: password}}})
	}
	if !a.Joined().MayBecomeModerator {
		t.Error("not told that they may ask")
	}
	ask("wrong")
	if err := a.Wait(soon(t), func() bool { return len(a.Errors()) > 0 }); err != nil || a.Errors()[0].Code != umbrellav1.Error_CODE_WRONG_PASSWORD || a.Moderator() {
		t.Errorf("a wrong one: %v", a.Errors())
	}
	ask("correct horse")
	if err := a.Wait(soon(t), a.Moderator); err != nil {
		t.Error("the right one makes no moderator")
	}
}

// An invitation that is made in the call gives what its maker has, and ends with it.
func TestInvite(t *testing.T) {
	n := startNode(t)
	var made access.Claims
	var holds time.Duration
	n.server.Invite = func(c access.Claims, h time.Duration) (string, error) {
		made, holds = c, h
		return "token", nil
	}
	ends := time.Now().Add(time.Hour)
	n.server.Admit = func(_ *http.Request, room string, c access.Credentials) (access.Grant, error) {
		g := access.Grant{Room: room, Publish: c.Password != "viewer", Subscribe: true, Moderate: c.Password != "", Access: config.AccessToken, Invitation: "parent"}
		if c.Password == "viewer" {
			g.Ends = ends
		}
		if c.Password == "open" {
			g.Access = config.AccessOpen
		}
		return g, nil
	}
	invite := func(p *peer.Peer) {
		p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Invite{Invite: &umbrellav1.Invite{}}})
	}
	m := n.join(t, &peer.Peer{Name: "Moderator", Password: "moderator", ViewOnly: true})
	v := n.join(t, &peer.Peer{Name: "Viewer", Password: "viewer", ViewOnly: true})
	guest := n.join(t, &peer.Peer{Name: "Guest", ViewOnly: true})
	open := n.join(t, &peer.Peer{Name: "Open", Password: "open", ViewOnly: true})
	playing(t, m, v, guest, open)
	if m.Joined().Access != umbrellav1.RoomAccess_ROOM_ACCESS_INVITATION || open.Joined().Access != umbrellav1.RoomAccess_ROOM_ACCESS_OPEN {
		t.Errorf("told of %v and %v", m.Joined().Access, open.Joined().Access)
	}
	for _, p := range []*peer.Peer{guest, open} {
		invite(p)
		if err := p.Wait(soon(t), func() bool { return len(p.Errors()) > 0 }); err != nil || p.Invited() != nil {
			t.Errorf("%s makes one: %v", p.Name, p.Invited())
		}
	}
	invite(m)
	if err := m.Wait(soon(t), func() bool { return m.Invited() != nil }); err != nil || m.Invited().Token != "token" {
		t.Fatalf("none is made: %v", m.Errors())
	}
	if made.Room != "room" || made.Parent != "parent" || !strings.Contains(made.By, "Moderator") || !slices.Equal(made.Rights, []string{access.RightPublish, access.RightSubscribe}) || holds != 24*time.Hour {
		t.Errorf("%+v, for %v", made, holds)
	}
	invite(v)
	if err := v.Wait(soon(t), func() bool { return v.Invited() != nil }); err != nil {
		t.Fatal("a viewer who moderates makes none")
	}
	if !slices.Equal(made.Rights, []string{access.RightSubscribe}) || holds > time.Hour {
		t.Errorf("more than its maker has: %+v, for %v", made, holds)
	}
	for range 60 {
		invite(m)
	}
	if err := m.Wait(soon(t), func() bool { return len(m.Errors()) > 0 }); err != nil {
		t.Error("without a bound")
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

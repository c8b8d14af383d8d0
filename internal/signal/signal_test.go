package signal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"umbrella/internal/access"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	"umbrella/internal/signal"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is the part of a node that a call needs.
type node struct {
	*sfu.SFU
	engine *rtc.Engine
	server *signal.Server
	url    string
}

func startNode(t testing.TB) *node {
	t.Helper()
	level := slog.LevelError
	if os.Getenv("UMBRELLA_TEST_DEBUG") != "" {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	n := &node{SFU: &sfu.SFU{}, engine: &rtc.Engine{Log: log}}
	if err := n.engine.Start(); err != nil {
		t.Fatal(err)
	}
	n.server = &signal.Server{
		SFU: n.SFU, Engine: func() *rtc.Engine { return n.engine }, Log: log,
		Admit:   admit,
		Refusal: func(error) umbrellav1.Error_Code { return umbrellav1.Error_CODE_FORBIDDEN },
		Address: func(r *http.Request) string { return r.RemoteAddr },
	}
	n.server.Start()
	web := httptest.NewServer(n.server)
	n.url = "ws" + strings.TrimPrefix(web.URL, "http")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := n.server.Close(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
		if err := n.SFU.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := n.engine.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return n
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (n *node) join(t testing.TB, p *peer.Peer) *peer.Peer {
	t.Helper()
	p.URL = n.url
	if p.Room == "" {
		p.Room = "room"
	}
	if err := p.Join(soon(t)); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return p
}

// gets waits until b gets more sound and pictures of a than it has.
func gets(t testing.TB, b, a *peer.Peer) {
	t.Helper()
	if err := b.Gets(soon(t), a); err != nil {
		t.Fatal(err)
	}
}

// playing starts the media of peers and ends it, and them, with the test.
func playing(t testing.TB, peers ...*peer.Peer) {
	ctx, stop := context.WithCancel(context.Background())
	for _, p := range peers {
		if !p.ViewOnly {
			p.Play(ctx, 10*time.Millisecond)
		}
	}
	t.Cleanup(func() {
		stop()
		for _, p := range peers {
			p.Close()
		}
	})
}

// track waits until p sees that participant's track, and returns it.
func track(t testing.TB, p *peer.Peer, participant string, source umbrellav1.TrackSource) (seen *umbrellav1.Track) {
	t.Helper()
	if err := p.Wait(soon(t), func() bool {
		for _, tr := range p.Participants()[participant].GetTracks() {
			if tr.Source == source {
				seen = tr
			}
		}
		return seen != nil
	}); err != nil {
		t.Fatalf("%s sees no %s: %v", p.Name, source, err)
	}
	return seen
}

func TestCall(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob"})
	v := n.join(t, &peer.Peer{Name: "Viewer", ViewOnly: true})
	elsewhere := n.join(t, &peer.Peer{Name: "Other", Room: "other", ViewOnly: true})
	playing(t, a, b, v, elsewhere)
	gets(t, b, a)
	gets(t, a, b)
	gets(t, v, a)
	gets(t, v, b)
	if err := elsewhere.Wait(soon(t), func() bool { return len(elsewhere.Participants()) == 1 && len(elsewhere.Streams()) == 0 }); err != nil {
		t.Errorf("a room sees another: %v", elsewhere.Participants())
	}
	if err := a.Wait(soon(t), func() bool {
		v := a.Participants()[v.ID()]
		return v != nil && v.ViewOnly && len(v.Tracks) == 0
	}); err != nil {
		t.Error("a viewer is not seen as one")
	}
}

func TestChatAndMute(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob", ViewOnly: true})
	playing(t, a, b)
	gets(t, b, a)
	a.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SendChat{SendChat: &umbrellav1.SendChat{Text: " hello "}}})
	if err := b.Wait(soon(t), func() bool {
		return len(b.Chat()) == 1 && b.Chat()[0].Text == "hello" && b.Chat()[0].Name == "Ada"
	}); err != nil {
		t.Errorf("chat: %v", b.Chat())
	}
	mid := track(t, a, a.ID(), umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE).Mid
	a.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetMuted{SetMuted: &umbrellav1.SetMuted{Mid: mid, Muted: true}}})
	id := a.ID()
	if err := b.Wait(soon(t), func() bool {
		for _, tr := range b.Participants()[id].Tracks {
			if tr.Muted && tr.Source == umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE && tr.Mid == "" {
				return true
			}
		}
		return false
	}); err != nil {
		t.Error("nobody saw that the microphone is muted")
	}
}

// Somebody who comes late gets the chat of before, apart from what is said from then on;
// not again with the same session, and not without the right to see and hear the others.
func TestChatOfBefore(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true})
	say := func(text string) {
		a.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SendChat{SendChat: &umbrellav1.SendChat{Text: text}}})
		if err := a.Wait(soon(t), func() bool {
			return slices.ContainsFunc(a.Chat(), func(m *umbrellav1.ChatMessage) bool { return m.Text == text })
		}); err != nil {
			t.Fatal(err)
		}
	}
	say("the first")
	say("the second")
	b := n.join(t, &peer.Peer{Name: "Bob"})
	c := n.join(t, &peer.Peer{Name: "Cam", Password: "sender"})
	playing(t, a, b, c)
	say("the third")
	if err := b.Wait(soon(t), func() bool { return len(b.Chat()) == 1 }); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, m := range b.Joined().EarlierChat {
		texts = append(texts, m.Name+": "+m.Text)
	}
	if want := []string{"Ada: the first", "Ada: the second"}; !slices.Equal(texts, want) || b.Chat()[0].Text != "the third" {
		t.Errorf("before: %q, now: %v", texts, b.Chat())
	}
	if earlier := c.Joined().EarlierChat; len(earlier) > 0 {
		t.Errorf("somebody who may not see and hear the others got %v", earlier)
	}
	b.Drop()
	if err := b.Resume(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(soon(t), func() bool { return b.Joined().Resumed }); err != nil {
		t.Fatal(err)
	}
	if again := b.Joined().EarlierChat; len(again) > 0 {
		t.Errorf("the resumed session got %v", again)
	}
}

func TestPausedTrackIsNotSent(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob", ViewOnly: true})
	playing(t, a, b)
	gets(t, b, a)
	id := a.ID()
	picture := track(t, b, id, umbrellav1.TrackSource_TRACK_SOURCE_CAMERA).Id
	pause := func(paused bool) {
		b.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetSubscriptions{
			SetSubscriptions: &umbrellav1.SetSubscriptions{Settings: []*umbrellav1.SubscriptionSetting{{TrackId: picture, Paused: paused}}}}})
	}
	pause(true)
	var audio, video uint64
	look := func() { _ = b.Wait(soon(t), func() bool { audio, video = b.From(id); return true }) }
	// Sound goes on while the picture stands still.
	if err := b.Wait(soon(t), func() bool {
		a0, v0 := b.From(id)
		still := v0 == video && a0 > audio+20
		if v0 != video {
			audio, video = a0, v0
		}
		return still
	}); err != nil {
		t.Fatal("a paused picture is sent")
	}
	look()
	pause(false)
	gets(t, b, a)
	if err := b.Wait(soon(t), func() bool {
		for _, in := range b.Received() {
			if in.Gaps.Load() > 0 {
				return false
			}
		}
		return true
	}); err != nil {
		t.Error("the pause left a gap in the numbers")
	}
}

// Those who come and go use the same m-lines, one after the other.
func TestStreamsAreUsedAgain(t *testing.T) {
	n := startNode(t)
	v := n.join(t, &peer.Peer{Name: "Viewer", ViewOnly: true})
	playing(t, v)
	for i := range 4 {
		p := n.join(t, &peer.Peer{Name: fmt.Sprint("Guest ", i)})
		ctx, stop := context.WithCancel(t.Context())
		p.Play(ctx, 10*time.Millisecond)
		gets(t, v, p)
		stop()
		p.Close()
		if err := v.Wait(soon(t), func() bool { return len(v.Streams()) == 0 }); err != nil {
			t.Fatal("streams of somebody who left")
		}
	}
	if err := v.Wait(soon(t), func() bool { return len(v.Received()) == 2 }); err != nil {
		t.Errorf("%d m-lines for one guest at a time", len(v.Received()))
	}
}

func TestResume(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob"})
	playing(t, a, b)
	gets(t, b, a)
	id := b.ID()
	b.Drop()
	// The rest of the call goes on, and sees that somebody is away.
	gets(t, b, a)
	a.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SendChat{SendChat: &umbrellav1.SendChat{Text: "where are you?"}}})
	if err := b.Resume(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(soon(t), func() bool {
		return b.Joined().Resumed && b.Joined().ParticipantId == id && len(b.Participants()) == 2 &&
			len(b.Streams()) == 2 && len(b.Chat()) == 1
	}); err != nil {
		t.Errorf("resumed: %v, %d participants, %d streams, chat %v", b.Joined(), len(b.Participants()), len(b.Streams()), b.Chat())
	}
	gets(t, b, a)
	gets(t, a, b)
	if err := b.RestartICE(); err != nil {
		t.Fatal(err)
	}
	gets(t, b, a)
	gets(t, a, b)
	if len(b.Errors()) > 0 {
		t.Errorf("errors: %v", b.Errors())
	}

	// A wrong secret, or a session that is no more, is refused.
	thief := &peer.Peer{URL: n.url}
	if err := thief.Dial(soon(t)); err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	for _, r := range []*umbrellav1.Resume{
		{SessionId: b.Joined().SessionId, SessionSecret: "guess"}, {SessionId: "none", SessionSecret: b.Joined().SessionSecret},
	} {
		thief.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Resume{Resume: r}})
	}
	if err := thief.Wait(soon(t), func() bool {
		return len(thief.Errors()) == 2 && thief.Errors()[1].Code == umbrellav1.Error_CODE_SESSION_UNKNOWN
	}); err != nil {
		t.Errorf("%v, joined %v", thief.Errors(), thief.Joined())
	}
}

// One who was in the call and vanishes is waited for, and then gone.
func TestVanished(t *testing.T) {
	n := startNode(t)
	n.server.ResumeTimeout = 2 * time.Second
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob"})
	playing(t, a, b)
	gets(t, b, a)
	id := a.ID()
	a.Drop()
	time.Sleep(n.server.ResumeTimeout / 2)
	if err := b.Wait(soon(t), func() bool { return b.Participants()[id] != nil }); err != nil {
		t.Error("not waited for")
	}
	if err := b.Wait(soon(t), func() bool { return b.Participants()[id] == nil }); err != nil {
		t.Error("still there")
	}
}

// One who joins and drops the socket before there is any media is soon gone.
func TestGhosts(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true})
	playing(t, a)
	ghost := n.join(t, &peer.Peer{Name: "Ghost", ViewOnly: true})
	defer ghost.Close()
	if err := a.Wait(soon(t), func() bool { return len(a.Participants()) == 2 }); err != nil {
		t.Fatal("nobody came")
	}
	ghost.Drop()
	if err := a.Wait(soon(t), func() bool { return len(a.Participants()) == 1 }); err != nil {
		t.Error("a ghost stays")
	}
}

func TestRoomFullAndBadNames(t *testing.T) {
	n := startNode(t)
	n.SetLimit(func(room string) int { return 1 })
	a := n.join(t, &peer.Peer{Name: "Ada", ViewOnly: true})
	playing(t, a)
	for name, code := range map[string]string{"Bob": "CODE_ROOM_FULL", " ": "CODE_BAD_NAME", "\x01": "CODE_BAD_NAME", strings.Repeat("x", 65): "CODE_BAD_NAME"} {
		p := &peer.Peer{URL: n.url, Room: "room", Name: name}
		err := p.Join(soon(t))
		p.Close()
		if err == nil || !strings.HasPrefix(err.Error(), code) {
			t.Errorf("%q: %v, want %s", name, err, code)
		}
	}
}

func TestGoodbyeAtShutdown(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	playing(t, a)
	if err := n.server.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(soon(t), func() bool { return a.Goodbye() != nil }); err != nil {
		t.Fatal("nobody said goodbye")
	}
	if a.Goodbye().Reason != umbrellav1.Goodbye_REASON_SHUTDOWN || len(n.Rooms()) != 0 {
		t.Errorf("%v, %d rooms left", a.Goodbye(), len(n.Rooms()))
	}
}

// admit lets everybody in, by a password that names what they may do.
func admit(_ *http.Request, _ string, c access.Credentials) (access.Grant, error) {
	switch c.Password {
	case "refused":
		return access.Grant{}, errors.New("refused")
	case "viewer":
		return access.Grant{Subscribe: true}, nil
	case "sender":
		return access.Grant{Publish: true}, nil
	case "moderator":
		return access.Grant{Publish: true, Subscribe: true, Moderate: true}, nil
	}
	return access.Grant{Publish: true, Subscribe: true, Name: c.Token}, nil
}

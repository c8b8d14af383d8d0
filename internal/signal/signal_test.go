package signal_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

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
		Admit:       func(*http.Request, string, string) error { return nil },
		Refusal:     func(error) umbrellav1.Error_Code { return umbrellav1.Error_CODE_FORBIDDEN },
		CheckOrigin: func(*http.Request) error { return nil },
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
	mid := ""
	_ = a.Wait(soon(t), func() bool {
		for _, tr := range a.Participants()[a.Joined().ParticipantId].Tracks {
			if tr.Source == umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE {
				mid = tr.Mid
			}
		}
		return mid != ""
	})
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

func TestPausedTrackIsNotSent(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob", ViewOnly: true})
	playing(t, a, b)
	gets(t, b, a)
	id, track := a.ID(), ""
	_ = b.Wait(soon(t), func() bool {
		for _, tr := range b.Participants()[id].Tracks {
			if tr.Kind == umbrellav1.TrackKind_TRACK_KIND_VIDEO {
				track = tr.Id
			}
		}
		return track != ""
	})
	pause := func(paused bool) {
		b.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetSubscriptions{
			SetSubscriptions: &umbrellav1.SetSubscriptions{Settings: []*umbrellav1.SubscriptionSetting{{TrackId: track, Paused: paused}}}}})
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

// Garbage of every kind changes nothing for a call that runs beside it.
func TestHostile(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob"})
	playing(t, a, b)
	gets(t, b, a)

	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { // at the media port
		c, err := net.Dial("udp", fmt.Sprint("127.0.0.1:", n.engine.MediaPort))
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		buf := make([]byte, 1400)
		for i := range 5000 {
			_, _ = rand.Read(buf)
			switch i % 4 {
			case 0:
				buf[0] = 0x80 // looks like RTP
			case 1:
				copy(buf, "\x00\x01\x00\x08\x21\x12\xa4\x42") // like STUN
			case 2:
				buf[0] = 22 // like DTLS
			}
			_, _ = c.Write(buf[:1+i%1400])
		}
	})
	all.Go(func() { // TCP that says nothing, or nonsense, at the media port
		for i := range 20 {
			c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", n.engine.MediaPort))
			if err != nil {
				continue
			}
			defer c.Close()
			if i%2 == 0 {
				_, _ = c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
			}
		}
	})
	all.Go(func() { // half-open WebSockets
		for range 50 {
			c, err := net.Dial("tcp", strings.TrimPrefix(n.url, "ws://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = c.Write([]byte("GET / HTTP/1.1\r\nUpgrade: websocket\r\n"))
		}
	})
	all.Go(func() { // 10,000 random messages
		left := 10000
		for left > 0 {
			p := &peer.Peer{URL: n.url}
			if err := p.Dial(soon(t)); err != nil {
				t.Error(err)
				return
			}
			buf := make([]byte, 64)
			for range 100 {
				_, _ = rand.Read(buf)
				p.SendBytes(buf[:1+int(buf[0])%63])
				left--
			}
			p.Close()
		}
	})
	all.Go(func() { // an SDP of 1 MB, and one of many lines
		for _, sdp := range []string{
			strings.Repeat("a", 1<<20), "v=0\r\n" + strings.Repeat("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", 12000),
			"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", 65),
			"v=0", "",
		} {
			p := &peer.Peer{URL: n.url, Room: "room", Name: "Mallory", ViewOnly: true}
			if err := p.Dial(soon(t)); err != nil {
				t.Error(err)
				return
			}
			p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{Room: "room", Name: "Mallory"}}})
			p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_PublishOffer{PublishOffer: &umbrellav1.PublishOffer{Id: 1, Sdp: sdp}}})
			p.Send(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SubscribeAnswer{SubscribeAnswer: &umbrellav1.SubscribeAnswer{Id: 1, Sdp: sdp}}})
			time.Sleep(50 * time.Millisecond)
			p.Close()
		}
	})
	all.Wait()
	gets(t, b, a)
	gets(t, a, b)
}

func TestSilentSocketIsClosed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	n := startNode(t)
	c, _, err := websocket.Dial(soon(t), n.url, &websocket.DialOptions{Subprotocols: []string{signal.Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if _, _, err := c.Read(soon(t)); err == nil || soon(t).Err() != nil {
		t.Errorf("a socket that says nothing stays open: %v", err)
	}
}

// Fifty in one room see each other, and leave nothing behind.
func TestFifty(t *testing.T) {
	n := startNode(t)
	const many = 50
	var peers []*peer.Peer
	ctx, stop := context.WithCancel(t.Context())
	for i := range many {
		// Five speak, as in a large meeting; the others watch them.
		p := n.join(t, &peer.Peer{Name: fmt.Sprint("P", i), ViewOnly: i%10 != 0})
		if !p.ViewOnly {
			p.Play(ctx, 100*time.Millisecond)
		}
		peers = append(peers, p)
	}
	for i, p := range peers {
		if err := p.Wait(soon(t), func() bool {
			if len(p.Participants()) != many {
				return false
			}
			for j := 0; j < many; j += 10 {
				if audio, video := p.From(peers[j].ID0()); j != i && (audio == 0 || video == 0) {
					return false
				}
			}
			return true
		}); err != nil {
			t.Fatalf("%s sees %d of %d", p.Name, len(p.Participants()), many)
		}
	}
	stop()
	for _, p := range peers {
		p.Close()
	}
	deadline := time.Now().Add(20 * time.Second)
	for len(n.Rooms()) > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if len(n.Rooms()) > 0 {
		t.Error("a room stays open behind its last participant")
	}
}

// visit joins, listens to somebody, and leaves. Pictures would have it wait for
// keyframes.
func (n *node) visit(whom *peer.Peer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	p := &peer.Peer{URL: n.url, Room: "room", Name: "Guest", ViewOnly: true}
	defer p.Close()
	if err := p.Join(ctx); err != nil {
		return err
	}
	if err := p.Wait(ctx, func() bool { audio, _ := p.From(whom.ID0()); return audio > 0 }); err != nil {
		return fmt.Errorf("no sound: %w", err)
	}
	return nil
}

// Joining and leaving 500 times takes no memory and no goroutine that is not
// given back.
func TestFiveHundred(t *testing.T) {
	n := startNode(t)
	stay := n.join(t, &peer.Peer{Name: "Ada"})
	playing(t, stay)
	round := func(times int) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range times / 4 {
					if err := n.visit(stay); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	}
	measure := func() (heap uint64, goroutines int) {
		deadline := time.Now().Add(20 * time.Second)
		for room := n.Room("room"); len(room.Participants()) > 1 && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		last := 1 << 30
		for now := runtime.NumGoroutine(); now < last; now = runtime.NumGoroutine() {
			last = now
			time.Sleep(100 * time.Millisecond)
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	round(40) // pools and tables have their size then
	heap0, goroutines0 := measure()
	round(500)
	heap, goroutines := measure()
	t.Logf("heap %d KiB, then %d KiB; goroutines %d, then %d", heap0>>10, heap>>10, goroutines0, goroutines)
	if goroutines > goroutines0+5 {
		t.Errorf("%d goroutines grew to %d", goroutines0, goroutines)
	}
	if heap > heap0+2<<20 {
		t.Errorf("a heap of %d KiB grew to %d KiB", heap0>>10, heap>>10)
	}
}

package signal_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/signal"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

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
	for range 10 {
		all.Go(func() { // 1,000 random messages: whoever sends them waits each time until it is closed
			for range 10 {
				p := &peer.Peer{URL: n.url}
				if err := p.Dial(soon(t)); err != nil {
					t.Error(err)
					return
				}
				buf := make([]byte, 64)
				for range 100 {
					_, _ = rand.Read(buf)
					p.SendBytes(buf[:1+int(buf[0])%63])
				}
				p.Close()
			}
		})
	}
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
		// All are heard, and somebody is seen: to a machine that cannot keep up with
		// fifty, as to a path that is too narrow, not all pictures are sent.
		var got string
		if err := p.Wait(soon(t), func() bool {
			got = fmt.Sprintf("%d participants", len(p.Participants()))
			heard, seen := 0, 0
			for j := 0; j < many; j += 10 {
				audio, video := p.From(peers[j].ID0())
				got += fmt.Sprintf("; of %s %d packets of sound, %d of its picture", peers[j].Name, audio, video)
				if audio > 0 || j == i {
					heard++
				}
				if video > 0 {
					seen++
				}
			}
			return len(p.Participants()) == many && heard == many/10 && seen > 0
		}); err != nil {
			t.Fatalf("%s, of %d: %s", p.Name, many, got)
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

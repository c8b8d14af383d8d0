package signal_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/access"
	"umbrella/internal/bound"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/bombs"
)

// joined is a WebSocket that is in a room.
func (n *node) joined(t *testing.T) *websocket.Conn {
	t.Helper()
	ws := n.raw(t)
	say(t, ws, joining(""))
	if _, err := hear(t, ws, isJoined); err != nil {
		t.Fatal(err)
	}
	return ws
}

// peak says by how much the heap grows, at most, while something is done.
func peak(do func()) (bytes int64) {
	runtime.GC()
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		runtime.ReadMemStats(&is)
		bytes = max(bytes, int64(is.HeapAlloc)-int64(was.HeapAlloc))
		select {
		case <-done:
			return bytes
		case <-tick.C:
		}
	}
}

// Bombs on sixteen sockets at once leave the memory as it was.
func TestBombsCostNoMemory(t *testing.T) {
	n := startNode(t)
	bomb := bombs.Of(&umbrellav1.ClientMessage{}, 589_000/2)["294500 times umbrella.v1.PublishOffer.tracks"]
	if len(bomb) < 589_000 {
		t.Fatalf("a bomb of %d bytes", len(bomb))
	}
	var sockets []*websocket.Conn
	for range 16 {
		sockets = append(sockets, n.joined(t))
	}
	grown := peak(func() {
		var wait sync.WaitGroup
		for _, ws := range sockets {
			wait.Go(func() {
				for range 10 {
					if ws.Write(soon(t), websocket.MessageBinary, bomb) != nil {
						return
					}
				}
				for { // until the node closes the socket
					if _, err := hear(t, ws, isError); err != nil {
						return
					}
				}
			})
		}
		wait.Wait()
	})
	if grown > 32<<20 {
		t.Errorf("the heap grows by %d MiB", grown>>20)
	}
}

// One who begins large messages on many sockets and ends none of them is given few
// places, and loses each before long.
func TestHalvesOfMessages(t *testing.T) {
	n := startNode(t)
	n.server.Large = &bound.Large{Small: 16 << 10, Most: 16, MostOfOne: 4, Within: 100 * time.Millisecond}
	half := make([]byte, 500<<10)
	var sockets []*websocket.Conn
	for range 64 {
		sockets = append(sockets, n.joined(t))
	}
	grown := peak(func() {
		var wait sync.WaitGroup
		for _, ws := range sockets {
			wait.Go(func() {
				w, err := ws.Writer(soon(t), websocket.MessageBinary)
				if err != nil {
					return
				}
				_, _ = w.Write(half)
				_, _ = hear(t, ws, isError) // the node closes the socket
			})
		}
		wait.Wait()
	})
	if grown > 16<<20 {
		t.Errorf("the heap grows by %d MiB", grown>>20)
	}
	ws := n.joined(t)
	say(t, ws, offering(strings.Repeat("x", 100<<10)))
	if m, err := hear(t, ws, isError); err != nil || m.GetError().Code != umbrellav1.Error_CODE_NEGOTIATION_FAILED {
		t.Errorf("a large offer after that: %v, %v", m, err)
	}
}

// One client has only so much negotiated, on however many sockets.
func TestOffersOfAClient(t *testing.T) {
	n := startNode(t)
	var left atomic.Int32
	left.Store(30)
	n.server.Offer = func(netip.Prefix) error {
		if left.Add(-1) < 0 {
			return &access.TryLaterError{What: "no"}
		}
		return nil
	}
	failed, closed := 0, 0
	for i := range 10 {
		ws := n.joined(t)
		for range 10 {
			m := offering(fmt.Sprint("v=", i))
			if i%2 == 1 {
				m = &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_RestartIce{RestartIce: &umbrellav1.RestartIce{}}}
			}
			say(t, ws, m)
			if i%2 == 1 {
				continue
			}
			m2, err := hear(t, ws, isError)
			if err != nil {
				break
			}
			if m2.GetError().Code == umbrellav1.Error_CODE_NEGOTIATION_FAILED {
				failed++
			}
			if m2.GetError().Code == umbrellav1.Error_CODE_TOO_FAST {
				closed++
				break
			}
		}
		if i%2 == 1 { // what was sent before is read by then, or the socket is closed
			say(t, ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Ping{Ping: &umbrellav1.Ping{Number: 1}}})
			_, _ = hear(t, ws, func(m *umbrellav1.ServerMessage) bool { return m.GetPong() != nil })
		}
		_ = ws.CloseNow()
	}
	if failed != 20 || closed != 3 {
		t.Errorf("%d offers are tried, %d sockets closed", failed, closed)
	}
}

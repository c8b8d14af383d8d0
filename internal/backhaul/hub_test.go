package backhaul

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// A room that has closed and one of the same name that has opened are one to
// other nodes: the old one says nothing of who is in the new one.
func TestRoomOpensAnew(t *testing.T) {
	s := &sfu.SFU{}
	h := newHub(&Backhaul{SFU: s, id: "00000000000000aa", Name: "a"})
	join := func(id string) *sfu.Participant {
		p, err := s.Join(sfu.Entry{Room: "den", ID: id, Name: id, Kind: sfu.Person})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	eve := join("eve")
	old := s.Room("den")
	eve.Leave()
	ada := join("ada")
	defer ada.Leave()
	for range 2 {
		h.look(old, s.Room("den"))
		h.turn(time.Now(), false)
		h.look(old)
		h.turn(time.Now(), false)
		if len(h.locals) != 1 || h.locals["den/ada"] != "den" {
			t.Fatalf("announced are %v", h.locals)
		}
	}
}

// A link that has just come up when the node goes down is ended too.
func TestLinkComesUpTooLate(t *testing.T) {
	h := newHub(&Backhaul{})
	h.close()
	l := &link{trunk: "in", peer: "00000000000000bb", ending: make(chan struct{})}
	h.up(l, nil)
	select {
	case <-l.ending:
	default:
		t.Error("it stays")
	}
	if r := l.reason.Load(); len(h.links) != 0 || r == nil || r.Reason != umbrellav1.TrunkRefusal_REASON_CLOSED {
		t.Errorf("%d links, ended for %v", len(h.links), r)
	}
	h.down(l)
	h.close()
}

// words is a log in memory.
type words struct {
	mu sync.Mutex
	bytes.Buffer
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Buffer.Write(b)
}

func (w *words) has(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.String(), text)
}

// The other end of a link that is ended is told why, and tries again soon.
func TestEndsSayWhy(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b").accept(secret)
	log := &words{}
	a.Log = slog.New(slog.NewTextHandler(log, nil))
	a.dialTo(b, "up")
	up := func() bool { trunks, _ := a.Status(time.Now()); return len(trunks[0].Links) == 1 }
	eventually(t, "it is up", up)
	b.Apply(nil)
	eventually(t, "it is told why", func() bool { return log.has("taken out of the settings") })
	b.Apply(b.trunks)
	eventually(t, "it is up again", up)
}

// A link that goes up and down takes over later each time, until it was up for
// long.
func TestHoldGrows(t *testing.T) {
	h := newHub(&Backhaul{})
	now := time.Unix(1e9, 0)
	for i, want := range []time.Duration{2, 4, 8, 16, 32, 64, 64} {
		if got := h.holdFor("x", now); got != want*time.Second {
			t.Errorf("after it went down %d times: %v", i, got)
		}
		now = now.Add(flapMemory / 2)
		h.fell("x", now)
		h.fell("y", now)
	}
	now = now.Add(flapMemory + 1)
	if got := h.holdFor("x", now); got != holdTime {
		t.Errorf("after it was up for long: %v", got)
	}
	for i := range 2 * maxNotes {
		h.fell(strconv.Itoa(i), now)
	}
	if len(h.flaps) > maxNotes {
		t.Errorf("%d links are remembered", len(h.flaps))
	}
}

// One answer that took long does not make a link a long one.
func TestRoundTripIsTheShortest(t *testing.T) {
	l := &link{began: time.Now().Add(-time.Hour)}
	answer := func(after time.Duration) time.Duration {
		l.asked.Add(1)
		l.pinged.Store(int64(time.Since(l.began) - after))
		l.pong(l.asked.Load())
		return time.Duration(l.roundTrip.Load())
	}
	if got := answer(300 * time.Second); got < 300*time.Second {
		t.Errorf("the first: %v", got)
	}
	near := answer(time.Second)
	for range keptTrips - 1 {
		if got := answer(200 * time.Second); got != near {
			t.Errorf("it is %v, and was %v", got, near)
		}
	}
	if got := answer(200 * time.Second); got < 200*time.Second {
		t.Errorf("what has become long stays short: %v", got)
	}
	l.pong(l.asked.Load() - 1)
	if got := time.Duration(l.roundTrip.Load()); got < 200*time.Second {
		t.Errorf("an answer to another ping counts: %v", got)
	}
}

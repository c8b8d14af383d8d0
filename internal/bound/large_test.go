package bound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowReader gives some bytes, and then waits until it is cut.
type slowReader struct {
	left int
	cut  chan struct{}
}

func (r *slowReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		<-r.cut
		return 0, errors.New("cut")
	}
	n := min(len(b), r.left)
	r.left -= n
	return n, nil
}

func TestLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Large{Small: 1000, Most: 3, MostOfOne: 2, Within: 10 * time.Second}
		a, b, c := origin("192.0.2.1"), origin("192.0.2.2"), origin("192.0.2.3")
		whole := bytes.Repeat([]byte("x"), 5000)
		read := func(ctx context.Context, from netip.Prefix, n int) (func(), error) {
			m, done, err := l.Read(ctx, from, bytes.NewReader(whole[:n]), func() {})
			if err == nil && !bytes.Equal(m, whole[:n]) {
				t.Errorf("%d bytes of %d", len(m), n)
			}
			return done, err
		}
		// Two large ones of a hold its places until they are done with; small ones need none.
		var dones []func()
		for range 2 {
			done, err := read(t.Context(), a, 5000)
			if err != nil {
				t.Fatal(err)
			}
			dones = append(dones, done)
		}
		for _, n := range []int{0, 1, 511, 512, 999} {
			if _, err := read(t.Context(), a, n); err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := read(short, a, 5000); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third one of one origin: %v", err)
		}
		if done, err := read(t.Context(), b, 5000); err != nil {
			t.Errorf("somebody else: %v", err)
		} else {
			dones = append(dones, done)
		}
		// Those who wait get the places that become free, the first one first.
		var got atomic.Int32
		order := make(chan netip.Prefix, 3)
		for _, from := range []netip.Prefix{a, c, b} {
			go func() {
				done, err := read(t.Context(), from, 5000)
				if err != nil {
					t.Error(err)
				}
				got.Add(1)
				order <- from
				done()
			}()
			synctest.Wait()
		}
		if n := got.Load(); n != 0 {
			t.Errorf("%d have been read without a place", n)
		}
		dones[2]()
		dones[2]()
		synctest.Wait()
		// a has two places still: c is the first that may, then b.
		if one, two := <-order, <-order; one != c || two != b || got.Load() != 2 {
			t.Errorf("%v and %v come first", one, two)
		}
		dones[0]()
		if <-order != a {
			t.Error("not a")
		}
		dones[1]()
		// One who does not go on loses its place.
		r := &slowReader{2000, make(chan struct{})}
		began := time.Now()
		_, done, err := l.Read(t.Context(), a, r, func() { close(r.cut) })
		if err == nil || time.Since(began) != l.Within {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		done()
		if _, _, err := l.Read(t.Context(), a, io.MultiReader(bytes.NewReader(whole), &failingReader{}), func() {}); err == nil {
			t.Error("an error is lost")
		}
		if len(l.waiting) != 0 {
			t.Error("somebody waits still")
		}
	})
}

// Two clients that hold all places by sending slowly give way to a third.
func TestSlowOnesGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLarge()
		var all sync.WaitGroup
		for i := range l.Most {
			slow := &slowReader{2 * l.Small, make(chan struct{})}
			all.Go(func() {
				from := origin([]string{"192.0.2.1", "192.0.2.2"}[i%2])
				_, done, err := l.Read(t.Context(), from, slow, sync.OnceFunc(func() { close(slow.cut) }))
				if err == nil {
					t.Error("a message that does not end is read")
				}
				done()
			})
		}
		synctest.Wait()
		began := time.Now()
		_, done, err := l.Read(t.Context(), origin("192.0.2.3"), bytes.NewReader(make([]byte, 2*l.Small)), func() {})
		if waited := time.Since(began); err != nil || waited > 2*largePatience {
			t.Errorf("after %v: %v", waited, err)
		}
		done()
		all.Wait()
		if len(l.waiting)+len(l.reading)+len(l.held) > 0 {
			t.Errorf("%d wait, %d are read, %d are held", len(l.waiting), len(l.reading), len(l.held))
		}
	})
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("no") }

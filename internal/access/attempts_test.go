package access

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func wait(err error) time.Duration {
	if e, ok := errors.AsType[*TryLaterError](err); ok {
		return e.After
	}
	return 0
}

func TestAttemptsBackOff(t *testing.T) {
	a := &attempts{}
	guesser, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := t0
	for i := range freeAttempts {
		if err := a.begin(guesser, now); err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want *= time.Second
		if got := wait(a.begin(guesser, now)); got != want {
			t.Fatalf("waits %v, not %v", got, want)
		}
		if got := wait(a.begin(guesser, now.Add(want-time.Millisecond))); got != time.Second {
			t.Fatalf("a millisecond early: %v", got)
		}
		if err := a.begin(other, now); err != nil {
			t.Fatal("somebody else waits:", err)
		}
		a.right(other)
		now = now.Add(want)
		if err := a.begin(guesser, now); err != nil {
			t.Fatalf("after %v: %v", want, err)
		}
	}
	a.right(guesser)
	if err := a.begin(guesser, now); err != nil {
		t.Error("not forgiven:", err)
	}
	for range 20 {
		_ = a.begin(guesser, now)
	}
	if err := a.begin(guesser, now.Add(forgetAfter)); err != nil {
		t.Error("not forgotten:", err)
	}
}

func TestAttemptsOfANetwork(t *testing.T) {
	a := &attempts{}
	for i := range freeAttempts + 1 {
		addr := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 15: byte(i)})
		if got := wait(a.begin(addr, t0)) > 0; got != (i == freeAttempts) {
			t.Errorf("address %d of the /64: waits %t", i, got)
		}
	}
	if err := a.begin(netip.MustParseAddr("2001:db8:0:2::1"), t0); err != nil {
		t.Error("another /64:", err)
	}
}

// However many addresses somebody has, they are not remembered for ever, and get
// no more than all together may have.
func TestAttemptsFromEverywhere(t *testing.T) {
	a := &attempts{}
	had := 0
	now := t0
	for i := range uint32(45_000) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], i)
		if a.begin(netip.AddrFrom4(b), now) == nil {
			had++
		}
		now = now.Add(10 * time.Millisecond) // 450 s
	}
	if had < 4_500 || had > 4_700 {
		t.Errorf("%d attempts in 450 s", had)
	}
	if n := len(a.by); n > maxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
}

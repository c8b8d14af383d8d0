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

// try begins an attempt at a door.
func try(a *attempts, addr netip.Addr, door string, now time.Time) (right func(), err error) {
	right, _, err = a.begin(addr, door, now)
	return right, err
}

func TestAttemptsBackOff(t *testing.T) {
	a := &attempts{}
	guesser, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := t0
	for i := range freeAttempts {
		if _, err := try(a, guesser, "", now); err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	var right func()
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want *= time.Second
		if _, err := try(a, guesser, "", now); wait(err) != want {
			t.Fatalf("waits %v, not %v", wait(err), want)
		}
		if _, err := try(a, guesser, "", now.Add(want-time.Millisecond)); wait(err) != time.Second {
			t.Fatalf("a millisecond early: %v", err)
		}
		of, err := try(a, other, "", now)
		if err != nil {
			t.Fatal("somebody else waits:", err)
		}
		of()
		now = now.Add(want)
		if right, err = try(a, guesser, "", now); err != nil {
			t.Fatalf("after %v: %v", want, err)
		}
	}
	right()
	if _, err := try(a, guesser, "", now); err != nil {
		t.Error("not forgiven:", err)
	}
	for range 20 {
		_, _ = try(a, guesser, "", now)
	}
	if _, err := try(a, guesser, "", now.Add(forgetAfter)); err != nil {
		t.Error("not forgotten:", err)
	}
}

// Who knows the password of one room is no better off at another one.
func TestAttemptsAtManyDoors(t *testing.T) {
	a := &attempts{}
	addr := netip.MustParseAddr("192.0.2.1")
	tried := 0
	for range 100 {
		right, err := try(a, addr, "known", t0)
		if err != nil {
			t.Fatal("at the door that it may enter:", err)
		}
		right()
		if _, err := try(a, addr, "guessed", t0); err == nil {
			tried++
		}
	}
	if tried != freeAttempts {
		t.Errorf("%d guesses at once", tried)
	}
	if _, err := try(a, addr, "third", t0); err != nil {
		t.Error("at a third one:", err)
	}
}

// What is undone counts neither way.
func TestAttemptsUndone(t *testing.T) {
	a := &attempts{}
	addr := netip.MustParseAddr("192.0.2.1")
	for range 3 * freeAttempts {
		_, undo, err := a.begin(addr, "", t0)
		if err != nil {
			t.Fatal(err)
		}
		undo()
	}
	for range freeAttempts {
		if _, err := try(a, addr, "", t0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := try(a, addr, "", t0); err == nil {
		t.Error("undoing forgives")
	}
}

func TestAttemptsOfANetwork(t *testing.T) {
	a := &attempts{}
	for i := range freeAttempts + 1 {
		addr := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 15: byte(i)})
		if _, err := try(a, addr, "", t0); (err != nil) != (i == freeAttempts) {
			t.Errorf("address %d of the /64: %v", i, err)
		}
	}
	if _, err := try(a, netip.MustParseAddr("2001:db8:0:2::1"), "", t0); err != nil {
		t.Error("another /64:", err)
	}
}

// However many addresses somebody has, they are not remembered for ever, get no more
// than all together may have, and do not keep those out who know the password.
func TestAttemptsFromEverywhere(t *testing.T) {
	for name, c := range map[string]struct {
		addr func(i uint32) netip.Addr
		most int
	}{
		"IPv4": {func(i uint32) netip.Addr {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], i)
			return netip.AddrFrom4(b)
		}, 4_700},
		"a /48 of IPv6": {func(i uint32) netip.Addr {
			b := [16]byte{0x20, 1, 0xd, 0xb8, 1, 1}
			binary.BigEndian.PutUint16(b[6:], uint16(i))
			return netip.AddrFrom16(b)
		}, 930},
	} {
		a := &attempts{}
		member := netip.MustParseAddr("192.0.2.1")
		now := t0
		right, err := try(a, member, "", now)
		if err != nil {
			t.Fatal(err)
		}
		right()
		had := 0
		for i := range uint32(45_000) {
			if _, err := try(a, c.addr(i), "", now); err == nil {
				had++
			}
			now = now.Add(10 * time.Millisecond) // 450 s
			if i%1000 == 0 {
				right, err := try(a, member, "", now)
				if err != nil {
					t.Fatalf("%s: who knows it waits: %v", name, err)
				}
				right()
			}
		}
		if had < c.most-200 || had > c.most {
			t.Errorf("%s: %d attempts in 450 s", name, had)
		}
		if n := len(a.by); n > maxAttempts {
			t.Errorf("%s: %d origins are remembered", name, n)
		}
		if _, err := try(a, netip.MustParseAddr("198.51.100.1"), "", now); (err == nil) != (name != "IPv4") {
			t.Errorf("%s: somebody else: %v", name, err)
		}
	}
}

// Those who know the password take nothing away from the others.
func TestRightAttemptsCostNothing(t *testing.T) {
	a := &attempts{}
	addr := netip.MustParseAddr("192.0.2.1")
	for range 10 * attemptBurst {
		addr = addr.Next()
		right, err := try(a, addr, "", t0)
		if err != nil {
			t.Fatal(err)
		}
		right()
	}
}

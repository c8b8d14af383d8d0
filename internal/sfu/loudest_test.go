package sfu

import (
	"testing"
	"time"
)

func TestLoudest(t *testing.T) {
	var l loudest
	now := time.Unix(1000, 0)
	people := make([]*Participant, 8)
	for i := range people {
		people[i] = &Participant{}
	}
	step := func(d time.Duration) { now = now.Add(d) }
	pass := func(who int, level uint8) bool { return l.pass(people[who], level, now) }
	// As long as there is room everybody is heard, also in silence.
	for i := range MaxVoices {
		if !pass(i, uint8(30+i)) {
			t.Errorf("%d is not heard", i)
		}
	}
	if pass(5, 33) {
		t.Error("a sixth that is no louder is heard")
	}
	if !pass(5, 20) {
		t.Error("one who begins to speak loudly is not heard at once")
	}
	if pass(4, 34) {
		t.Error("the quietest kept its place")
	}
	// Somebody who has stopped gives way to one who is just audible.
	step(600 * time.Millisecond)
	for i := range 4 {
		pass(i, 20)
	}
	if !pass(6, 90) {
		t.Error("the place of one who is gone was not taken")
	}
	// A pause between words is not the end.
	pass(1, 20)
	step(200 * time.Millisecond)
	for i := range 4 {
		if !pass(i, 127) {
			t.Errorf("%d lost its place in a pause", i)
		}
	}
	l.forget(people[1])
	if !pass(7, 127) {
		t.Error("the place of one who left is not free")
	}
}

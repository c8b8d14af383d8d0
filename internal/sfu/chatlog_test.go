package sfu

import (
	"fmt"
	"strings"
	"testing"
)

// Somebody who comes late gets what was said before, in order and once: the last 50
// messages, and no more bytes than a room may keep.
func TestEarlierChat(t *testing.T) {
	s := &SFU{}
	ada := join(t, s, Entry{Room: "den", Name: "Ada", Kind: Person})
	door := join(t, s, Entry{Room: "den", ID: "door", Name: "Door", Kind: Camera})
	defer close5(t, s)
	defer door.Leave()
	for i := range maxLogged + 10 {
		if err := ada.Say(fmt.Sprint("message ", i)); err != nil {
			t.Fatal(err)
		}
	}
	heard := &witness{}
	bob := join(t, s, Entry{Room: "den", Name: "Bob", Kind: Person, Observer: heard})
	if err := ada.Say("to both"); err != nil {
		t.Fatal(err)
	}
	got := bob.TakeEarlierChat()
	if len(got) != maxLogged || got[0].Text != "message 10" || got[maxLogged-1].Text != "message 59" || got[0].Name != "Ada" {
		t.Errorf("%d messages, from %+v", len(got), got[:min(len(got), 1)])
	}
	if m := heard.chat.Load(); m == nil || m.Text != "to both" {
		t.Errorf("heard %+v", m)
	}
	if again := bob.TakeEarlierChat(); len(again) > 0 {
		t.Errorf("%d messages twice", len(again))
	}
	for range maxLogged {
		if err := ada.Say(strings.Repeat("🍲", maxText)); err != nil {
			t.Fatal(err)
		}
	}
	eve := join(t, s, Entry{Room: "den", Name: "Eve", Kind: Person})
	bytes := 0
	for _, m := range eve.TakeEarlierChat() {
		bytes += sizeOf(m)
	}
	if bytes == 0 || bytes > maxLoggedBytes {
		t.Errorf("%d bytes are kept", bytes)
	}

	// The camera keeps the room open, but not what the people said.
	for _, p := range []*Participant{ada, bob, eve} {
		p.Leave()
	}
	zoe := join(t, s, Entry{Room: "den", Name: "Zoe", Kind: Person})
	if kept := zoe.TakeEarlierChat(); len(kept) > 0 {
		t.Errorf("%d messages outlive those who said them", len(kept))
	}
	zoe.Leave()
}

package sfu

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"umbrella/internal/forward"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// witness counts what it is told.
type witness struct {
	changes  atomic.Int32
	chat     atomic.Pointer[ChatMessage]
	speakers atomic.Pointer[[]Speaker]
}

func (w *witness) RoomChanged()         { w.changes.Add(1) }
func (w *witness) Chat(m ChatMessage)   { w.chat.Store(&m) }
func (w *witness) Speaking(s []Speaker) { w.speakers.Store(&s) }

func close5(t *testing.T, s *SFU) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

func join(t *testing.T, s *SFU, e Entry) *Participant {
	t.Helper()
	p, err := s.Join(e)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRoomsOpenAndClose(t *testing.T) {
	s := &SFU{}
	w := &witness{}
	a := join(t, s, Entry{Room: "r", Name: " Ada ", Kind: Person, Observer: w})
	if a.Name != "Ada" || a.Room().Name != "r" || s.Room("r") != a.Room() {
		t.Errorf("%+v", a)
	}
	before := w.changes.Load()
	b := join(t, s, Entry{Room: "r", Name: "Bob", Kind: Person})
	if w.changes.Load() == before {
		t.Error("nobody was told that somebody came")
	}
	if got := a.Room().Participants(); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("%v", got)
	}
	join(t, s, Entry{Room: "q", ViewOnly: true}).Leave()
	if rooms := s.Rooms(); len(rooms) != 1 {
		t.Errorf("%d rooms are open", len(rooms))
	}
	a.Leave()
	a.Leave()
	b.Leave()
	if s.Room("r") != nil {
		t.Error("a room stays open behind its last participant")
	}
	if _, err := b.Publish(Publication{Media: &forward.Source{}}); !errors.Is(err, ErrLeft) {
		t.Errorf("one who left publishes: %v", err)
	}
	// The same name opens a new room.
	c := join(t, s, Entry{Room: "r", Name: "Cy"})
	if c.Room() == a.Room() {
		t.Error("a closed room came back")
	}
	c.Leave()
	close5(t, s)
	if _, err := s.Join(Entry{Room: "r", Name: "Late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("joined a node that is closed: %v", err)
	}
}

func TestJoinRefuses(t *testing.T) {
	s := &SFU{}
	s.SetLimit(func(string) int { return 2 })
	a := join(t, s, Entry{Room: "r", ID: "cam", Name: "Camera"})
	// People of other nodes do not count.
	far := join(t, s, Entry{Room: "r", ID: "far@0123456789abcdef", Name: "Far", Origin: "0123456789abcdef"})
	for _, c := range []struct {
		entry Entry
		want  error
	}{
		{Entry{Name: ""}, ErrBadName},
		{Entry{Name: strings.Repeat("é", 65)}, ErrBadName},
		{Entry{Name: "a\nb"}, ErrBadName},
		{Entry{Name: "a\xffb"}, ErrBadName},
		{Entry{Name: "x", ID: "cam"}, ErrTaken},
	} {
		c.entry.Room = "r"
		if p, err := s.Join(c.entry); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, %v", c.entry, p, err)
		}
	}
	b := join(t, s, Entry{Room: "r", Name: strings.Repeat("é", 64)})
	if _, err := s.Join(Entry{Room: "r", Name: "third"}); !errors.Is(err, ErrRoomFull) {
		t.Errorf("a third in a room for two: %v", err)
	}
	if len(s.Rooms()) != 1 {
		t.Error("who was refused left a room open")
	}
	a.Leave()
	b.Leave()
	far.Leave()
	close5(t, s)
}

// Whoever chooses an id cannot choose one that somebody else may have.
func TestIDs(t *testing.T) {
	const node = "0123456789abcdef"
	for _, c := range []struct {
		entry Entry
		fits  bool
	}{
		{Entry{Kind: Stream, ID: StreamID("door")}, true},
		{Entry{Kind: Stream, ID: StreamID("1." + node)}, true},
		{Entry{Kind: Camera, ID: "door"}, true},
		{Entry{Kind: Camera, ID: RemoteID("door", node), Origin: node}, true},
		{Entry{Kind: Stream, ID: RemoteID(StreamID("door"), node), Origin: node}, true},
		{Entry{Kind: Person, ID: RemoteID("a@b", node), Origin: node}, true},
		{Entry{Kind: Person}, true},
		{Entry{Kind: Stream, Origin: node}, true},
		{Entry{Kind: Stream, ID: "door"}, false},
		{Entry{Kind: Camera, ID: StreamID("door")}, false},
		{Entry{Kind: Person, ID: StreamID("door")}, false},
		{Entry{Kind: Stream, ID: StreamID("1@" + node)}, false},
		{Entry{Kind: Camera, ID: RemoteID("door", node)}, false},
		{Entry{Kind: Camera, ID: "door", Origin: node}, false},
		{Entry{Kind: Stream, ID: StreamID("door"), Origin: node}, false},
		{Entry{Kind: Person, ID: RemoteID("x", "fedcba9876543210"), Origin: node}, false},
	} {
		s := &SFU{}
		c.entry.Room, c.entry.Name = "r", "x"
		p, err := s.Join(c.entry)
		if (err == nil) != c.fits {
			t.Errorf("%+v: %v", c.entry, err)
		}
		if err == nil {
			p.Leave()
		}
		close5(t, s)
	}
}

// One client is only so many participants; cameras and other nodes' are nobody's.
func TestParticipantsOfAClient(t *testing.T) {
	s := &SFU{}
	one, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/64")
	var all []*Participant
	for i := range maxOfClient {
		all = append(all, join(t, s, Entry{Room: fmt.Sprint(i % 3), Name: "x", Kind: Stream, Client: one}))
	}
	for _, room := range []string{"0", "another"} {
		if _, err := s.Join(Entry{Room: room, Name: "x", Kind: Person, Client: one}); !errors.Is(err, ErrTooManyOfOne) {
			t.Errorf("one too many in %s: %v", room, err)
		}
	}
	all = append(all, join(t, s, Entry{Room: "0", Name: "x", Kind: Person, Client: other}),
		join(t, s, Entry{Room: "0", Name: "x", Kind: Camera, Client: one}), join(t, s, Entry{Room: "0", Name: "x", Kind: Person, Client: one, Origin: "node"}))
	all[0].Leave()
	all[0].Leave() // twice is once
	all = append(all, join(t, s, Entry{Room: "0", Name: "x", Kind: Person, Client: one}))
	if _, err := s.Join(Entry{Room: "0", Name: "x", Kind: Person, Client: one}); !errors.Is(err, ErrTooManyOfOne) {
		t.Errorf("one too many after one has left: %v", err)
	}
	for _, p := range all {
		p.Leave()
	}
	last := join(t, s, Entry{Room: "0", Name: "x", Kind: Person, Client: one})
	for range maxOfClient - 1 {
		defer join(t, s, Entry{Room: "0", Name: "x", Kind: Person, Client: one}).Leave()
	}
	last.Leave()
}

// thousand are as many clients of one /48 of IPv6.
func thousand() (list []netip.Prefix) {
	for i := range 1000 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, byte(i >> 8), byte(i)}), 64))
	}
	return list
}

// One who has a /48 is more than one client, and not as many as there are in it.
func TestNetworkOfClients(t *testing.T) {
	s := &SFU{}
	s.SetMaxRooms(64, nil)
	rooms, people := 0, 0
	for i, client := range thousand() {
		for j := range 2 {
			if p, err := s.Join(Entry{Room: fmt.Sprint(i, j), Name: "x", Kind: Person, Client: client}); err == nil {
				defer p.Leave()
				rooms++
			} else if !errors.Is(err, ErrRoomsOfOne) && !errors.Is(err, ErrTooManyOfOne) {
				t.Fatal(err)
			}
			if p, err := s.Join(Entry{Room: "0 0", Name: "x", Kind: Person, Client: client}); err == nil {
				defer p.Leave()
				people++
			} else if !errors.Is(err, ErrTooManyOfOne) {
				t.Fatal(err)
			}
		}
	}
	if rooms != 32 || rooms+people != 4*maxOfClient {
		t.Errorf("1000 clients of a /48 have opened %d of 64 rooms and are %d participants", rooms, rooms+people)
	}
	other, err := s.Join(Entry{Room: "other", Name: "x", Kind: Person, Client: netip.MustParsePrefix("2001:db8:2::/64")})
	if err != nil {
		t.Fatalf("somebody else: %v", err)
	}
	other.Leave()
}

// No client opens all rooms that there may be; those with a name in the settings are
// open to everybody.
func TestRoomsOfAClient(t *testing.T) {
	s := &SFU{}
	s.SetMaxRooms(8, func(room string) bool { return room == "named" })
	one, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	var all []*Participant
	in := func(room string, client netip.Prefix, want error) {
		t.Helper()
		p, err := s.Join(Entry{Room: room, Name: "x", Kind: Person, Client: client})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", room, err, want)
		}
		if err == nil {
			all = append(all, p)
		}
	}
	in("a", one, nil)
	in("b", one, nil)
	in("c", one, ErrRoomsOfOne)
	in("named", one, nil)
	in("b", other, nil) // which is open
	in("c", other, nil)
	in("c", one, nil)
	in("d", other, nil)
	in("e", other, ErrRoomsOfOne)
	// A room counts for who has opened it while it is open, whoever is in it.
	all[1].Leave()
	in("e", one, ErrRoomsOfOne)
	all[3].Leave()
	in("e", one, nil)
	for i := range 3 {
		in(fmt.Sprint(i), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32), nil)
	}
	in("too many", netip.MustParsePrefix("10.0.0.9/32"), ErrTooManyRooms)
	for _, p := range all {
		p.Leave()
	}
	s.SetMaxRooms(8, nil)
	in("named", one, nil)
	in("b", one, nil)
	in("c", one, ErrRoomsOfOne)
	for _, p := range all {
		p.Leave()
	}
	in("a", other, nil)
	in("b", other, nil)
	in("c", other, ErrRoomsOfOne)
	for _, p := range all {
		p.Leave()
	}
	close5(t, s)
}

func TestTracks(t *testing.T) {
	s := &SFU{}
	w := &witness{}
	a, b := join(t, s, Entry{Room: "r", Name: "Ada"}), join(t, s, Entry{Room: "r", Name: "Bob", Observer: w})
	was := a.State().Version
	track, err := a.Publish(Publication{Kind: Audio, Source: Microphone, Mid: "0", Media: &forward.Source{}})
	if err != nil {
		t.Fatal(err)
	}
	if st := a.State(); len(st.Tracks) != 1 || st.Version == was || track.Participant() != a {
		t.Errorf("%+v", st)
	}
	was, changes := a.State().Version, w.changes.Load()
	track.SetMuted(true)
	track.SetMuted(true)
	if !track.Muted() || a.State().Version != was+1 || w.changes.Load() != changes+1 {
		t.Error("muting is to be told once")
	}
	track.Close()
	track.Close()
	if len(a.State().Tracks) != 0 {
		t.Error("a track that was closed is there")
	}
	changes = w.changes.Load()
	b.SetQuality(Poor)
	b.SetQuality(Poor)
	if w.changes.Load() != changes+1 || b.State().Quality != Poor {
		t.Error("a quality is to be told once")
	}
	if err := a.Say("  hi\n"); err != nil || w.chat.Load().Text != "hi" || w.chat.Load().Name != "Ada" {
		t.Errorf("%v, %+v", err, w.chat.Load())
	}
	for _, text := range []string{"", " \n", strings.Repeat("x", 2001), "a\xff"} {
		if err := a.Say(text); !errors.Is(err, ErrBadText) {
			t.Errorf("%.10q was said: %v", text, err)
		}
	}
	a.Leave()
	b.Leave()
	close5(t, s)
}

// Levels of RFC 6464 on packets become speakers that the room is told of.
func TestSpeakersAreTold(t *testing.T) {
	s := &SFU{}
	w := &witness{}
	a := join(t, s, Entry{Room: "r", Name: "Ada"})
	b := join(t, s, Entry{Room: "r", Name: "Bob", ViewOnly: true, Observer: w})
	layer := forward.NewLayer(forward.LayerConfig{MimeType: "audio/opus", ClockRate: 48000,
		Extensions: forward.ExtensionIDs{AudioLevel: 1}})
	media := &forward.Source{}
	media.Add(layer)
	if _, err := a.Publish(Publication{Kind: Audio, Media: media}); err != nil {
		t.Fatal(err)
	}
	speak := func(until func([]Speaker) bool) bool {
		for seq := range uint16(2000) {
			h := rtp.Header{Version: 2, SequenceNumber: seq}
			if err := h.SetExtension(1, []byte{30}); err != nil {
				t.Fatal(err)
			}
			raw, err := (&rtp.Packet{Header: h, Payload: []byte{1}}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			layer.Push(raw, time.Now())
			if sp := w.speakers.Load(); sp != nil && until(*sp) {
				return true
			}
			time.Sleep(5 * time.Millisecond)
		}
		return false
	}
	if !speak(func(sp []Speaker) bool { return len(sp) == 1 && sp[0].ParticipantID == a.ID && sp[0].Level > 80 }) {
		t.Errorf("nobody heard of a speaker: %v", w.speakers.Load())
	}
	if got := a.Room().Speakers(); len(got) != 1 {
		t.Errorf("the room says %v", got)
	}
	for deadline := time.Now().Add(10 * time.Second); len(*w.speakers.Load()) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("one who fell silent speaks on")
		}
	}
	a.Leave()
	b.Leave()
	close5(t, s)
}

func TestSpeakerDetector(t *testing.T) {
	var d speakerDetector
	turn := func(levels map[string]uint8) (ids string, changed bool) {
		for id, l := range levels {
			d.hear(id, l)
		}
		speakers, changed := d.turn()
		for _, s := range speakers {
			ids += s.ParticipantID
		}
		return ids, changed
	}
	for i, c := range []struct {
		levels  map[string]uint8
		want    string
		changed bool
	}{
		{nil, "", false},
		{map[string]uint8{"a": 127, "b": 90}, "", false}, // silence and noise
		{map[string]uint8{"a": 20}, "a", true},
		{map[string]uint8{"a": 127}, "a", true}, // a pause between words: quieter
		{map[string]uint8{"a": 127}, "a", true},
		{map[string]uint8{"a": 20, "b": 60}, "a", true},
		{map[string]uint8{"a": 20, "b": 10}, "ab", true},
		{map[string]uint8{"a": 60, "b": 10}, "ba", true},
	} {
		if got, changed := turn(c.levels); got != c.want || changed != c.changed && i < 3 {
			t.Errorf("interval %d: %q, changed %v; want %q, %v", i, got, changed, c.want, c.changed)
		}
	}
	for range speakerHold {
		turn(nil)
	}
	if got, _ := turn(nil); got != "" || len(d.heard) != 0 {
		t.Errorf("after silence: %q, %d remembered", got, len(d.heard))
	}
}

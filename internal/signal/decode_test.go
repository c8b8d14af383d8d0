package signal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/access"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/bombs"
)

func FuzzDecode(f *testing.F) {
	for _, m := range []*umbrellav1.ClientMessage{
		{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{Room: "r", Name: "n", ReceiveCodecs: []string{"video/VP8"}}}},
		{Message: &umbrellav1.ClientMessage_PublishOffer{PublishOffer: &umbrellav1.PublishOffer{Id: 1,
			Sdp: "v=0\r\no=- 42 2 IN IP4 0.0.0.0\r\n", Tracks: []*umbrellav1.PublishedTrack{{Mid: "0", Source: 2}}}}},
		{Message: &umbrellav1.ClientMessage_SetSubscriptions{SetSubscriptions: &umbrellav1.SetSubscriptions{
			Settings: []*umbrellav1.SubscriptionSetting{{TrackId: "t", Paused: true}}}}},
		{Message: &umbrellav1.ClientMessage_Ping{}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(websocket.MessageBinary, b)
		if err != nil {
			return
		}
		if m.Message == nil {
			t.Error("a message that is none was taken")
		}
		_ = origin(m.GetPublishOffer().GetSdp())
		// What was understood can be said again.
		again, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(websocket.MessageBinary, again); err != nil {
			t.Errorf("%x was taken, %x is not", b, again)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		kind websocket.MessageType
		data []byte
	}{
		"text": {websocket.MessageText, []byte("hello")}, "nothing": {websocket.MessageBinary, nil},
		"garbage": {websocket.MessageBinary, []byte{0xff, 0xff}}, "an unknown message": {websocket.MessageBinary, []byte{0xfa, 0x06, 0}},
	} {
		if m, err := decode(c.kind, c.data); err == nil {
			t.Errorf("%s: taken as %v", name, m)
		}
	}
}

// No message of a browser is unpacked to more than it is worth.
func TestBombsAreRefused(t *testing.T) {
	for name, b := range bombs.Of(&umbrellav1.ClientMessage{}, maxMessage/2) {
		if m, err := decode(websocket.MessageBinary, b); !errors.Is(err, errMalformed) {
			t.Errorf("%s: taken as %v", name, m)
		}
	}
	many := make([]*umbrellav1.SubscriptionSetting, maxSettings+1)
	for i := range many {
		many[i] = &umbrellav1.SubscriptionSetting{TrackId: fmt.Sprint(i), Paused: true, Width: 1, Height: 1, Pinned: true}
	}
	for settings, want := range map[int]string{maxSettings: "", maxSettings + 1: "not a message of umbrella.signal.v1: SetSubscriptions.settings has more than 1024 elements"} {
		b, err := proto.Marshal(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetSubscriptions{
			SetSubscriptions: &umbrellav1.SetSubscriptions{Settings: many[:settings]}}})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := decode(websocket.MessageBinary, b); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%d settings: %q, want %q", settings, got, want)
		}
	}
}

// What a browser says of tracks is kept only of those that there are.
func TestWhatIsKept(t *testing.T) {
	rooms := &sfu.SFU{}
	join := func(name string) *sfu.Participant {
		p, err := rooms.Join(sfu.Entry{Room: "r", Name: name, Kind: sfu.Person})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Leave)
		return p
	}
	track, err := join("Ada").Publish(sfu.Publication{Kind: sfu.Video, Media: &forward.Source{}})
	if err != nil {
		t.Fatal(err)
	}
	for may, want := range map[bool]int{false: 0, true: 1} {
		s := &session{participant: join("Eve"), grant: access.Grant{Subscribe: may}, settings: map[string]setting{}}
		m := &umbrellav1.SetSubscriptions{Settings: []*umbrellav1.SubscriptionSetting{{TrackId: track.ID, Paused: true}}}
		for i := range 1000 {
			m.Settings = append(m.Settings, &umbrellav1.SubscriptionSetting{TrackId: fmt.Sprint(i)})
		}
		s.set(m)
		if len(s.settings) != want {
			t.Errorf("%d tracks are remembered, not %d", len(s.settings), want)
		}
	}
}

func TestOrigin(t *testing.T) {
	for sdp, want := range map[string]string{
		"v=0\r\no=- 42 2 IN IP4 0.0.0.0\r\ns=-\r\n": "42", "o=mozilla 7 0 x": "7", "o=": "", "": "", "v=0\r\n": "",
	} {
		if got := origin(sdp); got != want {
			t.Errorf("%q: %q, want %q", sdp, got, want)
		}
	}
}

func TestQuality(t *testing.T) {
	for _, c := range []struct {
		present, broken bool
		loss            float64
		trip            time.Duration
		want            sfu.Quality
	}{
		{true, false, 0, 0, sfu.Good},
		{true, false, 0.02, 300 * time.Millisecond, sfu.Good},
		{true, false, 0.03, 0, sfu.Fair},
		{true, false, 0, 400 * time.Millisecond, sfu.Fair},
		{true, false, 0.1, 0, sfu.Poor},
		{true, false, 0, time.Second, sfu.Poor},
		{true, true, 0, 0, sfu.Lost},
		{false, false, 0, 0, sfu.Lost},
	} {
		if got := quality(c.present, c.broken, c.loss, c.trip); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// The numbers of the SFU's kinds are those of the protocol.
func TestNumbersAgree(t *testing.T) {
	for _, c := range []struct {
		name string
		is   int
		want interface{ String() string }
	}{
		{"Person", int(sfu.Person), umbrellav1.ParticipantKind_PARTICIPANT_KIND_PERSON},
		{"Camera", int(sfu.Camera), umbrellav1.ParticipantKind_PARTICIPANT_KIND_CAMERA},
		{"Stream", int(sfu.Stream), umbrellav1.ParticipantKind_PARTICIPANT_KIND_STREAM},
		{"Audio", int(sfu.Audio), umbrellav1.TrackKind_TRACK_KIND_AUDIO},
		{"Video", int(sfu.Video), umbrellav1.TrackKind_TRACK_KIND_VIDEO},
		{"Microphone", int(sfu.Microphone), umbrellav1.TrackSource_TRACK_SOURCE_MICROPHONE},
		{"CameraPicture", int(sfu.CameraPicture), umbrellav1.TrackSource_TRACK_SOURCE_CAMERA},
		{"Screen", int(sfu.Screen), umbrellav1.TrackSource_TRACK_SOURCE_SCREEN},
		{"ScreenAudio", int(sfu.ScreenAudio), umbrellav1.TrackSource_TRACK_SOURCE_SCREEN_AUDIO},
		{"Good", int(sfu.Good), umbrellav1.QualityLevel_QUALITY_LEVEL_GOOD},
		{"Fair", int(sfu.Fair), umbrellav1.QualityLevel_QUALITY_LEVEL_FAIR},
		{"Poor", int(sfu.Poor), umbrellav1.QualityLevel_QUALITY_LEVEL_POOR},
		{"Lost", int(sfu.Lost), umbrellav1.QualityLevel_QUALITY_LEVEL_LOST},
	} {
		number := -1
		switch w := c.want.(type) {
		case umbrellav1.ParticipantKind:
			number = int(w)
		case umbrellav1.TrackKind:
			number = int(w)
		case umbrellav1.TrackSource:
			number = int(w)
		case umbrellav1.QualityLevel:
			number = int(w)
		}
		if c.is != number {
			t.Errorf("%s is %d, %s is %d", c.name, c.is, c.want, number)
		}
	}
}

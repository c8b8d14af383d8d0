package rtc

import (
	"fmt"
	"testing"
	"time"

	"umbrella/internal/bandwidth"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// Sound is kept free what may be heard of it, however many there are in a room.
func TestWhatIsKeptFreeForSound(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type crowd struct {
		n       int
		muted   bool
		paused  bool
		levels  bool // and so contends
		bytes   int  // a packet, 50 of them a second
		another bool // room
	}
	for _, c := range []struct {
		name   string
		crowds []crowd
		want   uint64
	}{
		{"nobody", nil, 0},
		{"two", []crowd{{n: 2, levels: true, bytes: 80}}, 2 * soundRate},
		{"fifty", []crowd{{n: 50, levels: true, bytes: 80}}, 5 * soundRate},
		{"fifty, of whom three are not muted", []crowd{{n: 47, levels: true, muted: true, bytes: 80}, {n: 3, levels: true, bytes: 80}}, 3 * soundRate},
		{"held by the receiver", []crowd{{n: 3, levels: true, paused: true, bytes: 80}, {n: 1, levels: true, bytes: 80}}, soundRate},
		{"cameras that send sound and cameras that send none", []crowd{{n: 4, bytes: 80}, {n: 40}}, 4 * soundRate},
		{"music among voices", []crowd{{n: 9, levels: true, bytes: 80}, {n: 1, levels: true, bytes: 400}}, 4*soundRate + 160_000},
		{"two rooms", []crowd{{n: 9, levels: true, bytes: 80}, {n: 9, levels: true, bytes: 80, another: true}}, 10 * soundRate},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := &sfu.SFU{}
			var a allocation
			for i, crowd := range c.crowds {
				for k := range crowd.n {
					room := "r"
					if crowd.another {
						room = "another"
					}
					p, err := server.Join(sfu.Entry{Room: room, Name: fmt.Sprint(i, " ", k)})
					if err != nil {
						t.Fatal(err)
					}
					defer p.Leave()
					cfg := forward.LayerConfig{MimeType: "audio/opus", ClockRate: 48000, Extensions: forward.ExtensionIDs{AudioLevel: 1}}
					if crowd.levels {
						cfg.Pass = p.PassSound
					}
					l := forward.NewLayer(cfg)
					media := &forward.Source{}
					media.Add(l)
					track, err := p.Publish(sfu.Publication{Kind: sfu.Audio, Media: media, Muted: crowd.muted})
					if err != nil {
						t.Fatal(err)
					}
					for n := range 75 {
						if crowd.bytes == 0 {
							break
						}
						raw := make([]byte, crowd.bytes)
						raw[0], raw[1], raw[3] = 0x90, 111, byte(n)
						copy(raw[12:], []byte{0xbe, 0xde, 0, 1, 0x10, 40})
						l.Push(raw, now.Add(time.Duration(n)*20*time.Millisecond))
					}
					a.addSound(track, l, crowd.paused, now.Add(1500*time.Millisecond))
				}
			}
			a.sounds.reserve(a.requests)
			sum := uint64(0)
			for _, r := range a.requests {
				sum += r.Options[0].Bitrate
			}
			if sum != c.want {
				t.Errorf("%d bit/s are kept free, want %d", sum, c.want)
			}
			// A picture gets the rest.
			a.requests = append(a.requests, bandwidth.Request{Options: []bandwidth.Option{{Bitrate: 150_000}}, Current: -1})
			choices := bandwidth.Allocate(700_000, a.requests, nil)
			if got := choices[len(choices)-1].Option == 0; got != (c.want < 540_000) {
				t.Errorf("with 700 kbit/s there is a picture: %v", got)
			}
		})
	}
}

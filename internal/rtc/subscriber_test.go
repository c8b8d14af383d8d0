package rtc

import (
	"testing"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// On a path that carries one picture it is that which the receiver holds on to.
func TestPinnedPictureComesFirst(t *testing.T) {
	e := testEngine(t)
	s, err := e.NewSubscriber("203.0.113.1", e.Log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.path.estimator.Initial = 700_000
	var wishes []Wish
	for range 3 {
		media := &forward.Source{}
		media.Add(forward.NewLayer(forward.LayerConfig{
			MimeType: "video/VP8", ClockRate: 90000, Hint: forward.Scale{Width: 640, Height: 360, Spatial: 1, Temporal: 1},
		}))
		track, err := testParticipant(t).Publish(sfu.Publication{
			Kind: sfu.Video, Source: sfu.CameraPicture, Codec: sfu.Codec{MimeType: "video/VP8", ClockRate: 90000}, Media: media,
		})
		if err != nil {
			t.Fatal(err)
		}
		wishes = append(wishes, Wish{Track: track, Width: 640, Height: 360})
	}
	for _, pinned := range []int{-1, 2, 1, -1} {
		for i := range wishes {
			wishes[i].Pinned = i == pinned
		}
		s.Set(wishes)
		for _, g := range s.groups {
			for _, sl := range g.slots {
				i := 0
				for wishes[i].Track != sl.track {
					i++
				}
				if got := sl.choice.Layer >= 0; pinned >= 0 && got != (i == pinned) {
					t.Errorf("with %d pinned, %d gets its picture: %v", pinned, i, got)
				}
			}
		}
	}
}

package signal_test

import (
	"strings"
	"testing"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
	"umbrella/test/peer"
)

// A browser whose tracks have no place is told why, and its tracks come when there is
// one.
func TestTracksWithoutAPlace(t *testing.T) {
	n := startNode(t)
	a := n.join(t, &peer.Peer{Name: "Ada"})
	b := n.join(t, &peer.Peer{Name: "Bob"})
	var ada *sfu.Participant
	for _, p := range n.Room("room").Participants() {
		if p.Name == "Ada" {
			ada = p
		}
	}
	var others []*sfu.Track
	for range sfu.MaxTracks {
		track, err := ada.Publish(sfu.Publication{Kind: sfu.Audio, Media: &forward.Source{}})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, track)
	}
	playing(t, a, b)
	if err := a.Wait(soon(t), func() bool {
		for _, e := range a.Errors() {
			if strings.Contains(e.Message, "8 tracks at most") {
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatalf("Ada is not told: %v", err)
	}
	for _, track := range others {
		track.Close()
	}
	gets(t, b, a)
}

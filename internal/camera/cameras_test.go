package camera

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"umbrella/internal/sfu"
)

// patient are quick waits on a machine that has a lot to do.
var patient = Times{Stall: 5 * time.Second, UDPWait: 2 * time.Second, Look: quick.Look}

// TestCameras plays the transcripts of real cameras: each has the outcome that its
// header tells.
func TestCameras(t *testing.T) {
	files, err := filepath.Glob("testdata/cameras/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	// They wait more than they work: so many at once, however few processors there are.
	places := make(chan struct{}, 8)
	var running sync.WaitGroup
	for _, file := range files {
		running.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				tr := readTranscript(t, file)
				for _, name := range []string{"Camera", "Source", "Shows", "Expect"} {
					if len(tr.header[name]) != 1 || tr.first(name) == "" {
						t.Errorf("%s stands %d times in the header", name, len(tr.header[name]))
					}
				}
				r := startReplay(t, tr)
				tr.expected(t, (&Probe{URL: r.address(), Times: patient}).Run(t.Context()))
			})
		})
	}
	running.Wait()
}

// The camera of a transcript with Login refuses another password.
func TestReplayWantsThePassword(t *testing.T) {
	r := startReplay(t, readTranscript(t, "testdata/cameras/dahua-sha256-qop.txt"))
	url := strings.Replace(r.address(), ":secret@", ":guess@", 1)
	if got := (&Probe{URL: url, Times: patient}).Run(t.Context()); got.Trouble == nil || got.Trouble.Reason != reasonPassword {
		t.Errorf("%v", got.Trouble)
	}
}

// A tile says which of several pictures it shows.
func TestSeveralPictures(t *testing.T) {
	r := startReplay(t, readTranscript(t, "testdata/cameras/unknown-several-pictures.txt"))
	n := startNode(t, settings(r.address()))
	watch(t, n.track(t, sfu.Video), 0)
	until(t, "a note", func() bool {
		return slices.ContainsFunc(n.state().Streams[0].Notes, func(note *Trouble) bool {
			return strings.Contains(note.Reason, "number 2 of 2, H.264")
		})
	})
}

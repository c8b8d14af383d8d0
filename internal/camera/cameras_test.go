package camera

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"umbrella/internal/camera/nal"
	"umbrella/internal/sfu"
)

// patient are quick waits on a machine that has a lot to do.
var patient = Times{Stall: 5 * time.Second, UDPWait: 2 * time.Second, Look: quick.Look}

// notYet are the transcripts that do not have their right outcome yet, with what is amiss.
var notYet = map[string]string{
	"anjvision-base-without-scheme": "base without a scheme",
	"unknown-aac-as-adts":           "ADTS in place of the header of RFC 3640",
	"unknown-cseq-has-to-be-first":  "order of our headers",
}

// eachCamera does something with each of the transcripts, many at once: they wait more than
// they work, however few processors there are.
func eachCamera(t *testing.T, do func(t *testing.T, name string, tr *transcript)) {
	files, err := filepath.Glob("testdata/cameras/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	places := make(chan struct{}, 16)
	var running sync.WaitGroup
	for _, file := range files {
		running.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			name := strings.TrimSuffix(filepath.Base(file), ".txt")
			t.Run(name, func(t *testing.T) { do(t, name, readTranscript(t, file)) })
		})
	}
	running.Wait()
}

// TestCameras plays the transcripts of real cameras: each has the outcome that its
// header tells.
func TestCameras(t *testing.T) {
	for name := range notYet {
		if _, err := os.Stat("testdata/cameras/" + name + ".txt"); err != nil {
			t.Errorf("notYet names what is not there: %v", err)
		}
	}
	eachCamera(t, func(t *testing.T, name string, tr *transcript) {
		for _, name := range []string{"Camera", "Source", "Shows", "Expect"} {
			if len(tr.header[name]) != 1 || tr.first(name) == "" {
				t.Errorf("%s stands %d times in the header", name, len(tr.header[name]))
			}
		}
		r := startReplay(t, tr)
		times := patient
		if strings.HasPrefix(tr.first("Wants"), "keep-alive") {
			times.Look = 3 * time.Second // longer than the session lasts without
		}
		report := (&Probe{URL: r.address(), Times: times, Most: 8 * time.Second}).Run(t.Context())
		missed := tr.missed(report)
		why, known := notYet[name]
		switch {
		case known && len(missed) == 0:
			t.Errorf("it has its right outcome now: take it out of notYet")
		case !known && len(missed) > 0:
			t.Errorf("it should be %q, but:\n%s", missed, report)
		case known:
			t.Logf("not yet (%s): %q", why, missed)
		}
	})
}

// TestCamerasInARoom has pictures of those cameras decoded that do odd things to packets:
// they are whole, in order, and as many as the camera sends.
func TestCamerasInARoom(t *testing.T) {
	eachCamera(t, func(t *testing.T, name string, tr *transcript) {
		if _, known := notYet[name]; known || !strings.Contains(tr.first("Expect"), "whole") {
			t.SkipNow()
		}
		n := startNode(t, settings(startReplay(t, tr).address()))
		v := watch(t, n.track(t, sfu.Video), 0)
		until(t, "pictures", func() bool { return v.count() > 70 })
		v.leave()
		codec, of := "h264", nal.H264
		if strings.Contains(tr.first("Expect"), "H.265") {
			codec, of = "hevc", nal.H265
		}
		stream, count := v.pictures(t, of)
		if got := decoded(t, codec, stream); got != count {
			t.Errorf("of %d pictures %d are decoded", count, got)
		}
	})
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

package camera

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"umbrella/internal/camera/nal"
	"umbrella/internal/config"
	"umbrella/internal/sfu"
)

// patient are quick waits on a machine that has a lot to do.
var patient = Times{Stall: 5 * time.Second, UDPWait: 2 * time.Second, Look: quick.Look}

// eachCamera does something with each of the transcripts, many at once: they wait more than
// they work, however few processors there are.
func eachCamera(t *testing.T, do func(t *testing.T, tr *transcript)) {
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
			t.Run(name, func(t *testing.T) { do(t, readTranscript(t, file)) })
		})
	}
	running.Wait()
}

// TestCameras plays the transcripts of real cameras: each has the outcome that its
// header tells.
func TestCameras(t *testing.T) {
	eachCamera(t, func(t *testing.T, tr *transcript) {
		for _, name := range []string{"Camera", "Source", "Shows", "Expect"} {
			if len(tr.header[name]) != 1 || tr.first(name) == "" {
				t.Errorf("%s stands %d times in the header", name, len(tr.header[name]))
			}
		}
		times := patient
		if strings.HasPrefix(tr.first("Wants"), "keep-alive") {
			times.Look = 3 * time.Second // longer than the session lasts without
		}
		by := map[string]config.Transport{"udp": config.TransportUDP, "tcp": config.TransportTCP}[tr.first("Transport")]
		report := (&Probe{URL: startReplay(t, tr).address(), Times: times, Most: 8 * time.Second, transport: by}).Run(t.Context())
		tr.expected(t, report)
	})
}

// TestCamerasInARoom has pictures of those cameras decoded that do odd things to packets:
// they are whole, in order, and as many as the camera sends.
func TestCamerasInARoom(t *testing.T) {
	eachCamera(t, func(t *testing.T, tr *transcript) {
		if !strings.Contains(tr.first("Expect"), "whole") {
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

var serve = flag.String("serve", "", "play the camera of this transcript until the test is interrupted")

// TestServe plays a camera for a node and a browser of somebody who looks:
//
//	go test ./internal/camera -run TestServe -timeout 0 -v -serve yuan-lf-alone
func TestServe(t *testing.T) {
	if *serve == "" {
		t.Skip("for people: see -serve")
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	t.Log(startReplay(t, readTranscript(t, "testdata/cameras/"+*serve+".txt")).address())
	<-ctx.Done()
}

var update = flag.Bool("update", false, "write the table of cameras in docs/cameras.md anew")

// The table of cameras in docs/cameras.md is what the headers of the transcripts say:
//
//	go test ./internal/camera -run TestCamerasAreDocumented -update
func TestCamerasAreDocumented(t *testing.T) {
	const doc, begin, end = "../../docs/cameras.md", "<!-- cameras -->\n", "<!-- end of cameras -->\n"
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, first := strings.Cut(string(text), begin)
	table, after, last := strings.Cut(rest, end)
	if !first || !last {
		t.Fatalf("%s has no place for the table", doc)
	}
	want := cameraTable(t)
	if *update {
		if err := os.WriteFile(doc, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table != want {
		t.Errorf("the table in %s is not that of the transcripts: run this test with -update", doc)
	}
}

func cameraTable(t *testing.T) string {
	files, err := filepath.Glob("testdata/cameras/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, file := range files {
		tr := readTranscript(t, file)
		source := tr.first("Source")
		if strings.Contains(source, "://") {
			source = "[report](" + source + ")"
		}
		row := fmt.Sprintf("| %s | %s (%s) | %s |\n", tr.first("Camera"), tr.first("Shows"), source, tr.outcome())
		if tr.first("Camera") == "unknown" {
			row = "\xff" + row // last
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return "| camera | what it does | what comes of it |\n|---|---|---|\n" + strings.ReplaceAll(strings.Join(rows, ""), "\xff", "")
}

// outcome is Expect in words.
func (tr *transcript) outcome() string {
	var list []string
	for want := range strings.SplitSeq(tr.first("Expect"), ";") {
		switch verb, rest, _ := strings.Cut(strings.TrimSpace(want), " "); verb {
		case "plays":
			codec, _, _ := strings.Cut(rest, " ")
			list = append(list, codec)
		case "hears":
			list = append(list, "sound")
		case "no":
			list = append(list, "no "+rest)
		case "transport":
			list = append(list, "by "+strings.ToUpper(rest))
		}
	}
	return strings.Join(list, ", ")
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"umbrella/internal/usage"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// A camera that is not there, as the command line tells of it.
func TestCameras(t *testing.T) {
	nowhere := fmt.Sprintf("127.0.0.1:%d", peer.FreePort(t))
	p := start(t, "config umbrella main\nconfig camera door\n\toption url 'rtsp://eve:hunter2@"+nowhere+"/live'\n\toption transport tcp\n")
	p.expect("is running.")
	out, table := "", ""
	for deadline := time.Now().Add(patience); !strings.Contains(out, "nothing listens"); time.Sleep(50 * time.Millisecond) {
		code, o, errs := p.command("cameras")
		if out = o; code != usage.OK || time.Now().After(deadline) {
			t.Fatalf("code %d\n%s%s", code, o, errs)
		}
	}
	table = strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"CAMERA ROOM STREAM STATE", "door", "url down", "door, url: nothing listens at the camera's address: check the port in url"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	code, asJSON, _ := p.command("cameras", "-json")
	var st struct {
		Cameras []struct {
			ID      string
			Trouble struct{ Reason string }
		}
		Rooms []any
	}
	if err := json.Unmarshal([]byte(asJSON), &st); err != nil || code != usage.OK || len(st.Cameras) != 1 || st.Cameras[0].ID != "door" || st.Cameras[0].Trouble.Reason == "" {
		t.Errorf("code %d, %v: %s", code, err, asJSON)
	}
	code, probed, errs := p.command("probe", "door")
	if code != usage.Failure || !strings.Contains(probed, "nothing listens at the camera's address") || !strings.HasPrefix(errs, "Looking at it") {
		t.Errorf("code %d: %s%s", code, probed, errs)
	}
	if all := out + asJSON + probed + errs; strings.Contains(all, "hunter2") {
		t.Errorf("tells the password: %s", all)
	}
}

func TestPrintCameras(t *testing.T) {
	down := &umbrellav1.CameraTrouble{Reason: "the camera does not answer", Advice: "check that it is on"}
	var b bytes.Buffer
	err := printCameras(&b, &umbrellav1.Status{
		NodeName: "ap", NowMs: 100_000_000,
		Cameras: []*umbrellav1.CameraStatus{
			{Id: "door", Room: "den", Phase: umbrellav1.CameraPhase_CAMERA_PHASE_LIVE, Trouble: down, Streams: []*umbrellav1.CameraStream{
				{
					Option: "url", Phase: umbrellav1.CameraPhase_CAMERA_PHASE_LIVE, SinceMs: 99_000_000, Transport: "udp",
					Video: "H.264 High 4.1, 1920x1080", Sound: "AAC\x1b[2J",
					Notes: []*umbrellav1.CameraTrouble{{Reason: "the camera sends B-frames", Advice: "set B-frames to 0"}},
				},
				{Option: "substream", Phase: umbrellav1.CameraPhase_CAMERA_PHASE_DOWN, SinceMs: 99_990_000, Trouble: down, RetryAtMs: 100_002_100},
			}},
			{Id: "gate", Room: "den", Trouble: &umbrellav1.CameraTrouble{Reason: "the room is full"}, Streams: []*umbrellav1.CameraStream{
				{Option: "url", Phase: umbrellav1.CameraPhase_CAMERA_PHASE_IDLE},
			}},
		},
	})
	for _, line := range []string{
		"door den url live 16 min 40 s UDP H.264 High 4.1, 1920x1080 AAC?[2J",
		"door den substream down 10 s - - -",
		"gate den url not watched",
		"door, url: the camera sends B-frames: set B-frames to 0.",
		"door, substream: the camera does not answer: check that it is on. Tried again in 3 s.",
		"gate: the room is full.",
	} {
		if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), line) {
			t.Errorf("%q is not in\n%s", line, b.String())
		}
	}
	if err != nil || strings.ContainsRune(b.String(), '\x1b') || strings.Count(b.String(), "does not answer") != 1 {
		t.Errorf("%v: %s", err, b.String())
	}
	b.Reset()
	if err := printCameras(&b, &umbrellav1.Status{NodeName: "ap"}); err != nil || !strings.HasPrefix(b.String(), "ap has no cameras.") {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestReadPassword(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"secret word\n", "secret word"}, {"secret\r\nmore\n", "secret"}, {"secret", "secret"}, {"\n", ""}, {"", ""},
	} {
		got, err := readPassword(&invocation{stdio: stdio{in: strings.NewReader(c.text)}}, "")
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v", c.text, got, err)
		}
	}
}

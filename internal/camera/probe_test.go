package camera

import (
	"context"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
)

func mjpegMedia() *description.Media {
	return &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{&format.MJPEG{}}}
}

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		scene  func(t *testing.T) *scene
		change func(*testCamera)
		path   string
		words  []string
		not    []string
	}{
		"all well": {
			scene: func(t *testing.T) *scene { return sceneOf(t, "main.h264", false, pcma) },
			words: []string{"comes by    UDP\n", "H.264 High 2.1, 320x180, 10 Hz", "a keyframe every 0.4 s", "browsers will show it", "G.711 A-law, passed on", "browsers will play it"},
			not:   []string{"mind"},
		},
		"TCP only": {
			scene:  func(t *testing.T) *scene { return sceneOf(t, "sub.h264", true, aac) },
			change: func(c *testCamera) { c.noUDP = true },
			words:  []string{"comes by    TCP (not by UDP: ", "H.264 Main 1.2", "AAC-LC, 16 kHz, mono, becomes G.722"},
		},
		"B-frames": {
			scene: func(t *testing.T) *scene { return sceneOf(t, "bframes.h264", false) },
			words: []string{"sound       none", "B-frames, which browsers cannot show", "→ " + adviceBFrames},
		},
		"H.265": {
			scene: func(t *testing.T) *scene { return sceneOf(t, "main.h265", false) },
			words: []string{"H.265 Main 1.0", "some browsers will show it", "→ " + adviceCodec},
		},
		"MJPEG": {
			scene: func(t *testing.T) *scene {
				s := sceneOf(t, "", false)
				s.desc.Medias = append(s.desc.Medias, mjpegMedia())
				return s
			},
			words: []string{"cannot be used: the camera sends MJPEG", "what to do: " + mjpegAdvice},
			not:   []string{"mind"},
		},
		"no such path": {
			scene: func(t *testing.T) *scene { return sceneOf(t, "sub.h264", false) },
			path:  "nowhere",
			words: []string{"cannot be used: the camera has no stream at this address (404)", "check the path in url"},
		},
		"password": {
			scene:  func(t *testing.T) *scene { return sceneOf(t, "sub.h264", false) },
			change: func(c *testCamera) { c.user, c.password = "admin", "right" },
			path:   "wrong",
			words:  []string{"the camera refused the user name or password"},
			not:    []string{"hunter2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := startCamera(t, c.scene(t), c.change)
			url := strings.Replace(cam.url(c.path), ":right@", ":hunter2@", 1)
			p := Probe{URL: url, Times: quick}
			text := p.Run(context.Background()).String()
			for _, w := range c.words {
				if !strings.Contains(text, w) {
					t.Errorf("%q is missing in\n%s", w, text)
				}
			}
			for _, w := range c.not {
				if strings.Contains(text, w) {
					t.Errorf("%q is in\n%s", w, text)
				}
			}
		})
	}
}

// A camera that stops after some pictures is dialled anew by a room again and again: its
// first pictures are not enough to call it good.
func TestProbeFindsWhatARoomWould(t *testing.T) {
	const text = "Camera: x\nMedia: video clip=sub.h264 stops=15\n\n> DESCRIBE\n< RTSP/1.0 200 OK\n< Content-Type: application/sdp\n" +
		"< Content-Length: {length}\n<\n< m=video 0 RTP/AVP 96\n< a=rtpmap:96 H264/90000\n"
	tr, err := parseTranscript(t, text)
	if err != nil {
		t.Fatal(err)
	}
	r := (&Probe{URL: startReplay(t, tr).address(), Times: quick}).Run(t.Context())
	if r.Trouble == nil || *r.Trouble != *errStalled {
		t.Errorf("%v", r)
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	cam.paused.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := Probe{URL: cam.url("stream")}
	if r := p.Run(ctx); r.Trouble == nil {
		t.Error("it found something")
	}
}

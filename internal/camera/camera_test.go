package camera

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"umbrella/internal/camera/nal"
	"umbrella/internal/config"
	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick are the waits of the tests.
var quick = Times{
	RetryLeast: 50 * time.Millisecond, RetryMost: 200 * time.Millisecond, Stall: time.Second,
	UDPWait: 500 * time.Millisecond, Linger: 300 * time.Millisecond, Look: 600 * time.Millisecond,
}

// journal keeps what is logged.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if testing.Verbose() {
		os.Stderr.Write(b)
	}
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

type node struct {
	*Manager
	log *journal
}

func startNode(t testing.TB, list ...config.Camera) *node {
	t.Helper()
	return startNodeAt(t, quick, list...)
}

func startNodeAt(t testing.TB, times Times, list ...config.Camera) *node {
	t.Helper()
	n := &node{log: &journal{}}
	n.Manager = &Manager{
		SFU: &sfu.SFU{}, Times: times,
		Log: slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	n.Apply(list)
	t.Cleanup(func() {
		n.Close()
		if len(n.SFU.Rooms()) > 0 {
			t.Error("a room is left")
		}
	})
	return n
}

func settings(url string) config.Camera {
	return config.Camera{Section: "door", Enabled: true, Name: "Door", URL: url, Room: "lobby", Audio: true, Transport: config.TransportTCP}
}

// until waits for something.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// track waits for the camera's track of a kind.
func (n *node) track(t testing.TB, kind sfu.TrackKind) (found *sfu.Track) {
	t.Helper()
	until(t, fmt.Sprintf("a track of kind %d", kind), func() bool {
		found = n.now(kind)
		return found != nil
	})
	return found
}

// now is the camera's track of a kind, or nil.
func (n *node) now(kind sfu.TrackKind) *sfu.Track {
	r := n.SFU.Room("lobby")
	if r == nil {
		return nil
	}
	p := r.Participant("door")
	if p == nil {
		return nil
	}
	for _, t := range p.State().Tracks {
		if t.Kind == kind {
			return t
		}
	}
	return nil
}

func (n *node) state() State {
	list := n.States()
	if len(list) == 0 {
		return State{}
	}
	return list[0]
}

func (n *node) phase(t testing.TB, p Phase) {
	t.Helper()
	until(t, "phase "+string(p), func() bool { return n.state().Phase == p })
}

// viewer is somebody who watches or hears one layer.
type viewer struct {
	stream forward.Stream

	mu      sync.Mutex
	headers []rtp.Header
	packets [][]byte
}

func (v *viewer) SendRTP(h *rtp.Header, payload []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.headers = append(v.headers, h.Clone())
	v.packets = append(v.packets, bytes.Clone(payload))
	return nil
}

func (v *viewer) Flush() {}

func (v *viewer) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.packets)
}

// watch subscribes to a layer of a track.
func watch(t testing.TB, track *sfu.Track, layer int) *viewer {
	t.Helper()
	v := &viewer{}
	v.stream.Bind(forward.StreamConfig{Sender: v, SSRC: 1})
	v.stream.Play(track.Media, forward.PayloadTypes{Media: 100})
	v.stream.Aim(track.Media.Layers()[layer], 0, 0)
	t.Cleanup(v.leave)
	return v
}

func (v *viewer) leave() { v.stream.Stop() }

// stream gives what came as NAL units with start codes, and checks that it is
// in order.
func (v *viewer) pictures(t testing.TB, c nal.Codec) (annexB []byte, count int) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	d := nal.Depacketizer{Codec: c}
	times := map[uint32]bool{}
	for i, h := range v.headers {
		if len(v.packets[i]) > nal.MaxPayload {
			t.Errorf("a payload of %d bytes", len(v.packets[i]))
		}
		if i > 0 && (h.SequenceNumber != v.headers[i-1].SequenceNumber+1 || int32(h.Timestamp-v.headers[i-1].Timestamp) < 0) {
			t.Fatalf("number %d at %d follows %d at %d", h.SequenceNumber, h.Timestamp, v.headers[i-1].SequenceNumber, v.headers[i-1].Timestamp)
		}
		d.Push(h.SequenceNumber, h.Timestamp, h.Marker, v.packets[i], func(au *nal.AccessUnit) {
			if au.Broken || times[au.Timestamp] {
				t.Errorf("picture %d at %d: broken %t", count, au.Timestamp, au.Broken)
			}
			times[au.Timestamp] = true
			count++
			for _, u := range au.Units {
				annexB = append(append(annexB, 0, 0, 0, 1), u...)
			}
		})
	}
	return annexB, count
}

// decoded tells how many pictures ffmpeg makes of a stream without complaint.
func decoded(t testing.TB, codec string, annexB []byte) int {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg here")
	}
	cmd := exec.Command(path, "-v", "error", "-f", codec, "-i", "-", "-f", "framehash", "-")
	var problem bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(annexB), &problem
	out, err := cmd.Output()
	if err != nil || problem.Len() > 0 {
		t.Fatalf("ffmpeg: %v: %s", err, &problem)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

func TestPictureAndSound(t *testing.T) {
	for name, c := range map[string]struct {
		clip      string
		inBand    bool
		sound     format.Format
		transport config.Transport
		change    func(*testCamera)
		tls       bool

		came  string // transport
		codec string
		fmtp  string
		audio string
	}{
		"tcp": {
			clip: "main.h264", sound: pcma, transport: config.TransportTCP,
			came: "tcp", codec: "video/H264", fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640015", audio: "audio/PCMA",
		},
		"udp": {
			clip: "sub.h264", sound: pcmu, transport: config.TransportUDP,
			came: "udp", codec: "video/H264", fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d400c", audio: "audio/PCMU",
		},
		"auto, by UDP": {
			clip: "main.h264", sound: opus, transport: config.TransportAuto,
			came: "udp", codec: "video/H264", fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640015", audio: "audio/opus",
		},
		"auto, UDP refused": {
			clip: "main.h264", sound: aac, transport: config.TransportAuto, change: func(c *testCamera) { c.noUDP = true },
			came: "tcp", codec: "video/H264", fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640015", audio: "audio/G722",
		},
		"rtsps": {
			clip: "sub.h264", sound: pcma, transport: config.TransportAuto, tls: true, change: func(c *testCamera) { c.noUDP = true },
			came: "tcp", codec: "video/H264", fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d400c", audio: "audio/PCMA",
		},
		"parameter sets in band": {
			clip: "main.h264", inBand: true, sound: pcma, transport: config.TransportTCP,
			came: "tcp", codec: "video/H264", fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640015", audio: "audio/PCMA",
		},
		"H.265": {
			clip: "main.h265", sound: pcma, transport: config.TransportTCP,
			came: "tcp", codec: "video/H265", fmtp: "level-id=30;profile-id=1;tier-flag=0;tx-mode=SRST", audio: "audio/PCMA",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := startCamera(t, sceneOf(t, c.clip, c.inBand, c.sound), func(cam *testCamera) {
				if c.change != nil {
					c.change(cam)
				}
				if c.tls {
					cam.tls = selfSigned(t)
				}
			})
			cfg := settings(cam.url("stream"))
			cfg.Transport = c.transport
			n := startNode(t, cfg)
			video, audio := n.track(t, sfu.Video), n.track(t, sfu.Audio)
			if video.Codec.MimeType != c.codec || video.Codec.Fmtp != c.fmtp {
				t.Errorf("codec %+v", video.Codec)
			}
			if audio.Codec.MimeType != c.audio {
				t.Errorf("codec %+v", audio.Codec)
			}
			sees, hears := watch(t, video, 0), watch(t, audio, 0)
			until(t, "pictures and sound", func() bool { return sees.count() > 60 && hears.count() > 20 })
			n.phase(t, Live)
			if st := n.state().Streams[0]; st.Transport != c.came || st.Trouble != nil {
				t.Errorf("%+v", st)
			}
			sees.leave()
			kind, codec := "h264", nal.H264
			if c.codec == "video/H265" {
				kind, codec = "hevc", nal.H265
			}
			stream, count := sees.pictures(t, codec)
			if got := decoded(t, kind, stream); got != count {
				t.Errorf("%d pictures of %d can be decoded", got, count)
			}
			p := n.SFU.Room("lobby").Participant("door")
			if p.Kind != sfu.Camera || p.Name != "Door" || p.State().Quality != sfu.Good {
				t.Errorf("participant %+v", p)
			}
		})
	}
}

func TestPasswords(t *testing.T) {
	const secret = "s3cr%40et-hunter2"
	for name, methods := range map[string][]auth.VerifyMethod{
		"Basic": {auth.VerifyMethodBasic}, "Digest": {auth.VerifyMethodDigestMD5}, "Digest with SHA-256": {auth.VerifyMethodDigestSHA256},
	} {
		t.Run(name, func(t *testing.T) {
			cam := startCamera(t, sceneOf(t, "sub.h264", false), func(c *testCamera) {
				c.user, c.password, c.methods = "admin", "s3cr@et-hunter2", methods
			})
			cfg := settings(strings.Replace(cam.url("stream"), cam.password, secret, 1))
			n := startNode(t, cfg)
			n.track(t, sfu.Video)
			n.phase(t, Live)
			silent(t, n, "hunter2")
		})
	}
	t.Run("wrong", func(t *testing.T) {
		cam := startCamera(t, sceneOf(t, "sub.h264", false), func(c *testCamera) { c.user, c.password = "admin", "right" })
		n := startNode(t, settings(strings.Replace(cam.url("cam?user=admin&password=hunter2"), "right", "hunter2", 1)))
		n.phase(t, Down)
		if tr := n.state().Trouble; tr == nil || tr.Error() != "the camera refused the user name or password: check url" {
			t.Errorf("%v", tr)
		}
		if q := n.SFU.Room("lobby").Participant("door").State().Quality; q != sfu.Lost {
			t.Errorf("quality %d", q)
		}
		silent(t, n, "hunter2")
	})
	t.Run("missing", func(t *testing.T) {
		cam := startCamera(t, sceneOf(t, "sub.h264", false), func(c *testCamera) { c.user, c.password = "admin", "right" })
		n := startNode(t, settings(strings.Replace(cam.url("stream"), "admin:right@", "", 1)))
		n.phase(t, Down)
		if tr := n.state().Trouble; tr == nil || !strings.Contains(tr.Reason, "wants a user name and a password") {
			t.Errorf("%v", tr)
		}
	})
}

// silent fails if a secret was told anywhere.
func silent(t *testing.T, n *node, secret string) {
	t.Helper()
	if strings.Contains(n.log.String(), secret) {
		t.Errorf("the log tells the password:\n%s", n.log)
	}
	if s := fmt.Sprintf("%+v %v", n.States(), n.state().Trouble); strings.Contains(s, secret) {
		t.Errorf("the state tells the password: %s", s)
	}
}

func TestOnDemand(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false, pcma), nil)
	cfg := settings(cam.url("stream"))
	cfg.OnDemand = true
	n := startNode(t, cfg)
	video, audio := n.track(t, sfu.Video), n.track(t, sfu.Audio)
	n.phase(t, Idle)
	until(t, "no connection", func() bool { return cam.connections() == 0 })
	if cam.plays.Load() != 0 || cam.describe.Load() != 1 {
		t.Fatalf("%d DESCRIBE and %d PLAY before anybody watches", cam.describe.Load(), cam.plays.Load())
	}
	first := watch(t, video, 0)
	until(t, "pictures", func() bool { return first.count() > 10 })
	second := watch(t, audio, 0)
	until(t, "sound", func() bool { return second.count() > 10 })
	if cam.plays.Load() != 1 {
		t.Errorf("%d connections", cam.plays.Load())
	}
	first.leave()
	time.Sleep(2 * quick.Linger)
	if cam.playing.Load() != 1 {
		t.Error("it was let go while somebody listened")
	}
	second.leave()
	until(t, "no connection", func() bool { return cam.connections() == 0 })
	n.phase(t, Idle)
	if n.now(sfu.Video) != video || n.now(sfu.Audio) != audio {
		t.Error("the tracks are others now")
	}
	third := watch(t, video, 0)
	until(t, "pictures", func() bool { return third.count() > 10 })
}

func TestWarmCameraShowsAPictureAtOnce(t *testing.T) {
	s := sceneOf(t, "main.h264", false)
	// One keyframe, and then a very long group of pictures.
	track := &s.tracks[0]
	track.moments, track.step = track.moments[:20], track.step[:20]
	for len(track.moments) < 2000 {
		track.step = append(track.step, track.step[len(track.step)-1]+1800)
		track.moments = append(track.moments, track.moments[1+len(track.moments)%19])
	}
	cam := startCamera(t, s, nil)
	n := startNode(t, settings(cam.url("stream")))
	n.track(t, sfu.Video)
	n.phase(t, Live)
	time.Sleep(500 * time.Millisecond)
	v := watch(t, n.track(t, sfu.Video), 0)
	until(t, "the group of pictures", func() bool { return v.count() > 20 })
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.packets[0][0]&0x1f != 24 { // STAP-A of the parameter sets
		t.Errorf("it begins with %x", v.packets[0][:4])
	}
}

func TestGroupThatDoesNotFitIsTold(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false), nil)
	n := startNode(t)
	n.KeepGroup = 1000
	n.Apply([]config.Camera{settings(cam.url("stream"))})
	until(t, "a note", func() bool {
		s := n.state()
		return len(s.Streams) == 1 && slices.ContainsFunc(s.Streams[0].Notes, func(t *Trouble) bool {
			return t.Reason == "keyframes are too far apart for the picture to be there at once" && t.Advice == adviceGroup
		})
	})
}

func TestSubstream(t *testing.T) {
	main := startCamera(t, sceneOf(t, "main.h264", false, aac), nil)
	sub := startCamera(t, sceneOf(t, "sub.h264", false, pcma), nil)
	cfg := settings(main.url("main"))
	cfg.Substream, cfg.OnDemand = sub.url("sub"), true
	n := startNode(t, cfg)
	until(t, "two layers", func() bool {
		v := n.now(sfu.Video)
		return v != nil && len(v.Media.Layers()) == 2 && n.now(sfu.Audio) != nil
	})
	video, audio := n.now(sfu.Video), n.now(sfu.Audio)
	if !strings.Contains(video.Codec.Fmtp, "profile-level-id=64") {
		t.Errorf("codec %+v", video.Codec)
	}
	if audio.Codec.MimeType != "audio/PCMA" {
		t.Errorf("the sound is not the substream's: %+v", audio.Codec)
	}
	small := slices.IndexFunc(video.Media.Layers(), func(l *forward.Layer) bool { return l.RID() == "substream" })
	if s := video.Media.Layers()[small].Scale(); s.Width != 160 {
		t.Errorf("the substream is %d wide", s.Width)
	}
	v, a := watch(t, video, small), watch(t, audio, 0)
	until(t, "small pictures", func() bool { return v.count() > 20 && a.count() > 5 })
	if main.plays.Load() != 0 {
		t.Error("the main stream is connected for nobody")
	}
	v.stream.Aim(video.Media.Layers()[1-small], 0, 0)
	until(t, "large pictures", func() bool {
		st := v.stream.Stats(time.Now())
		return main.playing.Load() == 1 && st.RID == "url"
	})
	until(t, "the large picture", func() bool {
		return video.Media.Layers()[small].Subscribers() == 0
	})
	if main.setups.Load() != 1 {
		t.Errorf("%d media of the main stream were set up", main.setups.Load())
	}
	v.leave()
	a.leave()
	until(t, "no connections", func() bool { return main.connections()+sub.connections() == 0 })
}

func TestTwoCodecs(t *testing.T) {
	main := startCamera(t, sceneOf(t, "main.h265", false), nil)
	sub := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	cfg := settings(main.url("main"))
	cfg.Substream = sub.url("sub")
	n := startNode(t, cfg)
	until(t, "a note", func() bool {
		s := n.state().Streams
		return len(s) == 2 && slices.ContainsFunc(s[0].Notes, func(t *Trouble) bool {
			return t.Reason == "this stream is H.265 and the other one H.264: only the other one is shown"
		})
	})
	until(t, "H.264", func() bool {
		v := n.now(sfu.Video)
		return v != nil && v.Codec.MimeType == "video/H264" && len(v.Media.Layers()) == 1
	})
}

func TestRestart(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false, pcma), nil)
	n := startNode(t, settings(cam.url("stream")))
	video := n.track(t, sfu.Video)
	v := watch(t, video, 0)
	until(t, "pictures", func() bool { return v.count() > 30 })
	cam.kill()
	n.phase(t, Down)
	if tr := n.state().Trouble; tr.Reason != "nothing listens at the camera's address" && tr.Reason != errHungUp.Reason {
		t.Errorf("%v", tr)
	}
	if n.now(sfu.Video) != video {
		t.Error("the track is gone")
	}
	before := v.count()
	cam.start(sceneOf(t, "main.h264", false, pcma))
	n.phase(t, Live)
	until(t, "pictures again", func() bool { return v.count() > before+60 })
	if n.now(sfu.Video) != video {
		t.Error("the track is another one")
	}
	v.leave()
	stream, count := v.pictures(t, nal.H264)
	if got := decoded(t, "h264", stream); got != count {
		t.Errorf("%d pictures of %d can be decoded", got, count)
	}
}

func TestChanges(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false, pcma), nil)
	n := startNode(t, settings(cam.url("stream")))
	video, audio := n.track(t, sfu.Video), n.track(t, sfu.Audio)
	next := func(s *scene) {
		cam.kill()
		cam.start(s)
	}
	// Another resolution and profile.
	next(sceneOf(t, "sub.h264", false, pcma))
	until(t, "another track", func() bool { v := n.now(sfu.Video); return v != nil && v != video })
	if n.now(sfu.Audio) != audio {
		t.Error("the sound is another track")
	}
	video = n.now(sfu.Video)
	if !strings.HasSuffix(video.Codec.Fmtp, "4d400c") {
		t.Errorf("codec %+v", video.Codec)
	}
	// Another codec, and other sound.
	next(sceneOf(t, "main.h265", false, opus))
	until(t, "H.265 and Opus", func() bool {
		v, a := n.now(sfu.Video), n.now(sfu.Audio)
		return v != nil && v.Codec.MimeType == "video/H265" && a != nil && a.Codec.MimeType == "audio/opus"
	})
	v := watch(t, n.now(sfu.Video), 0)
	until(t, "pictures", func() bool { return v.count() > 10 })
	// A codec that nobody plays.
	s := &scene{}
	*s = *sceneOf(t, "", false, opus)
	s.desc.Medias = append(s.desc.Medias, mjpegMedia())
	next(s)
	until(t, "no picture", func() bool { return n.now(sfu.Video) == nil && n.now(sfu.Audio) != nil })
	until(t, "a note", func() bool {
		return slices.ContainsFunc(n.state().Streams[0].Notes, func(t *Trouble) bool { return strings.Contains(t.Reason, "MJPEG") })
	})
	// And back.
	next(sceneOf(t, "main.h264", false, opus))
	n.track(t, sfu.Video)
}

func TestResolutionChangesWithinTheStream(t *testing.T) {
	s := sceneOf(t, "main.h264", false)
	other := sceneOf(t, "sub.h264", true)
	track := &s.tracks[0]
	for i, m := range other.tracks[0].moments {
		track.moments = append(track.moments, m)
		track.step = append(track.step, track.round+other.tracks[0].step[i])
	}
	track.round *= 2
	cam := startCamera(t, s, nil)
	n := startNode(t, settings(cam.url("stream")))
	seen := map[string]bool{}
	until(t, "both resolutions", func() bool {
		if v := n.now(sfu.Video); v != nil {
			seen[v.Codec.Fmtp] = true
		}
		return len(seen) == 2
	})
	if cam.plays.Load() != 1 {
		t.Errorf("%d connections", cam.plays.Load())
	}
}

func TestGarbage(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false, aac), nil)
	quiet := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	other := settings(quiet.url("stream"))
	other.Section, other.Name = "gate", "Gate"
	n := startNode(t, settings(cam.url("stream")), other)
	v := watch(t, n.track(t, sfu.Video), 0)
	until(t, "pictures", func() bool { return v.count() > 20 })
	cam.garble.Store(true)
	time.Sleep(time.Second)
	cam.garble.Store(false)
	before := v.count()
	until(t, "pictures again", func() bool { return v.count() > before+100 })
	for _, s := range n.States() {
		if s.Section == "gate" && (s.Phase != Live || len(s.Streams[0].Notes) > 0) {
			t.Errorf("the other camera: %+v", s)
		}
	}
	if quiet.plays.Load() != 1 {
		t.Error("the other camera was connected again")
	}
}

func TestStall(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false, pcma), nil)
	n := startNode(t, settings(cam.url("stream")))
	n.phase(t, Live)
	cam.paused.Store(true)
	n.phase(t, Down)
	if tr := n.state().Trouble; tr.Reason != errStalled.Reason && tr.Reason != errNothing.Reason {
		t.Errorf("%v", tr)
	}
	cam.paused.Store(false)
	n.phase(t, Live)
	if cam.plays.Load() < 2 {
		t.Error("it was not dialled again")
	}
}

func TestUDPThatIsHeldBack(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false), nil)
	cfg := settings(cam.url("stream"))
	cfg.Transport = config.TransportUDP
	cam.paused.Store(true)
	n := startNode(t, cfg)
	n.phase(t, Down)
	if tr := n.state().Trouble; *tr != *errSilent {
		t.Errorf("%v", tr)
	}
	cam.paused.Store(false)
	n.phase(t, Live)
}

// TestSilentUDP waits longer than the RTSP library would.
func TestSilentUDP(t *testing.T) {
	times := Times{UDPWait: 3500 * time.Millisecond}
	for _, on := range []string{"all the time", "on demand"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			cam := startCamera(t, sceneOf(t, "main.h264", false), func(c *testCamera) { c.holdUDP = true })
			cfg := settings(cam.url("stream"))
			cfg.Transport, cfg.OnDemand = config.TransportAuto, on == "on demand"
			n := startNodeAt(t, times, cfg)
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "pictures by TCP", func() bool { return v.count() > 10 })
			n.phase(t, Live)
			if s := n.state().Streams[0]; s.Transport != "tcp" {
				t.Errorf("%+v", s)
			}
			if strings.Contains(n.log.String(), errStalled.Reason) || !strings.Contains(n.log.String(), errSilent.Reason) {
				t.Errorf("the log has other words:\n%s", n.log)
			}
		})
	}
	t.Run("probe", func(t *testing.T) {
		t.Parallel()
		cam := startCamera(t, sceneOf(t, "main.h264", false), func(c *testCamera) { c.holdUDP = true })
		r := (&Probe{URL: cam.url("stream"), Times: times}).Run(t.Context())
		if r.Transport != "tcp" || !r.Plays || r.UDPTrouble == nil || *r.UDPTrouble != *errSilent {
			t.Errorf("%+v", r)
		}
	})
}

// A camera that had to send by TCP may send by UDP only the next day.
func TestTransportIsTriedAnew(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false), func(c *testCamera) { c.noUDP = true })
	cfg := settings(cam.url("stream"))
	cfg.Transport = config.TransportAuto
	n := startNode(t, cfg)
	by := func(transport string) func() bool {
		return func() bool { return n.state().Streams[0].Transport == transport }
	}
	until(t, "TCP", by("tcp"))
	cam.kill()
	cam.noUDP, cam.noTCP = false, true
	cam.start(sceneOf(t, "main.h264", false))
	until(t, "UDP", by("udp"))
}

func TestSoundOfTheOtherStream(t *testing.T) {
	main := startCamera(t, sceneOf(t, "main.h264", false, pcmu), nil)
	sub := startCamera(t, sceneOf(t, "sub.h264", false, pcma), nil)
	cfg := settings(main.url("main"))
	cfg.Substream = sub.url("sub")
	n := startNode(t, cfg)
	plays := func(mime string) func() bool {
		return func() bool { a := n.now(sfu.Audio); return a != nil && a.Codec.MimeType == mime }
	}
	until(t, "the small stream's sound", plays("audio/PCMA"))
	sub.kill()
	until(t, "the large stream's sound", plays("audio/PCMU"))
	v := watch(t, n.now(sfu.Audio), 0)
	until(t, "sound", func() bool { return v.count() > 20 })
	sub.start(sceneOf(t, "sub.h264", false, pcma))
	until(t, "the small stream", func() bool { return n.state().Streams[1].Phase == Live })
	if !plays("audio/PCMU")() {
		t.Error("the sound was changed without need")
	}
	main.kill()
	until(t, "the small stream's sound again", plays("audio/PCMA"))
}

func TestSilentTCP(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "main.h264", false), nil)
	cam.paused.Store(true)
	n := startNodeAt(t, Times{Stall: 200 * time.Millisecond, RetryLeast: time.Hour, RetryMost: time.Hour}, settings(cam.url("stream")))
	n.phase(t, Down)
	if tr := n.state().Trouble; *tr != *errNothing {
		t.Errorf("%v", tr)
	}
}

func TestBFrames(t *testing.T) {
	for clip, words := range map[string]string{
		"bframes.h264": "the camera sends B-frames, which browsers cannot show: they are left out",
		"pyramid.h264": "the camera sends B-frames that other pictures need, so that only keyframes can be shown",
	} {
		t.Run(clip, func(t *testing.T) {
			t.Parallel()
			s := sceneOf(t, clip, false)
			cam := startCamera(t, s, nil)
			n := startNode(t, settings(cam.url("stream")))
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "a note", func() bool {
				notes := n.state().Streams[0].Notes
				return len(notes) == 1 && notes[0].Reason == words && notes[0].Advice == adviceBFrames
			})
			until(t, "pictures", func() bool { return v.count() > 4 })
			v.leave()
			v.pictures(t, nal.H264)
		})
	}
}

func TestApplyTouchesOnlyWhatDiffers(t *testing.T) {
	a := startCamera(t, sceneOf(t, "main.h264", false), nil)
	b := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	first, second := settings(a.url("stream")), settings(b.url("stream"))
	second.Section, second.Name = "gate", "Gate"
	n := startNode(t, first, second)
	both := func() bool {
		list := n.States()
		return len(list) == 2 && list[0].Phase == Live && list[1].Phase == Live
	}
	until(t, "both", both)
	second.Name = "Back gate"
	n.Apply([]config.Camera{first, second})
	until(t, "both", both)
	if p := n.SFU.Room("lobby").Participant("gate"); p == nil || p.Name != "Back gate" {
		t.Errorf("participant %+v", p)
	}
	if a.plays.Load() != 1 || b.plays.Load() != 2 {
		t.Errorf("%d and %d connections", a.plays.Load(), b.plays.Load())
	}
	second.Enabled = false
	n.Apply([]config.Camera{first, second})
	if len(n.States()) != 1 || n.SFU.Room("lobby").Participant("gate") != nil {
		t.Error("the camera that is not enabled is still there")
	}
}

func TestRoomWithoutPlace(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	n := startNode(t)
	n.SFU.SetLimit(func(string) int { return 1 })
	p, err := n.SFU.Join(sfu.Entry{Room: "lobby", Name: "Ann", Kind: sfu.Person})
	if err != nil {
		t.Fatal(err)
	}
	n.Apply([]config.Camera{settings(cam.url("stream"))})
	n.phase(t, Down)
	if tr := n.state().Trouble; tr.Reason != "the camera's room is full" {
		t.Errorf("%v", tr)
	}
	p.Leave()
	n.phase(t, Live)
}

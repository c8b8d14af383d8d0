package openwrt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"umbrella/test/peer"
)

// streamTime is what a daemon has to come up and to carry a stream. Emulated, it
// is some ten times slower than it would be.
const streamTime = 60 * time.Second

// testStream publishes by WHIP to a daemon that it starts by the command, and
// watches by WHEP.
func testStream(t *testing.T, command []string) {
	ctx, cancel := context.WithTimeout(t.Context(), streamTime)
	defer cancel()
	address := startDaemon(ctx, t, command)

	published := connect(ctx, t, address+"/whip/door?name=camera", func(pc *webrtc.PeerConnection) {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "camera")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pc.AddTrack(track); err != nil {
			t.Fatal(err)
		}
		var sending sync.WaitGroup
		sending.Go(func() { publish(ctx, track) })
		t.Cleanup(sending.Wait)
	})
	var got received
	watched := connect(ctx, t, address+"/whep/door/camera", func(pc *webrtc.PeerConnection) {
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
		pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { got.read(track) })
	})
	for got.packets.Load() < 200 {
		select {
		case <-ctx.Done():
			t.Fatalf("after %v, %d packets were received; the publisher is %v, who watches is %v", streamTime, got.packets.Load(),
				published.ConnectionState(), watched.ConnectionState())
		case <-time.After(50 * time.Millisecond):
		}
	}
	if n := got.wrong.Load(); n > 0 {
		t.Errorf("%d of %d packets are not what was sent", n, got.packets.Load())
	}
	cancel() // Ends the publisher.
}

// payload of the packet with a number: VP8 of one packet a picture, each of them a
// keyframe, and more than one datagram's worth together.
func payload(number uint32) []byte {
	p := append([]byte{0x10, 0x00}, binary.BigEndian.AppendUint32(nil, number)...)
	return append(p, bytes.Repeat([]byte{byte(number)}, int(number*37%1100))...)
}

func publish(ctx context.Context, track *webrtc.TrackLocalStaticRTP) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for number := uint32(1); ; number++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Fails once the connection is closed, which the end of ctx tells too.
		_ = track.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(number), Timestamp: number * 1800, Marker: true},
			Payload: payload(number),
		})
	}
}

// received is what came.
type received struct{ packets, wrong atomic.Uint64 }

// read counts packets, and those that are not as they were sent, until the track
// ends.
func (r *received) read(track *webrtc.TrackRemote) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) == 0 {
			continue // padding
		}
		r.packets.Add(1)
		if len(p.Payload) < 6 || !bytes.Equal(p.Payload, payload(binary.BigEndian.Uint32(p.Payload[2:]))) {
			r.wrong.Add(1)
		}
	}
}

// connect makes a connection as WHIP and WHEP do, and asks again while there is
// nobody to watch yet.
func connect(ctx context.Context, t *testing.T, url string, prepare func(*webrtc.PeerConnection)) *webrtc.PeerConnection {
	t.Helper()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	prepare(pc)
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(pc.LocalDescription().SDP))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/sdp")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusNotFound {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s: %s", url, resp.Status, answer)
		}
		if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
			t.Fatal(err)
		}
		return pc
	}
}

// startDaemon starts the command on ports that are free and returns its address
// once it runs. It is stopped at the end, as procd does it.
func startDaemon(ctx context.Context, t *testing.T, command []string) string {
	t.Helper()
	web, media := peer.FreePort(t), peer.FreePort(t)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "UMBRELLA_TLS=off", fmt.Sprintf("UMBRELLA_LISTEN=127.0.0.1:%d", web),
		fmt.Sprintf("UMBRELLA_MEDIA_PORT=%d", media), "UMBRELLA_STATE_DIR="+t.TempDir())
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := make(chan struct{})
	var reading sync.WaitGroup
	var said []string
	reading.Go(func() {
		once := sync.OnceFunc(func() { close(running) })
		for s := bufio.NewScanner(r); s.Scan(); {
			said = append(said, s.Text())
			if strings.HasPrefix(s.Text(), "Umbrella ") {
				once()
			}
		}
	})
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = w.Close()
		reading.Wait()
		ended <- err
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the daemon ended with %v", err)
			}
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("the daemon did not stop: %v", <-ended)
		}
		if t.Failed() {
			t.Logf("the daemon said:\n%s", strings.Join(said, "\n"))
		}
	})
	select {
	case <-running:
	case <-ctx.Done():
		t.Fatal("the daemon did not start in time")
	}
	return fmt.Sprintf("http://127.0.0.1:%d", web)
}

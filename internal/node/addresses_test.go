package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/config"
	"umbrella/test/peer"
)

// player watches by WHEP, and counts what comes.
type player struct {
	status  int
	answer  string
	packets atomic.Int64
}

// play posts an offer to /whep/PATH.
func play(t *testing.T, cfg *config.Config, path string) *player {
	t.Helper()
	p := &player{}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			p.packets.Add(1)
		}
	})
	o, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	r, err := client.Post("https://"+cfg.Main.Listen+"/whep/"+path, "application/sdp", bytes.NewReader([]byte(o.SDP)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if p.status, p.answer = r.StatusCode, string(b); p.status == http.StatusCreated {
		if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: p.answer}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 30 s: ", what)
		}
	}
}

// Three nodes in a chain. What is at the far end is watched, and asked for a picture, by
// its name at the near one, crosses once for all who watch, and goes on after the far node
// has restarted, by the same address. Who is at the near node comes first.
func TestAddressesOfOtherNodes(t *testing.T) {
	const secret = "a-secret-of-all-these-nodes"
	accepting := "config backhaul 'in'\n\toption secret '" + secret + "'\n"
	dialling := func(to *config.Config) string {
		return fmt.Sprintf("config backhaul 'up'\n\toption url 'wss://%s/wsb'\n\toption ca '%s'\n\toption secret '%s'\n",
			to.Main.Listen, filepath.Join(to.Main.StateDir, "ca.crt"), secret)
	}
	camera := func(section, name string) string {
		return fmt.Sprintf("config camera '%s'\n\toption room 'den'\n\toption name '%s'\n\toption url 'rtsp://127.0.0.1:%d/x'\n", section, name, peer.FreePort(t))
	}
	near := settings(t, accepting+camera("door", "Front door"))
	first := startNode(t, near)
	middle := settings(t, accepting+dialling(near))
	startNode(t, middle)
	far := settings(t, dialling(middle)+camera("door", "Back door")+camera("gate", "Hof 門"))
	n := &Node{Stderr: io.Discard, Log: slog.New(slog.DiscardHandler)} // closed below
	if err := n.Start(far); err != nil {
		t.Fatal(err)
	}
	ada := join(t, far, &peer.Peer{Room: "den", Name: "Zoë K."})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go ada.Play(ctx, 20*time.Millisecond)

	seen := func(name string) func() bool {
		return func() bool {
			r := first.sfu.Room("den")
			return r != nil && r.Find(name) != nil && r.Find(name).Origin != ""
		}
	}
	until(t, "the far node's participants are seen", func() bool { return seen("Zoë K.")() && seen("gate")() })
	far1 := n.trunks.ID()
	players := []*player{play(t, near, "den/Zo%C3%AB%20K."), play(t, near, "den/Zo%C3%AB%20K.@"+far1)}
	more := func(of ...*player) func() bool {
		was := make([]int64, len(of))
		for i, p := range of {
			if p.status != http.StatusCreated {
				t.Fatalf("%d %s", p.status, p.answer)
			}
			was[i] = p.packets.Load()
		}
		return func() bool {
			for i, p := range of {
				if p.packets.Load() < was[i]+20 {
					return false
				}
			}
			return true
		}
	}
	until(t, "both players get media", more(players...))
	for _, trunk := range first.status().Trunks {
		if got := trunk.Links[0].ReceivedStreams; got != 2 {
			t.Errorf("%d streams cross for two players, not one of sound and one of pictures", got)
		}
	}
	picture := func(name string, status int, words string) {
		t.Helper()
		if code, body := get(t, "https://"+near.Main.Listen+"/snapshot/"+name+".jpg"); code != status || !strings.Contains(body, words) {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	// No camera of this test gives a picture: each is asked, and says why not.
	const why = "not a private or link-local address"
	host := n.trunks.Name
	picture("door", http.StatusBadGateway, why)
	if _, body := get(t, "https://"+near.Main.Listen+"/snapshot/door.jpg"); strings.Contains(body, host+": ") {
		t.Errorf("the local camera does not come first: %s", body)
	}
	for _, name := range []string{"door@" + far1, "gate", "Hof%20%E9%96%80", "Back%20door", "gate@" + host} {
		picture(name, http.StatusBadGateway, host+": "+host+": ")
		picture(name, http.StatusBadGateway, why)
	}
	picture("nothing", http.StatusNotFound, "no such camera")
	picture("gate@nowhere", http.StatusNotFound, "no such camera")
	if p := play(t, near, "den/nobody"); p.status != http.StatusNotFound {
		t.Errorf("%d %s", p.status, p.answer)
	}

	// The far node restarts: its ids are others.
	stop()
	ada.Close()
	if err := n.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	until(t, "they are gone", func() bool { return !seen("Zoë K.")() && !seen("gate")() })
	n = startNode(t, far)
	again := join(t, far, &peer.Peer{Room: "den", Name: "Zoë K."})
	go again.Play(t.Context(), 20*time.Millisecond)
	until(t, "they are seen again", func() bool { return seen("Zoë K.")() && seen("gate")() })
	if n.trunks.ID() == far1 {
		t.Fatal("the node has the same id: this tests nothing")
	}
	players[1] = play(t, near, "den/Zo%C3%AB%20K.")
	until(t, "the player that was there and a new one get media", more(players...))
	picture("gate", http.StatusBadGateway, why)
	picture("door@"+far1, http.StatusNotFound, "no such camera")
}

package whip_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"umbrella/internal/forward"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Fragments that programs trickle, and those that restart ICE.
func TestTrickleOfPrograms(t *testing.T) {
	n := startNode(t)
	p := n.publish(t, "/whip/studio?name=obs")
	sdp := p.pc.LocalDescription().SDP
	ufrag, pwd := rtc.Attribute(sdp, "ice-ufrag"), rtc.Attribute(sdp, "ice-pwd")
	credentials := "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + pwd + "\r\n"
	candidate := "m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 UDP 2130706431 192.168.1.50 50000 typ host\r\n"
	others := "a=ice-ufrag:other\r\na=ice-pwd:" + strings.Repeat("p", 22) + "\r\n"
	for _, c := range []struct {
		name, body string
		match      []string
		want       int
	}{
		{"MediaMTX's page scripts: a star", credentials + candidate, []string{"*"}, 204},
		{"react-native-whip-whep: no If-Match", credentials + candidate, nil, 204},
		{"no If-Match, no credentials", candidate, nil, 204},
		{"a star, no credentials", candidate, []string{"*"}, 204},
		{"the ETag", credentials + candidate, []string{p.etag}, 204},
		{"a list", credentials + candidate, []string{`"x", ` + p.etag}, 204},
		{"a weak ETag: nginx with gzip", credentials + candidate, []string{"W/" + p.etag}, 204},
		{"another ETag", credentials + candidate, []string{`"x"`}, 412},
		{"a list of others", credentials + candidate, []string{`"x", "y"`}, 412},
		{"other credentials, no If-Match", others + candidate, nil, 428},
		{"other credentials that are none", "a=ice-ufrag:x\r\na=ice-pwd:y\r\n", []string{"*"}, 400},
		{"a restart", others, []string{"*"}, 200},
		{"the old ETag after that", others + candidate, []string{p.etag}, 412},
		{"trickle after that", others + candidate, []string{"*"}, 204},
	} {
		var header []string
		for _, m := range c.match {
			header = append(header, "If-Match", m)
		}
		resp, body := n.do(t, "PATCH", p.location, "application/trickle-ice-sdpfrag", c.body, header...)
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d: %s", c.name, resp.Status, c.want, body)
		}
	}
}

// deaf is a socket that says nothing any more, like that of a program that was killed.
type deaf struct {
	*net.UDPConn
	dead atomic.Bool
}

func (d *deaf) WriteTo(b []byte, to net.Addr) (int, error) {
	if d.dead.Load() {
		return len(b), nil
	}
	return d.UDPConn.WriteTo(b, to)
}

// A publisher that was killed is replaced by the first one that comes under its name,
// and one that lives is not.
func TestKilledPublisherIsReplaced(t *testing.T) {
	n := startNode(t)
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	conn := &deaf{UDPConn: udp}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn})
	s := webrtc.SettingEngine{}
	s.SetICEUDPMux(mux)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	t.Cleanup(func() { _ = mux.Close() })
	n.publishOn(t, newConnectionWith(t, s), "/whip/studio?name=obs")
	p := n.play(t, "/whep/studio")
	p.more(t, "it plays")
	again := newConnection(t)
	if _, err := again.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	if resp, _ := n.do(t, "POST", "/whip/studio?name=obs", "application/sdp", offer(t, again, false)); resp.StatusCode != http.StatusConflict {
		t.Errorf("beside one that lives: %s", resp.Status)
	}
	conn.dead.Store(true)
	n.publish(t, "/whip/studio?name=obs")
	p.more(t, "it plays again")
	// One that never sent anything is replaced as well.
	for range 2 {
		pc := newConnection(t)
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
		if resp, body := n.do(t, "POST", "/whip/studio?name=new", "application/sdp", offer(t, pc, false)); resp.StatusCode != http.StatusCreated {
			t.Errorf("after one that never came: %s %s", resp.Status, body)
		}
	}
}

// Clients learn of the relay where there is one (RFC 9725 §4.6).
func TestICEServersOfAnAnswer(t *testing.T) {
	n := startNode(t)
	if p := n.post(t); len(p.Header.Values("Link")) != 0 {
		t.Errorf("without a relay: %v", p.Header)
	}
	n.ice = []*umbrellav1.IceServer{{Urls: []string{"turns:call.example.org:443?transport=tcp"}, Username: "1:a", Credential: "b+/="}}
	want := `<turns:call.example.org:443?transport=tcp>; rel="ice-server"; username="1:a"; credential="b+/="; credential-type="password"`
	if got := n.post(t).Header.Get("Link"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// post offers to watch.
func (n *node) post(t *testing.T) *http.Response {
	t.Helper()
	pc := newConnection(t)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	resp, body := n.do(t, "POST", "/whep/studio", "application/sdp", offer(t, pc, false))
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	return resp
}

// OBS sends a keyframe every 10 s and none when it is asked: a player that comes in
// between has the picture at once.
func TestPlayerOfAPublisherThatIgnoresPLI(t *testing.T) {
	n := startNode(t)
	n.deaf.Store(true)
	n.publish(t, "/whip/studio?name=obs")
	var media *forward.Source
	eventually(t, "the keyframe is more than a second old", func() bool {
		if p := n.sfu.Room("studio").Participant(sfu.StreamID("obs")); media == nil && p != nil && len(p.State().Tracks) == 1 {
			media = p.State().Tracks[0].Media
		}
		return media != nil && len(media.Layers()) == 1 && media.Layers()[0].Stats(time.Now()).Packets > 170
	})
	for range 2 {
		n.play(t, "/whep/studio/obs").more(t, "it plays")
	}
}

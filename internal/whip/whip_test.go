package whip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"umbrella/internal/access"
	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	"umbrella/internal/whip"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type node struct {
	sfu  *sfu.SFU
	url  string
	full atomic.Bool // no client may restart ICE
	ice  []*umbrellav1.IceServer
	deaf atomic.Bool // publishers send one keyframe and no other, whatever they are asked
}

var errNo = errors.New("wrong password")

func startNode(t *testing.T) *node {
	t.Helper()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	n := &node{sfu: &sfu.SFU{}}
	engine := &rtc.Engine{Log: log}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	s := &whip.Server{
		SFU: n.sfu, Engine: func() *rtc.Engine { return engine }, Log: log,
		AllowOrigin: func(origin string) bool { return origin == "https://player.example.org" },
		Admit: func(r *http.Request, room string, c access.Credentials) (access.Grant, error) {
			switch {
			case room == "locked" && c.Password != "sesame":
				return access.Grant{}, errNo
			case room == "viewers":
				return access.Grant{Subscribe: true}, nil
			case c.Password == "Ada":
				return access.Grant{Publish: true, Subscribe: true, Name: "Ada"}, nil
			}
			if room == "admins" && r.Header.Get("Cookie") == "" {
				return access.Grant{}, errNo
			}
			return access.Grant{Publish: true, Subscribe: true, Proven: room == "locked"}, nil
		},
		IceServers: func(*http.Request) []*umbrellav1.IceServer { return n.ice },
		Offer: func(netip.Prefix) error {
			if n.full.Load() {
				return &access.TryLaterError{What: "no", After: 7 * time.Second}
			}
			return nil
		},
		Status: func(err error) int {
			if errors.Is(err, access.ErrNotAllowed) {
				return http.StatusForbidden
			}
			return http.StatusUnauthorized
		},
		Address: func(r *http.Request) string { return r.RemoteAddr },
		CheckOrigin: func(r *http.Request) error {
			if r.Header.Get("Origin") != "" {
				return errors.New("another site")
			}
			return nil
		},
	}
	s.Start()
	web := httptest.NewServer(http.StripPrefix("/umbrella", s))
	n.url = web.URL + "/umbrella"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		for _, err := range []error{s.Close(ctx), n.sfu.Close(ctx), engine.Close(ctx)} {
			if err != nil {
				t.Error(err)
			}
		}
		web.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return n
}

func (n *node) do(t *testing.T, method, path, kind, body string, header ...string) (*http.Response, string) {
	t.Helper()
	url := n.url + path
	if strings.HasPrefix(path, "/umbrella") {
		url = strings.TrimSuffix(n.url, "/umbrella") + path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func newConnection(t *testing.T, networks ...webrtc.NetworkType) *webrtc.PeerConnection {
	t.Helper()
	s := webrtc.SettingEngine{}
	if networks != nil {
		s.SetNetworkTypes(networks)
	}
	return newConnectionWith(t, s)
}

func newConnectionWith(t *testing.T, s webrtc.SettingEngine) *webrtc.PeerConnection {
	t.Helper()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	s.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return pc
}

func offer(t *testing.T, pc *webrtc.PeerConnection, restart bool) string {
	t.Helper()
	o, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	return o.SDP
}

// publisher publishes VP8 until the test ends.
type publisher struct {
	pc       *webrtc.PeerConnection
	location string
	etag     string
}

func (n *node) publish(t *testing.T, path string, header ...string) *publisher {
	t.Helper()
	return n.publishOn(t, newConnection(t), path, header...)
}

func (n *node) publishOn(t *testing.T, pc *webrtc.PeerConnection, path string, header ...string) *publisher {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "v", "s")
	if err != nil {
		t.Fatal(err)
	}
	sender, err := pc.AddTrack(track)
	if err != nil {
		t.Fatal(err)
	}
	resp, body := n.do(t, "POST", path, "application/sdp", offer(t, pc, false), header...)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s: %s", path, resp.Status, body)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}); err != nil {
		t.Fatal(err)
	}
	var key atomic.Bool
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if _, ok := p.(*rtcp.PictureLossIndication); ok {
					key.Store(true)
				}
			}
		}
	}()
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		connected := 0 // packets since
		for seq := uint16(0); ; seq++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			b := byte(1)
			if pc.ConnectionState() == webrtc.PeerConnectionStateConnected {
				connected++
			}
			if key.Swap(false) && !n.deaf.Load() || connected == 30 {
				b = 0
			}
			_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq,
				Timestamp: uint32(seq) * 900, Marker: true}, Payload: []byte{0x10, b, 1, 2, 3}})
		}
	}()
	t.Cleanup(func() { close(stop); <-ended })
	return &publisher{pc, resp.Header.Get("Location"), resp.Header.Get("ETag")}
}

// player counts what comes.
type player struct {
	pc       *webrtc.PeerConnection
	packets  atomic.Uint64
	location string
	etag     string
}

func (n *node) play(t *testing.T, path string, networks ...webrtc.NetworkType) *player {
	t.Helper()
	p := &player{pc: newConnection(t, networks...)}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if _, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		buf := make([]byte, 1500)
		for {
			if _, _, err := track.Read(buf); err != nil {
				return
			}
			p.packets.Add(1)
		}
	})
	resp, body := n.do(t, "POST", path, "application/sdp", offer(t, p.pc, false))
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s: %s", path, resp.Status, body)
	}
	p.location, p.etag = resp.Header.Get("Location"), resp.Header.Get("ETag")
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}); err != nil {
		t.Fatal(err)
	}
	return p
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatal("not so in 20 s: " + what)
}

func (p *player) more(t *testing.T, what string) {
	t.Helper()
	was := p.packets.Load()
	eventually(t, what, func() bool { return p.packets.Load() > was+20 })
}

func TestPublishAndPlay(t *testing.T) {
	n := startNode(t)
	early := n.play(t, "/whep/studio") // before anyone publishes
	pub := n.publish(t, "/whip/studio?name=obs")
	early.more(t, "the room plays for one who was there before")
	one := n.play(t, "/whep/studio/obs")
	one.more(t, "one participant plays")

	resp, _ := n.do(t, "POST", "/whep/studio/nobody", "application/sdp", offer(t, newConnection(t), false))
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("nobody: %s", resp.Status)
	}
	pc := newConnection(t)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
		t.Fatal(err)
	}
	resp, _ = n.do(t, "POST", "/whip/studio?name=obs", "application/sdp", offer(t, pc, false))
	if resp.StatusCode != http.StatusConflict {
		t.Errorf("a name that is taken: %s", resp.Status)
	}

	// Trickle is taken, for the present ICE session only.
	const frag = "application/trickle-ice-sdpfrag"
	for match, want := range map[string]int{"": 428, `"x"`: 412, one.etag: 204} {
		resp, body := n.do(t, "PATCH", one.location, frag, "a=ice-ufrag:x\r\na=candidate:1 1 udp 1 198.51.100.1 9 typ host\r\n", "If-Match", match)
		if resp.StatusCode != want {
			t.Errorf("PATCH with If-Match %s: %s %s, want %d", match, resp.Status, body, want)
		}
	}
	for _, path := range []string{pub.location, early.location, one.location} {
		if resp, _ := n.do(t, "DELETE", path, "", ""); resp.StatusCode != http.StatusOK {
			t.Errorf("DELETE: %s", resp.Status)
		}
	}
	eventually(t, "the room closes behind them", func() bool { return len(n.sfu.Rooms()) == 0 })
	if resp, _ := n.do(t, "DELETE", pub.location, "", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("DELETE again: %s", resp.Status)
	}
}

// A name keeps neither a camera nor somebody of another node out of the room, whoever
// comes first, and each is found by its own.
func TestNamesTakeNobodysID(t *testing.T) {
	n := startNode(t)
	const node = "0123456789abcdef"
	enter := func(e sfu.Entry) {
		t.Helper()
		e.Room, e.Name = "studio", "x"
		p, err := n.sfu.Join(e)
		if err != nil {
			t.Fatalf("%s: %v", e.ID, err)
		}
		t.Cleanup(p.Leave)
	}
	enter(sfu.Entry{ID: "gate", Kind: sfu.Camera})
	for _, name := range []string{"door", "gate", "1." + node, "1-" + node, "obs"} {
		n.publish(t, "/whip/studio?name="+name)
	}
	enter(sfu.Entry{ID: "door", Kind: sfu.Camera})
	enter(sfu.Entry{ID: sfu.RemoteID("1", node), Origin: node, Kind: sfu.Person})
	enter(sfu.Entry{ID: sfu.RemoteID(sfu.StreamID("obs"), node), Origin: node, Kind: sfu.Stream})
	for _, path := range []string{"obs", "whip-obs", "whip-gate", "1." + node, "whip-obs@" + node} {
		pc := newConnection(t)
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
		if resp, body := n.do(t, "POST", "/whep/studio/"+path, "application/sdp", offer(t, pc, false)); resp.StatusCode != http.StatusCreated {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	for _, name := range []string{"a@" + node, "a/b", "a%0Ab"} {
		pc := newConnection(t)
		if resp, _ := n.do(t, "POST", "/whip/studio?name="+name, "application/sdp", offer(t, pc, false)); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

// The name of an invitation is that of whoever brings it, whatever the request says.
func TestNames(t *testing.T) {
	n := startNode(t)
	names := func() (list []string) {
		for _, p := range n.sfu.Room("studio").Participants() {
			list = append(list, p.Name)
		}
		return list
	}
	for i, c := range []struct{ method, query, bearer, want string }{
		{"whip", "", "", "Stream"}, {"whip", "?name=obs", "", "obs"}, {"whip", "", "Ada", "Ada"}, {"whip", "?name=Bob", "Ada", "Ada (2)"},
		{"whep", "", "", "Player"}, {"whep", "?name=wall", "", "wall"}, {"whep", "", "Ada", "Ada"}, {"whep", "?name=Bob", "Ada", "Ada"},
	} {
		pc := newConnection(t)
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
		var header []string
		if c.bearer != "" {
			header = []string{"Authorization", "Bearer " + c.bearer}
		}
		resp, body := n.do(t, "POST", "/"+c.method+"/studio"+c.query, "application/sdp", offer(t, pc, false), header...)
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("%+v: %s: %s", c, resp.Status, body)
		}
		if got := names(); len(got) != i+1 || got[i] != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// Every way to the media port carries media.
func TestNetworks(t *testing.T) {
	n := startNode(t)
	n.publish(t, "/whip/studio?name=obs")
	for _, network := range []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6} {
		p := n.play(t, "/whep/studio/obs", network)
		p.more(t, "it plays over "+network.String())
		pair, err := p.pc.GetReceivers()[0].Transport().ICETransport().GetSelectedCandidatePair()
		if err != nil || pair.Remote.Protocol.String() != network.Protocol() {
			t.Errorf("%s: %v, %v", network, pair, err)
		}
	}
}

// Whoever has come by TCP is left alone, however many connect after that and say
// nothing.
func TestStrangersBesideACallByTCP(t *testing.T) {
	n := startNode(t)
	n.publish(t, "/whip/studio?name=obs")
	p := n.play(t, "/whep/studio/obs", webrtc.NetworkTypeTCP4)
	p.more(t, "it plays")
	pair, err := p.pc.GetReceivers()[0].Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(pair.Remote.Port))))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	p.more(t, "it goes on")
	if now, err := p.pc.GetReceivers()[0].Transport().ICETransport().GetSelectedCandidatePair(); err != nil || now.String() != pair.String() {
		t.Errorf("it goes another way: %v, %v", now, err)
	}
	q := n.play(t, "/whep/studio/obs", webrtc.NetworkTypeTCP4)
	q.more(t, "somebody else comes in")
}

// One who goes without a word is gone before long.
func TestVanished(t *testing.T) {
	n := startNode(t)
	pub := n.publish(t, "/whip/studio?name=obs")
	p := n.play(t, "/whep/studio")
	p.more(t, "it plays")
	if err := pub.pc.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the room is without the publisher", func() bool {
		return n.sfu.Room("studio").Participant(sfu.StreamID("obs")) == nil
	})
}

func TestICERestart(t *testing.T) {
	n := startNode(t)
	pub := n.publish(t, "/whip/studio?name=obs")
	p := n.play(t, "/whep/studio/obs")
	p.more(t, "it plays")
	for name, c := range map[string]struct {
		pc       *webrtc.PeerConnection
		location string
		etag     string
	}{"publisher": {pub.pc, pub.location, pub.etag}, "player": {p.pc, p.location, p.etag}} {
		sdp := offer(t, c.pc, true)
		var frag strings.Builder
		for line := range strings.Lines(sdp) {
			if strings.HasPrefix(line, "a=ice-") {
				frag.WriteString(line)
			}
		}
		resp, body := n.do(t, "PATCH", c.location, "application/trickle-ice-sdpfrag", frag.String(), "If-Match", "*")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == c.etag || !strings.Contains(body, "a=candidate:") {
			t.Fatalf("%s: %s, ETag %s: %s", name, resp.Status, resp.Header.Get("ETag"), body)
		}
		// A client puts the fragment into the answer that it has.
		answer := c.pc.CurrentRemoteDescription().SDP
		var out strings.Builder
		for line := range strings.Lines(answer) {
			for _, a := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
				if strings.HasPrefix(line, a) {
					i := strings.Index(body, a)
					line = body[i : i+strings.Index(body[i:], "\n")+1]
				}
			}
			out.WriteString(line)
		}
		if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: out.String()}); err != nil {
			t.Fatal(err)
		}
		p.more(t, "it plays after the "+name+" restarted ICE")
	}
}

// One session is restarted no more often than a network changes.
func TestManyRestarts(t *testing.T) {
	n := startNode(t)
	p := n.publish(t, "/whip/studio?name=obs")
	counts := map[int]int{}
	patch := func(match string) {
		t.Helper()
		ufrag := fmt.Sprintf("ufrag%d", counts[http.StatusOK])
		resp, body := n.do(t, "PATCH", p.location, "application/trickle-ice-sdpfrag",
			"a=ice-ufrag:"+ufrag+"\r\na=ice-pwd:"+strings.Repeat("p", 22)+"\r\n", "If-Match", match)
		counts[resp.StatusCode]++
		if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); resp.StatusCode == http.StatusTooManyRequests && (err != nil || after < 1) {
			t.Errorf("Retry-After: %q: %s", resp.Header.Get("Retry-After"), body)
		}
	}
	began := time.Now()
	for range 851 {
		patch("*")
	}
	passed := int(time.Since(began) / time.Second)
	if ok := counts[http.StatusOK]; ok < 1 || ok > 5+1+passed/2 || ok+counts[http.StatusTooManyRequests] != 851 {
		t.Errorf("851 restarts in %d s are answered %v", passed, counts)
	}
	q := n.publish(t, "/whip/studio?name=other")
	if resp, body := n.do(t, "PATCH", q.location, "application/trickle-ice-sdpfrag",
		"a=ice-ufrag:ufrag\r\na=ice-pwd:"+strings.Repeat("p", 22)+"\r\n", "If-Match", "*"); resp.StatusCode != http.StatusOK {
		t.Errorf("another session: %s: %s", resp.Status, body)
	}
	// And a client that has had its share restarts none of its sessions.
	n.full.Store(true)
	if resp, body := n.do(t, "PATCH", q.location, "application/trickle-ice-sdpfrag",
		"a=ice-ufrag:ufrag2\r\na=ice-pwd:"+strings.Repeat("p", 22)+"\r\n", "If-Match", "*"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("of a client that may not: %s: %s", resp.Status, body)
	}
	if resp, _ := n.do(t, "DELETE", p.location, "", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("it leaves: %s", resp.Status)
	}
}

func TestRefusals(t *testing.T) {
	n := startNode(t)
	good := func() string {
		pc := newConnection(t)
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
		return offer(t, pc, false)
	}
	many := func() string { // more than a participant may publish
		pc := newConnection(t)
		for range sfu.MaxTracks + 1 {
			if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio); err != nil {
				t.Fatal(err)
			}
		}
		return offer(t, pc, false)
	}
	for _, c := range []struct {
		name, method, path, kind, body string
		header                         []string
		want                           int
	}{
		{"GET", "GET", "/whip/a", "", "", nil, 405},
		{"another type", "POST", "/whip/a", "text/plain", good(), nil, 415},
		{"no SDP", "POST", "/whip/a", "application/sdp", "hello", nil, 400},
		{"no SDP to watch", "POST", "/whep/a", "application/sdp", "hello", nil, 400},
		{"nothing", "POST", "/whip/a", "application/sdp", "", nil, 400},
		{"1 MB", "POST", "/whip/a", "application/sdp", string(bytes.Repeat([]byte("a=x\r\n"), 200000)), nil, 413},
		{"many m-lines", "POST", "/whep/a", "application/sdp",
			"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", 65), nil, 413},
		{"many tracks", "POST", "/whip/a", "application/sdp", many(), nil, 413},
		{"a bad name", "POST", "/whip/a?name=../x", "application/sdp", good(), nil, 400},
		{"another site", "POST", "/whip/a", "application/sdp", good(), []string{"Origin", "https://evil.example"}, 403},
		{"locked", "POST", "/whip/locked", "application/sdp", good(), nil, 401},
		{"locked, wrong", "POST", "/whip/locked", "application/sdp", good(), []string{"Authorization", "Bearer open"}, 401},
		{"no such session", "PATCH", "/whip/session/none", "application/trickle-ice-sdpfrag", "", nil, 404},
		{"locked, right", "POST", "/whip/locked", "application/sdp", good(), []string{"Authorization", "Bearer sesame"}, 201},
	} {
		resp, body := n.do(t, c.method, c.path, c.kind, c.body, c.header...)
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d: %.200s", c.name, resp.Status, c.want, body)
		}
		if c.want == 401 && resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", c.name)
		}
	}
	if resp, _ := n.do(t, "OPTIONS", "/whip/a", "", ""); resp.Header.Get("Accept-Post") != "application/sdp" || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("OPTIONS: %v", resp.Header)
	}
	if rooms := n.sfu.Rooms(); len(rooms) != 1 {
		t.Errorf("those who were refused left %d rooms open", len(rooms)-1)
	}
}

package camera

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"

	"umbrella/internal/config"
	"umbrella/internal/credential"
	"umbrella/internal/sfu"
)

// listener counts what comes to an address of TCP and UDP, whatever it is.
type listener struct {
	host string
	mu   sync.Mutex
	got  []string
}

func listenAt(t *testing.T, address string) *listener {
	t.Helper()
	tcp, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{host: tcp.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			l.note("tcp from " + c.RemoteAddr().String())
			c.Close()
		}
	})
	udp, err := net.ListenPacket("udp", l.host)
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			l.note("udp from " + from.String() + ": " + strconv.Itoa(n) + " bytes")
		}
	})
	t.Cleanup(func() { tcp.Close(); udp.Close(); running.Wait() })
	return l
}

func (l *listener) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, what)
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

func TestFollow(t *testing.T) {
	const elsewhere, plain, port = "the camera sends us to another host", "the camera sends us to an address without TLS", "the camera sends us to a port that is none of RTSP"
	for _, c := range []struct{ from, peer, location, want string }{
		{"rtsp://cam/a", "10.0.0.1", "rtsp://cam:8554/b?c", "rtsp://cam:8554/b?c"},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://u:p@CAM/b", "rtsp://cam/b"},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://10.0.0.1/b", "rtsp://cam/b"},
		{"rtsp://cam/a", "10.0.0.1", "/b", "rtsp://cam/b"},
		{"rtsp://cam:7070/a", "10.0.0.1", "b", "rtsp://cam:7070/b"},
		{"rtsp://cam/a", "10.0.0.1", "rtsps://cam:322/b", "rtsps://cam:322/b"},
		{"rtsp://[fd00::1]:554/a", "fd00::1", "rtsp://[fd00::1]:8554/b", "rtsp://[fd00::1]:8554/b"},
		{"rtsp://127.0.0.1/a", "127.0.0.1", "rtsp://127.0.0.1:8554/b", "rtsp://127.0.0.1:8554/b"},
		{"rtsp://cam:80/a", "10.0.0.1", "rtsp://cam:80/b", "rtsp://cam:80/b"},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://cam:22/b", port},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://cam:0/b", port},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://cam:99999/b", port},
		{"rtsps://cam/a", "10.0.0.1", "rtsp://cam/b", plain},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://10.0.0.2/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "//10.0.0.2/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://127.0.0.1:8554/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://localhost:8554/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://[::1]/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://0.0.0.0/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://2130706433/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "rtsp://cam.evil/b", elsewhere},
		{"rtsp://cam/a", "10.0.0.1", "http://cam/b", errRedirect.Reason},
		{"rtsp://cam/a", "10.0.0.1", "", "rtsp://cam/a"},
	} {
		from, err := base.ParseURL(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := target{url: from}.follow(netip.MustParseAddr(c.peer), c.location)
		var tr *Trouble
		switch {
		case errors.As(err, &tr):
			if tr.Reason != c.want {
				t.Errorf("%s to %q: %v", c.from, c.location, tr)
			}
		case err != nil || to.url.String() != c.want || !to.redirected || to.url.User != nil:
			t.Errorf("%s to %q: %v, %v", c.from, c.location, to.url, err)
		default:
			// Whatever the name means by now, the same camera is dialled.
			if got := to.address("cam:554"); got != net.JoinHostPort(c.peer, "554") {
				t.Errorf("%s is dialled", got)
			}
		}
	}
}

// TestRedirectElsewhere: the node connects to nobody to whom a camera sends it, and says
// where that is.
func TestRedirectElsewhere(t *testing.T) {
	own, other := listenAt(t, "127.0.0.1"), listenAt(t, "127.0.0.3")
	for _, code := range []base.StatusCode{base.StatusMovedPermanently, base.StatusFound, base.StatusSeeOther, base.StatusUseProxy} {
		for _, to := range []*listener{own, other} {
			var location string
			o := startOddAt(t, "127.0.0.2", &oddCamera{answer: func(req *base.Request, res *base.Response) {
				if req.Method != base.Options {
					res.StatusCode, res.Header["Location"] = code, base.HeaderValue{location}
				}
			}})
			location = "rtsp://" + to.host + "/stream"
			r := (&Probe{URL: strings.Replace(o.url("stream"), "rtsp://", "rtsp://admin:right@", 1)}).Run(t.Context())
			if r.Trouble == nil || r.Trouble.Reason != "the camera sends us to another host" || !strings.Contains(r.Trouble.Advice, location) {
				t.Errorf("%d to %s: %v", code, location, r.Trouble)
			}
		}
	}
	if got := append(own.heard(), other.heard()...); len(got) > 0 {
		t.Errorf("it connects: %q", got)
	}
}

// TestPasswordsAfterRedirects: at another port of the camera a digest will do, and the
// password in clear text goes only where the settings say.
func TestPasswordsAfterRedirects(t *testing.T) {
	for name, c := range map[string]struct {
		method     auth.VerifyMethod
		redirected bool
		plays      bool
	}{
		"Basic":                   {auth.VerifyMethodBasic, false, true},
		"Basic after a redirect":  {auth.VerifyMethodBasic, true, false},
		"Digest after a redirect": {auth.VerifyMethodDigestMD5, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var given []string
			cam := startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
				methods := []auth.VerifyMethod{c.method}
				mu.Lock()
				given = append(given, req.Header["Authorization"]...)
				mu.Unlock()
				if req.Method != base.Options && auth.Verify(req, "admin", "right", methods, "cam", "1") != nil {
					res.StatusCode = base.StatusUnauthorized
					res.Header["WWW-Authenticate"] = auth.GenerateWWWAuthenticate(methods, "cam", "1")
				}
			}})
			at := cam
			if c.redirected {
				at = startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
					if req.Method == base.Describe {
						res.StatusCode, res.Header["Location"] = base.StatusFound, base.HeaderValue{cam.url("stream")}
					}
				}})
			}
			n := startNode(t, settings(strings.Replace(at.url("stream"), "rtsp://", "rtsp://admin:right@", 1)))
			if c.plays {
				n.track(t, sfu.Video)
				n.phase(t, Live)
				return
			}
			n.phase(t, Down)
			if tr := n.state().Trouble; tr == nil || !strings.Contains(tr.Reason, "in clear text") || !strings.Contains(tr.Advice, cam.url("stream")) {
				t.Errorf("%v", tr)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(given) > 0 {
				t.Errorf("it was given %q", given)
			}
		})
	}
}

// TestMediaElsewhere: whatever a camera says of where media come from and go to, nothing
// is sent to anybody else, and no name of the camera's is looked up.
func TestMediaElsewhere(t *testing.T) {
	victim := listenAt(t, "127.0.0.3")
	_, port, _ := net.SplitHostPort(victim.host)
	cam := startCamera(t, sceneOf(t, "sub.h264", false), nil)
	for _, part := range []string{
		"source=127.0.0.3", "destination=127.0.0.3", `ssrc="1"source=127.0.0.3`, `source="127.0.0.3"`, "SOURCE=127.0.0.3;source=127.0.0.3", " source=127.0.0.3 ",
	} {
		o := startOdd(t, &oddCamera{
			sdp: strings.Replace(goodSDP, "t=0 0", "c=IN IP4 127.0.0.3\r\nt=0 0", 1),
			answer: func(req *base.Request, res *base.Response) {
				switch req.Method {
				case base.Describe:
					res.Header["Content-Base"] = base.HeaderValue{"rtsp://" + victim.host + "/stream/"}
				case base.Setup:
					res.Header["Transport"] = base.HeaderValue{"RTP/AVP;unicast;" + part + ";server_port=" + port + "-" + port}
				}
			},
		})
		cfg := settings(o.url("stream"))
		cfg.Transport, cfg.OnDemand = config.TransportUDP, false
		n := startNodeAt(t, Times{UDPWait: 50 * time.Millisecond, RetryLeast: time.Hour, RetryMost: time.Hour}, cfg)
		n.phase(t, Down)
		o.mu.Lock()
		if len(o.setups) == 0 {
			t.Errorf("%s: it was not set up: %v", part, n.state().Trouble)
		}
		o.mu.Unlock()
	}
	if got := victim.heard(); len(got) > 0 {
		t.Errorf("it is sent %q", got)
	}
	// And a camera that sends by UDP plays all the same.
	n := startNode(t, settings(cam.url("live")))
	n.track(t, sfu.Video)
	n.phase(t, Live)
}

// TestRogueBeside is a device beside a camera that answers as the camera would, at
// another address: it gets the password in no form, however it asks for it.
func TestRogueBeside(t *testing.T) {
	var mu sync.Mutex
	var given []string
	rogue := startOddAt(t, "127.0.0.2", &oddCamera{answer: func(req *base.Request, res *base.Response) {
		mu.Lock()
		defer mu.Unlock()
		given = append(given, string(req.Method)+" "+strings.Join(req.Header["Authorization"], " "))
		res.StatusCode = base.StatusUnauthorized
		res.Header["WWW-Authenticate"] = base.HeaderValue{`Basic realm="x"`, `Digest realm="x", nonce="1"`}
	}})
	// The camera sends to it in each way that there is.
	for _, step := range []base.Method{base.Describe, base.Setup, base.Play} {
		cam := startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
			if req.Method == base.Describe {
				res.Header["Content-Base"] = base.HeaderValue{rogue.url("stream") + "/"}
			}
			if req.Method != base.Options && len(req.Header["Authorization"]) == 0 {
				res.StatusCode = base.StatusUnauthorized
				res.Header["WWW-Authenticate"] = auth.GenerateWWWAuthenticate(nil, "cam", "1")
				return
			}
			if req.Method == step {
				res.StatusCode, res.Header["Location"] = base.StatusFound, base.HeaderValue{rogue.url("stream")}
			}
		}})
		r := (&Probe{URL: strings.Replace(cam.url("stream"), "rtsp://", "rtsp://admin:right@", 1)}).Run(t.Context())
		if r.Trouble == nil || r.Plays {
			t.Errorf("redirected at %s: %s", step, r)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(given) > 0 {
		t.Errorf("the rogue was asked %q", given)
	}
	// If it were asked after all, there is nothing to give.
	login := credential.FromURL("rtsp://admin:right@127.0.0.1/")
	if _, err := login.Answer(&url.URL{Scheme: "rtsp", Host: "127.0.0.2"}, []string{`Digest realm="x", nonce="1"`}, false); !errors.Is(err, credential.ErrOtherHost) {
		t.Errorf("%v", err)
	}
}

// TestFlood: a camera that sends messages without end is not listened to.
func TestFlood(t *testing.T) {
	o := startOdd(t, &oddCamera{mute: true, flood: true})
	cfg := settings(o.url("stream"))
	cfg.Transport, cfg.OnDemand = config.TransportTCP, false
	n := startNodeAt(t, Times{Stall: time.Minute, RetryLeast: time.Hour, RetryMost: time.Hour}, cfg)
	n.phase(t, Down)
	if tr := n.state().Trouble; tr == nil || *tr != *errFlood {
		t.Errorf("%v", tr)
	}
}

// TestWordsOfCameras: escape sequences in what a camera says are not printed.
func TestWordsOfCameras(t *testing.T) {
	const evil = "\x1b]0;owned\x07\x1b[31m\u202egpj.exe\u009b1A"
	clean := func(what, text string) {
		t.Helper()
		if strings.ContainsAny(text, "\x1b\x07\u202e\u009b") {
			t.Errorf("%s: %q", what, text)
		}
	}
	for name, o := range map[string]*oddCamera{
		"a header": {answer: func(_ *base.Request, res *base.Response) {
			res.Header["Server"] = base.HeaderValue{evil}
			res.Header["Content-Type"] = base.HeaderValue{evil}
		}},
		"a reason": {answer: func(req *base.Request, res *base.Response) {
			if req.Method == base.Describe {
				res.StatusCode, res.StatusMessage = 555, evil
			}
		}},
		"a transport": {answer: func(req *base.Request, res *base.Response) {
			if req.Method == base.Setup {
				res.Header["Transport"] = base.HeaderValue{"RTP/AVP/TCP;interleaved=" + evil}
			}
		}},
		"a session": {answer: func(_ *base.Request, res *base.Response) { res.Header["Session"] = base.HeaderValue{"1", evil} }},
		"a base": {answer: func(_ *base.Request, res *base.Response) {
			res.Header["Content-Base"] = base.HeaderValue{"rtsp://x/" + evil}
		}},
		"a redirect": {answer: func(req *base.Request, res *base.Response) {
			if req.Method == base.Describe {
				res.StatusCode, res.Header["Location"] = base.StatusFound, base.HeaderValue{"rtsp://x/" + evil}
			}
		}},
		"a title":   {sdp: strings.Replace(goodSDP, "s=cam", "s="+evil, 1)},
		"a codec":   {sdp: strings.Replace(goodSDP, "H264", evil, 1)},
		"a control": {sdp: strings.Replace(goodSDP, "track1", evil, 1)},
		"a medium":  {sdp: strings.Replace(goodSDP, "m=video", "m="+evil, 1)},
		"a sound":   {sdp: goodSDP + "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 " + evil + "/8000\r\na=fmtp:97 config=" + evil + "\r\na=control:track2\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startOdd(t, o)
			r := (&Probe{URL: o.url("stream"), Most: time.Second}).Run(t.Context())
			clean("the report", r.String())
			n := startNode(t, settings(o.url("stream")))
			until(t, "it was tried", func() bool { s := n.state(); return s.Phase == Down || s.Phase == Live || s.Phase == Idle })
			s := n.state()
			for _, st := range s.Streams {
				clean("the state", st.Video+st.Sound)
				for _, tr := range append([]*Trouble{st.Trouble, st.Blind}, st.Notes...) {
					if tr != nil {
						clean("the state", tr.Reason+tr.Advice)
					}
				}
			}
			clean("the log", n.log.String())
		})
	}
	clean("an error", explain(errors.New("x"+evil), "rtsp://cam/").Error())
}

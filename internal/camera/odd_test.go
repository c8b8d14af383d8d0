package camera

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bluenviron/gortsplib/v4/pkg/auth"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/conn"

	"umbrella/internal/config"
	"umbrella/internal/sfu"
)

// oddCamera is an RTSP server that answers as it is told, and sends the clip
// over TCP to who plays.
type oddCamera struct {
	// answer changes the answer to a request, or leaves it.
	answer func(*base.Request, *base.Response)
	sdp    string
	mute   bool // it plays, and sends nothing
	flood  bool // it plays, and sends answers to nothing
	// wire changes the bytes of an answer, or leaves them. played changes those of the
	// n-th picture; with nil it stops.
	wire   func(*base.Request, []byte) []byte
	played func(n int, frames []byte) []byte

	secure bool // by TLS

	scripted
	picture *stream
	setups  []string // URLs
	methods []base.Method
	answers []*base.Response        // to its own requests
	frames  []base.InterleavedFrame // that came
}

const goodSDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\na=control:*\r\n" +
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"

func startOdd(t testing.TB, o *oddCamera) *oddCamera {
	t.Helper()
	return startOddAt(t, "127.0.0.1", o)
}

func startOddAt(t testing.TB, address string, o *oddCamera) *oddCamera {
	t.Helper()
	var err error
	if o.picture, err = newStream(t, "video clip=sub.h264"); err != nil {
		t.Fatal(err)
	}
	if o.secure {
		o.tls = selfSigned(t)
	}
	if o.sdp == "" {
		o.sdp = goodSDP
	}
	o.start(t, address, o.serve)
	return o
}

func (o *oddCamera) url(path string) string {
	if o.secure {
		return "rtsps" + strings.TrimPrefix(o.scripted.url(path), "rtsp")
	}
	return o.scripted.url(path)
}

func (o *oddCamera) serve(c net.Conn) {
	var plays sync.WaitGroup
	stop := make(chan struct{})
	defer plays.Wait()
	defer close(stop)
	rw := conn.NewConn(c)
	var writing sync.Mutex
	for {
		what, err := rw.Read()
		if err != nil {
			return
		}
		req, ok := what.(*base.Request)
		o.mu.Lock()
		switch what := what.(type) {
		case *base.Response:
			o.answers = append(o.answers, what)
		case *base.InterleavedFrame:
			o.frames = append(o.frames, *what)
		case *base.Request:
			o.methods = append(o.methods, what.Method)
		}
		o.mu.Unlock()
		if !ok {
			continue
		}
		res := &base.Response{StatusCode: base.StatusOK, Header: base.Header{"CSeq": req.Header["CSeq"]}}
		switch req.Method {
		case base.Describe:
			res.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
			res.Body = []byte(o.sdp)
		case base.Setup:
			o.mu.Lock()
			o.setups = append(o.setups, req.URL.String())
			n := 2 * (len(o.setups) - 1)
			o.mu.Unlock()
			res.Header["Session"] = base.HeaderValue{"1"}
			ids := strconv.Itoa(n) + "-" + strconv.Itoa(n+1)
			res.Header["Transport"] = base.HeaderValue{"RTP/AVP/TCP;unicast;interleaved=" + ids}
			if strings.Contains(req.Header["Transport"][0], "interleaved=0-1") {
				res.Header["Transport"] = base.HeaderValue{"RTP/AVP/TCP;unicast;interleaved=0-1"}
			}
		}
		if o.answer != nil {
			o.answer(req, res)
		}
		if res.StatusCode == 0 {
			return // hang up
		}
		text, err := res.Marshal()
		if err != nil {
			return
		}
		if o.wire != nil {
			text = o.wire(req, text)
		}
		writing.Lock()
		_, err = c.Write(text)
		writing.Unlock()
		if err != nil {
			return
		}
		for err == nil && req.Method == base.Play && o.flood {
			err = rw.WriteResponse(res)
		}
		if req.Method == base.Play && !o.mute {
			plays.Go(func() { o.play(c, &writing, stop) })
		}
	}
}

func (o *oddCamera) play(c net.Conn, writing *sync.Mutex, stop chan struct{}) {
	var frames []byte
	n := 0
	o.picture.send(stop, false, func(b []byte, control bool) error {
		if control {
			return nil
		}
		frames = append(frames, frame(0, b)...)
		if b[1]&0x80 == 0 {
			return nil // more of the picture comes
		}
		if o.played != nil {
			if frames = o.played(n, frames); frames == nil {
				return net.ErrClosed
			}
		}
		n++
		writing.Lock()
		defer writing.Unlock()
		_, err := c.Write(frames)
		frames = nil
		return err
	})
}

// frame is an interleaved frame.
func frame(channel byte, payload []byte) []byte {
	return append([]byte{'$', channel, byte(len(payload) >> 8), byte(len(payload))}, payload...)
}

// TestCamerasThatAnswerBadly are those from which a picture can be had all the
// same.
func TestCamerasThatAnswerBadly(t *testing.T) {
	media := goodSDP[strings.Index(goodSDP, "m="):]
	head := goodSDP[:strings.Index(goodSDP, "m=")]
	on := func(m base.Method, f func(*base.Request, *base.Response)) func(*base.Request, *base.Response) {
		return func(req *base.Request, res *base.Response) {
			if req.Method == m {
				f(req, res)
			}
		}
	}
	for name, o := range map[string]*oddCamera{
		"nothing odd": {},
		"no OPTIONS": {answer: on(base.Options, func(_ *base.Request, res *base.Response) {
			res.StatusCode = base.StatusNotImplemented
		})},
		"no Content-Type": {answer: on(base.Describe, func(_ *base.Request, res *base.Response) {
			delete(res.Header, "Content-Type")
		})},
		"Content-Type of something else": {answer: on(base.Describe, func(_ *base.Request, res *base.Response) {
			res.Header["Content-Type"] = base.HeaderValue{"text/plain"}
		})},
		"Content-Base is no address": {answer: on(base.Describe, func(_ *base.Request, res *base.Response) {
			res.Header["Content-Base"] = base.HeaderValue{"cam:554//"}
		})},
		"Content-Base of another path": {answer: func(req *base.Request, res *base.Response) {
			switch {
			case req.Method == base.Describe:
				res.Header["Content-Base"] = base.HeaderValue{"rtsp://0.0.0.0/internal/"}
			case req.Method == base.Setup && !strings.Contains(req.URL.String(), "/stream/track1"):
				res.StatusCode = base.StatusNotFound
			}
		}},
		"a redirect without a host": {answer: on(base.Describe, func(req *base.Request, res *base.Response) {
			if strings.HasSuffix(req.URL.Path, "/stream") {
				res.StatusCode, res.Header["Location"] = base.StatusFound, base.HeaderValue{"/live/1?x=y"}
			}
		})},
		"no control":            {sdp: strings.ReplaceAll(strings.ReplaceAll(goodSDP, "a=control:track1\r\n", ""), "a=control:*\r\n", "")},
		"control is no address": {sdp: strings.Replace(goodSDP, "a=control:*", "a=control:://", 1)},
		"lines end with LF":     {sdp: strings.ReplaceAll(goodSDP, "\r\n", "\n")},
		"a BOM and blank lines": {sdp: "\ufeff\r\n" + strings.ReplaceAll(goodSDP, "\r\n", "\r\n\r\n")},
		"bad parameter sets": {sdp: strings.Replace(goodSDP, "packetization-mode=1",
			"packetization-mode=1;sprop-parameter-sets=%%%,###", 1)},
		"media that nobody can read": {sdp: goodSDP + "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 config=zz\r\na=control:track2\r\n" +
			"m=application 0 RTP/AVP x\r\n"},
		"some media ids": {sdp: head + strings.Replace(media, "a=control", "a=mid:0\r\na=control", 1) +
			"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:track3\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startOdd(t, o)
			n := startNode(t, settings(o.url("stream")))
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "pictures", func() bool { return v.count() > 30 })
		})
	}
}

// TestCamerasThatCannotBeUsed are told from each other in words.
func TestCamerasThatCannotBeUsed(t *testing.T) {
	status := func(m base.Method, code base.StatusCode) func(*base.Request, *base.Response) {
		return func(req *base.Request, res *base.Response) {
			if req.Method == m {
				res.StatusCode = code
			}
		}
	}
	for name, c := range map[string]struct {
		camera *oddCamera
		reason string
	}{
		"forbidden":         {&oddCamera{answer: status(base.Describe, base.StatusForbidden)}, "the camera does not let this user in"},
		"not found":         {&oddCamera{answer: status(base.Describe, base.StatusNotFound)}, "the camera has no stream at this address (404)"},
		"full":              {&oddCamera{answer: status(base.Setup, base.StatusNotEnoughBandwidth)}, "the camera has no room for another viewer (453)"},
		"broken":            {&oddCamera{answer: status(base.Play, base.StatusInternalServerError)}, "the camera has a fault of its own (500)"},
		"hangs up":          {&oddCamera{answer: status(base.Describe, 0)}, errHungUp.Reason},
		"no SDP":            {&oddCamera{sdp: "<html>hello</html>"}, "the camera's description of its stream (SDP) cannot be read"},
		"an empty SDP":      {&oddCamera{sdp: "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}, "the camera's description of its stream (SDP) cannot be read"},
		"metadata only":     {&oddCamera{sdp: "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"}, errNoTracks.Reason},
		"an odd codec":      {&oddCamera{sdp: strings.ReplaceAll(goodSDP, "H264", "DIVX")}, `the camera sends "DIVX", which is not taken from cameras`},
		"no address at all": {&oddCamera{sdp: strings.Replace(goodSDP, "a=control:track1", "a=control:%zz", 1)}, "the camera's description of its stream (SDP) names no address"},
		"nothing comes":     {&oddCamera{mute: true}, errNothing.Reason},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startOdd(t, c.camera)
			cfg := settings(c.camera.url("stream"))
			cfg.Transport = config.TransportTCP
			n := startNode(t, cfg)
			n.phase(t, Down)
			if tr := n.state().Trouble; tr == nil || tr.Reason != c.reason {
				t.Errorf("%v", tr)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	cam := startCamera(t, sceneOf(t, "sub.h264", false), func(c *testCamera) { c.user, c.password = "admin", "right" })
	to := strings.Replace(cam.url("stream"), "admin:right@", "", 1)
	o := startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
		if req.Method == base.Describe {
			res.StatusCode, res.Header["Location"] = base.StatusFound, base.HeaderValue{to}
		}
	}})
	n := startNode(t, settings(strings.Replace(o.url("stream"), "rtsp://", "rtsp://admin:right@", 1)))
	n.track(t, sfu.Video)
	n.phase(t, Live)
}

func TestRedirectsInACircleEnd(t *testing.T) {
	o := &oddCamera{}
	o.answer = func(req *base.Request, res *base.Response) {
		if req.Method == base.Describe {
			res.StatusCode, res.Header["Location"] = base.StatusFound, base.HeaderValue{o.url("stream")}
		}
	}
	startOdd(t, o)
	n := startNode(t)
	n.Manager.Times.RetryLeast = time.Hour
	n.Manager.Times.RetryMost = time.Hour
	n.Apply([]config.Camera{settings(o.url("stream"))})
	n.phase(t, Down)
	if tr := n.state().Trouble; *tr != *errRedirect {
		t.Errorf("%v", tr)
	}
	if o.dials() != maxRedirects+1 {
		t.Errorf("%d connections", o.dials())
	}
}

// TestNonces are of cameras that renew them when they like.
func TestNonces(t *testing.T) {
	for name, lasts := range map[string]int{"with each answer": 1, "now and then": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answers := 0 // on the one connection that there is at a time
			nonce := func() string { return "nonce" + strconv.Itoa(answers/lasts) }
			o := startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
				good := len(req.Header["Authorization"]) > 0 && auth.Verify(req, "admin", "right", nil, "cam", nonce()) == nil
				answers++
				if !good {
					res.StatusCode = base.StatusUnauthorized
					res.Header["WWW-Authenticate"] = auth.GenerateWWWAuthenticate(nil, "cam", nonce())
				}
			}})
			n := startNode(t, settings(strings.Replace(o.url("stream"), "rtsp://", "rtsp://admin:right@", 1)))
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "pictures", func() bool { return v.count() > 30 })
			if strings.Contains(n.log.String(), reasonPassword) {
				t.Errorf("%s", n.log)
			}
		})
	}
	t.Run("wrong", func(t *testing.T) {
		tries := 0
		o := startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
			if len(req.Header["Authorization"]) > 0 {
				tries++
			}
			if req.Method != base.Options {
				res.StatusCode = base.StatusUnauthorized
				res.Header["WWW-Authenticate"] = auth.GenerateWWWAuthenticate(nil, "cam", "nonce"+strconv.Itoa(tries))
			}
		}})
		r := (&Probe{URL: strings.Replace(o.url("stream"), "rtsp://", "rtsp://admin:wrong@", 1)}).Run(t.Context())
		if r.Trouble == nil || r.Trouble.Reason != reasonPassword || tries != 1 {
			t.Errorf("%v after %d tries", r.Trouble, tries)
		}
	})
}

// What a camera makes of its words does not keep the camera from other nodes.
func TestWordsAreBounded(t *testing.T) {
	long := strings.Repeat("ä", 300)
	for _, tr := range []*Trouble{
		trouble(long, long), explain(errors.New(long), "rtsp://cam/"), explain(errors.New("x"+long+"\xff"), "rtsp://cam/"),
	} {
		if len(tr.Reason) > maxWords || len(tr.Advice) > maxWords || !utf8.ValidString(tr.Reason) || !utf8.ValidString(tr.Advice) {
			t.Errorf("%d and %d bytes: %q", len(tr.Reason), len(tr.Advice), tr.Reason)
		}
	}
	o := startOdd(t, &oddCamera{sdp: strings.ReplaceAll(goodSDP, "H264", strings.Repeat("DIVX", 100))})
	n := startNode(t, settings(o.url("stream")))
	n.phase(t, Down)
	if words := n.SFU.Room("lobby").Participant("door").State().Notice; len(words) > maxWords || !strings.HasPrefix(words, "the camera sends") {
		t.Errorf("%q", words)
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	for url, reason := range map[string]string{
		"rtsp://u:hunter2@" + address + "/":         "nothing listens at the camera's address",
		"rtsp://u:hunter2@camera.invalid/":          "nobody knows the camera's name camera.invalid",
		"rtsp://u:hunter2@no-such-umbrella.local/":  "nobody in this network answers to the camera's name (mDNS)",
		"rtsp://u:hunter2@[::1%nowhere]:5000/":      "",
		"rtsp://u:hunter2@exa mple/\x7f?pw=hunter2": "",
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		r := (&Probe{URL: url}).Run(ctx)
		cancel()
		if r.Trouble == nil || reason != "" && r.Trouble.Reason != reason {
			t.Errorf("%q: %v", url, r.Trouble)
		}
		if strings.Contains(r.String(), "hunter2") {
			t.Errorf("the password is told: %s", r)
		}
	}
}

func TestTLSWhereThereIsNone(t *testing.T) {
	o := startOdd(t, &oddCamera{})
	r := (&Probe{URL: strings.Replace(o.url("stream"), "rtsp:", "rtsps:", 1)}).Run(context.Background())
	if r.Trouble == nil || r.Trouble.Reason == "" || strings.Contains(r.Trouble.Reason, "cannot be used") {
		t.Errorf("%v", r.Trouble)
	}
}

func TestExplainKeepsSecrets(t *testing.T) {
	for _, url := range []string{
		"rtsp://admin:hunter2@cam/x", "rtsp://admin:h%75nter2@cam/x", "rtsp://cam/x?user=a&password=hunter2",
		"rtsp://cam/user=admin&password=hunter2&channel=1", "rtsp://hunter2:hunter2@cam/", "rtsp://a:b:hunter2@c@d/",
	} {
		for _, text := range []string{url, "parse \"" + url + "\": bad", "hunter2", "x hunter2@cam"} {
			// Only what is the password as a whole can be found by itself.
			if strings.Contains(url, "?") || strings.Contains(url, "channel") || strings.Contains(url, "@c@") {
				text = "parse \"" + url + "\": bad"
			}
			if got := explain(errors.New(text), url).Error(); strings.Contains(got, "hunter2") && !strings.Contains(url, "%75") {
				t.Errorf("%q of %q tells %q", text, url, got)
			}
		}
		if got := config.RedactURL(url); strings.Contains(got, "hunter2") {
			t.Errorf("%q is shown as %q", url, got)
		}
	}
}

func TestExplainHasWordsForIO(t *testing.T) {
	for err, want := range map[error]*Trouble{
		io.EOF: errHungUp, context.DeadlineExceeded: errTooLong, &setupError{errSilent}: errSilent,
	} {
		if got := explain(err, "rtsp://cam/"); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// A port of TLS or of web pages, which closes what speaks RTSP, has no viewers.
func TestHungUpAtAnotherPort(t *testing.T) {
	for url, want := range map[string]string{
		"rtsp://u:p@cam/a": "viewers", "rtsp://cam:554/a": "viewers", "rtsps://cam:322/a": "viewers", "rtsps://cam:443/a": "viewers",
		"rtsp://u:p@cam:443/a": "rtsps://", "rtsp://cam:7441/a": "rtsps://", "rtsp://cam:80/a": "web pages", "rtsp://[::1]:8080/a": "web pages",
	} {
		for _, err := range []error{io.EOF, syscall.ECONNRESET} {
			if got := explain(err, url).Error(); !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q in it", url, got, want)
			}
		}
	}
}

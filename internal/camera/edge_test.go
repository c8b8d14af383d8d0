package camera

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"umbrella/internal/camera/rtsp"
	"umbrella/internal/config"
	"umbrella/internal/sfu"
)

// replace changes one thing in each answer that has it, or in those to one method.
func replace(from, to string, methods ...base.Method) func(*base.Request, []byte) []byte {
	return func(req *base.Request, b []byte) []byte {
		if len(methods) > 0 && !slices.Contains(methods, req.Method) {
			return b
		}
		return bytes.Replace(b, []byte(from), []byte(to), 1)
	}
}

// TestRTSPAsCamerasSendIt are cameras that do not keep to RFC 2326, and play all the
// same.
func TestRTSPAsCamerasSendIt(t *testing.T) {
	before := func(what string, methods ...base.Method) func(*base.Request, []byte) []byte {
		return func(req *base.Request, b []byte) []byte {
			if len(methods) > 0 && !slices.Contains(methods, req.Method) {
				return b
			}
			return append([]byte(what), b...)
		}
	}
	early := &oddCamera{}
	early.wire = func(req *base.Request, b []byte) []byte {
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 0x1111}, Payload: early.picture.moments[0].payloads[0]}
		if raw, err := p.Marshal(); err == nil && req.Method != base.Options {
			b = append(frame(0, raw), b...)
		}
		return b
	}
	length := "Content-Length: " + strconv.Itoa(len(goodSDP))
	for name, o := range map[string]*oddCamera{
		"SETUP is answered without Transport (bluenviron/gortsplib#456)": {wire: replace("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "")},
		"TCP without /TCP (Escam Q6)":                                    {wire: replace("RTP/AVP/TCP;unicast", "RTP/AVP;unicast;destination=127.0.0.1;source=127.0.0.1")},
		"several transports":                                             {wire: replace("Transport: RTP/AVP/TCP", "Transport: RAW/RAW/UDP;unicast, RTP/AVP/TCP")},
		"a blank after the timeout (AlexxIT/go2rtc#382)":                 {wire: replace("Session: 1\r\n", "Session: 1;timeout=60 \r\n")},
		"a blank after Content-Length":                                   {wire: replace(length, length+" ")},
		"no Content-Length":                                              {wire: replace(length+"\r\n", "")},
		"no Content-Length, behind TLS":                                  {secure: true, wire: replace(length+"\r\n", "")},
		"Content-Length too small":                                       {wire: replace(length, "Content-Length: "+strconv.Itoa(len(goodSDP)-20))},
		"Content-Length too large":                                       {wire: replace(length, "Content-Length: "+strconv.Itoa(len(goodSDP)+9))},
		"Content-Length twice":                                           {wire: replace(length, length+"\r\n"+length)},
		"a status without a reason":                                      {wire: replace(" 200 OK", " 200")},
		"another version":                                                {wire: replace("RTSP/1.0", "RTSP/1.1")},
		"blanks in the status line":                                      {wire: replace("RTSP/1.0 200 OK", "rtsp/1.0  200  OK ")},
		"lines end with LF":                                              {wire: func(_ *base.Request, b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }},
		"blank lines between":                                            {wire: before("\r\n\r\n")},
		"rubbish between":                                                {wire: before("R\x00$\x07\xffRTSPxx\n")},
		"headers in capitals, without blanks, folded": {wire: func(_ *base.Request, b []byte) []byte {
			return bytes.Replace(b, []byte("CSeq: "), []byte("X-Cam: a\r\n b\r\nnothing\r\nCSEQ:"), 1)
		}},
		"a header longer than any":                               {wire: replace("CSeq: ", "X-Cam: "+strings.Repeat("x", 4000)+"\r\nCSeq: ")},
		"control with the scheme twice (AlexxIT/go2rtc#830)":     {sdp: strings.Replace(goodSDP, "control:track1", "control:rtsp://rtsp://127.0.0.1/stream/track1", 1)},
		"a base with the scheme twice (AlexxIT/go2rtc#208)":      {wire: replace("Content-Type", "Content-Base: rtsp://rtsp://127.0.0.1/stream/\r\nContent-Type")},
		"a base with a mapped IPv6 address (AlexxIT/WebRTC#395)": {wire: replace("Content-Type", "Content-Base: rtsp://::ffff:127.0.0.1/onvif/profile.1/\r\nContent-Type")},
		"control with a mapped IPv6 address":                     {sdp: strings.Replace(goodSDP, "control:track1", "control:rtsp://::ffff:127.0.0.1/stream/track1", 1)},
		"control of the media is *":                              {sdp: strings.Replace(goodSDP, "control:track1", "control:*", 1)},
		"numbers of its own in CSeq": {wire: func(_ *base.Request, b []byte) []byte {
			return bytes.Replace(b, []byte("CSeq: "), []byte("CSeq: 7"), 1)
		}},
		"100 Continue":                                  {wire: before("RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n", base.Setup)},
		"frames before each answer":                     early,
		"frames on channels that were not set up":       {played: func(_ int, b []byte) []byte { return append(frame(6, []byte("metadata")), b...) }},
		"frames longer than they say":                   {played: every(2, "rubbish RTSP/ $\x00")},
		"frames without anything in them":               {played: func(_ int, b []byte) []byte { return append(frame(0, nil), b...) }},
		"other channels than those that were asked for": {wire: replace("interleaved=0-1", "interleaved=4-5"), played: onChannel(4)},
		"RTP on the channel of RTCP":                    {wire: replace("interleaved=0-1", "interleaved=1-0"), played: onChannel(0)},
		"one number for the channels":                   {wire: replace("interleaved=0-1", "interleaved=0")},
		"requests of its own":                           {played: every(10, requests...)},
		"an answer that nobody asked for":               {played: every(20, "RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startOdd(t, o)
			n := startNode(t, settings(o.url("stream")))
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "pictures", func() bool { return v.count() > 30 })
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.dials() > 1 {
				t.Errorf("%d connections: %s", o.dials(), n.log)
			}
			for _, to := range o.setups {
				if u, err := url.Parse(to); err != nil || !slices.Contains([]string{"/stream", "/stream/", "/stream/track1"}, u.Path) {
					t.Errorf("SETUP %s", to)
				}
			}
			for i, a := range o.answers {
				if want := base.StatusCode([]int{200, 200, 405}[i%3]); a.StatusCode != want || a.Header["CSeq"][0] != strconv.Itoa(i%3+5) {
					t.Errorf("answer %d: %v", i, a)
				}
			}
		})
	}
}

// requests are what cameras ask of a client.
var requests = []string{
	"OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\n",
	"SET_PARAMETER rtsp://cam/ RTSP/1.0\r\nCSeq: 6\r\nContent-Length: 4\r\n\r\nx: y",
	"SETUP rtsp://cam/ RTSP/1.0\r\nCSeq: 7\r\n\r\n",
}

// every sends one of the texts with each n-th picture.
func every(n int, texts ...string) func(int, []byte) []byte {
	return func(i int, b []byte) []byte {
		if i%n == 0 {
			b = append(b, texts[i/n%len(texts)]...)
		}
		return b
	}
}

func onChannel(n byte) func(int, []byte) []byte {
	return func(_ int, b []byte) []byte {
		for at := 0; at+4 <= len(b); at += 4 + int(b[at+2])<<8 + int(b[at+3]) {
			b[at+1] = n
		}
		return b
	}
}

// TestTCPOnTheSameConnection: a camera that takes TCP only, and has room for one
// connection, is asked for TCP on the one that there is. Seen with GStreamer's server
// (461), and with cameras that answer 400, or with a Transport of TCP.
func TestTCPOnTheSameConnection(t *testing.T) {
	for name, refuse := range map[string]func(*base.Response){
		"461":              func(res *base.Response) { res.StatusCode = base.StatusUnsupportedTransport },
		"400":              func(res *base.Response) { res.StatusCode = base.StatusBadRequest },
		"Transport of TCP": func(*base.Response) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &oddCamera{answer: func(req *base.Request, res *base.Response) {
				if req.Method == base.Setup && !strings.Contains(req.Header["Transport"][0], "TCP") {
					refuse(res)
				}
			}}
			startOdd(t, o)
			cfg := settings(o.url("stream"))
			cfg.Transport = config.TransportAuto
			n := startNode(t, cfg)
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "pictures", func() bool { return v.count() > 30 })
			if s := n.state().Streams[0]; s.Transport != "tcp" {
				t.Errorf("by %s", s.Transport)
			}
			n.Close()
			o.mu.Lock()
			if o.dials() != 1 {
				t.Errorf("%d connections", o.dials())
			}
			o.mu.Unlock()
			r := (&Probe{URL: o.url("stream")}).Run(t.Context())
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.dials() != 2 || r.Transport != "tcp" || r.UDPTrouble == nil || !r.Plays {
				t.Errorf("%d connections: %s", o.dials(), r)
			}
		})
	}
	t.Run("not where UDP is set", func(t *testing.T) {
		t.Parallel()
		o := startOdd(t, &oddCamera{})
		cfg := settings(o.url("stream"))
		cfg.Transport = config.TransportUDP
		n := startNode(t, cfg)
		n.phase(t, Down)
		if tr := n.state().Trouble; tr == nil || tr.Advice != "set transport to tcp or auto" {
			t.Errorf("%v", tr)
		}
	})
}

// TestNoTransportAtAll: nobody is told to set what is set.
func TestNoTransportAtAll(t *testing.T) {
	o := startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
		if req.Method == base.Setup {
			res.StatusCode = base.StatusUnsupportedTransport
		}
	}})
	r := (&Probe{URL: o.url("stream")}).Run(t.Context())
	for _, transport := range []config.Transport{config.TransportAuto, config.TransportTCP} {
		cfg := settings(o.url("stream"))
		cfg.Transport = transport
		n := startNode(t, cfg)
		n.phase(t, Down)
		tr := n.state().Trouble
		if set := tr.Advice == "set transport to auto"; set != (transport != config.TransportAuto) || transport == config.TransportAuto && *tr != *r.Trouble {
			t.Errorf("%v: %v, probe: %v", transport, tr, r.Trouble)
		}
	}
}

// TestEndOfStream: a camera that says that its stream has ended is dialled again at
// once, and is not called broken in between. Seen with live555 (BYE at the end of a
// file), Hikvision (TEARDOWN), Helix (ANNOUNCE), and with programs that hang up.
func TestEndOfStream(t *testing.T) {
	bye, err := (&rtcp.Goodbye{Sources: []uint32{1}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, last := range map[string][]byte{
		"BYE":      frame(1, bye),
		"TEARDOWN": []byte("TEARDOWN rtsp://cam/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
		"ANNOUNCE": []byte("ANNOUNCE rtsp://cam/ RTSP/1.0\r\nCSeq: 1\r\nx-notice: 2101 End-of-Stream\r\n\r\n"),
		"hangs up": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const length = int(1200 * time.Millisecond / pace)
			o := &oddCamera{}
			o.played = func(n int, b []byte) []byte {
				o.mu.Lock()
				defer o.mu.Unlock()
				switch {
				case o.dials() > 1 || n < length:
					return b
				case n == length && last == nil:
					o.conns[0].Close()
				case n == length:
					return last
				}
				return nil
			}
			startOdd(t, o)
			n := startNodeAt(t, Times{Stall: time.Minute, RetryLeast: time.Hour, RetryMost: time.Hour}, settings(o.url("stream")))
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "the second connection", func() bool {
				o.mu.Lock()
				defer o.mu.Unlock()
				return o.dials() == 2
			})
			seen := v.count()
			until(t, "pictures again", func() bool { return v.count() > seen+10 })
			if strings.Contains(n.log.String(), "camera is down") {
				t.Errorf("%s", n.log)
			}
		})
	}
}

// TestByeOfAnotherSource: a camera that says goodbye for an SSRC and goes on is left
// alone.
func TestByeOfAnotherSource(t *testing.T) {
	bye, err := (&rtcp.Goodbye{Sources: []uint32{99}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	o := startOdd(t, &oddCamera{played: func(n int, b []byte) []byte {
		if n == 20 {
			b = append(b, frame(1, bye)...)
		}
		return b
	}})
	n := startNode(t, settings(o.url("stream")))
	v := watch(t, n.track(t, sfu.Video), 0)
	until(t, "pictures", func() bool { return v.count() > 80 })
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dials() != 1 {
		t.Errorf("%d connections", o.dials())
	}
}

// TestReceiverReportsByTCP: Arlo's end a stream for which none come
// (bluenviron/mediamtx#1403).
func TestReceiverReportsByTCP(t *testing.T) {
	o := startOdd(t, &oddCamera{})
	n := startNode(t, settings(o.url("stream")))
	n.phase(t, Live)
	until(t, "a receiver report", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, f := range o.frames {
			list, err := rtcp.Unmarshal(f.Payload)
			if err != nil || f.Channel != 1 {
				t.Errorf("channel %d: %v", f.Channel, err)
				continue
			}
			if r, ok := list[0].(*rtcp.ReceiverReport); ok && len(r.Reports) == 1 && r.Reports[0].LastSequenceNumber > 0 {
				return true
			}
		}
		return false
	})
}

// TestReportsBeforeWhatCannotBeRead: an SDES of Hanwha cameras has no null octet at its
// end (bluenviron/mediamtx#5355); the sender report ahead of it counts.
func TestReportsBeforeWhatCannotBeRead(t *testing.T) {
	sr, err := (&rtcp.SenderReport{SSRC: 1, NTPTime: 0xe0000000 << 32, RTPTime: 1800}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	compound := append(sr, 0x81, 0xca, 0, 2, 0, 0, 0, 1, 1, 2, 'a', 'b')
	o := startOdd(t, &oddCamera{played: func(_ int, b []byte) []byte { return append(b, frame(1, compound)...) }})
	r := (&Probe{URL: o.url("stream"), Most: time.Second}).Run(t.Context())
	if r.Video == nil || !r.Video.Reports {
		t.Errorf("%s", r)
	}
}

// strictDigest is a camera that takes one kind of Digest (RFC 7616 §3.4), and locks out
// who tries something else.
type strictDigest struct {
	offers    []string
	algorithm string // of those that it takes
	qop       bool
	nonces    int  // it has a new nonce after so many requests; 0: never
	stale     bool // the nonce is too old even as it is used first

	requests, refused int // that were signed
}

func (d *strictDigest) nonce() string {
	if d.nonces == 0 {
		return "n0"
	}
	return "n" + strconv.Itoa(d.requests/d.nonces)
}

func (d *strictDigest) answer(req *base.Request, res *base.Response) {
	given := map[string]string{}
	if len(req.Header["Authorization"]) == 1 {
		text, _ := strings.CutPrefix(req.Header["Authorization"][0], "Digest ")
		for _, part := range strings.Split(text, ", ") {
			name, value, _ := strings.Cut(part, "=")
			given[name] = strings.Trim(value, `"`)
		}
	}
	hash := func(s string) string {
		switch strings.TrimSuffix(d.algorithm, "-sess") {
		case "SHA-256":
			return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))
		case "SHA-512-256":
			return fmt.Sprintf("%x", sha512.Sum512_256([]byte(s)))
		}
		return fmt.Sprintf("%x", md5.Sum([]byte(s)))
	}
	a1 := hash("admin:cam:right")
	if strings.HasSuffix(d.algorithm, "-sess") {
		a1 = hash(a1 + ":" + given["nonce"] + ":" + given["cnonce"])
	}
	a2 := hash(string(req.Method) + ":" + req.URL.String())
	want := hash(a1 + ":" + given["nonce"] + ":" + a2)
	if d.qop {
		want = hash(strings.Join([]string{a1, given["nonce"], given["nc"], given["cnonce"], "auth", a2}, ":"))
	}
	if d.stale && len(given) > 0 {
		d.requests++
	}
	nonce := d.nonce()
	if !d.stale && len(given) > 0 {
		d.requests++
	}
	if given["response"] == want && given["nonce"] == nonce && given["algorithm"] == d.algorithm && (given["qop"] == "auth") == d.qop {
		return
	}
	if len(given) > 0 && given["nonce"] == nonce {
		d.refused++
	}
	stale := ""
	if d.stale && len(given) > 0 && given["nonce"] != nonce {
		stale = ", stale=TRUE"
	}
	res.StatusCode = base.StatusUnauthorized
	for _, o := range d.offers {
		res.Header["WWW-Authenticate"] = append(res.Header["WWW-Authenticate"], strings.ReplaceAll(o, "NONCE", `nonce="`+d.nonce()+`"`+stale))
	}
}

// TestDigests are what cameras ask for. The first is of Dahua firmware
// (bluenviron/gortsplib#1074), which locks out who answers SHA-256 without qop.
func TestDigests(t *testing.T) {
	for name, d := range map[string]*strictDigest{
		"SHA-256 with qop beside MD5": {offers: []string{
			`Digest realm="cam", NONCE, algorithm=SHA-256, qop="auth"`, `Digest realm="cam", NONCE, qop="auth"`,
		}, algorithm: "SHA-256", qop: true},
		"several in one header":           {offers: []string{`Basic realm="cam", Digest realm="cam", NONCE, algorithm=MD5, Digest algorithm=SHA-256,realm="cam",NONCE`}, algorithm: "SHA-256"},
		"SHA-512-256":                     {offers: []string{`Digest realm="cam", NONCE, algorithm=SHA-512-256, qop="auth-int, auth"`}, algorithm: "SHA-512-256", qop: true},
		"MD5 without qop":                 {offers: []string{`Digest realm="cam", NONCE`}},
		"MD5 named, with qop":             {offers: []string{`digest realm="cam",NONCE,algorithm="MD5",qop=auth`}, algorithm: "MD5", qop: true},
		"MD5-sess":                        {offers: []string{`Digest realm="cam", NONCE, algorithm=MD5-sess, qop="auth"`}, algorithm: "MD5-sess", qop: true},
		"SHA-256-sess":                    {offers: []string{`Digest realm="cam", NONCE, algorithm=SHA-256-sess, qop="auth"`}, algorithm: "SHA-256-sess", qop: true},
		"an algorithm of its own":         {offers: []string{`Digest realm="cam", NONCE, algorithm=SM3`, `Digest realm="cam", NONCE`}},
		"qop empty":                       {offers: []string{`Digest realm="cam", NONCE, qop=""`}},
		"a nonce that is too old at once": {offers: []string{`Digest realm="cam", NONCE, qop="auth"`}, qop: true, nonces: 2, requests: 1, stale: true},
		"another nonce at times":          {offers: []string{`Digest realm="cam", NONCE`}, nonces: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := startOdd(t, &oddCamera{answer: d.answer})
			r := (&Probe{URL: strings.Replace(o.url("stream"), "rtsp://", "rtsp://admin:right@", 1), Most: time.Second}).Run(t.Context())
			if !r.Plays || d.refused > 0 {
				t.Errorf("refused %d times: %s", d.refused, r)
			}
		})
	}
	t.Run("auth-int", func(t *testing.T) {
		d := &strictDigest{offers: []string{`Digest realm="cam", NONCE, qop="auth-int"`}}
		o := startOdd(t, &oddCamera{answer: d.answer})
		r := (&Probe{URL: strings.Replace(o.url("stream"), "rtsp://", "rtsp://admin:right@", 1)}).Run(t.Context())
		if r.Trouble == nil || !strings.Contains(r.Trouble.Reason, "auth-int") || d.requests > 0 {
			t.Errorf("%v after %d tries", r.Trouble, d.requests)
		}
	})
}

// TestKeepAlive: a camera is asked by a method that it knows, whatever it says in Public.
func TestKeepAlive(t *testing.T) {
	for name, c := range map[string]struct {
		public string
		want   []base.Method
	}{
		"GET_PARAMETER, in lower case":  {"describe, setup, get_parameter", []base.Method{base.GetParameter, base.GetParameter}},
		"OPTIONS":                       {"DESCRIBE, SETUP", []base.Method{base.Options, base.Options}},
		"GET_PARAMETER that it refuses": {"OPTIONS, GET_PARAMETER, no", []base.Method{base.GetParameter, base.Options, base.Options}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := startOdd(t, &oddCamera{answer: func(req *base.Request, res *base.Response) {
				res.Header["Session"] = base.HeaderValue{"1;timeout=1"}
				res.Header["Public"] = base.HeaderValue{c.public}
				if req.Method == base.GetParameter && strings.HasSuffix(c.public, "no") {
					res.StatusCode = base.StatusNotImplemented
				}
			}})
			startNode(t, settings(o.url("stream"))).phase(t, Live)
			until(t, "keep-alives", func() bool {
				o.mu.Lock()
				defer o.mu.Unlock()
				at := slices.Index(o.methods, base.Play) + 1
				return at > 0 && len(o.methods) >= at+len(c.want) && slices.Equal(o.methods[at:at+len(c.want)], c.want)
			})
		})
	}
}

// TestSRTP are cameras that encrypt behind TLS: with the keys in the session's part of the
// description, an MKI in each packet, and no clock, as Axis has it
// (bluenviron/gortsplib#1033), and with lengths as gortsplib v5 and so MediaMTX say them.
func TestSRTP(t *testing.T) {
	const mki = "\x01\x02\x03\x04"
	key := strings.Repeat("k", 30)
	policy := "\x00\x01\x01\x01\x01\x10\x02\x01\x01\x03\x01\x14\x07\x01\x01\x08\x01\x01\x0a\x01\x01\x0b\x01\x0a"
	mikey := func(kind, spi string) string {
		text := "\x01\x00\x05\x00ABCD\x00\x00" + "\x0a\x00" + strings.Repeat("\x00", 8) + "\x01\x00\x00\x00" + string(rune(len(policy))) + policy +
			"\x00\x00\x00" + string(rune(4+len(key)+len(spi))) + "\x00" + kind + "\x00\x1e" + key + spi + "\x00"
		return base64.StdEncoding.EncodeToString([]byte(text))
	}
	encrypted := func(mki string) func(int, []byte) []byte {
		c, err := srtp.CreateContext([]byte(key[:16]), []byte(key[16:]), srtp.ProtectionProfileAes128CmHmacSha1_80)
		if err != nil {
			t.Fatal(err)
		}
		return func(_ int, b []byte) (out []byte) {
			for at := 0; at < len(b); {
				n := int(b[at+2])<<8 + int(b[at+3])
				p, err := c.EncryptRTP(nil, b[at+4:at+4+n], nil)
				if err != nil {
					return nil
				}
				tag := len(p) - 10
				out = append(out, frame(0, slices.Concat(p[:tag], []byte(mki), p[tag:]))...)
				at += 4 + n
			}
			return out
		}
	}
	savp := strings.Replace(goodSDP, "RTP/AVP", "RTP/SAVP", 1)
	for name, o := range map[string]*oddCamera{
		"keys of the session, with an MKI": {
			sdp:    strings.Replace(savp, "t=0 0\r\n", "t=0 0\r\na=key-mgmt:mikey "+mikey("\x21", "\x04"+mki)+"\r\n", 1),
			wire:   replace("RTP/AVP/TCP", "RTP/SAVP/TCP"),
			played: encrypted(mki),
		},
		"keys in the answer to SETUP": {
			sdp:    savp,
			wire:   replace("Transport: RTP/AVP/TCP", `KeyMgmt: prot=mikey;uri="";data="`+mikey("\x20", "")+"\"\r\nTransport: RTP/SAVP/TCP"),
			played: encrypted(""),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.secure = true
			startOdd(t, o)
			n := startNode(t, settings(o.url("stream")))
			v := watch(t, n.track(t, sfu.Video), 0)
			until(t, "pictures", func() bool { return v.count() > 30 })
		})
	}
	o := startOdd(t, &oddCamera{secure: true, sdp: savp, wire: replace("RTP/AVP/TCP", "RTP/SAVP/TCP")})
	r := (&Probe{URL: o.url("stream")}).Run(t.Context())
	if r.Trouble == nil || !strings.Contains(r.Trouble.Reason, "it sends no keys (MIKEY)") {
		t.Errorf("%v", r.Trouble)
	}
}

// TestFirstErrorIsKept: where the first of the media cannot be set up and the camera hangs
// up on that, the reason is told and not the hanging up.
func TestFirstErrorIsKept(t *testing.T) {
	o := startOdd(t, &oddCamera{
		sdp: goodSDP + "m=audio 0 RTP/AVP 8\r\na=control:track2\r\n",
		answer: func(req *base.Request, res *base.Response) {
			if req.Method == base.Setup {
				res.StatusCode = base.StatusNotEnoughBandwidth
				if strings.HasSuffix(req.URL.String(), "track2") {
					res.StatusCode = 0
				}
			}
		},
	})
	r := (&Probe{URL: o.url("stream")}).Run(t.Context())
	if r.Trouble == nil || r.Trouble.Reason != "the camera has no room for another viewer (453)" {
		t.Errorf("%v", r.Trouble)
	}
}

// TestNoRTSPThere: what listens there is told.
func TestNoRTSPThere(t *testing.T) {
	for name, c := range map[string]struct {
		wire   string
		reason string
	}{
		"a web server": {"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server answers at the camera's address"},
		"rubbish":      {strings.Repeat("x", 300<<10), "what the camera sends is not RTSP"},
		"no status":    {"RTSP/1.0 OK\r\n\r\n", "what the camera sends is not RTSP"},
	} {
		o := startOdd(t, &oddCamera{wire: func(*base.Request, []byte) []byte { return []byte(c.wire) }})
		r := (&Probe{URL: o.url("stream")}).Run(t.Context())
		if r.Trouble == nil || r.Trouble.Reason != c.reason {
			t.Errorf("%s: %v", name, r.Trouble)
		}
	}
	if tr := explain(rtsp.ErrKeys, "rtsps://cam/"); !strings.HasPrefix(tr.Reason, "the camera's stream cannot be decrypted: its encryption") {
		t.Errorf("%v", tr)
	}
}

// TestFragments are addresses as they are copied from go2rtc and Frigate
// (AlexxIT/go2rtc#124): it is told what is too much of them.
func TestFragments(t *testing.T) {
	for _, url := range []string{"rtsp://admin:hunter2@127.0.0.1:1/stream1#backchannel=0", "rtsp://admin:hunter#2@127.0.0.1:1/stream1"} {
		r := (&Probe{URL: url}).Run(t.Context())
		if r.Trouble == nil || !strings.HasPrefix(r.Trouble.Advice, "leave out # and what follows it") || strings.Contains(r.String(), "hunter") {
			t.Errorf("%s", r)
		}
	}
}

// TestNoAnswer: a camera that answers one question and not the next is not waited for
// without end.
func TestNoAnswer(t *testing.T) {
	o := startOdd(t, &oddCamera{wire: func(req *base.Request, b []byte) []byte {
		if req.Method == base.Setup {
			return nil
		}
		return b
	}})
	n := startNode(t, settings(o.url("stream")))
	n.phase(t, Down)
	if tr := n.state().Trouble; *tr != *errTooLong {
		t.Errorf("%v", tr)
	}
}

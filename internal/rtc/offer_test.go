package rtc

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"go.uber.org/goleak"

	"umbrella/internal/sfu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// browserOffer is cut down from one that Chromium made.
var browserOffer = strings.ReplaceAll(`v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS s
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Hx2f
a=ice-pwd:f1ZcjD8KBwIBjOZk0vYBpUhA
a=ice-options:trickle
a=fingerprint:sha-256 6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:s a
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=ssrc:1001 cname:c
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Hx2f
a=ice-pwd:f1ZcjD8KBwIBjOZk0vYBpUhA
a=fingerprint:sha-256 6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:1
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:13 urn:3gpp:video-orientation
a=sendonly
a=msid:s v
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=ssrc-group:FID 2001 2002
a=ssrc:2001 cname:c
a=ssrc:2002 cname:c
`, "\n", "\r\n")

func testEngine(tb testing.TB) *Engine {
	tb.Helper()
	e := &Engine{Log: slog.New(slog.DiscardHandler), PublicAddress: []string{"203.0.113.7"}}
	if err := e.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return e
}

func testParticipant(tb testing.TB) *sfu.Participant {
	tb.Helper()
	s := &sfu.SFU{}
	p, err := s.Join(sfu.Entry{Room: "r", Name: "Ada", Kind: sfu.Person})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		p.Leave()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	return p
}

func TestAnswer(t *testing.T) {
	e := testEngine(t)
	b, err := e.NewPublisher(testParticipant(t), e.Log, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	answer, err := b.Answer(browserOffer, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a=ice-lite\r\n", "a=setup:passive\r\n", "a=rtpmap:111 opus/48000/2\r\n", "useinbandfec=1;usedtx=1\r\n",
		"a=rtpmap:96 VP8/90000\r\n", "a=rtpmap:97 rtx/90000\r\n", "a=rtcp-fb:96 nack pli\r\n",
		"a=extmap:13 urn:3gpp:video-orientation\r\n", "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n",
		" typ host tcptype passive\r\n", "a=end-of-candidates\r\n",
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("%q is missing in\n%s", want, answer)
		}
	}
	if strings.Contains(answer, " red/") {
		t.Error("RED was taken, which is not forwarded")
	}
}

// Firefox has numbers of its own and sends under no others.
func TestAnswerKeepsTheNumbersOfTheOffer(t *testing.T) {
	e := testEngine(t)
	b, err := e.NewPublisher(testParticipant(t), e.Log, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	answer, err := b.Answer(strings.NewReplacer("SAVPF 111", "SAVPF 109", ":111 ", ":109 ", ":96 ", ":120 ", "SAVPF 96", "SAVPF 120", "apt=96", "apt=120").Replace(browserOffer), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n", "a=rtpmap:109 opus/48000/2\r\n", "a=fmtp:109 minptime=10;useinbandfec=1;usedtx=1\r\n", "a=rtpmap:120 VP8/90000\r\n"} {
		if !strings.Contains(answer, want) {
			t.Errorf("%q is missing in\n%s", want, answer)
		}
	}
}

// Connections that nobody owns any more do not hold the port's closing up.
func TestCloseWithStrayConnections(t *testing.T) {
	e := &Engine{Log: slog.New(slog.DiscardHandler)}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(e.MediaPort)))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 { // a binding request for a connection that is none, framed as RFC 4571 has it
			m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("none:one"), stun.Fingerprint)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write(append([]byte{byte(len(m.Raw) >> 8), byte(len(m.Raw))}, m.Raw...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(100 * time.Millisecond) // for the mux to take them
	closed := make(chan error, 1)
	go func() { closed <- e.Close(context.Background()) }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the port does not close")
	}
}

// Whatever is offered, the answer is an answer or an error.
func FuzzOffer(f *testing.F) {
	f.Add(browserOffer)
	f.Add(strings.ReplaceAll(browserOffer, "a=sendonly", "a=recvonly"))
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 X 1\r\n")
	f.Add("")
	e := testEngine(f)
	p := testParticipant(f)
	f.Fuzz(func(t *testing.T, sdp string) {
		late := time.AfterFunc(20*time.Second, func() { panic("no answer in 20 s") })
		defer late.Stop()
		b, err := e.NewPublisher(p, e.Log, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := b.Answer(sdp, nil); err == nil && !strings.HasPrefix(answer, "v=0\r\n") {
			t.Errorf("answered with %q", answer)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		w, _, err := e.AnswerSubscriber(WatchOffer{SDP: sdp}, "", e.Log, nil)
		if err == nil {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

package rtc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// Nothing that a peer writes into its SDP makes the node send anywhere: pion sees
// neither candidates nor a=ice-lite.
func TestRemoteCandidatesAreLeftOut(t *testing.T) {
	hostile := strings.NewReplacer(
		"t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n",
		"a=mid:", "a=candidate:1 1 udp 2130706431 203.0.113.9 9 typ host\r\na=candidate:2 1 tcp 1 203.0.113.9 9 typ host tcptype passive\r\n"+
			"a=candidate:3 1 udp 1 victim.local 9 typ host\r\na=ice-lite\r\na=end-of-candidates\r\na=remote-candidates:1 203.0.113.9 9\r\na=mid:",
	).Replace(browserOffer)
	got, err := readRemote(hostile, maxPublished)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"candidate", "203.0.113.9", "victim", "ice-lite"} {
		if strings.Contains(got.text, bad) {
			t.Errorf("%q is left in\n%s", bad, got.text)
		}
	}
	e := testEngine(t)
	b, err := e.NewPublisher(testParticipant(t), e.Log, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Answer(hostile, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range b.pc.GetStats() {
		if c, ok := s.(webrtc.ICECandidateStats); ok && c.Type == webrtc.StatsTypeRemoteCandidate {
			t.Errorf("pion has the candidate %s", c.IP)
		}
	}
}

// What the node reads of a browser's offer is what the browser wrote.
func TestReadRemoteKeepsWhatIsNeeded(t *testing.T) {
	for name, offer := range map[string]string{"as it came": browserOffer, "with LF alone": strings.ReplaceAll(browserOffer, "\r\n", "\n")} {
		got, err := readRemote(offer, maxPublished)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(browserOffer, "a=rtcp:9 IN IP4 0.0.0.0\r\n", "")
		if got.text != want || len(got.rejected) > 0 {
			t.Errorf("%s: got\n%s", name, got.text)
		}
	}
}

// Whatever there is too much of is refused before anything is made of it.
func TestTooMuchInAnSDP(t *testing.T) {
	section := strings.Replace(browserOffer[strings.Index(browserOffer, "m=video"):], "a=mid:1\r\n", "", 1)
	repeat := func(line string, n int) string { return browserOffer + strings.Repeat(line+"\r\n", n) }
	numbered := func(format string, n int) string {
		var b strings.Builder
		b.WriteString(browserOffer)
		for i := range n {
			fmt.Fprintf(&b, format+"\r\n", i)
		}
		return b.String()
	}
	formats := "m=video 9 UDP/TLS/RTP/SAVPF"
	for i := range 1000 {
		formats += fmt.Sprintf(" %d", i)
	}
	for name, c := range map[string]struct {
		offer string
		want  error
	}{
		"m-lines":      {browserOffer + strings.Repeat(section, maxPublished), ErrTooMany},
		"data m-lines": {repeat("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", maxPublished), ErrTooMany},
		"SSRCs":        {numbered("a=ssrc:%d cname:x", 1000), ErrTooMany},
		"RIDs":         {numbered("a=rid:%d send", 1000), ErrTooMany},
		"extensions":   {numbered("a=extmap:%d urn:x", 1000), ErrTooMany},
		"parameters":   {numbered("a=fmtp:96 x=%d", 1000), ErrTooMany},
		"formats":      {strings.Replace(browserOffer, "m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104", formats, 1), ErrTooMany},
		"all formats":  {browserOffer + strings.Repeat("m=video 9 UDP/TLS/RTP/SAVPF"+formats[len("m=video 9 UDP/TLS/RTP/SAVPF"):len("m=video 9 UDP/TLS/RTP/SAVPF")+390]+"\r\n", 20), ErrTooMany},
		"groups":       {strings.Replace(browserOffer, "t=0 0\r\n", "t=0 0\r\n"+strings.Repeat("a=group:BUNDLE 0 1\r\n", 100), 1), ErrTooMany},
		"a long line":  {repeat("a=fmtp:96 "+strings.Repeat("x", maxLine), 1), ErrTooLarge},
		"bytes":        {repeat("a=candidate:1 1 udp 1 203.0.113.9 9 typ host", 12_000), ErrTooLarge},
	} {
		if _, err := readRemote(c.offer, maxPublished); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// As many candidates as fit cost nothing: they are left out.
	got, err := readRemote(repeat("a=candidate:1 1 udp 1 203.0.113.9 9 typ host", 5_000), maxPublished)
	if err != nil || len(got.text) > len(browserOffer) {
		t.Errorf("with 5,000 candidates: %v, %d bytes are left", err, len(got.text))
	}
	for name, offer := range map[string]string{
		"no media":        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
		"data alone":      "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n",
		"one mid twice":   strings.ReplaceAll(browserOffer, "a=mid:1", "a=mid:0"),
		"a short m-line":  browserOffer + "m=audio 9\r\n",
		"nothing at all":  "",
		"an empty m-line": browserOffer + "m=\r\n",
	} {
		if _, err := readRemote(offer, maxPublished); err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
}

// An offer with data channels is answered without them, wherever they stand, and
// the connection comes about. There is no SCTP.
func TestDataChannelsAreRejected(t *testing.T) {
	for _, first := range []bool{true, false} {
		t.Run(fmt.Sprintf("first %v", first), func(t *testing.T) {
			e := testEngine(t)
			pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				t.Fatal(err)
			}
			defer pc.GracefulClose()
			open := make(chan struct{})
			channel, err := pc.CreateDataChannel("x", nil)
			if err != nil {
				t.Fatal(err)
			}
			channel.OnOpen(func() { close(open) })
			if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio); err != nil {
				t.Fatal(err)
			}
			connected := make(chan struct{})
			pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
				if s == webrtc.PeerConnectionStateConnected {
					close(connected)
				}
			})
			offer, err := pc.CreateOffer(nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := pc.SetLocalDescription(offer); err != nil {
				t.Fatal(err)
			}
			sent := offer.SDP
			if first {
				sent = dataFirst(sent)
			}
			b, err := e.NewPublisher(testParticipant(t), e.Log, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			answer, err := b.Answer(sent, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(answer, "m=application 0 "); n != 1 {
				t.Errorf("%d rejected m-lines in\n%s", n, answer)
			}
			if got := strings.Index(answer, "m=application") < strings.Index(answer, "m=audio"); got != first {
				t.Errorf("the rejected m-line is in another place than it was offered in\n%s", answer)
			}
			if first {
				return // pion itself offers data last
			}
			if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
				t.Fatal(err)
			}
			select {
			case <-connected:
			case <-time.After(10 * time.Second):
				t.Fatal("no connection comes about")
			}
			if b.pc.SCTP().State() != webrtc.SCTPTransportStateConnecting {
				t.Errorf("SCTP is %v", b.pc.SCTP().State())
			}
			select {
			case <-open:
				t.Error("a data channel was opened")
			default:
			}
		})
	}
}

// dataFirst moves the m-line of data channels to the front, where it alone has
// what all share, as in a bundle (RFC 9143 §7.1.3).
func dataFirst(sdp string) string {
	parts := strings.SplitAfter(sdp, "\r\nm=")
	session, audio, data := parts[0], strings.TrimSuffix(parts[1], "m="), parts[2]
	var bare strings.Builder
	for line := range strings.Lines(audio) {
		if !strings.HasPrefix(line, "a=ice-") && !strings.HasPrefix(line, "a=fingerprint") && !strings.HasPrefix(line, "a=setup") {
			bare.WriteString(line)
		}
	}
	return strings.Replace(session, "BUNDLE 0 1", "BUNDLE 1 0", 1) + data + "m=" + bare.String()
}

// Whatever a peer offers after what it has offered before, the answer is an answer
// or an error; the third offer of a session is none that costs more than the first.
func FuzzReoffer(f *testing.F) {
	f.Add(browserOffer, browserOffer)
	f.Add(browserOffer, strings.ReplaceAll(browserOffer, "Hx2f", "Hx3g"))
	f.Add(browserOffer, strings.ReplaceAll(browserOffer, "m=video 9", "m=video 0"))
	f.Add(browserOffer, strings.ReplaceAll(browserOffer, "a=sendonly", "a=inactive"))
	f.Add(browserOffer, browserOffer+"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n")
	f.Add(strings.ReplaceAll(browserOffer, "a=sendonly", "a=recvonly"), browserOffer)
	e := testEngine(f)
	p := testParticipant(f)
	f.Fuzz(func(t *testing.T, first, second string) {
		b, err := e.NewPublisher(p, e.Log, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, offer := range []string{first, second, first} {
			if answer, err := b.Answer(offer, nil); err == nil && !strings.HasPrefix(answer, "v=0\r\n") {
				t.Errorf("answered with %q", answer)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		w, _, err := e.AnswerSubscriber(WatchOffer{SDP: first}, "", e.Log, nil)
		if err != nil {
			return
		}
		_, _ = w.Reanswer(second)
		_, _ = w.Reanswer(first)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Whatever a browser answers to our offers, with restarts of ICE between them,
// there is an error or none.
func FuzzSubscriberAnswer(f *testing.F) {
	e := testEngine(f)
	good := answerTo(f, offerOf(f, e))
	f.Add(good, good, false)
	f.Add(good, good, true)
	f.Add(good, strings.ReplaceAll(good, "m=video 9", "m=video 0"), true)
	f.Add(good, good+"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n", false)
	f.Add(strings.ReplaceAll(good, "a=recvonly", "a=inactive"), good, true)
	f.Fuzz(func(t *testing.T, first, second string, restart bool) {
		s, err := e.NewSubscriber("192.0.2.7", e.Log, nil)
		if err != nil {
			t.Fatal(err)
		}
		addSlots(t, s)
		for i, answer := range []string{first, second, first} {
			if _, err := s.Offer(restart && i > 0); err != nil {
				break // an answer was refused, and the offer before it stands
			}
			if err := s.Answered(answer); err != nil {
				break
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// addSlots gives a subscriber an m-line for sound and one for pictures.
func addSlots(tb testing.TB, s *Subscriber) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.newGroup()
	s.groups = append(s.groups, g)
	_, err := s.addSlot(g, webrtc.RTPCodecTypeAudio, []codec{opus, red})
	if err == nil {
		_, err = s.addSlot(g, webrtc.RTPCodecTypeVideo, videoCodecs[:1])
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func offerOf(tb testing.TB, e *Engine) string {
	tb.Helper()
	s, err := e.NewSubscriber("192.0.2.7", e.Log, nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	addSlots(tb, s)
	offer, err := s.Offer(false)
	if err != nil {
		tb.Fatal(err)
	}
	return offer
}

// answerTo is what pion's client answers to an offer.
func answerTo(tb testing.TB, offer string) string {
	tb.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		tb.Fatal(err)
	}
	defer pc.GracefulClose()
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		tb.Fatal(err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return answer.SDP
}

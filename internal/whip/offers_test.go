package whip_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"umbrella/internal/forward"
	"umbrella/internal/sfu"
)

// Transport lines of offers: those of browsers, which stand in each m-line, and those
// of libdatachannel (OBS) and GStreamer, which stand once, in the session part.
const (
	transport = "a=ice-ufrag:ab12\na=ice-pwd:0123456789abcdef01234567\n" +
		"a=fingerprint:sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA\n" +
		"a=setup:actpass\n"
	start = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
)

// mLine of an offer; codecs are "96 H264/90000" or "96 H264/90000 PARAMETERS".
func mLine(mid, kind, direction string, codecs ...string) string {
	head, body := "m="+kind+" 9 UDP/TLS/RTP/SAVPF", "c=IN IP4 0.0.0.0\n"
	if mid != "" {
		body += "a=mid:" + mid + "\n"
	}
	body += "a=" + direction + "\na=rtcp-mux\n"
	for _, c := range codecs {
		words := strings.SplitN(c, " ", 3)
		head += " " + words[0]
		if words[1] != "" {
			body += "a=rtpmap:" + words[0] + " " + words[1] + "\n"
		}
		if len(words) > 2 {
			body += "a=fmtp:" + words[0] + " " + words[2] + "\n"
		}
	}
	return head + "\n" + body
}

const (
	opusLine = "111 opus/48000/2 minptime=10;useinbandfec=1"
	data     = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:2\na=sctp-port:5000\n"
)

func h264(number, profile string) string {
	return number + " H264/90000 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile
}

// camera puts one into a room, with H.264 of a profile and sound in a codec.
func (n *node) camera(t *testing.T, room, profile, sound string) {
	t.Helper()
	p, err := n.sfu.Join(sfu.Entry{Room: room, ID: "gate", Name: "Gate", Kind: sfu.Camera})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Leave)
	for _, c := range []sfu.Codec{
		{MimeType: "video/H264", ClockRate: 90000, Fmtp: "packetization-mode=1;profile-level-id=" + profile},
		{MimeType: "audio/" + sound, ClockRate: 8000},
	} {
		media := &forward.Source{}
		media.Add(forward.NewLayer(forward.LayerConfig{MimeType: c.MimeType, ClockRate: c.ClockRate}))
		kind, source := sfu.Video, sfu.CameraPicture
		if c.ClockRate == 8000 {
			kind, source = sfu.Audio, sfu.Microphone
		}
		if _, err := p.Publish(sfu.Publication{Kind: kind, Source: source, Codec: c, Media: media}); err != nil {
			t.Fatal(err)
		}
	}
}

// m returns the m-line of a kind, with its port and numbers.
func m(sdp, kind string) string {
	_, rest, _ := strings.Cut(sdp, "\r\nm="+kind+" ")
	line, _, _ := strings.Cut(rest, "\r\n")
	return strings.Replace(line, "UDP/TLS/RTP/SAVPF ", "", 1)
}

// What programs offer to publish is taken as a whole, or refused in words.
func TestOffersToPublish(t *testing.T) {
	n := startNode(t)
	bundle := "a=group:BUNDLE 0 1\n"
	video := mLine("1", "video", "sendonly", h264("96", "42e01f"))
	audio := mLine("0", "audio", "sendonly", opusLine)
	for _, c := range []struct {
		name, offer  string
		status       int
		video, audio string // m-lines of the answer, as m has them
		words        string // of a refusal, or of the answer
	}{
		{"OBS 30.1: transport in the session part, a group LS, real ports",
			start + bundle + "a=group:LS 0 1\na=msid-semantic:WMS *\n" + transport + "a=ice-options:ice2,trickle\n" +
				strings.Replace(audio, "audio 9", "audio 57249", 1) + strings.Replace(video, "video 9", "video 57249", 1), 201, "9 96", "9 111", ""},
		{"OBS 30.2: HEVC", start + bundle + transport + audio + mLine("1", "video", "sendonly", "96 H265/90000"), 201, "9 96", "9 111", ""},
		{"OBS 31: AV1", start + bundle + transport + audio + mLine("1", "video", "sendonly", "96 AV1/90000"), 201, "9 96", "9 111", ""},
		{"OBS 30, High", start + bundle + transport + audio + mLine("1", "video", "sendonly", h264("96", "640c1f")), 201, "9 96", "9 111", ""},
		{"GStreamer whipclientsink: video first, OPUS in capitals, no level-asymmetry",
			start + bundle + transport + mLine("0", "video", "sendonly", "96 H264/90000 packetization-mode=1;profile-level-id=42c01f") +
				mLine("1", "audio", "sendonly", "97 OPUS/48000/2 sprop-stereo=1"), 201, "9 96", "9 97", ""},
		{"GStreamer whipsink: H.264 without parameters", start + transport + mLine("0", "video", "sendonly", "96 H264/90000"), 201, "9 96", "", ""},
		{"FFmpeg 8.0: seven digits of a constrained profile",
			start + bundle + transport + audio + mLine("1", "video", "sendonly", h264("106", "422001f")), 201, "9 106", "9 111", "profile-level-id=42401f"},
		{"a profile that cannot be read", start + transport + mLine("0", "video", "sendonly", h264("96", "baseline")), 201, "9 96", "", "profile-level-id=42000a"},
		{"Firefox: a rejected m-line, sendrecv, bundle-only, mids in braces",
			start + "a=group:BUNDLE {a} {b}\n" + transport + "a=sendrecv\n" + mLine("{a}", "audio", "sendrecv", "109 opus/48000/2", "9 G722/8000/1", "0 PCMU/8000") +
				strings.Replace(mLine("{b}", "video", "sendrecv", "120 VP8/90000", h264("126", "42e01f")), "video 9", "video 0", 1) + "a=bundle-only\n" +
				strings.Replace(mLine("{c}", "video", "inactive", "120 VP8/90000"), "video 9", "video 0", 1), 201, "9 120 126", "9 109", "m=video 0 "},
		{"Safari: data channels first", start + "a=group:BUNDLE 2 1\n" + data + transport + mLine("1", "video", "sendrecv", h264("96", "640c1f"), h264("98", "42e01f"), "100 H265/90000"), 201, "", "", "m=application 0 "},
		{"Larix: one m-line in no group", start + mLine("0", "video", "sendonly", h264("96", "42e01f")) + transport, 201, "9 96", "", ""},
		{"one m-line without a=mid", start + transport + mLine("", "video", "sendonly", h264("96", "42e01f")), 201, "9 96", "", ""},
		{"no newline at the end", strings.TrimSuffix(start+bundle+transport+audio+video, "\n"), 201, "9 96", "9 111", ""},
		{"two m-lines in no group", start + transport + audio + video, 406, "", "", "a=group:BUNDLE"},
		{"two m-lines, one of them in the group", start + "a=group:BUNDLE 0\n" + transport + audio + video, 406, "", "", "a=group:BUNDLE"},
		{"data channels alone", start + transport + data, 406, "", "", "no m-line for sound or pictures"},
		{"recvonly", start + transport + mLine("0", "video", "recvonly", h264("96", "42e01f")), 406, "", "", "recvonly"},
		{"inactive", start + transport + mLine("0", "video", "inactive", h264("96", "42e01f")), 406, "", "", "inactive"},
		{"an unknown codec", start + transport + mLine("0", "video", "sendonly", "96 THEORA/90000"), 406, "", "", "THEORA"},
		{"an unknown codec beside a known one", start + bundle + transport + audio + mLine("1", "video", "sendonly", "96 THEORA/90000"), 406, "", "", "THEORA"},
		{"High 4:4:4, which no browser plays: FFmpeg's testsrc", start + transport + mLine("0", "video", "sendonly", h264("96", "f4001f")), 406, "", "", "f4001f"},
		{"no ICE", start + strings.Replace(transport, "a=ice-ufrag:ab12\n", "", 1) + video, 400, "", "", "no a=ice-ufrag"},
		{"no DTLS", start + "a=ice-ufrag:ab12\na=ice-pwd:0123456789abcdef01234567\n" + video, 400, "", "", "no a=fingerprint"},
	} {
		for _, end := range []string{"\n", "\r\n"} {
			resp, body := n.do(t, "POST", "/whip/main", "application/sdp", strings.ReplaceAll(c.offer, "\n", end))
			if resp.StatusCode != c.status || !strings.Contains(body, c.words) ||
				c.video != "" && m(body, "video") != c.video || c.audio != "" && m(body, "audio") != c.audio {
				t.Errorf("%s: %s, want %d with %q, video %q, audio %q:\n%s", c.name, resp.Status, c.status, c.words, c.video, c.audio, body)
			}
			if resp.StatusCode == http.StatusCreated {
				if offered := strings.Contains(c.offer, "a=group:BUNDLE"); strings.Contains(body, "a=group:") != offered {
					t.Errorf("%s: the answer's group:\n%s", c.name, body)
				}
				n.do(t, "DELETE", resp.Header.Get("Location"), "", "")
			}
		}
	}
	eventually(t, "nobody is left behind", func() bool { return len(n.sfu.Rooms()) == 0 })
}

// Players get a camera's picture under a number that plays it, which stands first, or
// the m-line is rejected.
func TestOffersToWatch(t *testing.T) {
	n := startNode(t)
	n.camera(t, "studio", "42e01f", "PCMA")
	n.camera(t, "high", "640028", "PCMU")
	for _, c := range []struct {
		name, path, offer string
		status            int
		video, audio      string
		words             string
	}{
		{"GStreamer's simple WHEP client: no parameters", "/whep/studio/gate", mLine("0", "video", "recvonly", "96 H264/90000"), 201, "9 96", "", ""},
		{"mode 0", "/whep/studio/gate", mLine("0", "video", "recvonly", "96 H264/90000 packetization-mode=0;profile-level-id=42e01f"), 201, "9 96", "", ""},
		{"Baseline alone", "/whep/studio/gate", mLine("0", "video", "recvonly", h264("96", "42001f")), 201, "9 96", "", ""},
		{"Main alone", "/whep/studio/gate", mLine("0", "video", "recvonly", h264("96", "4d001f")), 201, "9 96", "", ""},
		{"High alone", "/whep/studio/gate", mLine("0", "video", "recvonly", h264("96", "64001f")), 201, "9 96", "", ""},
		{"Constrained High alone", "/whep/studio/gate", mLine("0", "video", "recvonly", h264("96", "640c1f")), 201, "9 96", "", ""},
		{"High for a High camera, with level 3.1", "/whep/high/gate", mLine("0", "video", "recvonly", h264("97", "42e01f"), h264("96", "64001f")), 201, "9 96 97", "", ""},
		{"Baseline alone for a High camera", "/whep/high/gate", mLine("0", "video", "recvonly", h264("96", "42e01f")), 201, "9 96", "", ""},
		{"High 10 alone", "/whep/studio/gate", mLine("0", "video", "recvonly", h264("96", "6e001f")), 406, "", "", "no codec that the node knows"},
		{"go2rtc: three kinds of H.264 and every sound", "/whep/studio/gate", "a=group:BUNDLE 0 1\n" +
			mLine("0", "video", "recvonly", h264("97", "64001f"), "99 rtx/90000 apt=97", h264("98", "42e01f"), "100 rtx/90000 apt=98", "96 H265/90000") +
			mLine("1", "audio", "recvonly", "101 opus/48000/2", "0 PCMU/8000", "8 PCMA/8000"), 201, "9 98 100 97 99 96", "9 8 0 101", ""},
		{"static numbers without a=rtpmap", "/whep/studio/gate", mLine("0", "audio", "recvonly", "0 ", "8 "), 201, "", "9 8 0", ""},
		{"VP8 alone for one camera", "/whep/studio/gate", mLine("0", "video", "recvonly", "96 VP8/90000"), 406, "", "", "no codec in which it is sent"},
		{"VP8 beside a sound that plays", "/whep/studio/gate", "a=group:BUNDLE 0 1\n" + mLine("0", "video", "recvonly", "96 VP8/90000") +
			mLine("1", "audio", "recvonly", "8 PCMA/8000"), 201, "0 96", "9 8", ""},
		{"VP8 for a room, where somebody may come who sends it", "/whep/studio", mLine("0", "video", "recvonly", "96 VP8/90000"), 201, "9 96", "", ""},
		{"sendonly", "/whep/studio/gate", mLine("0", "video", "sendonly", h264("96", "42e01f")), 406, "", "", "sendonly"},
		{"an unknown codec", "/whep/studio", mLine("0", "video", "recvonly", "96 THEORA/90000"), 406, "", "", "no codec"},
		{"data channels alone", "/whep/studio", data, 406, "", "", "no m-line"},
		{"two m-lines in no group", "/whep/studio", mLine("0", "video", "recvonly", h264("96", "42e01f")) + mLine("1", "audio", "recvonly", opusLine), 406, "", "", "BUNDLE"},
	} {
		resp, body := n.do(t, "POST", c.path, "application/sdp", start+transport+c.offer)
		if resp.StatusCode != c.status || !strings.Contains(body, c.words) ||
			c.video != "" && m(body, "video") != c.video || c.audio != "" && m(body, "audio") != c.audio {
			t.Errorf("%s: %s, want %d with %q, video %q, audio %q:\n%s", c.name, resp.Status, c.status, c.words, c.video, c.audio, body)
		}
		if resp.StatusCode == http.StatusCreated {
			n.do(t, "DELETE", resp.Header.Get("Location"), "", "")
		}
	}
	eventually(t, "nobody is left behind", func() bool {
		return fmt.Sprint(len(n.sfu.Room("studio").Participants()), len(n.sfu.Room("high").Participants())) == "1 1"
	})
}

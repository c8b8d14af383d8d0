package rtsp

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/mikey"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"

	"umbrella/internal/camera/sound"
)

// What cameras write, in parts.
const (
	head  = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=cam\nt=0 0\na=control:*\n"
	video = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:track1\n"
	alaw  = "m=audio 0 RTP/AVP 8\na=control:track2\n"
	sps   = "Z2QADazZQUGfnwEQAAADABAAAAMBQPFCmWA="
	pps   = "aOvjyyLA"
)

// mikeyKey is a message that the library reads, in base64.
var mikeyKey = func() string {
	b, err := (&mikey.Message{
		Header:   mikey.Header{Version: 1, CSIDMapInfo: []mikey.SRTPIDEntry{{SSRC: 1}}},
		Payloads: []mikey.Payload{&mikey.PayloadRAND{Data: make([]byte, 16)}},
	}).Marshal()
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}()

// read is what the library makes of what Regular makes.
func read(t testing.TB, body string, talk bool) (*Description, *description.Session) {
	t.Helper()
	r := Regular([]byte(body), talk)
	var s sdp.SessionDescription
	if err := s.Unmarshal(r.Text); err != nil {
		t.Fatalf("%v in %q", err, r.Text)
	}
	var d description.Session
	if err := d.Unmarshal(&s); err != nil {
		if len(s.MediaDescriptions) > 0 {
			t.Fatalf("%v in %q", err, r.Text)
		}
		return r, &d
	}
	r.Complete(&d)
	return r, &d
}

// summary says in a few words what a description has.
func summary(r *Description, d *description.Session) string {
	var list []string
	for _, m := range d.Medias {
		words := string(m.Type)
		if m.IsBackChannel {
			words += " back"
		}
		for _, f := range m.Formats {
			switch f := f.(type) {
			case *format.H264:
				words += fmt.Sprintf(" H264:%d", f.PayloadTyp)
				if len(f.SPS) > 0 && len(f.PPS) > 0 {
					words += " sets"
				}
			case *format.H265:
				words += fmt.Sprintf(" H265:%d", f.PayloadTyp)
				if len(f.VPS) > 0 && len(f.SPS) > 0 && len(f.PPS) > 0 {
					words += " sets"
				}
			case *format.G711:
				law := "PCMA"
				if f.MULaw {
					law = "PCMU"
				}
				words += fmt.Sprintf(" %s:%d %d/%d", law, f.PayloadTyp, f.SampleRate, f.ChannelCount)
			case *format.LPCM:
				words += fmt.Sprintf(" L%d:%d %d/%d", f.BitDepth, f.PayloadTyp, f.SampleRate, f.ChannelCount)
			case *sound.LittleEndian:
				words += fmt.Sprintf(" little L%d:%d %d/%d", f.BitDepth, f.PayloadTyp, f.SampleRate, f.ChannelCount)
			case *format.MPEG4Audio:
				words += fmt.Sprintf(" AAC:%d %d/%d %d,%d,%d", f.PayloadTyp, f.Config.SampleRate, f.Config.ChannelCount, f.SizeLength, f.IndexLength, f.IndexDeltaLength)
			case *format.Generic:
				words += " " + f.RTPMa
			default:
				words += fmt.Sprintf(" %s:%d", f.Codec(), f.PayloadType())
			}
		}
		if m.Secure {
			words += " secure"
		}
		if m.Type != "application" {
			words += " at " + m.Control
		}
		list = append(list, words)
	}
	for _, line := range r.Refused {
		list = append(list, "refused "+line)
	}
	return strings.Join(list, "; ")
}

func TestRegular(t *testing.T) {
	const picture = "video H264:96 at track1"
	fmtp := "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=" + sps + "," + pps + "\n"
	audio := func(n int, lines string) string {
		return fmt.Sprintf("m=audio 0 RTP/AVP %d\n%s\na=control:track2\n", n, lines)
	}
	for name, c := range map[string]struct {
		body string
		talk bool
		want string
	}{
		"nothing odd": {body: head + video + alaw, want: picture + "; audio PCMA:8 8000/1 at track2"},

		// Lines in wrong forms and places.
		"CR alone (old Vivotek)": {body: strings.ReplaceAll(head+video, "\n", "\r"), want: picture},
		"CRLF, blanks and a NUL": {body: strings.ReplaceAll(head+video, "\n", " \t\r\n") + "\x00", want: picture},
		"NULs in place of ends":  {body: strings.ReplaceAll(head+video, "\n", "\x00"), want: picture},
		"no last newline":        {body: strings.TrimSpace(head + video), want: picture},
		"blanks ahead and a BOM": {body: "\ufeff\n  " + strings.ReplaceAll(head+video, "\n", "\n  "), want: picture},
		"s= and i= in the media (Samsung, AlexxIT/WebRTC#417)": {
			body: "v=0\no=- 0 0 IN IP4 127.0.0.1\nt=0 0\nm=video 0 RTP/AVP 96\ns=Media Presentation\ni=samsung\na=rtpmap:96 H264/90000\na=control:track1\n", want: picture,
		},
		"all other session lines in the media":      {body: "v=0\n" + video + "o=x\ne=x\nu=:\np=x\nr=x\nz=x\nk=x\nb=x\nc=x\nt=now-\nv=1\nq=x\n", want: picture},
		"o= with IP for IN (Verint, mediamtx#5292)": {body: strings.Replace(head, "IN IP4", "IP IP4", 1) + video, want: picture},
		"o= with a huge id":                         {body: strings.Replace(head, "- 0 0", "- 99999999999999999999999 -9999999999999999999999", 1) + video, want: picture},
		"o= too short":                              {body: strings.Replace(head, "o=- 0 0 IN IP4 127.0.0.1", "o=-", 1) + video, want: picture},
		"no session at all":                         {body: video, want: picture},
		"broken c=, b= and t":                       {body: head + "c=IN\nb=RR\nt=x\n" + video + "c=x\nb=AS:many\n", want: picture},
		"a line that is wrapped": {
			body: head + video + "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=" + sps[:9] + "\n" + sps[9:] + "," + pps + "\n", want: "video H264:96 sets at track1",
		},
		"names in capitals": {body: head + "M=VIDEO 0 RTP/AVP 96\nA=RTPMAP:96 h264/90000\nA=Control:track1\n", want: picture},

		// The m-line.
		"no port":             {body: strings.Replace(head+video, "video 0", "video", 1), want: picture},
		"a port out of range": {body: strings.Replace(head+video, "video 0", "video -1/x", 1), want: picture},
		"another transport":   {body: strings.Replace(head+video, "RTP/AVP", "TCP/RTP/AVPF", 1), want: picture},
		"no payload type":     {body: strings.Replace(head+video, "AVP 96", "AVP", 1), want: picture},
		"smart types":         {body: strings.Replace(head+video, "AVP 96", "AVP smart/1/90000", 1), want: picture},
		"metadata and others": {
			body: head + "m=application 0 DTLS/SCTP 5000\n" + video + "m=metadata 0 RTP/AVP 107\na=rtpmap:107 x\nm=text -1 what\nm=\n",
			want: "application ignored/90000; " + picture + strings.Repeat("; application ignored/90000", 3),
		},
		"a media id in some only": {body: head + "a=group:FEC 1 2\n" + video + "a=mid:a b\n" + alaw, want: picture + "; audio PCMA:8 8000/1 at track2"},

		// Directions.
		"video that is sendonly (D-Link, go2rtc#771)":          {body: head + video + "a=sendonly\n" + alaw, want: picture + "; audio PCMA:8 8000/1 at track2"},
		"nothing but sendonly video (IDS uEye, mediamtx#5074)": {body: head + video + "a=sendonly\n", want: picture},
		"sendonly of the session":                              {body: head + "a=sendonly\n" + video + alaw, want: picture + "; audio PCMA:8 8000/1 at track2"},
		"inactive":                                             {body: head + "a=inactive\n" + video + "a=inactive\n" + alaw + "a=inactive\n", want: picture + "; audio PCMA:8 8000/1 at track2"},
		"ONVIF's back channel": {
			body: head + video + "a=recvonly\n" + alaw + "a=recvonly\n" + "m=audio 0 RTP/AVP 0\na=control:track3\na=sendonly\n", talk: true,
			want: picture + "; audio PCMA:8 8000/1 at track2; audio back PCMU:0 8000/1 at track3",
		},
		"ONVIF's back channel that nobody asked for": {
			body: head + video + "m=audio 0 RTP/AVP 0\na=control:track3\na=sendonly\n" + alaw, want: picture + "; audio back PCMU:0 8000/1 at track3; audio PCMA:8 8000/1 at track2",
		},
		"the only sound is no back channel": {body: head + video + alaw + "a=sendonly\n", want: picture + "; audio PCMA:8 8000/1 at track2"},
		"unless it was asked for":           {body: head + video + alaw + "a=sendonly\n", talk: true, want: picture + "; audio back PCMA:8 8000/1 at track2"},
		"directions as the camera sees them, asked": {
			body: head + video + "a=sendonly\n" + alaw + "a=sendonly\nm=audio 0 RTP/AVP 0\na=control:track3\na=recvonly\n", talk: true,
			want: picture + "; audio PCMA:8 8000/1 at track2; audio back PCMU:0 8000/1 at track3",
		},
		"both ways, asked":     {body: head + video + alaw + "a=sendrecv\n", talk: true, want: picture + "; audio back PCMA:8 8000/1 at track2"},
		"both ways, not asked": {body: head + video + alaw + "a=sendrecv\n", want: picture + "; audio PCMA:8 8000/1 at track2"},

		// Attributes that are missing, doubled, or elsewhere.
		"no rtpmap":          {body: head + "m=video 0 RTP/AVP 96\na=control:track1\n", want: picture},
		"no rtpmap of H.265": {body: head + "m=video 0 RTP/AVP 96\na=fmtp:96 sprop-sps=x\na=control:track1\n", want: "video H265:96 at track1"},
		"no rtpmap of AAC":   {body: head + audio(97, "a=fmtp:97 mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3"), want: "audio AAC:97 16000/1 13,3,3 at track2"},
		"rtpmap doubled":     {body: head + video + "a=rtpmap:96 H265/90000\n", want: picture},
		"fmtp doubled":       {body: head + video + "a=fmtp:96 packetization-mode=1\n" + fmtp, want: "video H264:96 sets at track1"},
		"control missing":    {body: head + strings.Replace(video, "a=control:track1\n", "", 1), want: "video H264:96 at "},
		"control doubled":    {body: head + "m=video 0 RTP/AVP 96\na=control:*\na=control:\na=control:track1\na=control:track9\n", want: picture},
		"a scheme twice (go2rtc#830)": {
			body: head + strings.Replace(video, "track1", "rtsp://rtsp://192.0.2.1/track1", 1), want: "video H264:96 at rtsp://192.0.2.1/track1",
		},
		"a host whose name begins like a scheme":             {body: head + strings.Replace(video, "track1", "rtsp://rtsp.example/track1", 1), want: "video H264:96 at rtsp://rtsp.example/track1"},
		"parameter sets with the sound (AlexxIT/WebRTC#419)": {body: head + video + alaw + fmtp, want: "video H264:96 sets at track1; audio PCMA:8 8000/1 at track2"},
		"formats ahead of the media":                         {body: head + "a=rtpmap:96 H265/90000\n" + "m=video 0 RTP/AVP 96\na=control:track1\n", want: "video H265:96 at track1"},
		"both media have one number": {
			body: head + "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 96\na=rtpmap:96 PCMU/8000\n" + fmtp, want: "video H264:96 sets at ; audio PCMU:96 8000/1 at ",
		},
		"another number in the attributes": {body: head + "m=video 0 RTP/AVP 98\na=rtpmap:96 H265/90000\na=control:track1\n", want: "video H265:98 at track1"},
		"no number in the attributes":      {body: head + "m=video 0 RTP/AVP 98\na=rtpmap:H265/90000\na=control:track1\n", want: "video H265:98 at track1"},

		// Formats.
		"names that no RFC has":  {body: head + strings.Replace(video, "H264/90000", "H.265 / 90000/1", 1), want: "video H265:96 at track1"},
		"no clock rate":          {body: head + strings.Replace(video, "H264/90000", "H264", 1), want: picture},
		"a wrong clock rate":     {body: head + strings.Replace(video, "H264/90000", "H264/9000", 1), want: picture},
		"a picture below 96":     {body: head + strings.ReplaceAll(video, "96", "33"), want: "video H264:33 at track1"},
		"parameter sets broken":  {body: head + video + "a=fmtp:96 packetization-mode=x;sprop-parameter-sets=%%%,###\n", want: picture},
		"parameter sets swapped": {body: head + video + "a=fmtp:96 sprop-parameter-sets=" + pps + "," + sps + "\n", want: "video H264:96 sets at track1"},
		"parameter sets with start codes and no padding": {
			body: head + video + "a=fmtp:96 Packetization-Mode = 1; sprop-parameter-sets=\"AAAAAWdkAA2s2UFBn58BEAAAAwAQAAADAUDxQplg,AAAAAWjr48siwA\"\n", want: "video H264:96 sets at track1",
		},
		"opus/48000/1 (go2rtc#1506)": {body: head + audio(97, "a=rtpmap:97 opus/48000/1"), want: "audio Opus:97 at track2"},
		"opus/16000":                 {body: head + audio(97, "a=rtpmap:97 OPUS/16000"), want: "audio Opus:97 at track2"},
		"PCMA/8000/1":                {body: head + audio(8, "a=rtpmap:8 PCMA/8000/1"), want: "audio PCMA:8 8000/1 at track2"},
		"PCMA/16000 of type 8":       {body: head + audio(8, "a=rtpmap:8 PCMA/16000"), want: "audio PCMA:8 16000/1 at track2"},
		"PCMU/90000":                 {body: head + audio(0, "a=rtpmap:0 PCMU/90000"), want: "audio PCMU:0 8000/1 at track2"},
		"PCMU of type 8":             {body: head + audio(8, "a=rtpmap:8 PCMU/8000"), want: "audio PCMU:8 8000/1 at track2"},
		"PCMA without a rate":        {body: head + audio(97, "a=rtpmap:97 G711A"), want: "audio PCMA:97 8000/1 at track2"},
		"PCM/48000 of type 11 (Hikvision, go2rtc 68fa4224)": {body: head + audio(11, "a=rtpmap:11 PCM/48000"), want: "audio little L16:11 48000/1 at track2"},
		"PCM/16000/2":          {body: head + audio(97, "a=rtpmap:97 PCM/16000/2"), want: "audio little L16:97 16000/2 at track2"},
		"L16 of type 11":       {body: head + audio(11, "a=rtpmap:11 L16/16000"), want: "audio L16:11 16000/1 at track2"},
		"type 10 alone":        {body: head + audio(10, ""), want: "audio L16:10 44100/2 at track2"},
		"type 9 with its rate": {body: head + audio(9, "a=rtpmap:9 G722/16000"), want: "audio G722:9 at track2"},
		"G.722 of another":     {body: head + audio(97, "a=rtpmap:97 G722/16000"), want: "audio G722/8000 at track2"},
		"type 34 alone":        {body: head + "m=video 0 RTP/AVP 34\n", want: "video H263/90000 at "},
		"AAC without fmtp":     {body: head + audio(97, "a=rtpmap:97 mpeg4-generic/48000/2"), want: "audio AAC:97 48000/2 13,3,3 at track2"},
		"AAC with a broken fmtp": {
			body: head + audio(97, "a=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 streamtype=4; profile-level-id=x; mode=AAC-x; config=zz; SizeLength=13; IndexLength=3; IndexDeltaLength=3"),
			want: "audio AAC:97 16000/1 13,3,3 at track2",
		},
		"AAC of low rate": {body: head + audio(97, "a=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 mode=AAC-lbr;config=1408"), want: "audio AAC:97 16000/1 6,2,2 at track2"},
		"LATM with its settings, and no cpresent": {
			body: head + audio(97, "a=rtpmap:97 MP4A-LATM/16000\na=fmtp:97 config=400028103fc0"), want: "audio MPEG-4 Audio LATM:97 at track2",
		},
		"LATM with several layers": {body: head + audio(97, "a=rtpmap:97 MP4A-LATM/16000\na=fmtp:97 config=40B028103ffc"), want: "refused audio 0 rtp/avp 97"},
		"LATM with both":           {body: head + audio(97, "a=rtpmap:97 MP4A-LATM/16000\na=fmtp:97 cpresent=1;config=400028103fc0"), want: "audio MPEG-4 Audio LATM:97 at track2"},

		"one format of many that cannot be read": {
			body: head + "m=audio 0 RTP/AVP 116 115 8\na=rtpmap:116 MPEG4-GENERIC\na=rtpmap:115 speex/8000\na=fmtp:115 vbr=x\na=control:track2\n",
			want: "audio Speex:115 PCMA:8 8000/1 at track2",
		},
		"a back channel with 20 formats (Dahua, gortsplib#479)": {
			body: head + video + "m=audio 0 RTP/AVP 116 115 114 113 112 111 110 109 108 97 107 106 105 104 0 103 102 101 100 8\na=control:track5\na=sendonly\n", talk: true,
			want: picture + "; audio back PCMU:0 8000/1 PCMA:8 8000/1 at track5",
		},
		"fmtp of another number (Hikvision, gortsplib#658)": {
			body: head + video + "m=audio 0 RTP/AVP 104\na=control:track2\na=rtpmap:104 MPEG4-GENERIC/16000\na=fmtp:97 streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1210\n",
			want: picture + "; audio AAC:104 44100/2 13,3,3 at track2",
		},
		"a type that is not listed (Bosch, DDVTECH/mistserver#295)": {
			body: head + "m=video 0 RTP/AVP 35\na=rtpmap:35 H264/90000\na=rtpmap:102 H265/90000\na=control:track1\n", want: "video H264:35 at track1",
		},
		"o= and c= that end with IN (H3C, go2rtc#1663)": {body: "v=0\no=- 1001 1 IN\ns=cam\n" + video + "c=IN\n", want: picture},
		"no v=, o=, s= (go2rtc#679)":                    {body: "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:track1", want: picture},

		// Keys.
		// SETUP brings them (Conn).
		"keys of the session and of the media": {
			body: head + "a=key-mgmt:mikey " + mikeyKey + "\n" + strings.Replace(video, "/AVP", "/SAVP", 1) + "a=key-mgmt:kerberos x\n", want: "video H264:96 secure at track1",
		},
		"a key for a picture that needs none": {body: head + video + "a=key-mgmt:mikey " + mikeyKey + "\n", want: picture},

		// Nothing can be done.
		"not an SDP":           {body: "<html>hello</html>", want: ""},
		"media without a type": {body: head + "m=video 0 RTP/AVP x\n" + alaw, want: "audio PCMA:8 8000/1 at track2; refused video 0 rtp/avp x"},
		"sound without a name": {body: head + video + "m=audio 0 RTP/AVP 97\n", want: picture + "; refused audio 0 rtp/avp 97"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := summary(read(t, c.body, c.talk)); got != c.want {
				t.Errorf("%s\nnot %s", got, c.want)
			}
		})
	}
}

// TestRegularIsBounded: of each thing that an SDP has only so many are read.
func TestRegularIsBounded(t *testing.T) {
	many := "v=0\n" + strings.Repeat("a=x\n", 9999) + "a=" + strings.Repeat("x", 2*maxLine) + "\n" +
		strings.Repeat("m=video 0 RTP/AVP"+strings.Repeat(" 96 97 98", 333)+"\n"+strings.Repeat("a=fmtp:96 "+strings.Repeat("x=y;", 999)+"\n", 999), 3*maxMedia)
	session, media := sections(many)
	if len(session.attributes) > maxLines || len(media) != 1 && len(media) > maxMedia {
		t.Errorf("%d lines, %d media", len(session.attributes), len(media))
	}
	for _, m := range media {
		if len(m.attributes) > maxLines || len(m.types) > maxFormats {
			t.Errorf("%d lines, %d formats", len(m.attributes), len(m.types))
		}
	}
	if r := Regular([]byte(many), false); len(r.Text) > len(many)/10 {
		t.Errorf("%d bytes", len(r.Text))
	}
}

// FuzzRegular: whatever comes, the library reads what leaves, and reads the same when it is made
// regular once more.
func FuzzRegular(f *testing.F) {
	for _, body := range []string{
		head + video + alaw,
		head + "a=key-mgmt:mikey " + mikeyKey + "\nm=audio 0 RTP/SAVP 8 11 97\na=rtpmap:11 PCM/48000\na=rtpmap:97 opus/48000/1\na=sendonly\n",
		head + "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 config=1408;mode=AAC-lbr\nm=audio 0 RTP/AVP 98\na=rtpmap:98 MP4A-LATM/16000\na=fmtp:98 config=400028103fc0\n",
		head + "m=video 0 RTP/AVP 33\na=rtpmap:33 H265/90000\na=fmtp:33 sprop-vps=QAEMAf//;sprop-sps=QgEB;sprop-pps=RAHA\nm=text 0 x 1\n",
		video + "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=" + sps + "\n," + pps + "\r\n",
	} {
		f.Add([]byte(body), false)
		f.Add([]byte(body), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, talk bool) {
		r, d := read(t, string(body), talk)
		if len(d.Medias)+len(r.Refused) > maxMedia {
			t.Errorf("%d media and %d refused", len(d.Medias), len(r.Refused))
		}
		again := Regular(r.Text, talk)
		if len(again.Refused) > 0 || strings.Count(string(again.Text), "\nm=") != len(d.Medias) {
			t.Errorf("%q becomes %q", r.Text, again.Text)
		}
	})
}

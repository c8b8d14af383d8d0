package camera

import (
	"strings"
	"testing"
)

// A transcript that a probe has written is played with the outcome that the camera had.
func TestTranscriptsAreReplayed(t *testing.T) {
	for _, name := range []string{
		"dahua-sha256-qop", "unknown-udp-blocked", "hikvision-pcm-little-endian", "hikvision-fmtp-of-another-type",
		"unknown-scheme-twice", "h3c-lines-cut-short", "bosch-type-that-is-not-listed",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := startReplay(t, readTranscript(t, "testdata/cameras/"+name+".txt"))
			was := (&Probe{URL: first.address(), Times: patient, Record: true}).Run(t.Context())
			tr, err := parseTranscript(t, was.Transcript)
			if err != nil {
				t.Fatalf("%v in\n%s", err, was.Transcript)
			}
			second := startReplay(t, tr)
			is := (&Probe{URL: second.address(), Times: patient}).Run(t.Context())
			tr.expected(t, is)
			if is.Plays != was.Plays || is.Hears != was.Hears || is.Transport != was.Transport || !is.Plays {
				t.Errorf("%s\nbecomes\n%s\nby\n%s", was, is, was.Transcript)
			}
		})
	}
}

// What is secret, or somebody's own, is not in a transcript; what is odd stays there.
func TestTranscriptKeepsSecrets(t *testing.T) {
	const text = `Camera: x
Login: operator hunter2
Media: video clip=sub.h264
Expect: plays H.264

> DESCRIBE
< RTSP/1.0 401 Unauthorized
< WWW-Authenticate: Digest realm="Login to 4K0A1B2PAJ98765", nonce="f00dcafe12345678", opaque=beef1234
< WWW-Authenticate: Basic realm="00:1a:2b:3c:4d:5e"
<
> DESCRIBE
< RTSP/1.0 200 OK
< Server: IPC/5.4.5 (DS-2CD2042-20170912AAWR123456789)
< Content-Base: rtsp://operator:hunter2@{host}/cam/user=operator&password=hunter2&id=1/
< Set-Cookie: id=998877665544
< X-Address: 10.1.2.3, fe80::1a2b:3cff:fe4d:5e6f, ::ffff:10.1.2.3, 00-1A-2B-3C-4D-5E
< Content-Type: application/sdp\x20
< content-length: {length}
<
<< v=0
< o=- 0 0 IN IP4 10.1.2.3
< s=IPC-4K0A1B2PAJ98765 hunter2
< a=key-mgmt:mikey AAECAwQFBgcICQ==
< a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0
< m=video 0 RTP/AVP 96
< a=rtpmap:96 H264/90000
< a=control:rtsp://127.0.0.1/track1?token=abcdef
<- a=x:\xff\\
> SETUP
< RTSP/1.0 200 OK
< Session: 1234567890;timeout=60
< Transport: RTP/AVP;unicast;source=10.1.2.3;client_port={client_port};server_port={server_port};ssrc=1
<
> PLAY
< RTSP/1.0 200 OK
<
! request GET_PARAMETER
`
	tr, err := parseTranscript(t, text)
	if err != nil {
		t.Fatal(err)
	}
	r := (&Probe{URL: startReplay(t, tr).address(), Times: patient, Record: true}).Run(t.Context())
	got := r.Transcript
	for _, secret := range []string{
		"hunter2", "operator", "10.1.2.3", "127.0.0.1", "1a2b", "1A-2B", "1a:2b", "4K0A", "98765", "f00dcafe", "beef1234",
		"AWR12345", "998877", "AAECAw", "c2VjcmV0", "abcdef", "1234567890", "rtsp://operator",
	} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is in it", secret)
		}
	}
	for _, kept := range []string{
		"Login: admin secret\n", `< WWW-Authenticate: Digest realm="cam", nonce="n1", opaque=n2` + "\n",
		"< Content-Base: rtsp://{host}/cam/", `< Content-Type: application/sdp\x20` + "\n", "< content-length: {length}\n", "<< v=0\n",
		"o=- 0 0 IN IP4 192.0.2.", "::ffff:192.0.2.", "2001:db8::", "00-00-5E-00-53-01", "a=control:rtsp://{host}/track1",
		`<- a=x:\xff\\` + "\n", "timeout=60\n", "client_port={client_port};server_port={server_port}", "> SETUP udp\n", "! request GET_PARAMETER\n",
	} {
		if !strings.Contains(got, kept) {
			t.Errorf("%q is not in it", kept)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// FuzzRecord: whatever a camera says, a transcript of it is read again and is of bounded size.
func FuzzRecord(f *testing.F) {
	f.Add("RTSP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nv=0\nOPTIONS rtsp://x RTSP/1.0\r\n\r\n$\x00\x00\x01x", "RTSP/1.0 401 \r\nWWW-Authenticate: Digest nonce=1\r\n\r\n")
	f.Add("\n\nHTTP/1.0 \\ \xff\r\n", strings.Repeat("x", 99))
	f.Fuzz(func(t *testing.T, a, b string) {
		r := &recorder{}
		c := r.tap(wire{}).(*recorded)
		for _, text := range []string{a, b} {
			c.exchanges = append(c.exchanges, &exchange{method: "DESCRIBE", cseq: "1"})
			c.note([]byte(text))
		}
		report := &Report{URL: "rtsp://cam/", Trouble: errHungUp}
		got := r.transcript("rtsp://admin:hunter2@cam/", &feed{}, report)
		if _, err := parseTranscript(t, got); err != nil || len(got) > 2*maxTranscript {
			t.Errorf("%v, %d bytes: %q", err, len(got), got)
		}
	})
}

package rtsp

import (
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
)

// TestTransport: what a camera says of the transport, after what it was asked for.
func TestTransport(t *testing.T) {
	const tcp, udp, second = "RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP;unicast;client_port=4000-4001", "RTP/AVP/TCP;unicast;interleaved=2-3"
	for _, c := range []struct{ asked, says, want string }{
		{udp, "RTP/AVP;unicast;client_port=1-2;server_port=3-4;source=1.2.3.4;ssrc=5;mode=play", "RTP/AVP;unicast;server_port=3-4"},
		{tcp, `RTP/AVP/TCP; unicast ;interleaved=0-1;mode="PLAY"`, tcp},
		{udp, `RTP/AVP;x="a;b"source=evil.example;server_port="3-4"`, "RTP/AVP;unicast;server_port=3-4"},
		{udp, "RTP/AVP;multicast;destination=239.0.0.1;port=1-2", "RTP/AVP;multicast"},
		// bluenviron/gortsplib#456: none at all.
		{tcp, "", tcp},
		{second, "", second},
		{udp, "", "RTP/AVP;unicast"},
		// Escam Q6 (AlexxIT/go2rtc): no "/TCP" beside interleaved.
		{tcp, "RTP/AVP;unicast;destination=127.0.0.1;source=127.0.0.1;interleaved=0-1", tcp},
		{second, "RTP/AVP;unicast;interleaved=2-3", second},
		{tcp, "RTP/AVP", tcp},
		{tcp, "rtp/avp/tcp;Unicast;Interleaved=0-1", tcp},
		{tcp, "RTP/AVP/TCP", tcp},
		{tcp, "interleaved=0-1", tcp},
		{tcp, "RTP/AVP/TCP;unicast;interleaved=x", tcp},
		{tcp, "RTP/AVP/TCP;unicast;interleaved=0 - 1;ssrc=zz;mode=\"receive", tcp},
		{tcp, "RTP/AVP;unicast;server_port=0-0", tcp},
		{tcp, "RTP/AVP/UDP;unicast;client_port=1-2;server_port=3-4", "RTP/AVP;unicast;server_port=3-4"},
		{udp, "RTP/AVP/UDP;unicast;client_port=4000-4001;server_port=0-0", "RTP/AVP;unicast"},
		{udp, "RTP/AVP;unicast;server_port=6000", "RTP/AVP;unicast;server_port=6000-6001"},
		{udp, "RTP/AVP;unicast;server_port=99999-100000", "RTP/AVP;unicast"},
		{udp, tcp, tcp},
		// kerberos-io/kios#26: channels beside the ports that it was asked for.
		{udp, "RTP/AVP;unicast;client_port=4000-4001;server_port=3-4;interleaved=0-1", "RTP/AVP;unicast;server_port=3-4"},
		{udp, "RTP/AVP;unicast;interleaved=0-1", tcp},
		{tcp, "RAW/RAW/UDP;unicast,RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;multicast", tcp},
		{udp, "RTP/SAVP;unicast;server_port=3-4", "RTP/SAVP;unicast;server_port=3-4"},
	} {
		var values []string
		if c.says != "" {
			values = []string{c.says}
		}
		got := parseTransport(values).completed(parseTransport([]string{c.asked}))
		if got.tcp && got.channels != [2]byte{0, 1} && got.channels != [2]byte{2, 3} {
			t.Errorf("%q: %+v", c.says, got)
		}
		var is headers.Transport
		if err := is.Unmarshal(base.HeaderValue{got.String()}); got.String() != c.want || err != nil || is.Source != nil || is.Destination != nil {
			t.Errorf("%q to %q: %q, %v", c.says, c.asked, got, err)
		}
	}
}

func TestSession(t *testing.T) {
	for in, want := range map[string]string{
		"1;timeout=60": "1;timeout=60", "1": "1", "1 ; timeout = 60": "1;timeout=60", "1;timeout=1152921505": "1;timeout=3600", "1;timeout=0": "1", "1;timeout=-1;x": "1",
		`1; timeout="30"`: "1;timeout=30", "12345;timeout=60 ": "12345;timeout=60", "1;TIMEOUT=60s": "1;timeout=60", "1;timeout=99999999999999999999": "1",
	} {
		if got := session([]string{in, "2"}); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestAddresses: bases of descriptions, and controls in them.
func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"rtsp://cam/live/": "rtsp://cam/live/", " <rtsp://cam/live/> ": "rtsp://cam/live/", "RTSP://cam/live": "rtsp://cam/live", "/live/": "/live/", "rtsp://cam/?x=y": "rtsp://cam/?x=y",
		"rtsp://cam/live#backchannel=0": "rtsp://cam/live",
		// AlexxIT/go2rtc#208, AlexxIT/WebRTC#395.
		"rtsp://rtsp://cam/live/": "rtsp://cam/live/", "rtsp://::ffff:192.0.2.10/onvif/profile.1/": "",
		"192.0.2.10:554/stream0/": "rtsp://192.0.2.10:554/stream0/", "192.0.2.10/a": "rtsp://192.0.2.10/a", // scottlamb/moonfire-nvr#356
		"cam:554//": "", "": "", "live": "", "rtsp://": "", "http://cam/": "",
	} {
		if got := contentBase(in); got != want {
			t.Errorf("base %q: %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"track1": "track1", "*": "", " trackID=1 ": "trackID=1", "?track=1": "?track=1", "/a/b": "/a/b", "rtsp://10.0.0.1/x/track1?y=z": "rtsp://10.0.0.1/x/track1?y=z",
		// AlexxIT/go2rtc#830.
		"rtsp://rtsp://127.0.0.1/track1": "rtsp://127.0.0.1/track1", "RTSP://RTSP://127.0.0.1/track1": "rtsp://127.0.0.1/track1",
		"rtsp:///rtsp://127.0.0.1/track1":   "rtsp://127.0.0.1/track1",
		"rtsp://::ffff:192.0.2.10/p/track1": "rtsp://camera/p/track1", "rtsp:///track1": "rtsp://camera/track1",
		"trackID=1#x": "trackID=1", "live?to=rtsp://x/y": "live?to=rtsp://x/y",
	} {
		if got := control(in); got != want {
			t.Errorf("control %q: %q", in, got)
		}
	}
}

func TestPublic(t *testing.T) {
	for _, c := range []struct {
		h    header
		want string
	}{
		{header{"public": {"OPTIONS, get_parameter"}}, "OPTIONS, GET_PARAMETER"},
		{header{"public": {"OPTIONS", "GET_PARAMETER,PLAY"}}, "OPTIONS, GET_PARAMETER, PLAY"},
		{header{"allow": {"OPTIONS GET_PARAMETER"}}, "OPTIONS, GET_PARAMETER"},
		{header{}, ""},
	} {
		if got := public(c.h); got != c.want {
			t.Errorf("%v: %q", c.h, got)
		}
	}
}

// datarhei/restreamer#55: a camera that reads the first header as CSeq.
func TestNumberFirst(t *testing.T) {
	for in, want := range map[string]string{
		"DESCRIBE rtsp://cam/ RTSP/1.0\r\nAccept: application/sdp\r\nCSeq: 2\r\nUser-Agent: x\r\n\r\n": "DESCRIBE rtsp://cam/ RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\nUser-Agent: x\r\n\r\n",
		"OPTIONS rtsp://cam/ RTSP/1.0\r\nCSeq: 1\r\n\r\n":                                              "OPTIONS rtsp://cam/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"OPTIONS": "OPTIONS", "A b RTSP/1.0\r\nX: y\r\nCSeq: 1": "A b RTSP/1.0\r\nX: y\r\nCSeq: 1",
	} {
		if got := string(numberFirst([]byte(in))); got != want {
			t.Errorf("%q becomes %q", in, got)
		}
	}
}

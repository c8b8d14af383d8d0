package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/conn"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
)

// tape is a connection to a camera that sends what it sends, whatever it is asked.
type tape struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (t *tape) Read(b []byte) (int, error)       { return t.in.Read(b[:min(len(b), 700)]) }
func (t *tape) Write(b []byte) (int, error)      { return t.out.Write(b) }
func (t *tape) SetReadDeadline(time.Time) error  { return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }

// asked is a connection on which the library has asked for all that there is.
func asked(sends string) (*Conn, *tape) {
	t := &tape{in: bytes.NewReader([]byte(sends))}
	c := NewConn(t, "cam")
	for _, request := range []string{
		"OPTIONS rtsp://cam/s RTSP/1.0\r\nCSeq: 1\r\n\r\n",
		"DESCRIBE rtsp://cam/s RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n",
		"SETUP rtsp://cam/s/track1 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
		"SETUP rtsp://cam/s/track2 RTSP/1.0\r\nCSeq: 4\r\nTransport: RTP/SAVP/TCP;unicast;interleaved=2-3\r\n\r\n",
		"SETUP rtsp://cam/s/track3 RTSP/1.0\r\nCSeq: 5\r\nTransport: RTP/AVP;unicast;client_port=4000-4001\r\n\r\n",
		"PLAY rtsp://cam/s RTSP/1.0\r\nCSeq: 6\r\nRange: npt=0-\r\n\r\n",
		"GET_PARAMETER rtsp://cam/s RTSP/1.0\r\nCSeq: 7\r\n\r\n",
	} {
		if _, err := c.Write([]byte(request)); err != nil {
			panic(err)
		}
	}
	return c, t
}

// FuzzConn: whatever a camera sends, the library reads strict messages, bounded in size
// and number, and frames on channels that it asked for.
func FuzzConn(f *testing.F) {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	sdp := "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=x\nt=0 0\na=control:*\na=key-mgmt:mikey " + mikeyOf(sent(since5, keyOf(keyTEK<<4|1, 2, 1, 2))) +
		"\nm=video 0 RTP/AVP 96\na=control:rtsp://rtsp://cam/track1\nm=audio 0 RTP/SAVP 8\na=control:track2\n"
	all := crlf("RTSP/1.0 200 OK\nCSeq: 1\nPublic: OPTIONS\nAllow: get_parameter\n\nRTSP/1.0 200 OK\nCSeq: 2\nContent-Type: application/sdp\nContent-Base: rtsp://cam/s/\n\n" + sdp +
		"RTSP/1.0 200 OK\nCSeq: 3\nSession: 1;timeout=60 \nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\n\n" +
		"RTSP/1.0 200 OK\nCSeq: 4\nSession: 1\nTransport: RTP/SAVP/TCP;interleaved=0-1\n\n" +
		"RTSP/1.0 200 OK\nCSeq: 5\nTransport: RTP/AVP;unicast;server_port=9-10\n\nRTSP/1.0 200\nCSeq: 6\n\n")
	rtp := "$\x04\x00\x0e\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01ab"
	rtcp := "$\x05\x00\x14\x80\xc9\x00\x01\x00\x00\x00\x01\x81\xca\x00\x02\x00\x00\x00\x01\x01\x02ab"
	for _, s := range []string{
		all, all + rtp + rtcp, all + rtp[:9] + rtp + "x" + rtp, rtp + all, strings.ReplaceAll(all, "\r\n", "\n") + rtcp,
		all + "$\x00\x00\x40" + strings.Repeat("z", 64) + "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" + rtp + "TEARDOWN * RTSP/1.0\r\n\r\n" + rtp,
		"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"x\",\r\n nonce=\"1\"\r\nwww-authenticate:Basic realm=x\r\n\r\n",
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nhelloRTSP/1.0 302 Moved\r\nCSeq: 2\r\nLocation: rtsp://x/\r\n\r\n",
		"HTTP/1.1 400 Bad\r\n\r\n", strings.Repeat("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 200), strings.Repeat("a", 9000) + "\r\n", "RTSP/9 100 x\r\n\r\n\x00RTSP/1.0 2000 x\r\n\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sends string) {
		c, camera := asked(sends)
		written := camera.out.Len()
		out, err := io.ReadAll(c)
		for _, known := range []error{ErrNotRTSP, ErrHTTP, ErrTooLong, ErrFlood, ErrEnded, ErrKeys, io.ErrUnexpectedEOF} {
			if errors.Is(err, known) {
				err = nil
			}
		}
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
		const most = 7 // answers
		if bound := 2*len(sends) + most*(1<<16); len(out) > bound {
			t.Errorf("%d bytes of %d", len(out), len(sends))
		}
		if more := camera.out.Len() - written; more > 200*messageBurst {
			t.Errorf("the camera is answered %d bytes", more)
		}
		in := bufio.NewReader(bytes.NewReader(out))
		strict := conn.NewConn(struct {
			io.Reader
			io.Writer
		}{in, io.Discard})
		for answers := 0; ; {
			what, err := strict.Read()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("the library says %v of %q", err, out)
			}
			switch m := what.(type) {
			case *base.InterleavedFrame:
				if m.Channel > 3 || len(m.Payload) == 0 {
					t.Errorf("channel %d has %d bytes", m.Channel, len(m.Payload))
				}
			case *base.Response:
				if answers++; answers > most || len(m.Header["CSeq"]) != 1 {
					t.Errorf("answer %d: %v", answers, m)
				}
				check(t, m)
			default:
				t.Errorf("the library reads %v", what)
			}
		}
	})
}

func check(t *testing.T, m *base.Response) {
	t.Helper()
	if v, ok := m.Header["Session"]; ok {
		var s headers.Session
		if err := s.Unmarshal(v); err != nil {
			t.Errorf("Session %q: %v", v, err)
		}
	}
	if v, ok := m.Header["Transport"]; ok {
		var s headers.Transport
		if err := s.Unmarshal(v); err != nil || s.Source != nil || s.Destination != nil || s.InterleavedIDs != nil && s.InterleavedIDs[0]+1 != s.InterleavedIDs[1] {
			t.Errorf("Transport %q: %v", v, err)
		}
	}
	if v, ok := m.Header["KeyMgmt"]; ok {
		var s headers.KeyMgmt
		if err := s.Unmarshal(v); err != nil {
			t.Errorf("KeyMgmt %q: %v", v, err)
		}
	}
	if v, ok := m.Header["Content-Base"]; ok && !strings.HasPrefix(v[0], "/") {
		if _, err := base.ParseURL(v[0]); err != nil {
			t.Errorf("Content-Base %q: %v", v, err)
		}
	}
}

// TestChannels: what the library sends goes on the channels that the camera chose.
func TestChannels(t *testing.T) {
	c, camera := asked("RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;interleaved=4-5\r\n\r\n")
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	for library, want := range map[byte]byte{0: 4, 1: 5, 7: 7} {
		frame := []byte{'$', library, 0, 1, 'x'}
		if _, err := c.Write(frame); err != nil || frame[1] != library {
			t.Errorf("%v, %q", err, frame)
		}
		if sent := camera.out.Bytes(); sent[len(sent)-4] != want {
			t.Errorf("channel %d is sent as %q", library, sent[len(sent)-5:])
		}
	}
}

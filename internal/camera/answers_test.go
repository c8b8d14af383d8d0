package camera

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"umbrella/internal/config"
)

// script is a camera in memory: it answers the requests that come, whatever they are,
// with its parts, one after the other. CSEQ in a part is the number of the request.
type script struct {
	parts []string

	running sync.WaitGroup
	mu      sync.Mutex
	dialled []string
	heard   [][]byte // by connection
}

const between = "\n----\n"

// patience is how long the camera waits for a request before it goes on all the same.
const patience = 5 * time.Millisecond

// wire is one end of a pipe that has addresses of TCP.
type wire struct{ net.Conn }

func (wire) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 554} }
func (wire) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40000} }

func (s *script) dial(_ context.Context, _, address string) (net.Conn, error) {
	s.mu.Lock()
	n := len(s.dialled)
	s.dialled, s.heard = append(s.dialled, address), append(s.heard, nil)
	s.mu.Unlock()
	ours, theirs := net.Pipe()
	requests := make(chan string)
	s.running.Go(func() { s.listen(theirs, n, requests) })
	s.running.Go(func() { s.answer(theirs, requests) })
	return wire{ours}, nil
}

var cseq = regexp.MustCompile(`CSeq: (\d+)`)

// listen reads requests until the connection ends.
func (s *script) listen(c net.Conn, n int, requests chan<- string) {
	defer close(requests)
	buf := make([]byte, 16<<10)
	for {
		got, err := c.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.heard[n] = append(s.heard[n], buf[:got]...)
		s.mu.Unlock()
		number := "0"
		if m := cseq.FindSubmatch(buf[:got]); m != nil {
			number = string(m[1])
		}
		select {
		case requests <- number:
		case <-time.After(patience): // more of them than parts
		}
	}
}

func (s *script) answer(c net.Conn, requests <-chan string) {
	defer c.Close()
	for {
		number, ok := "0", true
		select {
		case number, ok = <-requests:
		case <-time.After(patience):
		}
		s.mu.Lock()
		if !ok || len(s.parts) == 0 {
			s.mu.Unlock()
			return
		}
		part := s.parts[0]
		s.parts = s.parts[1:]
		s.mu.Unlock()
		if _, err := c.Write([]byte(strings.ReplaceAll(part, "CSEQ", number))); err != nil {
			return
		}
	}
}

// FuzzAnswers goes the way of a camera's connection: what it answers to each request,
// and what it sends when it plays. Whatever that is, the node stays at the camera's host,
// gives the password in clear text only to the place that is named, and has words.
func FuzzAnswers(f *testing.F) {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	describe := func(header, sdp string) string {
		return crlf("RTSP/1.0 200 OK\nCSeq: CSEQ\n"+header+"Content-Type: application/sdp\nContent-Length: "+strconv.Itoa(len(sdp))+"\n\n") + sdp
	}
	const frames = "$\x00\x00\x10\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x07\x65\x88\x84\x00" +
		"$\x00\x00\x12\x80\xe0\x00\x02\x00\x00\x00\x01\x00\x00\x00\x07\x7c\x85\x88\x84\x00\x01" +
		"$\x01\x00\x1c\x80\xc8\x00\x06\x00\x00\x00\x07\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01" +
		"$\x05\x00\x00$\x00\x00\x02\x80\x60"
	ok := crlf("RTSP/1.0 200 OK\nCSeq: CSEQ\nPublic: OPTIONS, DESCRIBE, GET_PARAMETER\n\n")
	setup := crlf("RTSP/1.0 200 OK\nCSeq: CSEQ\nSession: 1;timeout=60\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=7\n\n")
	play := crlf("RTSP/1.0 200 OK\nCSeq: CSEQ\nSession: 1\nRTP-Info: url=x;seq=1\n\n")
	digest := crlf("RTSP/1.0 401 Unauthorized\nCSeq: CSEQ\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256\nWWW-Authenticate: Basic realm=\"cam\"\n\n")
	basic := crlf("RTSP/1.0 401 Unauthorized\nCSeq: CSEQ\nWWW-Authenticate: Basic realm=\"cam\"\n\n")
	moved := crlf("RTSP/1.0 302 Found\nCSeq: CSEQ\nLocation: rtsp://127.0.0.1:8554/y\n\n")
	away := crlf("RTSP/1.0 301 Moved\nCSeq: CSEQ\nLocation: rtsp://127.0.0.3:22/y\n\n")
	sound := "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\na=control:track2\r\n"
	pictures := ""
	for _, moment := range sceneOf(f, "sub.h264", true).tracks[0].moments[:3] {
		for _, p := range moment {
			b, err := p.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			pictures += "$\x00" + string([]byte{byte(len(b) >> 8), byte(len(b))}) + string(b)
		}
	}
	for _, parts := range [][]string{
		{ok, describe("", goodSDP), setup, play + pictures},
		{ok, describe("", goodSDP), setup, play + frames},
		{ok, describe("Content-Base: rtsp://127.0.0.9/x/\n", goodSDP+sound), setup, strings.ReplaceAll(setup, "0-1", "2-3"), play + frames + strings.ReplaceAll(frames, "$\x00", "$\x02")},
		{digest, ok, digest, describe("", goodSDP), setup, play},
		{ok, basic, describe("", goodSDP), digest, setup, play},
		{ok, moved, ok, basic},
		{ok, moved, ok, digest, describe("", goodSDP), setup, play},
		{ok, away},
		{ok, describe("", goodSDP), strings.ReplaceAll(setup, "unicast", `unicast;source=10.0.0.1;x="y"source=a.b;destination=10.0.0.2`), play},
		{ok, describe("", goodSDP), strings.ReplaceAll(setup, "60", "1152921505"), play + "OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n" + strings.Repeat(play, 9)},
		{"\x00\x01RT" + ok, "ANNOUNCE rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nxy"},
		{ok, "RTSP/1.0 404 \x1b[31mNot\r\nServer: \x1b]0;x\a\u202e\r\n\r\n"},
		{ok, describe("X: "+strings.Repeat("x", 2000)+"\n", strings.Replace(goodSDP, "track1", "rtsp://127.0.0.9:9/z", 1)), setup, play},
	} {
		f.Add(strings.Join(parts, between))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &script{parts: strings.Split(text, between)}
		p := &Probe{
			URL: "rtsp://admin:right@127.0.0.1/x?y", Most: 300 * time.Millisecond, dial: s.dial, transport: config.TransportTCP,
			Times: Times{Stall: time.Second},
		}
		words := p.Run(t.Context()).String()
		s.running.Wait()
		if strings.ContainsFunc(strings.ReplaceAll(words, "\n", ""), func(r rune) bool { return !unicode.IsPrint(r) }) || strings.Contains(words, "admin:right") {
			t.Errorf("it says %q", words)
		}
		if len(s.dialled) > maxRedirects+1 {
			t.Errorf("%d connections", len(s.dialled))
		}
		for i, address := range s.dialled {
			at, err := netip.ParseAddrPort(address)
			if err != nil || at.Addr().String() != "127.0.0.1" || at.Port() < 1024 && at.Port() != 554 && at.Port() != 322 {
				t.Errorf("it connects to %s", address)
			}
			if i > 0 && bytes.Contains(s.heard[i], []byte("Basic ")) || bytes.Contains(s.heard[i], []byte("admin:right@")) {
				t.Errorf("it sends the password: %q", s.heard[i])
			}
		}
	})
}

package httpd

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"umbrella/internal/access"
	"umbrella/internal/inet"
	"umbrella/internal/reach"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func zipped(t *testing.T, s string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, s)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

const script = "console.log('umbrella')\n"

func client(t *testing.T) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		".gitkeep":             {},
		"index.html.gz":        zipped(t, `<base href="__BASE__/"><title>call</title>`),
		"status.html.gz":       zipped(t, `<base href="__BASE__/"><title>status</title>`),
		"error.html.gz":        zipped(t, `<base href="__BASE__/"><title>__TITLE__</title><p>__REASON__</p><a href="sfu">`),
		"trust.html.gz":        zipped(t, `<base href="__BASE__/"><title>trust</title><code>__CA_FINGERPRINT__</code>`),
		"assets/app-abc.js.gz": zipped(t, script),
		"assets/icon-abc.png":  {Data: []byte("\x89PNG")},
		"robots.txt":           {Data: []byte("User-agent: *\nDisallow: /\n")},
	}
}

func status() *umbrellav1.Status {
	return &umbrellav1.Status{
		Version: "1.2 \"x\"\\\n", StartedAtMs: 1_000, NowMs: 3_500,
		Process: &umbrellav1.ProcessStatus{
			HeapBytes: 4096, SystemBytes: 8192, Goroutines: 7,
			MemoryLimitBytes: 16384, MemoryAvailableBytes: 32768, ShortOfMemory: true,
			MemoryTotalBytes: 65536, MemoryNeededBytes: 2048, MemoryMostNeededBytes: 3072,
			ContainedPanics: []*umbrellav1.ContainedPanics{{Place: "camera", Count: 2}}, Crashes: 3,
		},
		Totals: &umbrellav1.TotalsStatus{ReceivedPackets: 15, ReceivedBytes: 1500, SentPackets: 20, SentBytes: 2000,
			Nacks: 4, Retransmissions: 5, KeyframeRequests: 3},
		Limits: []*umbrellav1.LimitStatus{{Name: "history", Description: "Packets kept", Unit: "bytes", Used: 1024, Most: 4096, Refused: 3}},
		Rooms: []*umbrellav1.RoomStatus{{Name: "attic", Participants: []*umbrellav1.ParticipantStatus{
			{
				Id: "a", Name: "Anna",
				Tracks: []*umbrellav1.TrackStatus{{Layers: []*umbrellav1.LayerStatus{
					{Packets: 10, Bytes: 1000, Lost: 1, Keyframes: 2, KeyframeRequests: 3},
					{Packets: 5, Bytes: 500},
				}}},
				PeerConnections: []*umbrellav1.PeerConnectionStatus{{State: "connected"}, {State: "failed"}},
			},
			{
				Id: "b", Name: "Ben",
				Subscriptions: []*umbrellav1.SubscriptionStatus{
					{Packets: 20, Bytes: 2000, Nacks: 4, Retransmissions: 5, KeyframeRequests: 6},
				},
				PeerConnections: []*umbrellav1.PeerConnectionStatus{{State: "connected"}},
			},
		}}},
	}
}

// newServer has real parts but for signalling and WHIP, which say what they
// were asked.
func newServer(t *testing.T, prefix string, certs *access.Certificates) *Server {
	t.Helper()
	return &Server{
		Listen: "127.0.0.1:0", Prefix: prefix, Certificates: certs, Gate: &access.Gate{},
		Signal: http.HandlerFunc(echoSocket),
		WHIP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, "the body did not come", http.StatusRequestTimeout)
				return
			}
			fmt.Fprintf(w, "whip %s %s %s", r.Method, r.URL.Path, b)
		}),
		Status: status, Assets: client(t), Log: slog.New(slog.DiscardHandler),
	}
}

func echoSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, b, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err := c.Write(r.Context(), kind, b); err != nil {
			return
		}
	}
}

func certificates(t *testing.T) *access.Certificates {
	t.Helper()
	c := &access.Certificates{StateDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func start(t *testing.T, s *Server) *Server {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// browser trusts the server's CA and follows no redirect.
func browser(t *testing.T, s *Server) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	if s.Certificates != nil {
		ca, err := x509.ParseCertificate(s.Certificates.CA())
		if err != nil {
			t.Fatal(err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		transport.TLSClientConfig.RootCAs.AddCert(ca)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func do(t *testing.T, c *http.Client, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestHTTPS(t *testing.T) {
	s := start(t, newServer(t, "/umbrella", certificates(t)))
	c := browser(t, s)
	base := "https://" + s.Addr().String()
	if urls := s.URLs(); len(urls) != 1 || urls[0] != base+"/umbrella/sfu" {
		t.Errorf("URLs are %q", urls)
	}
	resp, body := do(t, c, "GET", s.URLs()[0])
	if resp.StatusCode != 200 || !strings.Contains(body, `<base href="/umbrella/">`) || resp.Proto != "HTTP/1.1" {
		t.Errorf("%s %s: %s", resp.Proto, resp.Status, body)
	}
	_, body = do(t, c, "GET", base+"/umbrella/trust")
	if !strings.Contains(body, "<code>"+s.Certificates.Fingerprint()+"</code>") {
		t.Errorf("the fingerprint is not in %s", body)
	}
	resp, body = do(t, c, "GET", base+"/umbrella/ca.crt")
	if body != string(s.Certificates.CA()) || resp.Header.Get("Content-Type") != "application/x-x509-ca-cert" {
		t.Errorf("ca.crt is %d bytes of %s", len(body), resp.Header.Get("Content-Type"))
	}
	if _, err := x509.ParseCertificate([]byte(body)); err != nil {
		t.Error(err)
	}
	resp, err := c.Post(base+"/umbrella/whip/attic", "application/sdp", strings.NewReader("v=0"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "whip POST /whip/attic v=0" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestPlainOnTLSPort(t *testing.T) {
	s := start(t, newServer(t, "/umbrella", certificates(t)))
	c := browser(t, s)
	host := s.Addr().String()
	for _, x := range []struct {
		method, path string
		status       int
		location     string
	}{
		{"GET", "/umbrella/sfu/attic?name=Anna", 302, "https://" + host + "/umbrella/sfu/attic?name=Anna"},
		{"HEAD", "/umbrella/sfu", 302, "https://" + host + "/umbrella/sfu"},
		{"GET", "/", 302, "https://" + host + "/"},
		{"GET", "//evil.example/", 302, "https://" + host + "//evil.example/"},
		{"GET", "/umbrella/status", 302, "https://" + host + "/umbrella/status"},
		{"GET", "/umbrella/wsb", 302, "https://" + host + "/umbrella/wsb"},
		{"POST", "/umbrella/whip/attic", 400, ""},
		{"GET", "/umbrella/healthz", 200, ""}, // so that a supervisor need not know of the CA
		{"GET", "/healthz", 302, "https://" + host + "/healthz"},
	} {
		resp, body := do(t, c, x.method, "http://"+host+x.path)
		if resp.StatusCode != x.status || resp.Header.Get("Location") != x.location {
			t.Errorf("%s %s: %s to %q: %s", x.method, x.path, resp.Status, resp.Header.Get("Location"), body)
		}
		checkHeaders(t, resp.Header)
	}
	resp, _ := do(t, c, "GET", "http://"+host+"/umbrella/healthz", "X-Forwarded-For", "127.0.0.1")
	if resp.StatusCode != 302 {
		t.Errorf("healthz behind some proxy: %s", resp.Status)
	}
	if got := exchange(t, s, "GET / HTTP/1.0\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 400 ") || !strings.Contains(got, "this port speaks HTTPS") {
		t.Errorf("without a Host: %q", got)
	}
	if got := exchange(t, s, "GET / HTTP/1.1\r\nHost: a;b\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 421 ") {
		t.Errorf("a Host that is none: %q", got)
	}
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends bytes and returns all that comes.
func exchange(t *testing.T, s *Server, request string) string {
	t.Helper()
	c := dial(t, s)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWebSocketOverBoth(t *testing.T) {
	for _, certs := range []*access.Certificates{nil, certificates(t)} {
		s := start(t, newServer(t, "/umbrella", certs))
		scheme := map[bool]string{true: "ws://", false: "wss://"}[certs == nil]
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, resp, err := websocket.Dial(ctx, scheme+s.Addr().String()+"/umbrella/wsb", &websocket.DialOptions{HTTPClient: browser(t, s)})
		if err != nil {
			t.Fatal(err)
		}
		checkHeaders(t, resp.Header)
		if err := c.Write(ctx, websocket.MessageBinary, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(ctx); err != nil || string(b) != "hello" {
			t.Errorf("%q, %v", b, err)
		}
		if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
	}
}

// A socket outlives the time that an answer may take.
func TestWebSocketHasNoTimeout(t *testing.T) {
	s := newServer(t, "", certificates(t))
	s.timeouts = timeouts{header: 10 * time.Second, request: 200 * time.Millisecond, answer: 200 * time.Millisecond, idle: 200 * time.Millisecond}
	start(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "wss://"+s.Addr().String()+"/wsb", &websocket.DialOptions{HTTPClient: browser(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for range 3 {
		time.Sleep(150 * time.Millisecond)
		if err := c.Write(ctx, websocket.MessageBinary, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Clients that connect and say nothing, or stop in the middle, keep nobody
// else waiting.
func TestSilentClients(t *testing.T) {
	for _, certs := range []*access.Certificates{nil, certificates(t)} {
		s := start(t, newServer(t, "", certs))
		for range 50 {
			dial(t, s)
			if _, err := dial(t, s).Write([]byte{22, 3, 1}); err != nil { // a TLS record begins
				t.Fatal(err)
			}
			if _, err := io.WriteString(dial(t, s), "GET /sf"); err != nil {
				t.Fatal(err)
			}
		}
		resp, body := do(t, browser(t, s), "GET", s.URLs()[0])
		if resp.StatusCode != 200 {
			t.Errorf("%s: %s", resp.Status, body)
		}
	}
}

// Close does not wait for those who never asked anything.
func TestCloseWithSilentClients(t *testing.T) {
	for _, certs := range []*access.Certificates{nil, certificates(t)} {
		s := newServer(t, "", certs)
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		conns := []net.Conn{dial(t, s), dial(t, s), dial(t, s)}
		// Connections are taken in their turn: now those above are, too.
		do(t, browser(t, s), "GET", s.URLs()[0])
		// Less than http.Server's patience with new connections, which is 5 s.
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		err := s.Close(ctx)
		cancel()
		if err != nil {
			t.Error(err)
		}
		for _, c := range conns {
			if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Error("is still open")
			}
		}
		if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
			c.Close()
			t.Error("still listens")
		}
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	for _, certs := range []*access.Certificates{nil, certificates(t)} {
		s := newServer(t, "", certs)
		s.timeouts = timeouts{header: 100 * time.Millisecond, request: time.Hour, answer: time.Hour, idle: time.Hour}
		start(t, s)
		for name, sent := range map[string]string{
			"nothing":     "",
			"half a line": "GET /sfu HT",
			"half a head": "GET /sfu HTTP/1.1\r\nHost: localhost\r\nX-",
			"half a TLS":  "\x16\x03\x01\x02\x00\x01",
		} {
			c := dial(t, s)
			if _, err := io.WriteString(c, sent); err != nil {
				t.Fatal(err)
			}
			// That it ends at all, before dial's deadline, is what is asked.
			if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Errorf("TLS %v, %s: is not cut", certs != nil, name)
			}
		}
	}
}

func TestSlowBodyIsCut(t *testing.T) {
	s := newServer(t, "", nil)
	s.timeouts = timeouts{header: time.Hour, request: 100 * time.Millisecond, answer: time.Hour, idle: time.Hour}
	start(t, s)
	c := dial(t, s)
	if _, err := io.WriteString(c, "POST /whip/attic HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nv=0"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %s", resp.Status)
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestGarbage(t *testing.T) {
	for _, certs := range []*access.Certificates{nil, certificates(t)} {
		s := start(t, newServer(t, "", certs))
		for _, sent := range []string{
			"\x00\x00\x00\x00\r\n\r\n", "\x16garbage that is no TLS record at all", "GET\r\n\r\n",
			"GET / HTTP/9.9\r\n\r\n", "GET /" + strings.Repeat("a", 2*maxHeaderBytes) + " HTTP/1.1\r\nHost: a\r\n\r\n",
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\n",
		} {
			c := dial(t, s)
			_, _ = io.WriteString(c, sent)
			_ = c.(*net.TCPConn).CloseWrite()
			if _, err := io.Copy(io.Discard, c); isTimeout(err) {
				t.Errorf("%.20q: stays open", sent)
			}
		}
		if resp, _ := do(t, browser(t, s), "GET", s.URLs()[0]); resp.StatusCode != 200 {
			t.Error(resp.Status)
		}
	}
}

func TestStartFails(t *testing.T) {
	s := start(t, newServer(t, "", nil))
	second := newServer(t, "", nil)
	second.Listen = s.Addr().String()
	if err := second.Start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port that is taken: %v", err)
	}
	broken := newServer(t, "", nil)
	broken.Assets.(fstest.MapFS)["status.html.gz"] = &fstest.MapFile{Data: []byte("not gzip")}
	if err := broken.Start(); err == nil || !strings.Contains(err.Error(), "web client: status.html.gz") {
		t.Errorf("a page that is damaged: %v", err)
	}
}

func TestURLs(t *testing.T) {
	s := newServer(t, "/u", nil)
	s.Listen = ":0"
	start(t, s)
	s.Machine = func() reach.Machine {
		return reach.Machine{Addresses: []inet.Address{
			{Prefix: netip.MustParsePrefix("127.0.0.1/8"), Interface: "lo"}, {Prefix: netip.MustParsePrefix("fd00::1/64"), Interface: "br-lan"},
		}}
	}
	s.Public = func() []string { return []string{"192.0.2.1", "call.example.org"} }
	port := s.Addr().Port
	want := []string{"https://call.example.org/u/sfu", "https://192.0.2.1/u/sfu", fmt.Sprintf("http://[fd00::1]:%d/u/sfu", port)}
	if got := s.URLs(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	s.Public, s.Machine = nil, func() reach.Machine { return reach.Machine{} }
	if got := s.URLs(); len(got) != 1 || got[0] != fmt.Sprintf("http://localhost:%d/u/sfu", port) {
		t.Errorf("without any network: %q", got)
	}
}

package node

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/access"
	"umbrella/internal/config"
	"umbrella/internal/password"
	"umbrella/internal/signal"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// callOfTwo has Ada and Bob in a room, who send; something of Ada has come to Bob.
func callOfTwo(t *testing.T, d *door) (a, b *peer.Peer) {
	t.Helper()
	a = join(t, d.cfg, &peer.Peer{Name: "Ada", Room: "open"})
	b = join(t, d.cfg, &peer.Peer{Name: "Bob", Room: "open"})
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	a.Play(ctx, 10*time.Millisecond)
	b.Play(ctx, 10*time.Millisecond)
	gets(t, b, a)
	return a, b
}

// TestAttacks: whatever strangers try beside a call is refused, and the call loses
// nothing.
func TestAttacks(t *testing.T) {
	d := openDoor(t)
	if err := d.admins.Reload("", password.Hash(adminPassword)); err != nil {
		t.Fatal(err)
	}
	a, b := callOfTwo(t, d)
	gets(t, a, b)
	lost := func(p *peer.Peer) (n uint64) {
		_ = p.Wait(soon(t), func() bool {
			for _, r := range p.Received() {
				n += r.Gaps.Load()
			}
			return true
		})
		return n
	}
	for _, attack := range []struct {
		name string
		try  func(*testing.T, *door)
	}{
		{"guessing a room's password", guessRoom},
		{"guessing one room's password by knowing another one's", guessByAnother},
		{"guessing the admin's password", guessAdmin},
		{"forged and replayed tokens", forgeTokens},
		{"path traversal", traverse},
		{"slow requests", slowly},
		{"bodies that are too large", oversize},
		{"decompression bombs", bomb},
		{"giant messages", giants},
		{"sockets of other sites", crossSite},
		{"a flood of silent connections for media", silence},
		{"floods of sockets and joins", flood},
		{"a flood of WHEP sessions", sessions},
	} {
		t.Run(attack.name, func(t *testing.T) {
			was := lost(a) + lost(b)
			attack.try(t, d)
			gets(t, b, a)
			gets(t, a, b)
			if is := lost(a) + lost(b); is != was {
				t.Errorf("the call has lost %d packets meanwhile", is-was)
			}
		})
	}
	if a.Goodbye() != nil || b.Goodbye() != nil || len(a.Errors())+len(b.Errors()) > 0 {
		t.Error("the call was told of something")
	}
}

// enter tries to join a room, and returns what is answered.
func (d *door) enter(t *testing.T, c *caller, room string) *umbrellav1.ServerMessage {
	t.Helper()
	ws := d.socket(t, c, signal.Subprotocol)
	defer func() { _ = ws.CloseNow() }()
	say(t, ws, joining(c, room))
	m, err := hear(ws)
	if err != nil {
		t.Fatalf("%s: %v", room, err)
	}
	return m
}

func guessRoom(t *testing.T, d *door) {
	counts := map[umbrellav1.Error_Code]int{}
	for i := range 60 {
		c := &caller{address: "198.51.100.1", word: fmt.Sprint("guess", i)}
		m := d.enter(t, c, "secret")
		if m.GetJoined() != nil {
			t.Fatal("let in")
		}
		counts[m.GetError().Code]++
	}
	if wrong := counts[umbrellav1.Error_CODE_WRONG_PASSWORD]; wrong > 10 || wrong+counts[umbrellav1.Error_CODE_TRY_LATER] != 60 {
		t.Errorf("answered by %v", counts)
	}
	later := 0
	for range 20 { // nor by another door
		code, _ := d.ask(t, &caller{address: "198.51.100.1", word: "guess"}, "POST", "/whip/secret", "v=0")
		if code != http.StatusTooManyRequests && code != http.StatusUnauthorized {
			t.Fatalf("by WHIP: %d", code)
		}
		if code == http.StatusTooManyRequests {
			later++
		}
	}
	// While that takes long, an attempt may have its turn, after a second, two, four.
	if later < 15 {
		t.Errorf("by WHIP, %d of 20 have to wait", later)
	}
	// The next wrong one that is looked at begins a longer wait.
	for code := 0; code != http.StatusUnauthorized; {
		code, _ = d.ask(t, &caller{address: "198.51.100.1", word: "guess"}, "POST", "/whip/secret", "v=0")
	}
	if m := d.enter(t, &caller{address: "198.51.100.1", word: roomPassword}, "secret"); m.GetJoined() != nil {
		t.Error("let in while waiting")
	}
	if m := d.enter(t, &caller{address: "198.51.100.2", word: roomPassword}, "secret"); m.GetJoined() == nil {
		t.Errorf("who knows it: %v", m)
	}
}

// guessByAnother is right at one door before each guess at another.
func guessByAnother(t *testing.T, d *door) {
	counts := map[umbrellav1.Error_Code]int{}
	for i := range 60 {
		c := &caller{address: "198.51.100.3", word: annexPassword}
		if m := d.enter(t, c, "annex"); m.GetJoined() == nil {
			t.Fatalf("who knows it: %v", m)
		}
		c.word = fmt.Sprint("guess", i)
		m := d.enter(t, c, "secret")
		if m.GetJoined() != nil {
			t.Fatal("let in")
		}
		counts[m.GetError().Code]++
	}
	if wrong := counts[umbrellav1.Error_CODE_WRONG_PASSWORD]; wrong > 10 || wrong+counts[umbrellav1.Error_CODE_TRY_LATER] != 60 {
		t.Errorf("answered by %v", counts)
	}
}

// guessAdmin guesses from many addresses at once, which costs a hash each.
func guessAdmin(t *testing.T, d *door) {
	var wait sync.WaitGroup
	var in, refused atomic.Int32
	for i := range 40 {
		wait.Go(func() {
			c := &caller{address: fmt.Sprint("198.51.100.", 100+i)}
			for range 3 {
				code, _ := d.ask(t, c, "POST", "/login", `{"password":"guess"}`)
				switch code {
				case http.StatusUnauthorized, http.StatusTooManyRequests:
					refused.Add(1)
				default:
					in.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if in.Load() > 0 || refused.Load() != 120 {
		t.Errorf("%d of 120 are refused", refused.Load())
	}
}

func forgeTokens(t *testing.T, d *door) {
	good := d.mint(t, "den", time.Hour)
	part := strings.Split(good, ".")
	for i, token := range []string{
		"eyJhbGciOiJub25lIn0.eyJyb29tIjoiZGVuIiwiZXhwIjo5OTk5OTk5OTk5fQ.", // alg none
		part[0] + "." + part[1] + ".", part[0] + "." + part[1] + "." + part[2][:20], part[0] + ".." + part[2],
		d.mint(t, "elsewhere", time.Hour), expired(t, d), strings.Repeat("A", 3000), good + good,
	} {
		c := &caller{address: away, token: token}
		if m := d.enter(t, c, "den"); m.GetError().GetCode() != umbrellav1.Error_CODE_NEEDS_INVITATION {
			t.Errorf("token %d: %v", i, m)
		}
		if code, _ := d.ask(t, c, "GET", "/status", ""); code != http.StatusUnauthorized {
			t.Errorf("token %d for an admin: %d", i, code)
		}
	}
	once, err := d.tokens.Mint(access.Claims{Room: "den", Once: true}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if m := d.enter(t, &caller{address: away, token: once}, "den"); m.GetJoined() == nil {
		t.Errorf("a token for once: %v", m)
	}
	if m := d.enter(t, &caller{address: "198.51.100.9", token: once}, "den"); m.GetError().GetCode() != umbrellav1.Error_CODE_NEEDS_INVITATION {
		t.Errorf("replayed: %v", m)
	}
}

// raw sends what no client would, and returns the answer.
func (d *door) raw(t *testing.T, request string) string {
	t.Helper()
	c, err := tls.Dial("tcp", d.cfg.Main.Listen, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, request)
	b, _ := io.ReadAll(io.LimitReader(c, 1<<20))
	return string(b)
}

func traverse(t *testing.T, d *door) {
	for _, path := range []string{
		"/../../etc/passwd", "/assets/../../../../etc/passwd", "/assets/..%2f..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/%2e%2e/etc/passwd",
		"/assets/..%5c..%5cetc%5cpasswd", "//etc/passwd", "/sfu/..%2f..%2fetc%2fpasswd", "/assets/%00/etc/passwd", "/./././../etc/passwd",
		"/assets//../token.key", "/ca.crt/../ca.key", "/ca.key", "/token.key", "/admin.hash",
	} {
		answer := d.raw(t, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		status, _, _ := strings.Cut(answer, "\r\n")
		if strings.Contains(status, " 200 ") || strings.Contains(answer, "root:") || strings.Contains(answer, "PRIVATE KEY") {
			t.Errorf("%s: %s", path, status)
		}
	}
}

// slowly keeps many requests open that never end.
func slowly(t *testing.T, d *door) {
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for i := range 150 {
		c, err := net.Dial("tcp", d.cfg.Main.Listen)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if i%3 == 0 {
			continue // not even a handshake
		}
		s := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		if err := s.HandshakeContext(soon(t)); err != nil {
			t.Fatal(err)
		}
		conns[len(conns)-1] = s
		_, _ = io.WriteString(s, "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n")
	}
	for range 50 { // to the media port, too
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.cfg.Main.MediaPort)))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		_, _ = c.Write([]byte{0xff, 0xff})
	}
	for range 10 {
		for i, c := range conns {
			if i%3 == 1 && i < 150 {
				_, _ = io.WriteString(c, "X: y\r\n")
			}
		}
		if code, _ := d.ask(t, &caller{address: away}, "GET", "/healthz", ""); code != http.StatusOK {
			t.Fatalf("others get %d", code)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func oversize(t *testing.T, d *door) {
	long := strings.Repeat("x", 1<<20)
	admin := &caller{address: away, token: d.mint(t, access.AnyRoom, time.Hour, access.RightAdmin)}
	for _, c := range []struct{ path, body string }{
		{"/login", `{"password":"` + long[:4<<10] + `"}`}, {"/servers/trunks", `{"name":"` + long + `"}`}, {"/invitations", `{"room":"` + long + `"}`},
	} {
		if code, _ := d.ask(t, admin, "POST", c.path, c.body); code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", c.path, code)
		}
	}
	r, err := http.NewRequestWithContext(soon(t), "POST", d.url("/whip/open"), strings.NewReader(long))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/sdp")
	answer, err := (&caller{address: away}).client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("WHIP: %d", answer.StatusCode)
	}
	if got := d.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("y", 64<<10)+"\r\n\r\n"); !strings.Contains(got, " 431 ") {
		t.Errorf("a long header: %.40q", got)
	}
	ws := d.socket(t, &caller{address: away}, signal.Subprotocol)
	_ = ws.Write(soon(t), websocket.MessageBinary, make([]byte, 2<<20))
	if _, err := hear(ws); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a message of 2 MB: %v", err)
	}
}

// bomb sends what is small and unpacks to much: nothing is unpacked.
func bomb(t *testing.T, d *door) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.CopyN(z, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for path, kind := range map[string]string{"/login": "application/json", "/whip/open": "application/sdp", "/invitations": "application/json"} {
		r, err := http.NewRequestWithContext(soon(t), "POST", d.url(path), bytes.NewReader(packed.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Content-Encoding", "gzip")
		answer, err := (&caller{address: away, token: d.mint(t, access.AnyRoom, time.Hour, access.RightAdmin)}).client().Do(r)
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			continue // it has refused and closed while this was still written
		}
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest && answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	// RFC 7692: a message could be packed where both sides agree to it.
	ws, answer, err := websocket.Dial(soon(t), "wss://"+d.cfg.Main.Listen+"/wsb", &websocket.DialOptions{
		HTTPClient: (&caller{address: away}).client(), Subprotocols: []string{signal.Subprotocol}, CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = ws.CloseNow()
	if e := answer.Header.Get("Sec-WebSocket-Extensions"); e != "" {
		t.Errorf("WebSockets agree to %s", e)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// giants sends the largest messages that there may be, and larger ones, before
// joining and in a room.
func giants(t *testing.T, d *door) {
	guest := &caller{address: "198.51.100.50"}
	join := func(codecs []string) *umbrellav1.ClientMessage {
		m := joining(guest, "open")
		m.GetJoin().ReceiveCodecs = codecs
		return m
	}
	many := make([]string, 4000) // of 2 bytes each in the message
	for range 40 {
		ws := d.socket(t, guest, signal.Subprotocol)
		b, err := proto.Marshal(join(make([]string, 250_000)))
		if err != nil {
			t.Fatal(err)
		}
		_ = ws.Write(soon(t), websocket.MessageBinary, b)
		if _, err := hear(ws); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
			t.Fatalf("a join of %d KiB: %v", len(b)>>10, err)
		}
		ws = d.socket(t, guest, signal.Subprotocol)
		say(t, ws, join(many))
		if m, err := hear(ws); err != nil || m.GetError().GetCode() != umbrellav1.Error_CODE_BAD_REQUEST {
			t.Fatalf("a join of 8 KiB: %v, %v", m, err)
		}
		say(t, ws, join(nil))
		if m, err := hear(ws); err != nil || m.GetJoined() == nil {
			t.Fatalf("a join after that: %v, %v", m, err)
		}
		settings := make([]*umbrellav1.SubscriptionSetting, 1000)
		for i := range settings {
			settings[i] = &umbrellav1.SubscriptionSetting{TrackId: fmt.Sprintf("%500d", i)}
		}
		say(t, ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_SetSubscriptions{
			SetSubscriptions: &umbrellav1.SetSubscriptions{Settings: settings},
		}})
		_ = ws.CloseNow()
	}
}

// crossSite tries from pages of other sites, at once.
func crossSite(t *testing.T, d *door) {
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			client := (&caller{address: "198.51.100.60"}).client()
			for range 50 {
				_, answer, err := websocket.Dial(soon(t), "wss://"+d.cfg.Main.Listen+"/wsb", &websocket.DialOptions{
					HTTPClient: client, Subprotocols: []string{signal.Subprotocol},
					HTTPHeader: http.Header{"Origin": {[]string{"https://evil.example", "null", "http://" + d.cfg.Main.Listen, "https://localhost"}[i]}},
				})
				if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
					t.Errorf("%v", err)
				}
			}
		})
	}
	wait.Wait()
}

// silence connects to the media port again and again, from many addresses, and says
// nothing.
func silence(t *testing.T, d *door) {
	port := strconv.Itoa(d.cfg.Main.MediaPort)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for i := range 800 {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%8))}}
		c, err := dialer.DialContext(soon(t), "tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	answersMedia(t, port)
}

// answersMedia tells that the media port's TCP is served: what is no frame ends a
// connection.
func answersMedia(t *testing.T, port string) {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // before it would be cut for its silence
	_, _ = c.Write([]byte{0xff, 0xff})
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the media port does not answer: %v", err)
	}
}

// sessions begins as many WHEP sessions as it may, and more, and brings no media.
func sessions(t *testing.T, d *door) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	// One session after another: those that bring no media end after 20 s.
	counts := map[int]int{}
	client := (&caller{address: "198.51.100.70"}).client()
	client.Transport.(transport).RoundTripper.(*http.Transport).DisableKeepAlives = false
	defer client.CloseIdleConnections()
	for range 270 {
		r, err := http.NewRequestWithContext(soon(t), "POST", d.url("/whep/open"), strings.NewReader(offer.SDP))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/sdp")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		counts[answer.StatusCode]++
	}
	if counts[http.StatusCreated] < 256 || counts[http.StatusTooManyRequests] == 0 || len(counts) != 2 {
		t.Errorf("answered by %v", counts)
	}
	if m := d.enter(t, &caller{address: "198.51.100.71"}, "open"); m.GetJoined() == nil {
		t.Errorf("somebody else: %v", m)
	}
}

// flood opens more sockets than one address may, and joins more often.
func flood(t *testing.T, d *door) {
	from := &caller{address: "198.51.100.200"}
	var wait sync.WaitGroup
	var opened, refused atomic.Int32
	client := from.client()
	held := make(chan *websocket.Conn, 320)
	for range 4 {
		wait.Go(func() {
			for range 80 {
				ws, answer, err := websocket.Dial(soon(t), "wss://"+d.cfg.Main.Listen+"/wsb", &websocket.DialOptions{
					HTTPClient: client, Subprotocols: []string{signal.Subprotocol},
				})
				switch {
				case err == nil:
					opened.Add(1)
					held <- ws
				case answer != nil && answer.StatusCode == http.StatusTooManyRequests:
					refused.Add(1)
				}
			}
		})
	}
	wait.Wait()
	close(held)
	for ws := range held {
		_ = ws.CloseNow()
	}
	if opened.Load()+refused.Load() != 320 || refused.Load() == 0 {
		t.Errorf("%d sockets are opened, %d refused", opened.Load(), refused.Load())
	}
	guest := &caller{address: "198.51.100.201"}
	ws := d.socket(t, guest, signal.Subprotocol)
	later := 0
	for i := range 400 {
		if i%25 == 0 { // one socket may say only so much
			_ = ws.CloseNow()
			ws = d.socket(t, guest, signal.Subprotocol)
		}
		say(t, ws, joining(&caller{}, "secret"))
		m, err := hear(ws)
		if err != nil {
			t.Fatal(err)
		}
		if m.GetError().GetCode() == umbrellav1.Error_CODE_TRY_LATER {
			later++
		}
	}
	if later == 0 {
		t.Error("400 joins at once, and none too many")
	}
	if m := d.enter(t, &caller{address: "198.51.100.202"}, "open"); m.GetJoined() == nil {
		t.Errorf("somebody else: %v", m)
	}
}

// fewDescriptors makes this test a node that may have that many files and sockets
// open.
const fewDescriptors = "UMBRELLA_TEST_DESCRIPTORS"

// TestFewDescriptors: nobody takes all of the node's descriptors, and where some are
// short, it is a node again when they are there.
func TestFewDescriptors(t *testing.T) {
	if n, err := strconv.ParseUint(os.Getenv(fewDescriptors), 10, 64); err == nil {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
			t.Fatal(err)
		}
		d := openDoor(t)
		fmt.Println("listens", d.cfg.Main.Listen, d.cfg.Main.MediaPort)
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestFewDescriptors$")
	child.Env = append(os.Environ(), fewDescriptors+"=256")
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	d := &door{cfg: &config.Config{}}
	_, problem := fmt.Fscanf(out, "listens %s %d\n", &d.cfg.Main.Listen, &d.cfg.Main.MediaPort)
	t.Cleanup(func() {
		_ = in.Close()
		late := time.AfterFunc(20*time.Second, func() { _ = child.Process.Kill() })
		defer late.Stop()
		rest, _ := io.ReadAll(out)
		if err := child.Wait(); err != nil {
			t.Errorf("%v: %s", err, rest)
		}
	})
	if problem != nil {
		t.Fatal(problem)
	}
	a, b := callOfTwo(t, d)

	silence(t, d)
	gets(t, b, a)
	if code, _ := d.ask(t, &caller{}, "GET", "/healthz", ""); code != http.StatusOK {
		t.Errorf("the web server answers %d", code)
	}
	// The same at its own port, from more addresses than would fit.
	var crowd []net.Conn
	for i := range 400 {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%16))}}
		c, err := dialer.DialContext(soon(t), "tcp", d.cfg.Main.Listen)
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, c)
	}
	gets(t, b, a)
	answersMedia(t, strconv.Itoa(d.cfg.Main.MediaPort))
	for _, c := range crowd {
		_ = c.Close()
	}
	if m := d.enter(t, &caller{}, "open"); m.GetJoined() == nil {
		t.Errorf("somebody else after that: %v", m)
	}
}

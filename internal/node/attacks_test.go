package node

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/access"
	"umbrella/internal/password"
	"umbrella/internal/signal"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// TestAttacks: whatever strangers try beside a call is refused, and the call loses
// nothing.
func TestAttacks(t *testing.T) {
	d := openDoor(t)
	if err := d.admins.Reload("", password.Hash(adminPassword)); err != nil {
		t.Fatal(err)
	}
	a := join(t, d.cfg, &peer.Peer{Name: "Ada", Room: "open"})
	b := join(t, d.cfg, &peer.Peer{Name: "Bob", Room: "open"})
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	a.Play(ctx, 10*time.Millisecond)
	b.Play(ctx, 10*time.Millisecond)
	gets(t, b, a)
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
		{"guessing the admin's password", guessAdmin},
		{"forged and replayed tokens", forgeTokens},
		{"path traversal", traverse},
		{"slow requests", slowly},
		{"bodies that are too large", oversize},
		{"decompression bombs", bomb},
		{"floods of sockets and joins", flood},
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
	if m := d.enter(t, &caller{address: "198.51.100.1", word: roomPassword}, "secret"); m.GetJoined() != nil {
		t.Error("let in while waiting")
	}
	if m := d.enter(t, &caller{address: "198.51.100.2", word: roomPassword}, "secret"); m.GetJoined() == nil {
		t.Errorf("who knows it: %v", m)
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
		answer := d.raw(t, "GET "+path+" HTTP/1.1\r\nHost: ap\r\nConnection: close\r\n\r\n")
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
		_, _ = io.WriteString(s, "POST /login HTTP/1.1\r\nHost: ap\r\nContent-Length: 100\r\n")
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
		{"/login", `{"password":"` + long + `"}`}, {"/servers/trunks", `{"name":"` + long + `"}`}, {"/invitations", `{"room":"` + long + `"}`},
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
	if got := d.raw(t, "GET / HTTP/1.1\r\nHost: ap\r\nX: "+strings.Repeat("y", 64<<10)+"\r\n\r\n"); !strings.Contains(got, " 431 ") {
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

// flood opens more sockets than one address may, and joins more often.
func flood(t *testing.T, d *door) {
	from := &caller{address: "198.51.100.200"}
	var wait sync.WaitGroup
	var opened, refused atomic.Int32
	client := from.client()
	for range 4 {
		wait.Go(func() {
			for range 80 {
				ws, answer, err := websocket.Dial(soon(t), "wss://"+d.cfg.Main.Listen+"/wsb", &websocket.DialOptions{
					HTTPClient: client, Subprotocols: []string{signal.Subprotocol},
				})
				switch {
				case err == nil:
					opened.Add(1)
					defer func() { _ = ws.CloseNow() }()
				case answer != nil && answer.StatusCode == http.StatusTooManyRequests:
					refused.Add(1)
				}
			}
		})
	}
	wait.Wait()
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

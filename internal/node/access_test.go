package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/access"
	"umbrella/internal/backhaul"
	"umbrella/internal/config"
	"umbrella/internal/signal"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

const (
	roomPassword  = "sesame"
	annexPassword = "tulip"
	adminPassword = "correct horse"
	trunkSecret   = "0123456789abcdef"

	cameraPassword = "hunter2"
)

// caller is one kind of who may come to the web server.
type caller struct {
	name    string
	address string // "" is a program on the node's own machine
	word    string // password for rooms
	token   string
	cookie  string
}

// door is a node with rooms of each kind, behind a proxy that says where callers
// are: 127.0.0.1, while what comes from 127.0.0.2 is on the machine itself.
type door struct {
	*Node
	cfg *config.Config
}

func openDoor(t *testing.T) *door {
	// A camera in a room: the discard port answers to nobody.
	cameraIn := func(room string) string {
		return "config camera 'in_" + room + "'\n\toption url 'rtsp://eve:" + cameraPassword + "@127.0.0.1:9/'\n\toption room '" + room + "'\n"
	}
	cfg := settings(t, "\tlist trusted_proxy '127.0.0.1'\n\toption admin_password '"+adminPassword+"'\n\toption access 'token'\n"+
		"config room\n\toption name 'lan'\n\toption access 'lan'\n"+
		"config room\n\toption name 'open'\n\toption access 'open'\n"+
		"config room\n\toption name 'secret'\n\toption password '"+roomPassword+"'\n"+
		"config room\n\toption name 'annex'\n\toption password '"+annexPassword+"'\n"+
		"config backhaul 'hub'\n\toption secret '"+trunkSecret+"'\n"+
		cameraIn("den")+cameraIn("secret")+cameraIn("lan"))
	return &door{startNode(t, cfg), cfg}
}

// client is one that comes from where the caller is.
func (c *caller) client() *http.Client {
	from := "127.0.0.1"
	if c.address == "" {
		from = "127.0.0.2"
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &http.Client{Transport: c.speaking(&http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// transport adds what a caller brings.
type transport struct {
	*caller
	http.RoundTripper
}

func (c *caller) speaking(t http.RoundTripper) http.RoundTripper { return transport{c, t} }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if t.address != "" {
		// What was said before the proxy is anybody's.
		r.Header.Set("X-Forwarded-For", "127.0.0.1, 192.168.1.2, "+t.address)
	}
	if bearer := t.token + t.word; bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if t.cookie != "" {
		r.AddCookie(&http.Cookie{Name: access.SessionCookie, Value: t.cookie})
	}
	return t.RoundTripper.RoundTrip(r)
}

func (d *door) url(path string) string { return "https://" + d.cfg.Main.Listen + path }

func (d *door) ask(t *testing.T, c *caller, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(soon(t), method, d.url(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

func (d *door) mint(t *testing.T, room string, holds time.Duration, rights ...string) string {
	t.Helper()
	text, err := d.tokens.Mint(access.Claims{Room: room, Rights: rights}, holds)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const (
	away = "203.0.113.7"
	home = "192.168.1.77"
)

// callers are all kinds there are.
func (d *door) callers(t *testing.T) map[string]*caller {
	t.Helper()
	cookie, err := d.admins.Login(access.Client{}, adminPassword)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*caller{
		"nobody":    {address: away},
		"lan":       {address: home},
		"machine":   {},
		"password":  {address: away, word: roomPassword},
		"other":     {address: away, token: d.mint(t, "elsewhere", time.Hour)},
		"expired":   {address: home, token: expired(t, d)},
		"viewer":    {address: away, token: d.mint(t, "den", time.Hour, access.RightSubscribe)},
		"publisher": {address: away, token: d.mint(t, "den", time.Hour, access.RightPublish)},
		"moderator": {address: away, token: d.mint(t, "den", time.Hour, access.RightPublish, access.RightSubscribe, access.RightModerate)},
		"admin":     {address: away, token: d.mint(t, access.AnyRoom, time.Hour, access.RightAdmin)},
		"session":   {address: away, cookie: cookie},
		// A node that knows the trunks' secret knows nothing else.
		"trunk": {address: away, word: trunkSecret},
		// Nor does one that has come by a token, and who only moderates takes no part.
		"node":  {address: home, token: d.mint(t, access.AnyRoom, time.Hour, access.RightTrunk)},
		"usher": {address: home, token: d.mint(t, "den", time.Hour, access.RightModerate)},
	}
	for name, c := range all {
		c.name = name
	}
	return all
}

// TestEveryPath walks every path of the web server with every kind of caller.
func TestEveryPath(t *testing.T) {
	d := openDoor(t)
	callers := d.callers(t)
	const everyone = "nobody lan machine password other expired viewer publisher moderator admin session trunk node usher"
	const admins = "machine admin session"
	json := `{"options":{}}`
	for _, p := range []struct {
		method, path, body string
		allowed            string // those who are; the others get 401 or 403
		status             int    // for who is allowed
	}{
		{"GET", "/", "", everyone, 302},
		{"GET", "/sfu", "", everyone, 200},
		{"GET", "/sfu/den", "", everyone, 200},
		{"GET", "/trust", "", everyone, 200},
		{"GET", "/ca.crt", "", everyone, 200},
		{"GET", "/healthz", "", everyone, 200},
		{"GET", "/robots.txt", "", everyone, 404},
		{"GET", "/assets/nothing.js", "", everyone, 404},
		{"GET", "/wsb", "", everyone, 426},
		{"GET", "/me", "", everyone, 200},
		{"GET", "/status", "", admins, 200},
		{"GET", "/metrics", "", admins, 200},
		{"GET", "/servers", "", admins, 200},
		{"POST", "/servers/trunks", json, admins, 409},
		{"POST", "/servers/cameras", json, admins, 409},
		{"PATCH", "/servers/trunks/hub", json, admins, 409},
		{"PATCH", "/servers/cameras/door", json, admins, 409},
		{"DELETE", "/servers/trunks/hub", "", admins, 409},
		{"DELETE", "/servers/cameras/door", "", admins, 409},
		{"DELETE", "/rooms/den/participants/nobody", "", admins, 404},
		{"POST", "/servers/cameras/probe", json, admins, 400},
		{"POST", "/servers/cameras/discover", json, admins, 400},
		{"POST", "/invitations", `{"room":"den","hours":1}`, admins, 201},
		{"POST", "/logout", "", strings.Replace(everyone, " session", "", 1), 204}, // that of session is needed still
		{"POST", "/whip/lan", "v=0", "lan machine", 415},
		// A token for another room, and one that has ended, are none for this.
		{"POST", "/whip/open", "v=0", "nobody lan machine password admin session trunk", 415},
		{"POST", "/whip/secret", "v=0", "password admin session", 415},
		{"POST", "/whip/den", "v=0", "publisher moderator admin session", 415},
		{"POST", "/whep/lan", "v=0", "lan machine", 415},
		{"POST", "/whep/secret", "v=0", "password admin session", 415},
		{"POST", "/whep/den", "v=0", "viewer moderator admin session", 415},
		{"POST", "/whep/den/somebody", "v=0", "viewer moderator admin session", 415},
		// 502: the gate let them through, and there is no camera.
		{"GET", "/snapshot/in_den.jpg", "", "viewer moderator admin session machine", 502},
		{"GET", "/snapshot/in_secret.jpg", "", "password admin session machine", 502},
		{"GET", "/snapshot/in_lan.jpg", "", "lan machine admin session", 502},
		{"GET", "/snapshot/nobody.jpg", "", everyone, 404},
		{"GET", "/snapshot/in_lan.png", "", everyone, 404},
		{"POST", "/snapshot/in_lan.jpg", "", everyone, 405},
		{"DELETE", "/whip/session/x", "", everyone, 404},
		{"PATCH", "/whep/session/x", "v=0", everyone, 404},
		{"OPTIONS", "/whip/den", "", everyone, 204},
		{"GET", "/%2e%2e/%2e%2e/etc/passwd", "", everyone, 404},
	} {
		may := map[string]bool{}
		for _, name := range strings.Fields(p.allowed) {
			may[name] = true
		}
		for _, name := range strings.Fields(everyone) {
			if p.path == "/logout" && name == "session" {
				continue
			}
			code, body := d.ask(t, callers[name], p.method, p.path, p.body)
			refused := code == http.StatusUnauthorized || code == http.StatusForbidden
			if strings.HasPrefix(p.path, "/snapshot/") { // as if there were none
				refused = code == http.StatusNotFound
			}
			if may[name] && code != p.status || !may[name] && !refused {
				t.Errorf("%s %s by %s: %d, %s", p.method, p.path, name, code, strings.TrimSpace(body))
			}
			if strings.Contains(body, cameraPassword) {
				t.Errorf("%s %s by %s: a password in %s", p.method, p.path, name, body)
			}
			if refused && (strings.Contains(body, trunkSecret) || strings.Contains(body, roomPassword)) {
				t.Errorf("%s %s by %s: a secret in %s", p.method, p.path, name, body)
			}
		}
	}
}

// TestFirstPassword: no log level hides the password that the first start makes, and
// no log has it.
func TestFirstPassword(t *testing.T) {
	var told, log bytes.Buffer
	n := &Node{Stderr: &told, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))}
	cfg := settings(t, "\toption log_level 'error'\n")
	if err := n.Start(cfg); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(soon(t)); err != nil {
			t.Error(err)
		}
	}()
	line, rest, _ := strings.Cut(told.String(), "\n")
	_, word, ok := strings.Cut(line, "password=")
	if !ok || rest != "" || log.Len() > 0 {
		t.Fatalf("told: %q, logged: %q", told.String(), log.String())
	}
	if _, err := n.admins.Login(access.Client{}, word); err != nil {
		t.Error(err)
	}
}

// TestLoginOverHTTP: the password, and nothing else, makes a session.
func TestLoginOverHTTP(t *testing.T) {
	d := openDoor(t)
	for body, want := range map[string]int{
		`{"password":"` + adminPassword + `"}`: 204, `{"password":"wrong"}`: 401, `{"password":""}`: 401, `{}`: 401, `[]`: 400, `{"x":1}`: 400,
	} {
		if code, text := d.ask(t, &caller{address: home}, "POST", "/login", body); code != want {
			t.Errorf("%s: %d, %s", body, code, text)
		}
	}
	// Guessing is slowed down for who guesses, and for nobody else.
	guesser := &caller{address: "198.51.100.66"}
	last := 0
	for range 8 {
		last, _ = d.ask(t, guesser, "POST", "/login", `{"password":"wrong"}`)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the eighth wrong password gets %d", last)
	}
	if code, _ := d.ask(t, guesser, "POST", "/login", `{"password":"`+adminPassword+`"}`); code != http.StatusTooManyRequests {
		t.Errorf("the right one right after gets %d", code)
	}
	if code, _ := d.ask(t, &caller{address: home}, "POST", "/login", `{"password":"`+adminPassword+`"}`); code != 204 {
		t.Errorf("somebody else gets %d", code)
	}
	r, err := http.NewRequest("POST", d.url("/login"), strings.NewReader(`{"password":"`+adminPassword+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "https://evil.example")
	answer, err := (&caller{address: home}).client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden || len(answer.Cookies()) > 0 {
		t.Errorf("a page of another site logs in: %d", answer.StatusCode)
	}
	r.Header.Del("Origin")
	r.Body = io.NopCloser(strings.NewReader(`{"password":"` + adminPassword + `"}`))
	answer, err = (&caller{address: home}).client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if len(answer.Cookies()) != 1 {
		t.Fatalf("%d cookies", len(answer.Cookies()))
	}
	c := answer.Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*3600 {
		t.Errorf("the cookie is %v", c)
	}
	if code, _ := d.ask(t, &caller{address: home, cookie: c.Value}, "GET", "/servers", ""); code != 200 {
		t.Errorf("with it: %d", code)
	}
	if code, _ := d.ask(t, &caller{address: home, cookie: c.Value}, "POST", "/logout", ""); code != 204 {
		t.Errorf("logging out: %d", code)
	}
	if code, _ := d.ask(t, &caller{address: home, cookie: c.Value}, "GET", "/servers", ""); code != 401 {
		t.Errorf("after that: %d", code)
	}
}

// socket opens a WebSocket as the caller.
func (d *door) socket(t *testing.T, c *caller, protocol string) *websocket.Conn {
	t.Helper()
	ctx := soon(t)
	dial := func() (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(ctx, "wss://"+d.cfg.Main.Listen+"/wsb", &websocket.DialOptions{
			HTTPClient: c.client(), Subprotocols: []string{protocol},
		})
	}
	ws, answer, err := dial()
	for err != nil && answer != nil && answer.StatusCode == http.StatusServiceUnavailable {
		// The one before, which is closed, has not been seen to leave yet.
		time.Sleep(10 * time.Millisecond)
		ws, answer, err = dial()
	}
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	ws.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func say(t *testing.T, ws *websocket.Conn, m proto.Message) {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.Write(soon(t), websocket.MessageBinary, b); err != nil {
		t.Fatal(err)
	}
}

// hear returns the first message that is an answer, or an error.
func hear(ws *websocket.Conn) (*umbrellav1.ServerMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return nil, err
		}
		m := &umbrellav1.ServerMessage{}
		if err := proto.Unmarshal(b, m); err != nil {
			return nil, err
		}
		switch m.Message.(type) {
		case *umbrellav1.ServerMessage_Joined, *umbrellav1.ServerMessage_Error, *umbrellav1.ServerMessage_Pong,
			*umbrellav1.ServerMessage_ChatMessage, *umbrellav1.ServerMessage_Goodbye:
			return m, nil
		}
	}
}

func joining(c *caller, room string) *umbrellav1.ClientMessage {
	return &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{
		Room: room, Name: "x", Password: c.word, Token: c.token,
	}}}
}

// TestEveryJoin: every kind of caller at the door of every kind of room, and what
// each may do in it.
func TestEveryJoin(t *testing.T) {
	d := openDoor(t)
	callers := d.callers(t)
	for room, allowed := range map[string]map[string]string{ // by caller: p(ublish), s(ubscribe), m(oderate)
		"lan":    {"lan": "ps", "machine": "ps"},
		"open":   {"nobody": "ps", "lan": "ps", "machine": "ps", "password": "ps", "trunk": "ps", "admin": "psm", "session": "psm"},
		"secret": {"password": "ps", "admin": "psm", "session": "psm"},
		"den":    {"viewer": "s", "publisher": "p", "moderator": "psm", "admin": "psm", "session": "psm"},
		"a/b":    {},
	} {
		for name, c := range callers {
			ws := d.socket(t, c, signal.Subprotocol)
			say(t, ws, joining(c, room))
			m, err := hear(ws)
			if err != nil {
				t.Fatalf("%s in %s: %v", name, room, err)
			}
			may, ok := allowed[name]
			joined := m.GetJoined()
			if (joined != nil) != ok {
				t.Errorf("%s in %s: %v", name, room, m)
				continue
			}
			if joined == nil {
				if e := m.GetError(); e.GetMessage() == "" || strings.Contains(e.Message, roomPassword) {
					t.Errorf("%s in %s: %v", name, room, m)
				}
				continue
			}
			got := ""
			if !joined.Participants[len(joined.Participants)-1].ViewOnly {
				got += "p"
			}
			if joined.MaySubscribe {
				got += "s"
			}
			if joined.Moderator {
				got += "m"
			}
			if got != may {
				t.Errorf("%s in %s may %s, want %s", name, room, got, may)
			}
			_ = ws.CloseNow()
		}
	}
}

// TestEveryMessage sends every message that there is as every kind of caller: before
// joining, and, as those whom the room lets in, after that.
func TestEveryMessage(t *testing.T) {
	d := openDoor(t)
	callers := d.callers(t)
	oneof := (&umbrellav1.ClientMessage{}).ProtoReflect().Descriptor().Oneofs().ByName("message").Fields()
	outside := map[string]string{ // what is not answered by "join first"
		"join": "a room's name", "resume": "this session has ended", "ping": "pong",
	}
	inside := map[string]struct{ room, may string }{
		"viewer": {"den", "s"}, "publisher": {"den", "p"}, "moderator": {"den", "psm"}, "admin": {"den", "psm"}, "session": {"den", "psm"},
		"lan": {"lan", "ps"}, "machine": {"lan", "ps"}, "password": {"secret", "ps"}, "nobody": {"open", "ps"}, "trunk": {"open", "ps"},
	}
	// answer is what somebody who may do that is told; nothing for most messages.
	answer := func(message, may string) string {
		switch message {
		case "join", "resume":
			return "in a room already"
		case "publish_offer":
			if !strings.Contains(may, "p") {
				return "a viewer publishes nothing"
			}
			return "offer" // an empty one
		case "moderate":
			if !strings.Contains(may, "m") {
				return "for moderators"
			}
			return "does not know" // what it is asked for
		case "send_chat":
			return "1 to 2000"
		case "invite":
			if !strings.Contains(may, "m") {
				return "only moderators"
			}
		case "become_moderator":
			return "password" // it is wrong, or makes nobody a moderator from there
		}
		return ""
	}
	ping := &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Ping{Ping: &umbrellav1.Ping{Number: 7}}}
	for i := range oneof.Len() {
		field := oneof.Get(i)
		name := string(field.Name())
		m := &umbrellav1.ClientMessage{}
		m.ProtoReflect().Set(field, m.ProtoReflect().NewField(field))
		for who, c := range callers {
			ws := d.socket(t, c, signal.Subprotocol)
			say(t, ws, m)
			got, err := hear(ws)
			if want, ok := outside[name]; err != nil || !strings.Contains(words(got), orElse(want, ok, "join first")) {
				t.Errorf("%s by %s before joining: %v, %v", name, who, got, err)
			}
			_ = ws.CloseNow()
		}
		if name == "leave" {
			continue // it ends what is tested
		}
		for who, in := range inside {
			ws := d.socket(t, callers[who], signal.Subprotocol)
			say(t, ws, joining(callers[who], in.room))
			if m, err := hear(ws); err != nil || m.GetJoined() == nil {
				t.Fatalf("%s: %v, %v", who, m, err)
			}
			say(t, ws, m)
			// Answers of the room come when they come, before those to pings or after.
			var heard []string
			for range 3 {
				time.Sleep(10 * time.Millisecond)
				say(t, ws, ping)
				got, err := hear(ws)
				if err != nil {
					t.Fatalf("%s by %s: %v", name, who, err)
				}
				if w := words(got); w != "pong" {
					heard = append(heard, w)
				}
			}
			want := answer(name, in.may)
			if (want == "") != (len(heard) == 0) || want != "" && (len(heard) != 1 || !strings.Contains(heard[0], want)) {
				t.Errorf("%s by %s: %q, want %q", name, who, heard, want)
			}
			_ = ws.CloseNow()
		}
	}
}

func orElse(s string, ok bool, other string) string {
	if ok {
		return s
	}
	return other
}

func words(m *umbrellav1.ServerMessage) string {
	if m.GetPong() != nil {
		return "pong"
	}
	return m.GetError().GetMessage()
}

// TestEveryTrunkMessage sends every message of trunks without the proof that has
// to come first, as every kind of caller: each is turned down, and nothing is known
// of it.
func TestEveryTrunkMessage(t *testing.T) {
	d := openDoor(t)
	oneof := (&umbrellav1.TrunkMessage{}).ProtoReflect().Descriptor().Oneofs().ByName("message").Fields()
	for name, c := range d.callers(t) {
		if c.token != "" {
			// As nodes show theirs: without the signature.
			public := c.token[:strings.LastIndexByte(c.token, '.')]
			ws, answer, err := websocket.Dial(soon(t), "wss://"+d.cfg.Main.Listen+"/wsb", &websocket.DialOptions{
				HTTPClient: (&caller{address: c.address}).client(), Subprotocols: []string{backhaul.Subprotocol},
				HTTPHeader: http.Header{"Authorization": {"Umbrella-Trunk " + public}},
			})
			if name == "node" {
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				_ = ws.CloseNow()
			} else if err == nil || answer == nil || answer.StatusCode != http.StatusUnauthorized {
				// None of them is for a trunk.
				t.Errorf("%s: %v", name, err)
			}
		}
		for i := range oneof.Len() {
			field := oneof.Get(i)
			ws := d.socket(t, c, backhaul.Subprotocol)
			m := &umbrellav1.TrunkMessage{}
			m.ProtoReflect().Set(field, m.ProtoReflect().NewField(field))
			say(t, ws, m)
			if said, err := untilClosed(ws); err != nil || !slices.Equal(said, []string{"hello"}) && !slices.Equal(said, []string{"hello", "refusal"}) {
				t.Errorf("%s by %s: %q, %v", field.Name(), name, said, err)
			}
		}
	}
	st := d.status()
	if len(st.Trunks) != 1 || len(st.Trunks[0].Links) != 0 {
		t.Errorf("something came of it: %v", st.Trunks)
	}
	for _, r := range st.Rooms {
		for _, p := range r.Participants {
			if p.Kind != umbrellav1.ParticipantKind_PARTICIPANT_KIND_CAMERA {
				t.Errorf("somebody came of it: %v", p)
			}
		}
	}
}

// untilClosed is what the other side says until it closes, by kind.
func untilClosed(ws *websocket.Conn) (said []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return said, ctx.Err()
		}
		m := &umbrellav1.TrunkMessage{}
		if err := proto.Unmarshal(b, m); err != nil {
			return said, err
		}
		r := m.ProtoReflect()
		said = append(said, string(r.WhichOneof(r.Descriptor().Oneofs().ByName("message")).Name()))
	}
}

// TestCrossSiteSockets: no page of another site opens a WebSocket.
func TestCrossSiteSockets(t *testing.T) {
	d := openDoor(t)
	listen := d.cfg.Main.Listen
	for _, page := range []struct{ origin, host string }{
		{"https://evil.example", listen}, {"null", listen}, {"https://" + strings.Replace(listen, "127.0.0.1", "localhost", 1), listen},
		{"http://127.0.0.1", listen}, {"http://" + listen, listen}, {"http://umbrella.lan", "umbrella.lan"},
	} {
		for _, protocol := range []string{signal.Subprotocol, backhaul.Subprotocol} {
			c := &caller{address: home}
			_, answer, err := websocket.Dial(soon(t), "wss://"+listen+"/wsb", &websocket.DialOptions{
				HTTPClient: c.client(), Subprotocols: []string{protocol}, HTTPHeader: http.Header{"Origin": {page.origin}}, Host: page.host,
			})
			if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s opens %s at %s: %v", page.origin, protocol, page.host, err)
			}
		}
	}
}

// TestInvitation: an admin's invitation lets somebody in from anywhere, into that
// room only.
func TestInvitation(t *testing.T) {
	d := openDoor(t)
	admin := d.callers(t)["admin"]
	code, body := d.ask(t, admin, "POST", "/invitations", `{"room":"den","name":"Ada","rights":["subscribe"],"hours":2,"once":true}`)
	if code != 201 {
		t.Fatalf("%d, %s", code, body)
	}
	_, rest, ok := strings.Cut(body, "/sfu/den#token=")
	token, _, _ := strings.Cut(rest, `"`)
	if !ok || token == "" {
		t.Fatalf("no link in %s", body)
	}
	guest := &caller{name: "guest", address: away, token: token}
	for room, want := range map[string]bool{"den": true, "other": false} {
		ws := d.socket(t, guest, signal.Subprotocol)
		say(t, ws, joining(guest, room))
		m, err := hear(ws)
		if err != nil || (m.GetJoined() != nil) != want {
			t.Errorf("%s: %v, %v", room, m, err)
		}
	}
	// Whoever has copied it comes too late.
	thief := &caller{name: "thief", address: "203.0.113.99", token: token}
	ws := d.socket(t, thief, signal.Subprotocol)
	say(t, ws, joining(thief, "den"))
	if m, err := hear(ws); err != nil || m.GetError().GetCode() != umbrellav1.Error_CODE_NEEDS_INVITATION {
		t.Errorf("used again: %v, %v", m, err)
	}
	if code, body := d.ask(t, admin, "POST", "/invitations", `{"room":"den","for":"7d"}`); code != 201 ||
		!strings.Contains(body, `"expires":"`+time.Now().Add(7*24*time.Hour).Format("2006-01-02T")) {
		t.Errorf("for 7 days: %d, %s", code, body)
	}
	for _, body := range []string{`{"room":"den","for":"7"}`, `{"room":"den","for":"-1d"}`, `{"room":"den","for":"600w"}`, `{"room":"*","hours":1}`, `{"room":"a/b","hours":1}`, `{"room":"den","hours":0}`, `{"room":"den","hours":-1}`,
		`{"room":"den","hours":999999999}`, `{"room":"den","hours":1,"rights":["admin"]}`, `{"room":"den","hours":1,"rights":["x"]}`} {
		if code, text := d.ask(t, admin, "POST", "/invitations", body); code != 422 || !strings.Contains(text, `"error"`) {
			t.Errorf("%s: %d, %s", body, code, text)
		}
	}
	// All that is wrong is told, each at its field.
	_, text := d.ask(t, admin, "POST", "/invitations", `{"room":"a b/c","name":"\u0007","rights":["fly"],"hours":0}`)
	for _, field := range []string{"room", "name", "rights", "hours"} {
		if !strings.Contains(text, `"option":"`+field+`"`) {
			t.Errorf("nothing about the %s: %s", field, text)
		}
	}
}

// expired is a token that was good until a minute ago.
func expired(t *testing.T, d *door) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.cfg.Main.StateDir, "token.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	c := access.Claims{Room: "den"}
	c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Minute))
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTrunkByToken: a node joins by an invitation, in the room that this is for and
// in no other, and is gone when it goes.
func TestTrunkByToken(t *testing.T) {
	d := openDoor(t)
	dial := func(secret string) *Node {
		return startNode(t, settings(t, "config backhaul 'up'\n\toption url '"+strings.Replace(d.url("/wsb"), "https", "wss", 1)+
			"'\n\toption secret '"+secret+"'\n\toption ca '"+filepath.Join(d.cfg.Main.StateDir, "ca.crt")+"'\n"))
	}
	links := func() (n int, rooms []string) {
		for _, st := range d.status().Trunks {
			n += len(st.Links)
			if strings.HasPrefix(st.Name, "invited_") {
				rooms = st.Rooms
			}
		}
		return n, rooms
	}
	until := func(what string, cond func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("not within 20 s: ", what)
			}
		}
	}
	guest := dial(d.mint(t, "den", time.Hour, access.RightTrunk))
	until("the trunk is up", func() bool { n, _ := links(); return n == 1 })
	if _, rooms := links(); !slices.Equal(rooms, []string{"den"}) {
		t.Errorf("it joins %q", rooms)
	}
	// A change of the settings leaves it alone.
	if err := d.Apply(d.cfg); err != nil {
		t.Fatal(err)
	}
	if n, _ := links(); n != 1 {
		t.Error("gone with a change of the settings")
	}
	if err := guest.trunks.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	until("it is gone", func() bool { return len(d.status().Trunks) == 1 })

	for name, token := range map[string]string{
		"of a guest": d.mint(t, "den", time.Hour), "of an admin": d.mint(t, access.AnyRoom, time.Hour, access.RightAdmin), "that has ended": expired(t, d),
	} {
		n := dial(token)
		until("a token "+name+" is refused", func() bool {
			return strings.Contains(n.status().Trunks[0].Problem, "does not take the token")
		})
	}
	if n, _ := links(); n != 0 {
		t.Errorf("%d trunks are up", n)
	}
}

// TestNamesOfCamerasAreNotTold: who may see none of the cameras gets the same answer
// for each of them, and for one that is not there.
func TestNamesOfCamerasAreNotTold(t *testing.T) {
	d := openDoor(t)
	for name, c := range d.callers(t) {
		if !slices.Contains([]string{"nobody", "other", "publisher", "trunk", "node", "usher", "expired"}, name) {
			continue
		}
		for _, room := range []string{"den", "secret", "lan"} {
			if room == "lan" && c.address == home && c.token == "" {
				continue
			}
			code, body := d.ask(t, c, "GET", "/snapshot/in_"+room+".jpg", "")
			other, text := d.ask(t, c, "GET", "/snapshot/in_cellar.jpg", "")
			if code != other || body != text || code == http.StatusOK {
				t.Errorf("%s: %d, %q for a camera in %s; %d, %q for none", name, code, body, room, other, text)
			}
		}
	}
}

package node

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"umbrella/internal/access"
	"umbrella/internal/config"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func settings(t *testing.T, more string) *config.Config {
	t.Helper()
	return load(t, t.TempDir(), fmt.Sprintf("config umbrella main\n\toption listen '127.0.0.1:%d'\n\toption media_port '%d'\n\toption state_dir '%s'\n%s",
		peer.FreePort(t), peer.FreePort(t), t.TempDir(), more))
}

func load(t *testing.T, dir, text string) *config.Config {
	t.Helper()
	if err := os.WriteFile(dir+"/umbrella", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func startNode(t *testing.T, cfg *config.Config) *Node {
	t.Helper()
	n := &Node{Version: "1.2.3", Stderr: io.Discard, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	if err := n.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return n
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// join brings a peer in through the front door.
func join(t *testing.T, cfg *config.Config, p *peer.Peer) *peer.Peer {
	t.Helper()
	p.URL = "wss://" + cfg.Main.Listen + cfg.Main.Prefix + "/wsb"
	if p.Room == "" {
		p.Room = "room"
	}
	if err := p.Join(soon(t)); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	t.Cleanup(p.Close)
	return p
}

// gets waits until b gets more sound and pictures of a than it has.
func gets(t *testing.T, b, a *peer.Peer) {
	t.Helper()
	if err := b.Gets(soon(t), a); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	r, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestStatusTellsOfACall(t *testing.T) {
	cfg := settings(t, "")
	startNode(t, cfg)
	a := join(t, cfg, &peer.Peer{Name: "Ada"})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a.Play(ctx, 10*time.Millisecond)
	b := join(t, cfg, &peer.Peer{Name: "Bob", ViewOnly: true})
	gets(t, b, a)
	var st struct {
		Version string
		Rooms   []struct {
			Name         string
			Participants []struct {
				Name            string
				Tracks          []struct{ Codec string }
				Subscriptions   []struct{ Packets string }
				PeerConnections []struct{ Role, State, Protocol, RemoteAddress string }
			}
		}
	}
	code, body := get(t, "https://"+cfg.Main.Listen+"/status")
	if code != 200 {
		t.Fatal(code, body)
	}
	if err := json.Unmarshal([]byte(body), &st); err != nil {
		t.Fatal(err)
	}
	if st.Version != "1.2.3" || len(st.Rooms) != 1 || len(st.Rooms[0].Participants) != 2 {
		t.Fatal(body)
	}
	ada, bob := st.Rooms[0].Participants[0], st.Rooms[0].Participants[1]
	if len(ada.Tracks) != 2 || len(ada.PeerConnections) != 1 || ada.PeerConnections[0].State != "connected" ||
		ada.PeerConnections[0].Protocol != "udp" || ada.PeerConnections[0].RemoteAddress == "" {
		t.Errorf("Ada: %+v", ada)
	}
	if len(bob.Subscriptions) != 2 || bob.Subscriptions[0].Packets == "0" || len(bob.PeerConnections) != 1 ||
		bob.PeerConnections[0].Role != "subscribe" {
		t.Errorf("Bob: %+v", bob)
	}
	if _, body := get(t, "https://"+cfg.Main.Listen+"/metrics"); !strings.Contains(body, "umbrella_participants 2\n") ||
		strings.Contains(body, "umbrella_sent_packets_total 0\n") || strings.Contains(body, "umbrella_received_bytes_total 0\n") ||
		!strings.Contains(body, `umbrella_peer_connections{state="connected"} 2`) {
		t.Error(body)
	}
}

// Whatever changes, a call that runs goes on.
func TestApply(t *testing.T) {
	cfg := settings(t, "config room\n\toption name 'small'\n\toption max_participants '1'\n")
	n := startNode(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a, b := join(t, cfg, &peer.Peer{Name: "Ada"}), join(t, cfg, &peer.Peer{Name: "Bob"})
	a.Play(ctx, 10*time.Millisecond)
	b.Play(ctx, 10*time.Millisecond)
	gets(t, b, a)
	join(t, cfg, &peer.Peer{Name: "First", Room: "small", ViewOnly: true})

	changed := *cfg
	changed.Main.Listen = fmt.Sprint("127.0.0.1:", peer.FreePort(t))
	changed.Main.Prefix = "/umbrella"
	changed.Main.MediaPort = peer.FreePort(t)
	changed.Main.PublicAddress = []string{"203.0.113.7"}
	changed.Rooms = []config.Room{{Name: "small", MaxParticipants: 2}, {Name: "room", Access: config.AccessPassword, Password: "sesame"}}
	identity := n.engine.Load().Identity
	if err := n.Apply(&changed); err != nil {
		t.Fatal(err)
	}
	if n.engine.Load().Identity != identity {
		t.Error("other nodes know this one by another certificate now")
	}
	gets(t, b, a)
	gets(t, a, b)
	join(t, &changed, &peer.Peer{Name: "Second", Room: "small", ViewOnly: true})
	p := &peer.Peer{URL: "wss://" + changed.Main.Listen + "/umbrella/wsb", Room: "room", Name: "Eve"}
	if err := p.Join(soon(t)); err == nil || !strings.Contains(err.Error(), "CODE_WRONG_PASSWORD") {
		t.Errorf("joined without the password: %v", err)
	}
	p.Close()
	c := join(t, &changed, &peer.Peer{Name: "Cy", Password: "sesame"})
	c.Play(ctx, 10*time.Millisecond)
	gets(t, c, a)
	gets(t, a, c)
	if _, body := get(t, "https://"+changed.Main.Listen+"/umbrella/healthz"); body != "ok\n" {
		t.Error(body)
	}
	if conn, err := net.DialTimeout("tcp", cfg.Main.Listen, time.Second); err == nil {
		conn.Close()
		t.Error("the old address is still listened on")
	}

	// The port of before is had again, although calls are still on it.
	back := changed
	back.Main.MediaPort = cfg.Main.MediaPort
	back.Main.PublicAddress = []string{"203.0.113.8"}
	for _, to := range []*config.Config{&back, &changed} {
		if err := n.Apply(to); err != nil {
			t.Fatal(err)
		}
		if e := n.engine.Load(); e.MediaPort != to.Main.MediaPort || len(n.retired) != 1 || n.retired[0] == e {
			t.Errorf("new calls are on port %d, want %d; %d retired", e.MediaPort, to.Main.MediaPort, len(n.retired))
		}
	}
	gets(t, b, a)

	// A port that is taken leaves the node as it was.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	wrong := changed
	wrong.Main.Listen = taken.Addr().String()
	wrong.Main.MediaPort = peer.FreePort(t)
	wrong.Main.AdminPassword = "another one"
	wrong.Rooms = []config.Room{{Name: "room"}}
	wrong.Backhauls = []config.Backhaul{{Section: "up", Enabled: true, URL: "ws://127.0.0.1:1/wsb", Secret: "0123456789abcdef"}}
	if err := n.Apply(&wrong); err == nil || !strings.Contains(err.Error(), "option 'listen'") {
		t.Errorf("a port that is taken: %v", err)
	}
	p = &peer.Peer{URL: "wss://" + changed.Main.Listen + "/umbrella/wsb", Room: "room", Name: "Eve"}
	if err := p.Join(soon(t)); err == nil || !strings.Contains(err.Error(), "CODE_WRONG_PASSWORD") {
		t.Errorf("a room has lost its password: %v", err)
	}
	p.Close()
	if _, err := n.admins.Login(access.Client{Addr: netip.MustParseAddr("192.0.2.1")}, "another one"); !errors.Is(err, access.ErrAdminPassword) {
		t.Errorf("the admin password is another: %v", err)
	}
	if st := n.status(); len(st.Trunks) > 0 || n.engine.Load().MediaPort != changed.Main.MediaPort || len(n.retired) != 1 {
		t.Errorf("applied in part: %v, port %d, %d retired", st.Trunks, n.engine.Load().MediaPort, len(n.retired))
	}
	if _, body := get(t, "https://"+changed.Main.Listen+"/umbrella/healthz"); body != "ok\n" {
		t.Error("the web server is gone after a mistake")
	}
	if err := n.Apply(&wrong); err == nil {
		t.Error("a mistake that is still there was not told again")
	}
	gets(t, b, a)
}

func TestCloseSaysGoodbye(t *testing.T) {
	cfg := settings(t, "\toption tls 'off'\n")
	n := startNode(t, cfg)
	p := &peer.Peer{URL: "ws://" + cfg.Main.Listen + "/wsb", Room: "room", Name: "Ada"}
	if err := p.Join(soon(t)); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := n.signal.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(ctx, func() bool { return p.Goodbye().GetReason() == umbrellav1.Goodbye_REASON_SHUTDOWN }); err != nil {
		t.Error("nobody said goodbye")
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for option, change := range map[string]func(*config.Config){
		"option 'listen'":     func(c *config.Config) { c.Main.Listen = taken.Addr().String() },
		"option 'media_port'": func(c *config.Config) { c.Main.MediaPort = taken.Addr().(*net.TCPAddr).Port },
		"option 'tls'":        func(c *config.Config) { c.Main.StateDir = "/dev/null/x" },
	} {
		cfg := settings(t, "")
		change(cfg)
		n := &Node{Log: slog.New(slog.DiscardHandler), Stderr: io.Discard}
		if err := n.Start(cfg); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: %v", option, err)
		}
	}
}

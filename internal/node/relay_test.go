package node

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/turn/v5"
	"google.golang.org/protobuf/proto"

	"umbrella/internal/access"
	"umbrella/internal/config"
	"umbrella/internal/rtc"
	"umbrella/internal/signal"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// joined is what a browser is told that comes by a scheme, with headers.
func joined(t *testing.T, cfg *config.Config, scheme string, header http.Header) *umbrellav1.Joined {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	c, _, err := websocket.Dial(soon(t), scheme+"://"+cfg.Main.Listen+"/wsb", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header, Host: header.Get("Host"),
		Subprotocols: []string{signal.Subprotocol},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	b, err := proto.Marshal(&umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{Room: "room", Name: "Ada"}}})
	if err == nil {
		err = c.Write(soon(t), websocket.MessageBinary, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, b, err = c.Read(soon(t))
	var m umbrellav1.ServerMessage
	if err != nil || proto.Unmarshal(b, &m) != nil || m.GetJoined() == nil {
		t.Fatalf("%v, %v", err, &m)
	}
	return m.GetJoined()
}

func TestRelayIsTold(t *testing.T) {
	const viaProxy = "	list trusted_proxy '127.0.0.1'\n"
	forwarded := http.Header{"X-Forwarded-For": {"192.168.1.20"}}
	for name, c := range map[string]struct {
		settings string
		header   http.Header
		want     string // LISTEN stands for where the node listens
	}{
		"not asked for":   {"", nil, ""},
		"as it was found": {"	option turn 1\n", nil, "turns:LISTEN?transport=tcp"},
		"by its name":     {"	option turn 1\n	list public_address call.example.org\n", http.Header{"Host": {"call.example.org"}}, "turns:call.example.org:443?transport=tcp"},
		"by IPv6":         {"	option turn 1\n", http.Header{"Host": {"[2001:db8::1]"}}, "turns:[2001:db8::1]:443?transport=tcp"},
		"by a proxy":      {"	option turn 1\n" + viaProxy, forwarded, ""},
		"in plain":        {"	option turn 1\n	option tls off\n", nil, ""},
		"as it is set": {"	option turn 1\n	option tls off\n	list turn_url turns:turn.example.org:443\n	list turn_url turn:a:1\n" + viaProxy, forwarded,
			"turns:turn.example.org:443?transport=tcp turn:a:1?transport=tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings(t, c.settings)
			startNode(t, cfg)
			scheme := "wss"
			if cfg.Main.TLS == config.TLSOff {
				scheme = "ws"
			}
			servers := joined(t, cfg, scheme, c.header).IceServers
			got := ""
			if len(servers) > 0 {
				got = strings.Join(servers[0].Urls, " ")
				if servers[0].Username == "" || servers[0].Credential == "" || len(servers) > 1 {
					t.Errorf("got %v", servers)
				}
			}
			if want := strings.ReplaceAll(c.want, "LISTEN", cfg.Main.Listen); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// No URL is made of a host that is none.
func TestRelayAtAStrangeHost(t *testing.T) {
	r := &http.Request{Host: "a_b$.x:1"}
	r = r.WithContext(access.WithSecure(t.Context(), func() bool { return true }))
	if got := turnURL(r); got != "" {
		t.Errorf("got %q", got)
	}
}

// allocates tries what a browser was told.
func allocates(t *testing.T, cfg *config.Config, s *umbrellav1.IceServer) error {
	t.Helper()
	conn, err := tls.Dial("tcp", cfg.Main.Listen, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: cfg.Main.Listen, TURNServerAddr: cfg.Main.Listen, Conn: turn.NewSTUNConn(conn),
		RTO: 50 * time.Millisecond, Username: s.Username, Password: s.Credential, LoggerFactory: rtc.PionLogs(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	relay, err := client.Allocate()
	if err == nil {
		_ = relay.Close()
	}
	return err
}

// The relay is on the port of the web server, from when the settings want it until
// they do not, and knows what it has told.
func TestRelayOnThePortOfTheWebServer(t *testing.T) {
	off := settings(t, "")
	on := *off
	on.Main.TURN = true
	n := startNode(t, &on)
	told := joined(t, &on, "wss", nil).IceServers[0]
	if err := allocates(t, &on, told); err != nil {
		t.Error(err)
	}
	if err := allocates(t, &on, &umbrellav1.IceServer{Username: told.Username, Credential: "x"}); err == nil {
		t.Error("a wrong password does")
	}
	if err := n.Apply(off); err != nil {
		t.Fatal(err)
	}
	if err := allocates(t, off, told); err == nil {
		t.Error("it relays after it was turned off")
	}
	if err := n.Apply(&on); err != nil {
		t.Fatal(err)
	}
	if err := allocates(t, &on, told); err != nil {
		t.Errorf("turned on again: %v", err)
	}
}

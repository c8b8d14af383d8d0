package node

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"umbrella/internal/backhaul"
	"umbrella/internal/bound"
	"umbrella/internal/config"
	"umbrella/internal/signal"
)

// request sends one request over a connection of its own, with headers; Host among
// them is the host it is for.
func request(t *testing.T, cfg *config.Config, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	scheme := "https"
	if cfg.Main.TLS == config.TLSOff {
		scheme = "http"
	}
	r, err := http.NewRequestWithContext(soon(t), method, scheme+"://"+cfg.Main.Listen+path, strings.NewReader("v=0"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Host = r.Header.Get("Host")
	r.Header.Set("Content-Type", "application/sdp")
	client := (&caller{}).client()
	client.Transport = client.Transport.(transport).RoundTripper
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(b)
}

// opens tries to open a WebSocket, and returns the status of the answer.
func opens(t *testing.T, cfg *config.Config, protocol string, header http.Header) int {
	t.Helper()
	scheme := "wss"
	if cfg.Main.TLS == config.TLSOff {
		scheme = "ws"
	}
	client := (&caller{}).client()
	client.Transport = client.Transport.(transport).RoundTripper
	ws, answer, err := websocket.Dial(soon(t), scheme+"://"+cfg.Main.Listen+"/wsb", &websocket.DialOptions{
		HTTPClient: client, Subprotocols: []string{protocol}, HTTPHeader: header, Host: header.Get("Host"),
	})
	if err == nil {
		_ = ws.CloseNow()
	}
	if answer == nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

// here is the node's address as some host reaches it, with its port.
func here(cfg *config.Config, host string) string {
	return strings.Replace(cfg.Main.Listen, "127.0.0.1", host, 1)
}

// TestForeignHost: no site becomes the origin of a page that speaks to the node, by a
// name of its own that it points at the node (DNS rebinding): each request for another
// host is refused, whatever it asks for, with TLS and without.
func TestForeignHost(t *testing.T) {
	for _, tls := range []string{"off", "auto"} {
		t.Run(tls, func(t *testing.T) {
			var log bytes.Buffer
			cfg := settings(t, "\toption tls '"+tls+"'\n\toption admin_password '"+adminPassword+"'\n"+
				"config camera 'door'\n\toption url 'rtsp://127.0.0.1:9/'\n\toption room 'den'\nconfig backhaul 'hub'\n\toption secret '"+trunkSecret+"'\n")
			n := &Node{Stderr: io.Discard, Log: slog.New(bound.NewLog(slog.NewTextHandler(&log, nil)))}
			if err := n.Start(cfg); err != nil {
				t.Fatal(err)
			}
			scheme := map[string]string{"off": "http", "auto": "https"}[tls]
			for _, host := range []string{"evil.example", here(cfg, "evil.example"), here(cfg, "127.0.0.1.nip.io"), "evil.example.", "localhost.evil.example"} {
				header := http.Header{"Host": {host}, "Origin": {scheme + "://" + strings.TrimSuffix(host, ".")}}
				for _, route := range []string{
					"GET /", "GET /sfu", "GET /sfu/den", "GET /trust", "GET /ca.crt", "GET /healthz", "GET /robots.txt", "GET /nothing", "GET /assets/x.js",
					"GET /status", "GET /metrics", "GET /servers", "POST /servers/trunks", "POST /servers/cameras/probe", "PATCH /servers/trunks/hub",
					"DELETE /servers/cameras/door", "DELETE /rooms/den/participants/ada", "POST /invitations", "POST /login", "POST /logout", "GET /snapshot/door.jpg", "GET /snapshot/no.jpg",
					"GET /wsb", "POST /whip/den", "POST /whep/den", "POST /whep/den/ada", "OPTIONS /whip/den", "DELETE /whip/session/x", "PATCH /whep/session/x",
				} {
					method, path, _ := strings.Cut(route, " ")
					for _, h := range []http.Header{header, {"Host": {host}}, {"Host": {host}, "X-Forwarded-For": {"192.168.1.2"}, "X-Forwarded-Host": {"localhost"}}} {
						answer, body := request(t, cfg, method, path, h)
						if answer.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, "'public_address'") {
							t.Errorf("%s for %s: %d, %.80q", route, host, answer.StatusCode, body)
						}
					}
				}
				for _, protocol := range []string{signal.Subprotocol, backhaul.Subprotocol} {
					if code := opens(t, cfg, protocol, header); code != http.StatusMisdirectedRequest {
						t.Errorf("a page of %s opens %s: %d", host, protocol, code)
					}
				}
				// Another node may dial by any name: no browser leaves the origin out.
				if code := opens(t, cfg, backhaul.Subprotocol, http.Header{"Host": {host}}); code != http.StatusSwitchingProtocols {
					t.Errorf("a node that dials %s: %d", host, code)
				}
				if code := opens(t, cfg, signal.Subprotocol, http.Header{"Host": {host}}); code != http.StatusMisdirectedRequest {
					t.Errorf("a program that dials %s: %d", host, code)
				}
			}
			if err := n.Close(soon(t)); err != nil {
				t.Error(err)
			}
			if lines := strings.Count(log.String(), "for another host"); lines == 0 || lines > 40 || !strings.Contains(log.String(), "evil.example") {
				t.Errorf("%d lines in the log", lines)
			}
		})
	}
}

// TestOwnHosts: by all names and addresses of its own the node is reached, and by those
// that the settings give it.
func TestOwnHosts(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	machine, _, _ = strings.Cut(machine, ".")
	cfg := settings(t, "\toption tls 'off'\n\tlist public_address 'Call.example.org.'\n\tlist public_address '203.0.113.9'\n")
	n := startNode(t, cfg)
	ours := []string{
		"localhost", "LOCALHOST", "umbrella.localhost", machine, machine + ".lan", machine + ".local", strings.ToUpper(machine) + ".Lan",
		"127.0.0.1", "[::1]", "[fe80::1%25br-lan]", "192.168.1.1", "203.0.113.9",
		"198.51.100.1", // of a port forwarding, or a container's host
		"call.example.org", "CALL.example.org.",
	}
	for _, name := range ours {
		for _, host := range []string{name, here(cfg, name)} {
			if answer, body := request(t, cfg, "GET", "/healthz", http.Header{"Host": {host}}); answer.StatusCode != http.StatusOK {
				t.Errorf("the page at %s: %d, %s", host, answer.StatusCode, body)
			}
			origin := "http://" + strings.ReplaceAll(host, "%25br-lan", "")
			if strings.Contains(host, "%") {
				continue // no browser takes a zone
			}
			if code := opens(t, cfg, signal.Subprotocol, http.Header{"Host": {host}, "Origin": {origin}}); code != http.StatusSwitchingProtocols {
				t.Errorf("a socket at %s: %d", host, code)
			}
		}
	}
	other := *cfg
	other.Main.PublicAddress = []string{"new.example.org"}
	if err := n.Apply(&other); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"new.example.org": 200, "call.example.org": 421} {
		if answer, _ := request(t, cfg, "GET", "/healthz", http.Header{"Host": {host}}); answer.StatusCode != want {
			t.Errorf("with other settings, %s gets %d", host, answer.StatusCode)
		}
	}
}

// TestHostsOfProxies: a trusted proxy says by which name people reach it. One that is
// not trusted, and one that does not say so, has to pass on a name of the node.
func TestHostsOfProxies(t *testing.T) {
	const page, forwarded = "https://meet.example.org", "192.168.1.20"
	header := func(host, xhost, xfor string) http.Header {
		h := http.Header{"Host": {host}, "Origin": {page}}
		if xhost != "" {
			h.Set("X-Forwarded-Host", xhost)
			h.Set("X-Forwarded-Proto", "https")
		}
		if xfor != "" {
			h.Set("X-Forwarded-For", xfor)
		}
		return h
	}
	for trusted, list := range map[bool]string{true: "\tlist trusted_proxy '127.0.0.2'\n", false: ""} {
		cfg := settings(t, "\toption tls 'off'\n"+list)
		startNode(t, cfg)
		own := cfg.Main.Listen
		for name, c := range map[string]struct {
			header          http.Header
			trusted, others int
		}{
			"nginx that passes Host on":      {header("meet.example.org", "", forwarded), 101, 421},
			"Traefik":                        {header("meet.example.org", "meet.example.org", forwarded), 101, 421},
			"Caddy before an HTTPS upstream": {header(own, "meet.example.org", forwarded), 101, 403},
			"nginx that changes Host":        {header(own, "", ""), 403, 403},
			"nginx that says for whom only":  {header(own, "", forwarded), 403, 403},
			"the page of another site":       {header("other.example", "other.example", forwarded), 403, 421},
			"a name, and no proxy":           {header("meet.example.org", "", ""), 421, 421},
		} {
			want := c.others
			if trusted {
				want = c.trusted
			}
			if code := opens(t, cfg, signal.Subprotocol, c.header); code != want {
				t.Errorf("trusted %t, %s: %d, want %d", trusted, name, code, want)
			}
		}
		// Whoever runs the proxy is told what differs.
		_, body := request(t, cfg, "GET", "/wsb", header(own, "", ""))
		if !strings.Contains(body, page) || !strings.Contains(body, own) || !strings.Contains(body, "trusted_proxy") {
			t.Errorf("the answer is %q", body)
		}
		answer, _ := request(t, cfg, "GET", "/sfu", header(own, "meet.example.org", forwarded))
		if csp := answer.Header.Get("Content-Security-Policy"); strings.Contains(csp, "wss://meet.example.org") != trusted {
			t.Errorf("trusted %t: the policy is %s", trusted, csp)
		}
	}
}

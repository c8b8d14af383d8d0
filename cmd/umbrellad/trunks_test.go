package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/usage"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// command runs umbrellad with the settings and the variables of a daemon.
func (p *process) command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{"-config", p.dir}, args...), p.env, stdio{nil, &out, &errs}, nil)
	return code, out.String(), errs.String()
}

func (p *process) load() *config.Config {
	p.t.Helper()
	cfg, err := config.Load(p.dir, p.env)
	if err != nil {
		p.t.Fatal(err)
	}
	return cfg
}

// says waits until the table of trunks has all of the words.
func (p *process) says(words ...string) string {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		code, out, errs := p.command("trunks")
		missing := ""
		for _, w := range words {
			if !strings.Contains(out, w) {
				missing = w
			}
		}
		if code == usage.OK && missing == "" {
			return out
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("trunks does not say %q: code %d\n%s%s", missing, code, out, errs)
		}
	}
}

// Two daemons and the trunk between them, as the command line and the admin page
// see and change it.
func TestTrunks(t *testing.T) {
	hub := start(t, "config umbrella main\n")
	hub.expect("is running.")
	if out := hub.says("has no trunks"); strings.Contains(out, "TRUNK") {
		t.Error(out)
	}
	const secret = "a-secret-between-the-two"
	hub.configure("config umbrella main\nconfig backhaul house\n\toption secret '" + secret + "'\n")
	hub.signal(syscall.SIGHUP)
	hub.says("house", "waiting for the other node")

	main := hub.load().Main
	house := start(t, fmt.Sprintf("config umbrella main\nconfig backhaul 'hub'\n\toption url 'wss://%s/wsb'\n\toption secret 'another-secret-entirely'\n\toption ca '%s/ca.crt'\n",
		main.Listen, main.StateDir))
	house.expect("is running.")
	house.says("hub", "down", "hub is down: ", "secret", "Tried again in ")
	hub.says("Turned down:", "127.0.0.1:")

	// The page puts it right, and the daemon takes it up at once.
	answer := house.page(t, http.MethodPatch, "/servers/trunks/hub", `{"options":{"secret":"`+secret+`"}}`)
	if answer != `{"name":"hub"}` {
		t.Error(answer)
	}
	house.expect("settings applied")
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	house.says("hub", "connected", name, "nothing", " ms")
	hub.says("house", "connected")

	code, out, errs := house.command("trunks", "-json")
	var st struct {
		NodeName string
		Rooms    []any
		Trunks   []struct {
			Name  string
			Links []struct{ NodeName, Media string }
		}
	}
	if err := json.Unmarshal([]byte(out), &st); err != nil || code != usage.OK {
		t.Fatalf("%v, code %d: %s%s", err, code, out, errs)
	}
	if st.NodeName != name || len(st.Trunks) != 1 || len(st.Trunks[0].Links) != 1 || !strings.HasPrefix(st.Trunks[0].Links[0].Media, "udp ") {
		t.Error(out)
	}
	for _, p := range []*process{hub, house} {
		if _, out, _ := p.command("trunks", "-json"); strings.Contains(out, secret) {
			t.Errorf("tells the secret: %s", out)
		}
	}

	if answer := house.page(t, http.MethodDelete, "/servers/trunks/hub", ""); answer != `{"name":"hub"}` {
		t.Error(answer)
	}
	house.says("has no trunks")
	hub.says("waiting for the other node")
	if b, err := os.ReadFile(filepath.Join(house.dir, "umbrella")); err != nil || string(b) != "config umbrella main\n" {
		t.Errorf("%v, left is %q", err, b)
	}

	house.signal(syscall.SIGTERM)
	house.exit()
	code, out, errs = house.command("trunks")
	if want := "umbrellad: no umbrellad of these settings answers at " + house.load().Main.Listen + ": is it running? (connection refused)\n"; code != usage.Failure || out != "" || errs != want {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
}

// page asks the admin page to change something.
func (p *process) page(t *testing.T, method, path, body string) string {
	t.Helper()
	cfg := p.load()
	c, err := ownTLS(cfg.Main)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, "https://"+cfg.Main.Listen+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// The daemon is found wherever it listens.
func TestTrunksFindsDaemon(t *testing.T) {
	listens := []string{"UMBRELLA_LISTEN=:%d", "UMBRELLA_LISTEN=[::1]:%d", "UMBRELLA_LISTEN=localhost:%d"}
	if list, err := net.InterfaceAddrs(); err == nil {
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
				listens = append(listens, "UMBRELLA_LISTEN="+n.IP.String()+":%d")
				break
			}
		}
	}
	for i, listen := range listens {
		tls := []string{"auto", "off"}[i%2]
		p := start(t, "config umbrella main\n", fmt.Sprintf(listen, peer.FreePort(t)), "UMBRELLA_PREFIX=/u", "UMBRELLA_TLS="+tls)
		p.expect("is running.")
		if code, out, errs := p.command("trunks"); code != usage.OK || !strings.Contains(out, "has no trunks") {
			t.Errorf("%s, tls %s: code %d %s%s", listen, tls, code, out, errs)
		}
	}
}

func TestTrunksSaysWhy(t *testing.T) {
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	listen := "UMBRELLA_LISTEN=" + stranger.Listener.Addr().String()
	closed := fmt.Sprintf("127.0.0.1:%d", peer.FreePort(t))
	state := t.TempDir()
	for _, c := range []struct {
		text    string
		environ []string
		want    string
	}{
		{"", []string{listen, "UMBRELLA_TLS=off"}, "what answers at " + stranger.Listener.Addr().String() + " is no umbrellad of these settings: 404 Not Found"},
		{"", []string{"UMBRELLA_STATE_DIR=" + state}, "no umbrellad has run here by these settings yet: there is no " + state + "/ca.crt (option 'state_dir')"},
		{"config umbrella main\n option enabled 0\n", []string{"UMBRELLA_TLS=off", "UMBRELLA_LISTEN=" + closed}, "no umbrellad runs here: the option enabled of the section 'main' is 0 (" + closed + ": connection refused)"},
	} {
		var out, errs bytes.Buffer
		code := run([]string{"-config", settings(t, c.text), "trunks"}, c.environ, stdio{nil, &out, &errs}, nil)
		if code != usage.Failure || out.Len() > 0 || errs.String() != "umbrellad: "+c.want+"\n" {
			t.Errorf("code %d, %q, %q", code, out.String(), errs.String())
		}
	}
}

func TestPrintTrunks(t *testing.T) {
	var b bytes.Buffer
	err := printTrunks(&b, &umbrellav1.Status{
		NodeName: "ap", NowMs: 100_000_000,
		Trunks: []*umbrellav1.TrunkStatus{
			{Name: "a", Url: "wss://a/wsb", Links: []*umbrellav1.TrunkLink{{
				NodeName: "cloud\x1b[2J\n", SinceMs: 3_000_000, RoundTripMs: 12.34, SentStreams: 2, SentBitsPerSecond: 1_234_567,
				ReceivedStreams: 1, ReceivedBitsPerSecond: 48_400, Routes: 3, Media: "udp 192.0.2.7:8082",
			}}},
			{Name: "b", Url: "wss://b/wsb", Problem: "b does not answer", RetryAtMs: 100_002_100},
			{Name: "c", Url: "wss://c/wsb"},
			{Name: "d"},
		},
		RefusedTrunks: []*umbrellav1.RefusedTrunk{{AtMs: 99_000_000, Address: "192.0.2.9:5", Problem: "the secret is not that of any trunk here"}},
	})
	for _, line := range []string{
		"a connected cloud?[2J? 26 h 56 min 12.3 ms 2 streams 1.2 Mbit/s 1 stream 48 kbit/s 3 udp 192.0.2.7:8082",
		"b down", "c connecting", "d waiting for the other node",
		"b is down: b does not answer. Tried again in 3 s.", "192.0.2.9:5: the secret is not that of any trunk here",
	} {
		if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), line) {
			t.Errorf("%q is not in\n%s", line, b.String())
		}
	}
	if err != nil || strings.ContainsRune(b.String(), '\x1b') {
		t.Errorf("%v: %q", err, b.String())
	}
}

// Where a proxy is on the same machine, nobody is from here by address alone.
func TestTrunksBehindProxy(t *testing.T) {
	p := start(t, "config umbrella main\n\tlist trusted_proxy '127.0.0.1'\n")
	p.expect("is running.")
	p.says("has no trunks")
	secret := filepath.Join(p.load().Main.StateDir, "token.key")
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := p.command("trunks"); code != usage.Failure || !strings.Contains(errs, "does not tell: this is for admins") || !strings.Contains(errs, "only root may read it") {
		t.Errorf("without the secret: code %d, %s", code, errs)
	}
}

// Package clock holds a test of real daemons whose wall clock is wrong at first, and is
// set while they run. The clock of the machine that tests is left alone: the daemon is
// built with another time.Now of Go's, to which a file adds seconds. The monotonic clock
// stays as it is, as when NTP sets the time.
package clock

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// setting reads the file again and again, in the daemon.
const setting = `package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

func init() {
	read := func() {
		if text, err := os.ReadFile(os.Getenv("TEST_CLOCK")); err == nil {
			if seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
				time.Ahead.Store(seconds)
			}
		}
	}
	read()
	go func() {
		for {
			time.Sleep(20 * time.Millisecond)
			read()
		}
	}()
}
`

// build makes the daemon.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip(err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src/time/time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		t.Skip(err)
	}
	const before = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !bytes.Contains(text, []byte(before)) {
		t.Skip("this version of Go has another time.Now")
	}
	changed := bytes.Replace(text, []byte(before), []byte("var Ahead atomic.Int64\n\n"+before+"\tsec += Ahead.Load()\n"), 1)
	changed = bytes.Replace(changed, []byte("import (\n"), []byte("import (\n\t\"sync/atomic\"\n"), 1)
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	command, err := filepath.Abs("../../cmd/umbrellad/setclock.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		original: write("time.go", changed), command: write("setclock.go", []byte(setting)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "umbrellad")
	if out, err := exec.Command("go", "build", "-overlay", write("overlay.json", overlay), "-o", bin, "umbrella/cmd/umbrellad").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// node is a daemon.
type node struct {
	t           *testing.T
	bin, dir    string
	clock       string // the file
	port        int
	client      *http.Client
	trusted     *x509.CertPool
	offset      time.Duration // of its clock
	certificate *x509.Certificate
}

func start(t *testing.T, bin string, offset time.Duration, settings string) *node {
	t.Helper()
	n := &node{t: t, bin: bin, dir: t.TempDir(), port: peer.FreePort(t)}
	n.clock = filepath.Join(n.dir, "clock")
	n.set(offset)
	text := fmt.Sprintf("config umbrella main\n option listen '127.0.0.1:%d'\n option media_port '%d'\n option state_dir '%s'\n option admin_password 'hunter22'\n%s",
		n.port, peer.FreePort(t), filepath.Join(n.dir, "state"), settings)
	if err := os.WriteFile(filepath.Join(n.dir, "umbrella"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := n.command()
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the log:\n%s", log.String())
		}
	})
	ca := filepath.Join(n.dir, "state/ca.crt")
	eventually(t, "the daemon serves", func() bool {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return false
		}
		n.trusted = x509.NewCertPool()
		n.trusted.AppendCertsFromPEM(pem)
		jar, _ := cookiejar.New(nil)
		// The browser's clock is right, or what the node believes where that is wrong.
		n.client = &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: n.trusted, Time: n.believed}}}
		r, err := n.client.Get(n.url("/healthz"))
		if err == nil {
			_ = r.Body.Close()
		}
		return err == nil
	})
	return n
}

// believed is the time by which a browser judges the certificate.
func (n *node) believed() time.Time {
	if now := time.Now().Add(n.offset); now.Year() > 2025 {
		return now
	}
	return time.Now()
}

func (n *node) command(args ...string) *exec.Cmd {
	cmd := exec.Command(n.bin, append([]string{"-config", n.dir}, args...)...)
	cmd.Env = append(os.Environ(), "TEST_CLOCK="+n.clock)
	return cmd
}

// set sets the clock of the daemon.
func (n *node) set(offset time.Duration) {
	n.t.Helper()
	n.offset = offset
	path := n.clock + ".new"
	if err := os.WriteFile(path, []byte(strconv.FormatInt(int64(offset/time.Second), 10)), 0o600); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Rename(path, n.clock); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) url(path string) string { return fmt.Sprintf("https://127.0.0.1:%d%s", n.port, path) }

// get asks for a path, and returns the answer and the certificate that was shown.
func (n *node) get(path string) (status int, body []byte, err error) {
	request, err := http.NewRequest(http.MethodGet, n.url(path), nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Accept", "application/json")
	r, err := n.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	n.certificate = r.TLS.PeerCertificates[0]
	body, err = io.ReadAll(r.Body)
	return r.StatusCode, body, err
}

func (n *node) status() *umbrellav1.Status {
	n.t.Helper()
	code, body, err := n.get("/status")
	st := &umbrellav1.Status{}
	if err != nil || code != http.StatusOK || protojson.Unmarshal(body, st) != nil {
		n.t.Fatalf("%d, %v: %.200s", code, err, body)
	}
	return st
}

// mint makes an invitation, as `umbrellad token` does.
func (n *node) mint(room string) string {
	n.t.Helper()
	out, err := n.command("token", "-room", room, "-for", "1h").Output()
	_, token, ok := strings.Cut(strings.TrimSpace(string(out)), "#token=")
	if err != nil || !ok {
		n.t.Fatalf("%v: %s", err, out)
	}
	return token
}

// gets waits until more sound and pictures of somebody come than have come so far.
func gets(ctx context.Context, p *peer.Peer, name string) error {
	sum := func() (audio, video uint64) {
		for id, who := range p.Participants() {
			if who.Name == name {
				audio, video = p.From(id)
			}
		}
		return audio, video
	}
	var audio, video uint64
	first := true
	return p.Wait(ctx, func() bool {
		a, v := sum()
		if first {
			audio, video, first = a, v, false
		}
		return a > audio+10 && v > video+10
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// TestClockIsSet boots a node without the time. A call, a trunk, a login, an invitation and
// the certificate go on when the clock is right, years ahead by mistake, and right again;
// and nobody is said to be here for 20787 days.
func TestClockIsSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	if os.Getenv("CLOCK_TEST") == "" {
		t.Skip("the standard library is built anew for it: make test-clock")
	}
	bin := build(t)
	const rooms = "config room kitchen\n option access token\n"
	trunk := func(more string) string { return "config backhaul b\n option secret 0123456789abcdef\n" + more }
	ap := start(t, bin, -56*year, rooms+trunk(""))
	other := start(t, bin, 0, trunk(fmt.Sprintf(" option url 'wss://127.0.0.1:%d/wsb'\n option ca '%s'\n", ap.port, filepath.Join(ap.dir, "state/ca.crt"))))

	body := strings.NewReader(`{"password":"hunter22"}`)
	r, err := ap.client.Post(ap.url("/login"), "application/json", body)
	if err != nil || r.StatusCode != http.StatusNoContent {
		t.Fatalf("login: %v, %v", r, err)
	}
	_ = r.Body.Close()
	early := ap.mint("kitchen")

	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	join := func(name, room, token string) *peer.Peer {
		t.Helper()
		p := &peer.Peer{URL: fmt.Sprintf("wss://127.0.0.1:%d/wsb", ap.port), Name: name, Room: room, Token: token}
		if err := p.Join(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(p.Close)
		return p
	}
	a, b := join("Ada", "hall", ""), join("Bob", "hall", "")
	a.Play(ctx, 10*time.Millisecond)
	far := &peer.Peer{URL: fmt.Sprintf("wss://127.0.0.1:%d/wsb", other.port), Name: "Far", Room: "hall"}
	if err := far.Join(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(far.Close)

	look := func(when string) {
		t.Helper()
		for _, p := range []*peer.Peer{b, far} {
			within, done := context.WithTimeout(ctx, 30*time.Second)
			if err := gets(within, p, "Ada"); err != nil {
				t.Errorf("%s: the call of %s: %v", when, p.Name, err)
			}
			done()
		}
		for name, n := range map[string]*node{"the access point": ap, "the other node": other} {
			st := n.status()
			ages := map[string]int64{"the node": st.StartedAtMs}
			people := 0
			for _, room := range st.Rooms {
				ages["room "+room.Name] = room.OpenedAtMs
				for _, p := range room.Participants {
					ages[p.Name] = p.JoinedAtMs
					people++
				}
			}
			for _, trunk := range st.Trunks {
				for _, link := range trunk.Links {
					ages["trunk to "+link.NodeName] = link.SinceMs
				}
			}
			for what, at := range ages {
				if age := time.Duration(st.NowMs-at) * time.Millisecond; age < 0 || age > 10*time.Minute {
					t.Errorf("%s, at %s: %s is %v old", when, name, what, age)
				}
			}
			if people < 3 || len(ages) < 6 {
				t.Errorf("%s, at %s: %v", when, name, ages)
			}
		}
		if code, body, err := ap.get("/servers"); err != nil || code != http.StatusOK {
			t.Errorf("%s: the admin's page: %d, %v, %.100s", when, code, err, body)
		}
		if left := ap.certificate.NotAfter.Sub(ap.believed()); left < 25*24*time.Hour || ap.believed().Before(ap.certificate.NotBefore) {
			t.Errorf("%s: the certificate ends in %v", when, left)
		}
		guest := join("Guest", "kitchen", early)
		guest.Close()
	}
	eventually(t, "the trunk is up", func() bool { return len(other.status().Trunks[0].GetLinks()) == 1 })
	look("without the time")
	for _, step := range []struct {
		when   string
		offset time.Duration
	}{{"the clock is right", 0}, {"three years ahead", 3 * year}, {"right again", 0}, {"back in 1970", -56 * year}} {
		ap.set(step.offset)
		eventually(t, step.when+": the certificate holds", func() bool {
			_, _, err := ap.get("/healthz")
			return err == nil
		})
		look(step.when)
	}
}

package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// safeLog is a log that may be read while it is written.
type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// certified is a web server whose certificate comes from a testCA.
type certified struct {
	*Certificates
	t    *testing.T
	log  *safeLog
	port string
}

func newCertified(t *testing.T, ca *testCA, dir string, change func(*ACME)) *certified {
	t.Helper()
	log := &safeLog{}
	a := &ACME{
		Connect: (&Gate{}).Connect,
		Domains: []string{"call.example", "www.call.example"}, Email: "admin@call.example",
		Directory: ca.URL + "/dir", Dir: filepath.Join(dir, "acme"), Log: slog.New(slog.NewTextHandler(log, nil)),
		transport: ca.Client().Transport, patience: 20 * time.Millisecond,
	}
	change(a)
	m := newMachine()
	c := m.certificates(dir)
	c.ACME = a
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: c.TLSConfig(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(l, "", "")
	}()
	// What the names lead to, by the ports that people use.
	ca.mu.Lock()
	ca.dial = func(_, port string) (net.Conn, error) {
		switch {
		case ca.lost:
		case port == "443":
			return net.Dial("tcp", l.Addr().String())
		case port == "80" && a.listener != nil:
			return net.Dial("tcp", a.listener.Addr().String())
		}
		return nil, errors.New("connection refused")
	}
	ca.mu.Unlock()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &certified{Certificates: c, t: t, log: log, port: l.Addr().String()}
}

// leaf is what a handshake for the name gets.
func (c *certified) leaf(name string) *x509.Certificate {
	c.t.Helper()
	conn, err := tls.Dial("tcp", c.port, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func (c *certified) certifiedBy(ca *testCA, name string) bool {
	return c.leaf(name).CheckSignatureFrom(ca.root) == nil
}

func (c *certified) wait(what string, is func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not within 20 s; the log:\n%s", what, c.log)
		}
	}
}

func TestACME(t *testing.T) {
	for name, change := range map[string]func(*ACME){
		"TLS-ALPN-01": func(*ACME) {},
		"HTTP-01":     func(a *ACME) { a.Listen = "127.0.0.1:0" },
	} {
		t.Run(name, func(t *testing.T) {
			ca, dir := newTestCA(t), t.TempDir()
			c := newCertified(t, ca, dir, change)
			c.wait("certified", func() bool { return c.certifiedBy(ca, "call.example") })
			for name, want := range map[string]bool{
				"www.call.example": true, "CALL.example": true, "openwrt.lan": false, "other.example": false, "": false,
			} {
				if c.certifiedBy(ca, name) != want {
					t.Errorf("%q: certified by the public CA: %v", name, !want)
				}
			}
			roots := x509.NewCertPool()
			roots.AddCert(ca.root)
			conn, err := tls.Dial("tcp", c.port, &tls.Config{ServerName: "call.example", RootCAs: roots})
			if err != nil {
				t.Fatalf("a browser would not take it: %v", err)
			}
			_ = conn.Close()
			if got := strings.Join(ca.contacts, " "); got != "mailto:admin@call.example" {
				t.Errorf("the CA was told %q", got)
			}
			// Nobody but the CA, and that only while it looks, gets at a proof.
			if _, err := tls.Dial("tcp", c.port, &tls.Config{ServerName: "call.example", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}); err == nil {
				t.Error("there is a proof when nothing is to be proven")
			}

			// After a restart it is there at once, and no new one is asked for.
			before := c.leaf("call.example")
			again := newCertified(t, ca, dir, change)
			if !again.leaf("call.example").Equal(before) {
				t.Error("another certificate after a restart")
			}
			if len(ca.orders) != 1 || len(ca.accounts) != 1 {
				t.Errorf("%d orders, %d accounts", len(ca.orders), len(ca.accounts))
			}
		})
	}
}

// A certificate is made anew when a third of its life is left.
func TestACMERenews(t *testing.T) {
	ca, dir := newTestCA(t), t.TempDir()
	first := newCertified(t, ca, dir, func(*ACME) {})
	first.wait("certified", func() bool { return first.certifiedBy(ca, "call.example") })
	was := first.leaf("call.example")
	for _, days := range []int{1, 59} {
		same := newCertified(t, ca, dir, func(a *ACME) { a.now = func() time.Time { return time.Now().AddDate(0, 0, days) } })
		if d := same.ACME.due(); d <= 0 {
			t.Errorf("after %d days it is due", days)
		}
	}
	later := func() time.Time { return time.Now().AddDate(0, 0, 61) }
	ca.mu.Lock()
	ca.now = later
	ca.mu.Unlock()
	second := newCertified(t, ca, dir, func(a *ACME) { a.now = later })
	second.wait("renewed", func() bool { return !second.leaf("call.example").Equal(was) })
	if len(ca.accounts) != 1 {
		t.Errorf("%d accounts", len(ca.accounts))
	}
}

func TestACMEWaitsForTheTime(t *testing.T) {
	ca := newTestCA(t)
	c := newCertified(t, ca, t.TempDir(), func(a *ACME) { a.now = func() time.Time { return time.Unix(100, 0) } })
	if d := c.ACME.due(); d <= 0 {
		t.Error("it asks before it knows the time")
	}
	if c.certifiedBy(ca, "call.example") || len(ca.orders) > 0 {
		t.Error("it asked")
	}
}

// What goes wrong is said in words, tried again, and does not stop the server.
func TestACMEFails(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*testCA, *ACME)
		words  []string
	}{
		"the name leads elsewhere": {func(ca *testCA, a *ACME) { ca.lost, a.Listen = true, "127.0.0.1:0" },
			[]string{"call.example could not be proven by http-01", "port 80 of that name has to lead to 127.0.0.1:0 here", "connection refused"}},
		"the CA says no": {func(_ *testCA, a *ACME) { a.Domains = []string{"forbidden.example"} },
			[]string{"ordering:", "we do not certify forbidden.example"}},
		"the CA is not there": {func(_ *testCA, a *ACME) { a.Directory = "https://127.0.0.1:1/dir" },
			[]string{"registering:", "connection refused"}},
		"the CA is not trusted": {func(_ *testCA, a *ACME) { a.transport = nil }, []string{"registering:", "certificate"}},
	} {
		t.Run(name, func(t *testing.T) {
			ca := newTestCA(t)
			c := newCertified(t, ca, t.TempDir(), func(a *ACME) { test.change(ca, a) })
			c.wait("tried twice", func() bool { return strings.Count(c.log.String(), "no certificate by ACME") >= 2 })
			for _, w := range test.words {
				if !strings.Contains(c.log.String(), w) {
					t.Errorf("the log does not say %q:\n%s", w, c.log)
				}
			}
			if c.certifiedBy(ca, "call.example") || c.leaf("call.example") == nil {
				t.Error("it should have its own certificate")
			}
		})
	}
}

// A CA that comes back is asked again; what is kept and broken is no obstacle.
func TestACMERecovers(t *testing.T) {
	ca, dir := newTestCA(t), t.TempDir()
	host := strings.ReplaceAll(ca.Listener.Addr().String(), ":", "_")
	kept := filepath.Join(dir, "acme", host, "certificate.pem")
	if err := os.MkdirAll(filepath.Dir(kept), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	ca.broken = true
	// The library itself tries for long when a CA answers with 500.
	c := newCertified(t, ca, dir, func(a *ACME) {})
	if !strings.Contains(c.log.String(), "the kept certificate is of no use") {
		t.Errorf("nothing is said of the broken file:\n%s", c.log)
	}
	ca.mu.Lock()
	ca.broken = false
	ca.mu.Unlock()
	c.wait("certified", func() bool { return c.certifiedBy(ca, "call.example") })
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: the key can be read by others", info.Mode(), err)
	}
}

func TestACMESendsPeopleToHTTPS(t *testing.T) {
	a := &ACME{Domains: []string{"call.example"}, Listen: ":80", tokens: map[string]string{"/.well-known/acme-challenge/a": "a.b"}}
	for _, c := range []struct {
		method, host, path, port string
		status                   int
		location                 string
	}{
		{"GET", "call.example", "/sfu/hall?x=1", "443", 302, "https://call.example/sfu/hall?x=1"},
		{"GET", "Call.Example:80", "/", "8081", 302, "https://call.example:8081/"},
		{"GET", "evil.example", "//evil.example/", "443", 302, "https://call.example//evil.example/"},
		{"GET", "192.0.2.1", "/", "443", 302, "https://call.example/"},
		{"POST", "call.example", "/", "443", 400, ""},
		{"GET", "call.example", "/.well-known/acme-challenge/a", "443", 200, ""},
		{"GET", "call.example", "/.well-known/acme-challenge/b", "443", 404, ""},
		{"GET", "call.example", "/.well-known/acme-challenge/", "443", 404, ""},
	} {
		a.Port = c.port
		w := &recorder{header: http.Header{}}
		r, err := http.NewRequest(c.method, "http://x"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		a.serveHTTP(w, r)
		if w.status != c.status || w.header.Get("Location") != c.location {
			t.Errorf("%s %s%s: %d %q", c.method, c.host, c.path, w.status, w.header.Get("Location"))
		}
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(s int)   { r.status = s }
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return len(b), nil
}

// One address has as many connections to the port for proofs as to the web server,
// and not more.
func TestACMEPortIsBounded(t *testing.T) {
	g := &Gate{}
	a := &ACME{Domains: []string{"call.example"}, Listen: "127.0.0.1:0", Connect: g.Connect, Log: slog.New(slog.DiscardHandler)}
	if err := a.listen(); err != nil {
		t.Fatal(err)
	}
	defer a.running.Wait()
	defer a.server.Close()
	from := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:1"))
	for {
		if _, ok := g.Connect(from); !ok {
			break
		}
	}
	c, err := net.Dial("tcp", a.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: call.example\r\n\r\n")
	if b, _ := io.ReadAll(c); len(b) > 0 {
		t.Errorf("one too many is answered: %.40q", b)
	}
}

package access

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is what Certificates knows of the machine, to be changed by a test.
type machine struct {
	host      string
	addresses []string
	now       time.Time
	public    []string
	problem   error
	log       bytes.Buffer
}

func newMachine() *machine {
	return &machine{
		host: "OpenWrt", addresses: []string{"192.168.1.1", "fd12::1"},
		now: time.Date(2027, time.March, 1, 12, 0, 0, 0, time.UTC),
	}
}

// certificates of the machine, to be started.
func (m *machine) certificates(dir string) *Certificates {
	return &Certificates{
		StateDir: dir, PublicAddress: m.public,
		Log:      slog.New(slog.NewTextHandler(&m.log, nil)),
		hostname: func() (string, error) { return m.host, m.problem },
		now:      func() time.Time { return m.now },
		addresses: func() ([]netip.Addr, error) {
			var list []netip.Addr
			for _, a := range m.addresses {
				list = append(list, netip.MustParseAddr(a))
			}
			return list, m.problem
		},
	}
}

func (m *machine) start(t *testing.T, dir string) *Certificates {
	t.Helper()
	c := m.certificates(dir)
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

func served(t *testing.T, c *Certificates) *x509.Certificate {
	t.Helper()
	got, err := c.TLSConfig().GetCertificate(nil)
	if err != nil || got == nil {
		t.Fatalf("nothing is served: %v", err)
	}
	return got.Leaf
}

// shake does a handshake in which the client trusts ca and asks for name.
func shake(t *testing.T, c *Certificates, ca []byte, name string, now time.Time) error {
	t.Helper()
	roots := x509.NewCertPool()
	if cert, err := x509.ParseCertificate(ca); err == nil {
		roots.AddCert(cert)
	}
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		s := tls.Server(server, c.TLSConfig())
		if s.Handshake() == nil {
			_, _ = s.Write([]byte("x"))
		}
	}()
	defer func() { client.Close(); <-done }()
	conn := tls.Client(client, &tls.Config{RootCAs: roots, ServerName: name, Time: func() time.Time { return now }})
	if err := conn.Handshake(); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	return err
}

func TestHandshake(t *testing.T) {
	m := newMachine()
	m.public = []string{"Call.Example.org", "203.0.113.7"}
	c := m.start(t, t.TempDir())
	for _, name := range []string{
		"openwrt", "openwrt.lan", "openwrt.local", "localhost", "call.example.org",
		"192.168.1.1", "fd12::1", "203.0.113.7", "127.0.0.1", "::1",
	} {
		if err := shake(t, c, c.CA(), name, m.now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"other.lan", "192.168.1.2", "example.org"} {
		if err := shake(t, c, c.CA(), name, m.now); err == nil {
			t.Errorf("is taken for %s", name)
		}
	}
	if err := shake(t, c, nil, "openwrt.lan", m.now); err == nil {
		t.Error("is taken without the CA")
	}
	// A client whose clock is half a year behind.
	if err := shake(t, c, c.CA(), "openwrt.lan", m.now.AddDate(0, -6, 0)); err != nil {
		t.Error(err)
	}
	// The router's clock is half a year behind.
	if err := shake(t, c, c.CA(), "openwrt.lan", m.now.AddDate(0, 6, 0)); err != nil {
		t.Error(err)
	}
	leaf := served(t, c)
	if days := leaf.NotAfter.Sub(leaf.NotBefore).Hours() / 24; days > 398 {
		t.Errorf("holds for %v days", days)
	}
	if leaf.IsCA {
		t.Error("what is served is a CA")
	}
	if got, want := len(c.Fingerprint()), 32*3-1; got != want {
		t.Errorf("the fingerprint has %d characters", got)
	}
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		_ = tls.Client(server, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
	}()
	if err := tls.Server(client, c.TLSConfig()).Handshake(); err == nil {
		t.Error("takes TLS 1.1")
	}
}

func TestFilesAreTheOwners(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc", "umbrella")
	newMachine().start(t, dir)
	st, err := os.Stat(dir)
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v", st.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s is %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if want := []string{caCertFile, caKeyFile, certFile, keyFile}; !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	m := newMachine()
	first := m.start(t, dir)
	m.now = m.now.Add(24 * time.Hour)
	m.host = "openwrt" // no other name
	second := m.start(t, dir)
	if !bytes.Equal(first.CA(), second.CA()) || first.Fingerprint() != second.Fingerprint() {
		t.Error("another CA after a restart")
	}
	if !served(t, first).Equal(served(t, second)) {
		t.Error("another certificate after a restart")
	}
	if err := shake(t, second, first.CA(), "192.168.1.1", m.now); err != nil {
		t.Error(err)
	}
}

func TestRefresh(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name   string
		change func(*machine, *Certificates)
		new    bool
		serves string
	}{
		{"nothing", func(*machine, *Certificates) {}, false, "192.168.1.1"},
		{"another order", func(m *machine, _ *Certificates) { slices.Reverse(m.addresses) }, false, "192.168.1.1"},
		{"an address more", func(m *machine, _ *Certificates) { m.addresses = append(m.addresses, "10.1.2.3") }, true, "10.1.2.3"},
		{"an address less", func(m *machine, _ *Certificates) { m.addresses = m.addresses[:1] }, true, "192.168.1.1"},
		{"twice the same", func(m *machine, _ *Certificates) {
			m.addresses = append(m.addresses, "::ffff:192.168.1.1", "127.0.0.1")
		}, false, "192.168.1.1"},
		{"another name", func(m *machine, _ *Certificates) { m.host = "attic" }, true, "attic.lan"},
		{"a name with its domain", func(m *machine, _ *Certificates) { m.host = "attic.example.org" }, true, "attic.example.org"},
		{"a name that no certificate takes", func(m *machine, _ *Certificates) { m.host = "my router\xff" }, true, "localhost"},
		{"public addresses", func(_ *machine, c *Certificates) { c.SetPublicAddress([]string{"call.example", "2001:db8::1"}) }, true, "call.example"},
		{"a day later", func(m *machine, _ *Certificates) { m.now = m.now.Add(day) }, false, "192.168.1.1"},
		{"31 days before its end", func(m *machine, c *Certificates) {
			m.now = c.current.Load().Leaf.NotAfter.Add(-31 * day)
		}, false, "192.168.1.1"},
		{"30 days before its end", func(m *machine, c *Certificates) {
			m.now = c.current.Load().Leaf.NotAfter.Add(-30 * day)
		}, true, "192.168.1.1"},
		{"years later", func(m *machine, _ *Certificates) { m.now = m.now.AddDate(5, 0, 0) }, true, "192.168.1.1"},
		{"a month earlier", func(m *machine, _ *Certificates) { m.now = m.now.Add(-30 * day) }, false, "192.168.1.1"},
		{"the clock is lost", func(m *machine, _ *Certificates) { m.now = time.Unix(0, 0) }, false, "192.168.1.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMachine()
			certs := m.start(t, dir)
			before := served(t, certs)
			c.change(m, certs)
			for range 3 {
				certs.Refresh()
			}
			after := served(t, certs)
			if after.Equal(before) == c.new {
				t.Errorf("made anew: %v, want %v", !c.new, c.new)
			}
			renewals := strings.Count(m.log.String(), "renewed")
			if want := map[bool]int{true: 1}[c.new]; renewals != want {
				t.Errorf("renewed %d times, want %d:\n%s", renewals, want, m.log.String())
			}
			if err := shake(t, certs, certs.CA(), c.serves, certs.clock()); err != nil {
				t.Error(err)
			}
			// The next start takes what is there.
			if again := m.certificates(dir); c.name != "public addresses" {
				if err := again.Start(); err != nil {
					t.Fatal(err)
				}
				if !served(t, again).Equal(after) {
					t.Error("made anew at the next start")
				}
				if err := again.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestRefreshKeepsWhatThereIs(t *testing.T) {
	m := newMachine()
	c := m.start(t, t.TempDir())
	before := served(t, c)
	m.problem = errors.New("no interfaces")
	for range 3 {
		c.Refresh()
	}
	if !served(t, c).Equal(before) {
		t.Error("another certificate")
	}
	if n := strings.Count(m.log.String(), "no interfaces"); n != 1 {
		t.Errorf("said %d times:\n%s", n, m.log.String())
	}
	m.problem = nil
	c.Refresh()
	m.problem = errors.New("no interfaces")
	c.Refresh()
	if n := strings.Count(m.log.String(), "no interfaces"); n != 2 {
		t.Errorf("a problem that came back was said %d times", n)
	}
}

// A clock that jumps about makes one new certificate a jump at most, and the
// CA that people trust stays.
func TestClockJumps(t *testing.T) {
	m := newMachine()
	c := m.start(t, t.TempDir())
	ca := c.CA()
	for i, now := range []time.Time{
		m.now.AddDate(1, 0, 0), m.now, m.now.AddDate(-30, 0, 0), m.now.AddDate(3, 0, 0), m.now, time.Unix(0, 0), m.now,
	} {
		m.now = now
		m.log.Reset()
		for range 5 {
			c.Refresh()
		}
		if n := strings.Count(m.log.String(), "renewed"); n > 1 {
			t.Errorf("jump %d: renewed %d times", i, n)
		}
		if !bytes.Equal(c.CA(), ca) {
			t.Fatal("another CA")
		}
		if err := shake(t, c, ca, "192.168.1.1", c.clock()); err != nil {
			t.Errorf("jump %d: %v", i, err)
		}
	}
}

func TestFromFiles(t *testing.T) {
	m := newMachine()
	dirs := []string{t.TempDir(), t.TempDir()}
	sources := []*Certificates{m.start(t, dirs[0]), m.start(t, dirs[1])}
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem")
	// Each copy is a second newer than the one before, as files are that somebody
	// puts there.
	changed := m.now
	put := func(from, to string) {
		t.Helper()
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		changed = changed.Add(time.Second)
		if err == nil {
			err = os.Chtimes(to, changed, changed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := m.certificates(t.TempDir())
	c.CertFile, c.KeyFile = cert, key
	if err := c.Start(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), cert) {
		t.Fatalf("without the files: %v", err)
	}
	put(filepath.Join(dirs[0], certFile), cert)
	put(filepath.Join(dirs[0], keyFile), key)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if c.CA() != nil || c.Fingerprint() != "" {
		t.Error("there is a CA of its own")
	}
	check := func(step string, want *Certificates) {
		t.Helper()
		c.Refresh()
		if err := shake(t, c, want.CA(), "192.168.1.1", m.now); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	check("at first", sources[0])
	put(filepath.Join(dirs[1], certFile), cert)
	check("the key is still the old one", sources[0])
	check("and still", sources[0])
	if n := strings.Count(m.log.String(), "private key does not match"); n != 1 {
		t.Errorf("said %d times:\n%s", n, m.log.String())
	}
	put(filepath.Join(dirs[1], keyFile), key)
	check("both are new", sources[1])
	put(filepath.Join(dirs[1], keyFile), cert)
	check("the certificate is a key", sources[1])
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	check("the certificate is gone", sources[1])
	put(filepath.Join(dirs[0], certFile), cert)
	put(filepath.Join(dirs[0], keyFile), key)
	check("the first ones once more", sources[0])
	c.SetPublicAddress([]string{"call.example"})
	check("names are the files' matter", sources[0])
	if strings.Contains(m.log.String(), "has ended") {
		t.Error("a certificate that holds is said to have ended")
	}

	ended := m.certificates(t.TempDir())
	ended.CertFile, ended.KeyFile = cert, key
	m.now = m.now.AddDate(3, 0, 0)
	if err := ended.Start(); err != nil {
		t.Fatal(err)
	}
	defer ended.Close(context.Background())
	if !strings.Contains(m.log.String(), "has ended") {
		t.Error("a certificate that has ended is not told of")
	}
}

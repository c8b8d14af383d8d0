package access

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"umbrella/internal/cause"
	"umbrella/internal/clock"
	"umbrella/internal/inet"
)

// Certificates keeps the web server's certificate: from files, or one of our
// own CA for all names and addresses of this machine. It is made anew before
// it ends, and when the names or the files change. Set the exported fields,
// Start, and Close.
type Certificates struct {
	// StateDir is where the CA and the certificate are kept.
	StateDir string
	// CertFile and KeyFile, in PEM, are used instead where they are set.
	CertFile, KeyFile string
	// PublicAddress are names and addresses besides the machine's own.
	PublicAddress []string
	// ACME is asked first for the certificate of a name; nil: there is none by
	// ACME. It is started and closed here, and set with our own CA only.
	ACME *ACME
	Log  *slog.Logger

	// For tests: the machine's name and addresses, and the time.
	hostname  func() (string, error)
	addresses func() ([]netip.Addr, error)
	now       func() time.Time

	mu        sync.Mutex // one refresh at a time
	authority *authority // nil with files
	public    []string
	names     []string
	files     [2]time.Time // when they were changed
	complaint string       // the last one, so that it is said once

	current atomic.Pointer[tls.Certificate]
	stop    context.CancelFunc
	done    chan struct{}
}

// checkInterval is how often names, files and the certificate's end are looked
// at.
const checkInterval = 30 * time.Second

// Start reads or makes what is needed.
func (c *Certificates) Start() error {
	if c.hostname == nil {
		c.hostname = os.Hostname
	}
	if c.addresses == nil {
		c.addresses = machineAddresses
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.public = c.PublicAddress
	if c.CertFile == "" {
		host, err := c.hostname()
		if err != nil || !validDNS(host) {
			host = "this machine"
		}
		if c.authority, err = openAuthority(c.StateDir, host, c.clock()); err != nil {
			return fmt.Errorf("certificates: %w", err)
		}
	}
	if err := c.refresh(); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if c.ACME != nil {
		if err := c.ACME.Start(); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop, c.done = stop, make(chan struct{})
	go c.run(ctx)
	return nil
}

// Close stops looking.
func (c *Certificates) Close(ctx context.Context) error {
	c.stop()
	<-c.done
	if c.ACME != nil {
		return c.ACME.Close(ctx)
	}
	return nil
}

func (c *Certificates) run(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.Refresh()
		}
	}
}

// Refresh looks at once. What goes wrong is logged, and the present certificate
// stays.
func (c *Certificates) Refresh() {
	err := c.refresh()
	if err == nil && c.authority != nil {
		err = c.authorityEnds()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.complaint = ""
	case err.Error() != c.complaint:
		c.complaint = err.Error()
		c.Log.Error("the certificate could not be renewed; the present one stays", "error", cause.Explain(err))
	}
}

// ClockSet has certificates looked at again, as the machine's clock was set.
func (c *Certificates) ClockSet() {
	c.Refresh()
	if c.ACME != nil {
		c.ACME.clockSet()
	}
}

// SetPublicAddress replaces the names besides the machine's own.
func (c *Certificates) SetPublicAddress(list []string) {
	c.mu.Lock()
	c.public = slices.Clone(list)
	c.mu.Unlock()
	c.Refresh()
}

// covers reports whether the present certificate is for a DNS name. It covers none
// where there are no certificates.
func (c *Certificates) covers(name string) bool {
	if c == nil {
		return false
	}
	current := c.current.Load()
	return current != nil && current.Leaf != nil && current.Leaf.VerifyHostname(name) == nil
}

// TLSConfig serves the certificate as it is at each handshake, with TLS 1.2 or
// newer.
func (c *Certificates) TLSConfig() *tls.Config {
	t := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
	if c.ACME != nil {
		t.GetConfigForClient = c.ACME.proving
		t.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if by := c.ACME.Certificate(hello.ServerName); by != nil {
				return by, nil
			}
			return c.current.Load(), nil
		}
	}
	return t
}

// Sites are names as they stand in an address, which browsers trust without being
// told to: none but by ACME.
func (c *Certificates) Sites() []string {
	if c.ACME == nil {
		return nil
	}
	return c.ACME.Sites()
}

// CA is the certificate of our own CA, in DER; nil where the certificate comes
// from files.
func (c *Certificates) CA() []byte {
	if c.authority == nil {
		return nil
	}
	return c.authority.cert.Raw
}

// Fingerprint is the SHA-256 of CA, as systems show it: pairs of hexadecimal
// digits with colons.
func (c *Certificates) Fingerprint() string {
	if c.authority == nil {
		return ""
	}
	return c.authority.fingerprint()
}

func (c *Certificates) refresh() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.authority == nil {
		return c.readFiles()
	}
	names, err := c.wanted()
	if err != nil {
		return err
	}
	now := c.clock()
	old := c.current.Load()
	if old != nil && slices.Equal(names, c.names) && c.authority.lasts(old.Leaf, now) {
		return nil
	}
	leaf, err := c.authority.leaf(c.StateDir, names, now)
	if err != nil {
		return err
	}
	c.names = names
	c.current.Store(leaf)
	if old != nil {
		c.Log.Info("the certificate was renewed", "names", strings.Join(names, " "), "until", leaf.Leaf.NotAfter)
	}
	return nil
}

// authorityEnds is an error when the CA has to be replaced. That is done at a
// start only: people have to trust the new one, and pages show its fingerprint.
func (c *Certificates) authorityEnds() error {
	end := c.authority.cert.NotAfter
	if c.clock().Before(end.Add(-renewBefore)) {
		return nil
	}
	return fmt.Errorf("the CA ends on %s: restart umbrellad for a new one, which people then have to trust",
		end.Format(time.DateOnly))
}

// clock is the time, as far as the machine knows it. A certificate of 1970 would have ended
// before anybody saw it.
func (c *Certificates) clock() time.Time { return clock.Believed(c.now()) }

// readFiles takes the files when they are others than before.
func (c *Certificates) readFiles() error {
	var changed [2]time.Time
	for i, path := range []string{c.CertFile, c.KeyFile} {
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		changed[i] = st.ModTime()
	}
	if present := c.current.Load(); present != nil && changed == c.files {
		return c.holds(present)
	}
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", filepath.Base(c.CertFile), filepath.Base(c.KeyFile), err)
	}
	if c.current.Swap(&cert) != nil {
		c.Log.Info("the certificate was read anew", "file", c.CertFile, "until", cert.Leaf.NotAfter)
	}
	c.files = changed
	if err := c.holds(&cert); err != nil {
		c.Log.Warn(err.Error(), "file", c.CertFile, "end", cert.Leaf.NotAfter)
		c.complaint = err.Error()
	}
	return nil
}

// holds is an error if a certificate from files does not hold now. Before the machine knows
// the time, nothing can be said.
func (c *Certificates) holds(cert *tls.Certificate) error {
	now := c.now()
	switch {
	case !clock.Known(now):
	case now.After(cert.Leaf.NotAfter):
		return errors.New("the certificate has ended; browsers will refuse it")
	case now.Before(cert.Leaf.NotBefore):
		return errors.New("the certificate does not hold yet; browsers will refuse it")
	}
	return nil
}

// maxNames bounds the certificate on machines with very many addresses.
const maxNames = 100

// wanted are the names that the certificate is to have: the machine's own
// first, then its addresses, in an order that does not change by itself.
func (c *Certificates) wanted() ([]string, error) {
	var names []string
	add := func(n string) {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	host, err := c.hostname()
	if err != nil {
		host = ""
	}
	for _, name := range machineNames(host) {
		add(name)
	}
	public := c.public
	if c.ACME != nil {
		public = slices.Concat(public, c.ACME.Domains)
	}
	for _, p := range public {
		if ip, err := netip.ParseAddr(p); err == nil {
			add(plain(ip).String())
		} else {
			add(strings.ToLower(p))
		}
	}
	addrs, err := c.addresses()
	if err != nil {
		return nil, fmt.Errorf("addresses of this machine: %w", err)
	}
	var ips []netip.Addr
	for _, a := range append(addrs, netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()) {
		ips = append(ips, plain(a))
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	for _, ip := range ips {
		add(ip.String())
	}
	if len(names) > maxNames {
		names = names[:maxNames]
	}
	return names, nil
}

// validDNS tells whether a host's name can stand in a certificate.
func validDNS(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
				return false
			}
		}
	}
	return true
}

// machineAddresses returns the addresses that a certificate is for: not temporary ones,
// with which it would be made anew each day.
func machineAddresses() ([]netip.Addr, error) {
	list, err := inet.Addresses()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range list {
		if !a.Temporary {
			addrs = append(addrs, a.Addr())
		}
	}
	if len(addrs) == 0 {
		return nil, errors.New("there are none")
	}
	return addrs, nil
}

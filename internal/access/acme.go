package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"

	"umbrella/internal/clock"
	"umbrella/internal/state"
)

// ACME has a public CA certify the node's names (RFC 8555), keeps the
// certificate, and has it renewed when a third of its life is left. Nothing that
// goes wrong with it stops the web server, which meanwhile has a certificate of
// the node's own CA. Set the exported fields, Start, and Close.
type ACME struct {
	// Domains are the DNS names of the certificate, at least one.
	Domains []string
	// Email is where the CA writes to when something is wrong; it may be empty.
	Email string
	// Directory is the URL of the CA's directory; empty: Let's Encrypt's.
	Directory string
	// Listen is the TCP address where HTTP-01 challenges are answered (RFC 8555
	// §8.3), and people sent on to HTTPS. Empty: challenges are answered by
	// TLS-ALPN-01 (RFC 8737) on the web server's port.
	Listen string
	// Port is that of the web server, where Listen sends people to.
	Port string
	// Dir is where the account and the certificate are kept.
	Dir string
	// Connect counts a connection to Listen until release is called; false for one
	// that is too many.
	Connect func(from net.Addr) (release func(), ok bool)
	Log     *slog.Logger

	// For tests: how the CA is reached, the time, and how long is waited after a
	// failure.
	transport http.RoundTripper
	now       func() time.Time
	patience  time.Duration

	current  atomic.Pointer[tls.Certificate]
	server   *http.Server
	listener net.Listener

	mu     sync.Mutex
	tokens map[string]string           // HTTP-01: bodies by path
	proofs map[string]*tls.Certificate // TLS-ALPN-01: certificates by name

	poked   chan struct{} // the clock was set
	stop    context.CancelFunc
	running sync.WaitGroup
}

const (
	// obtainTimeout is for all of an order. CAs look from several places.
	obtainTimeout = 5 * time.Minute
	// firstPatience is waited after the first failure, twice that after the next,
	// up to mostPatience: CAs turn those away who fail too often.
	firstPatience = time.Minute
	mostPatience  = 6 * time.Hour
	// acmeInterval is how often is looked at the certificate's end, at least.
	acmeInterval = time.Hour
)

// Start takes the certificate that is kept, listens for challenges, and sees to
// it from then on that there is a certificate.
func (a *ACME) Start() error {
	if a.now == nil {
		a.now = time.Now
	}
	if a.patience == 0 {
		a.patience = firstPatience
	}
	if a.Directory == "" {
		a.Directory = acme.LetsEncryptURL
	}
	a.poked = make(chan struct{}, 1)
	a.tokens, a.proofs = map[string]string{}, map[string]*tls.Certificate{}
	// Certificates of a CA's test directory are not taken for those of the CA.
	u, err := url.Parse(a.Directory)
	if err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	a.Dir = filepath.Join(a.Dir, strings.ReplaceAll(u.Host, ":", "_"))
	if err := os.MkdirAll(a.Dir, 0o700); err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	if a.Listen != "" {
		if err := a.listen(); err != nil {
			return fmt.Errorf("acme: %w", err)
		}
	}
	switch c, err := a.read(); {
	case err == nil:
		a.current.Store(c)
	case !errors.Is(err, fs.ErrNotExist):
		a.Log.Warn("the kept certificate is of no use; there will be a new one", "error", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.running.Go(func() { a.run(ctx) })
	return nil
}

// Close ends what is under way.
func (a *ACME) Close(ctx context.Context) error {
	a.stop()
	var err error
	if a.server != nil {
		if err = a.server.Shutdown(ctx); err != nil {
			_ = a.server.Close()
		}
	}
	a.running.Wait()
	return err
}

// Certificate for a name that a client asks for; nil where it is not one of
// Domains, or there is none yet.
func (a *ACME) Certificate(name string) *tls.Certificate {
	c := a.current.Load()
	if c == nil || !slices.Contains(a.Domains, strings.ToLower(strings.TrimSuffix(name, "."))) || a.now().After(c.Leaf.NotAfter) {
		return nil
	}
	return c
}

func (a *ACME) run(ctx context.Context) {
	failures := 0
	for {
		wait := acmeInterval
		if due := a.due(); due <= 0 {
			err := a.renew(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				wait = min(a.patience<<failures, mostPatience)
				if after, ok := acme.RateLimit(err); ok {
					wait = max(wait, after)
				}
				failures = min(failures+1, 10)
				a.Log.Error("no certificate by ACME", "domains", strings.Join(a.Domains, " "), "directory", a.Directory,
					"error", err, "next_try", wait)
			default:
				failures = 0
			}
		} else {
			wait = min(wait, due)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.poked:
		case <-time.After(wait):
		}
	}
}

// clockSet has the certificate's end looked at at once.
func (a *ACME) clockSet() {
	select {
	case a.poked <- struct{}{}:
	default:
	}
}

// due is how long a certificate need not be asked for. A machine that does not
// know the time yet waits until it does: nothing can be judged before.
func (a *ACME) due() time.Duration {
	now := a.now()
	if !clock.Known(now) {
		return time.Minute
	}
	c := a.current.Load()
	if c == nil {
		return 0
	}
	return c.Leaf.NotAfter.Add(-c.Leaf.NotAfter.Sub(c.Leaf.NotBefore) / 3).Sub(now)
}

func (a *ACME) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, obtainTimeout)
	defer cancel()
	c, err := a.obtain(ctx)
	if err != nil {
		return err
	}
	if err := a.write(c); err != nil {
		// It serves until the next start.
		a.Log.Error("the certificate could not be kept", "error", err)
	}
	a.current.Store(c)
	a.Log.Info("there is a certificate by ACME", "domains", strings.Join(a.Domains, " "),
		"issuer", c.Leaf.Issuer.String(), "until", c.Leaf.NotAfter)
	return nil
}

// obtain has the CA make a certificate.
func (a *ACME) obtain(ctx context.Context) (*tls.Certificate, error) {
	client, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(a.Domains...))
	if err != nil {
		return nil, fmt.Errorf("ordering: %w", err)
	}
	for i, at := range order.AuthzURLs {
		if err := a.authorize(ctx, client, at); err != nil {
			// Those that stay open count against what the CA allows.
			for _, left := range order.AuthzURLs[i:] {
				_ = client.RevokeAuthorization(ctx, left)
			}
			return nil, err
		}
	}
	if order, err = client.WaitOrder(ctx, order.URI); err != nil {
		return nil, fmt.Errorf("waiting for the order: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: a.Domains}, key)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, csr, true)
	if err != nil {
		return nil, fmt.Errorf("having it made: %w", err)
	}
	return a.usable(&tls.Certificate{Certificate: chain, PrivateKey: key})
}

// account is the CA's client, with the account that is kept or a new one.
func (a *ACME) account(ctx context.Context) (*acme.Client, error) {
	path := filepath.Join(a.Dir, state.ACMEAccount)
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
			err = writeKey(path, key)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the account: %w", err)
	}
	client := &acme.Client{
		Key: key, DirectoryURL: a.Directory, UserAgent: "umbrellad",
		HTTPClient: &http.Client{Transport: a.transport, Timeout: 30 * time.Second},
	}
	account := &acme.Account{}
	if a.Email != "" {
		account.Contact = []string{"mailto:" + a.Email}
	}
	if _, err := client.Register(ctx, account, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("registering: %w", err)
	}
	return client, nil
}

// usable checks that a certificate is for all Domains and that its key is ours.
func (a *ACME) usable(c *tls.Certificate) (*tls.Certificate, error) {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return nil, err
	}
	for _, d := range a.Domains {
		if err := leaf.VerifyHostname(d); err != nil {
			return nil, err
		}
	}
	if key, ok := c.PrivateKey.(*ecdsa.PrivateKey); !ok || !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	c.Leaf = leaf
	return c, nil
}

// certificateFile holds the key and the chain: one file is never half of two
// certificates.
func (a *ACME) certificateFile() string { return filepath.Join(a.Dir, state.ACMECertified) }

func (a *ACME) read() (*tls.Certificate, error) {
	path := a.certificateFile()
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	usable, err := a.usable(&c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return usable, nil
}

func (a *ACME) write(c *tls.Certificate) error {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, der := range c.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return state.Write(a.certificateFile(), text)
}

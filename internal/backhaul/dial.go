package backhaul

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/config"
)

// dialTimeout is how long the other node may take to answer, short enough that
// a link that has come back is found at once.
const dialTimeout = 4 * time.Second

// dial opens the WebSocket of a trunk. Its errors say what to do.
func dial(ctx context.Context, cfg config.Backhaul) (*websocket.Conn, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	transport := &http.Transport{
		DialContext:       dialContext,
		ForceAttemptHTTP2: false,
		DisableKeepAlives: true,
		Proxy:             http.ProxyFromEnvironment,
	}
	if u.Scheme == "wss" {
		if transport.TLSClientConfig, err = tlsConfig(cfg, u.Hostname()); err != nil {
			return nil, err
		}
		transport.DialTLSContext = dialTLS(transport.TLSClientConfig)
	}
	header := http.Header{}
	if public, _, ok := splitToken(cfg.Secret); ok {
		header.Set("Authorization", tokenScheme+" "+public)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, cfg.URL, &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect }},
		Subprotocols: []string{Subprotocol}, CompressionMode: websocket.CompressionDisabled, HTTPHeader: header,
	})
	if err != nil {
		return nil, dialProblem(u.Host, answer, err)
	}
	if ws.Subprotocol() != Subprotocol {
		_ = ws.CloseNow()
		return nil, fmt.Errorf("%s does not speak %s: update Umbrella there, or check url", u.Host, Subprotocol)
	}
	return ws, nil
}

var errRedirect = errors.New("it answers with a redirection: write the address that it leads to into url")

// tlsConfig checks the certificate against the system's CAs, those of ca, or by
// its fingerprint. One of the three always.
func tlsConfig(cfg config.Backhaul, host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CA != "" {
		pem, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s has no certificate in PEM", cfg.CA)
		}
	}
	if cfg.Fingerprint != "" {
		// A pinned certificate stands for itself, whoever signed it and whatever name
		// it has; what a pinned CA has signed is for the name in it.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error {
			return checkPin(cfg.Fingerprint, host, s.PeerCertificates, time.Now())
		}
	}
	return c, nil
}

// dialTLS connects by TLS. The node that is dialled can tell by the protocols that
// are offered (ALPN, RFC 7301) that it is a node who does not take its certificate;
// net/http would offer none for a WebSocket.
func dialTLS(c *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		conn, err := dialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := c.Clone()
		c.NextProtos = []string{Subprotocol, "http/1.1"}
		if c.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		secure := tls.Client(conn, c)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secure, nil
	}
}

// pinError is a certificate that is not the pinned one.
type pinError struct{ want, got string }

func (e *pinError) Error() string {
	return fmt.Sprintf("the certificate has the SHA-256 fingerprint %s, and not %s that fingerprint asks for: "+
		"if it was renewed, write the new one there; if not, somebody stands between the nodes", e.got, e.want)
}

// checkPin looks whether the pinned certificate, or one for host that it has
// signed, is shown, and still good.
func checkPin(pin, host string, chain []*x509.Certificate, now time.Time) error {
	if len(chain) == 0 {
		return errors.New("no certificate")
	}
	for i, c := range chain {
		sum := sha256.Sum256(c.Raw)
		if hex.EncodeToString(sum[:]) != pin {
			continue
		}
		if i > 0 { // a CA: the rest has to lead to it
			roots, between := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(c)
			for _, other := range chain[1:i] {
				between.AddCert(other)
			}
			if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between, CurrentTime: now}); err != nil {
				return err
			}
		}
		if now.After(chain[0].NotAfter) {
			return x509.CertificateInvalidError{Cert: chain[0], Reason: x509.Expired}
		}
		return nil
	}
	sum := sha256.Sum256(chain[0].Raw)
	return &pinError{want: pin, got: hex.EncodeToString(sum[:])}
}

// dialProblem says in words why a node was not reached.
func dialProblem(host string, answer *http.Response, err error) error {
	var (
		pin      *pinError
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		notFound *net.DNSError
		record   tls.RecordHeaderError
	)
	wrong := func(format string, args ...any) error { return &wrongAnswer{fmt.Errorf(format, args...)} }
	switch {
	case errors.As(err, &pin):
		return wrong("%s: %w", host, pin)
	case errors.As(err, &unknown):
		return wrong("the certificate of %s is signed by nobody whom this machine knows: set ca to the file of its CA, or fingerprint", host)
	case errors.As(err, &name):
		return wrong("the certificate of %s is for another name: use the name that it was made for in url, or set fingerprint to that of its own certificate", host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return wrong("the certificate of %s is good until %s, and it is %s here: renew it there, or set the clock", host,
			invalid.Cert.NotAfter.Format(time.DateOnly), time.Now().Format(time.DateOnly))
	case errors.As(err, &notFound):
		return fmt.Errorf("%s has no address: %w", host, notFound)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return wrong("%s does not speak TLS on this port: check the port, or write ws:// on a network that you trust", host)
	case errors.Is(err, errRedirect):
		return wrong("%s: %w", host, errRedirect)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer within %v", host, dialTimeout)
	case answer != nil && answer.StatusCode == http.StatusUnauthorized:
		return wrong("%s does not take the token in secret%s", host, said(answer))
	case answer != nil && answer.StatusCode == http.StatusNotFound:
		return wrong("%s has nothing at this path: check the prefix in url", host)
	case answer != nil && answer.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%s answers %s%s", host, shownStatus(answer), said(answer))
	case answer != nil && answer.StatusCode != http.StatusSwitchingProtocols:
		return wrong("%s answers %s%s", host, shownStatus(answer), said(answer))
	}
	return fmt.Errorf("%s: %w", host, innermost(err))
}

// wrongAnswer is that something answers which is not the node as it should be.
type wrongAnswer struct{ error }

func (w *wrongAnswer) Unwrap() error { return w.error }

func shownStatus(answer *http.Response) string {
	return strings.TrimSpace(fmt.Sprint(answer.StatusCode, " ", http.StatusText(answer.StatusCode)))
}

// maxSaid bounds what is shown of an answer, in bytes.
const maxSaid = 300

// said is what an answer says in words, after a colon; empty where it is none of
// words, such as a page.
func said(answer *http.Response) string {
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || kind != "text/plain" {
		return ""
	}
	b, _ := io.ReadAll(io.LimitReader(answer.Body, maxSaid))
	if words := printable(string(b)); words != "" {
		return ": " + words
	}
	return ""
}

// innermost is the error that a chain of errors began with.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
